"""Labels that somebody else gives: the contract, durable ids and history work on them."""

import json

import duckdb
import pandas as pd
import pytest

import label_sets
from label_sets import AUTUMN, COLUMNS, agreement_of, continued, history_of, labels_of, small_shop

LABELS = {"path": "labels/*.csv", "columns": COLUMNS}
# Eight weeks after the first label set the second one begins.
EVERY = {"labels": LABELS, "refit_policy": "every", "refit_every_weeks": 8}
CHAMPIONS = {
    "2018-01-01": AUTUMN,
    "2018-02-01": AUTUMN,
    "2018-03-01": "spring",
    "2018-04-02": "spring",
}
FEBRUARY, SPRING, LAST = map(pd.Timestamp, ("2018-02-01", "2018-03-01", "2018-04-02"))


def given(settings):
    return ("--vars", json.dumps(settings))


def frame(warehouse, query):
    with duckdb.connect(str(warehouse)) as connection:
        return connection.execute(query).df()


@pytest.fixture(scope="module")
def made():
    """A small shop, its labels as they are meant, and these among rows that are of no use."""
    shop, came = small_shop()
    labels = labels_of(came)
    of_day = labels[(labels["set"] == AUTUMN) & (labels["day"] == FEBRUARY)]
    blank, twice, double = of_day["who"].iloc[[0, 1, 2]]
    renamed = (labels["set"] == "spring") & (labels["day"] == LAST)
    renamed &= labels["who"] == "customer 58"
    meant = labels[~renamed & ~(labels.index == of_day.index[2])]
    other = "keen" if of_day["segment"].iloc[2] == "new" else "new"
    strays = [
        (AUTUMN, FEBRUARY, blank, "  "),
        (AUTUMN, FEBRUARY, None, "keen"),
        (None, FEBRUARY, blank, "keen"),
        (AUTUMN, None, blank, "keen"),
        (AUTUMN, FEBRUARY, twice, of_day["segment"].iloc[1]),
        (AUTUMN, FEBRUARY, double, other),
        (AUTUMN, FEBRUARY, double, of_day["segment"].iloc[2]),
        (AUTUMN, FEBRUARY, "stranger", "keen"),
        (AUTUMN, FEBRUARY, "canceler", "keen"),
        (AUTUMN, pd.Timestamp("2018-01-01"), "customer 58", "keen"),
        ("spring", LAST, "customer 58", "unheard of"),
        ("spring", pd.Timestamp("2019-01-01"), "customer 58", "guests"),
    ]
    strays = pd.DataFrame(strays, columns=labels.columns)
    return shop, meant, pd.concat([meant.assign(who=" " + meant["who"]), strays])


@pytest.fixture(scope="module")
def data(made, tmp_path_factory):
    shop, _, labels = made
    return label_sets.write(labels, shop.write(tmp_path_factory.mktemp("own") / "data"))


@pytest.fixture(scope="module")
def built(project, data, tmp_path_factory):
    warehouse = tmp_path_factory.mktemp("own") / "shop.duckdb"
    return project.dbt_build(data, warehouse, *given(EVERY))


def test_history_is_that_of_the_labels(made, built):
    _, labels, _ = made
    found = frame(
        built,
        "select customer_id, segment_name, valid_from, valid_to "
        "from marts.customer_segment_history order by customer_id, valid_from",
    )
    expected = history_of(labels, CHAMPIONS)
    assert len(expected) > 120 and expected["valid_to"].notna().any()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    current = frame(built, "select customer_id, segment_name from marts.customer_segments")
    now = labels[(labels["set"] == "spring") & (labels["day"] == LAST)]
    assert dict(current.itertuples(index=False)) == dict(
        zip(now["who"], now["segment"], strict=True)
    )


def test_movements_have_entries_exits_and_a_takeover(made, built):
    _, labels, _ = made
    moves = frame(
        built,
        "select evaluation_date, movement, sum(customers) as customers "
        "from champion.champion_transitions group by all",
    )
    moves = moves.set_index(["evaluation_date", "movement"])["customers"]
    by_day = labels[labels["set"] == AUTUMN].groupby("day")["who"].agg(set)
    first, second = by_day[pd.Timestamp("2018-01-01")], by_day[FEBRUARY]
    assert moves[FEBRUARY, "exit"] == len(first - second) > 0
    assert moves[FEBRUARY, "entry"] == len(second - first) > 0
    assert (SPRING, "relabelling") in moves.index
    decisions = frame(
        built, "from marts.segment_model_decisions select evaluation_date, model_id, decision"
    )
    assert [tuple(row) for row in decisions.itertuples(index=False)] == [
        (pd.Timestamp("2018-01-01"), AUTUMN, "first model"),
        (FEBRUARY, AUTUMN, "kept"),
        (SPRING, "spring", "scheduled"),
        (LAST, "spring", "kept"),
    ]


def test_a_segment_goes_on_where_half_of_its_customers_do(made, built):
    _, labels, _ = made
    ids = frame(
        built, "select model_id, segment_id, segment_name from champion.champion_segments"
    ).pivot_table("segment_id", "segment_name", "model_id")
    kept = {
        old: new
        for old in ids[AUTUMN].dropna().index
        for new in ids["spring"].dropna().index
        if ids[AUTUMN][old] == ids["spring"][new]
    }
    assert kept == continued(labels, AUTUMN, "spring", "2018-03-01")
    assert len(kept) == 3


def test_agreement_is_of_the_customers_whom_both_label(made, built):
    _, labels, _ = made
    pairs = frame(
        built,
        "select origin_model_id, model_id, evaluation_date, customers, adjusted_rand_index, "
        "structural_agreement, noise_agreement, noise_floor from marts.segment_stability",
    ).set_index(["origin_model_id", "model_id"])
    assert {*pairs.index} == {(AUTUMN, AUTUMN), (AUTUMN, "spring"), ("spring", "spring")}
    labelled = labels.groupby(["set", "day"])["who"].agg(set)
    both = labelled[AUTUMN, SPRING] & labelled["spring", SPRING]
    first = labelled[AUTUMN, pd.Timestamp("2018-01-01")]
    assert pairs["customers"].to_dict() == {
        (AUTUMN, AUTUMN): len(first),
        (AUTUMN, "spring"): len(both),
        ("spring", "spring"): len(labelled["spring", SPRING]),
    }
    pair = pairs.loc[(AUTUMN, "spring")]
    expected = agreement_of(labels, AUTUMN, "spring", "2018-03-01")
    assert pair["adjusted_rand_index"] == pytest.approx(expected, abs=1e-12)
    assert pair["evaluation_date"] == SPRING and pd.isna(pair["structural_agreement"])
    noise = agreement_of(labels, "spring", "spring again", "2018-03-01")
    assert pair["noise_agreement"] == pytest.approx(noise, abs=1e-12)
    assert pair["noise_floor"] == pytest.approx(noise, abs=1e-12)
    assert pd.isna(pairs.loc[(AUTUMN, AUTUMN), "noise_agreement"])


def test_each_row_is_accepted_or_rejected_for_a_reason(made, built):
    _, meant, labels = made
    ledger = frame(
        built,
        "select rule, rows_in, rows_accepted, rows_rejected from marts.data_quality_ledger "
        "where raw_table = 'labels'",
    ).set_index("rule")
    rejected = ledger["rows_rejected"]
    assert {**rejected[rejected > 0].drop("all rules")} == {
        **dict.fromkeys(("no_label", "no_customer", "no_label_set", "no_label_date"), 1),
        **{"duplicate": 1, "two_labels": 2, "no_order_before": 3, "new_label": 1},
    }
    # One is of a date that is still to come.
    assert tuple(ledger.loc["all rules"]) == (len(labels), len(meant) + 1, 11)


def test_nobody_scores_labels(built):
    confidence = frame(
        built,
        "select count(confidence) + count(runner_up_segment_id) + count(nearest_segment_id) as n "
        "from marts.customer_segments",
    )
    assert confidence["n"].tolist() == [0]
    with pytest.raises(duckdb.Error, match="the var labels is set, so somebody else gives them"):
        frame(built, "from marts.segment_of(recency_days := 3)")
