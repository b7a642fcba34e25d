"""Builds with labels: against one that fits the same models, over several days, and refused."""

import json
import shutil

import duckdb
import pandas as pd
import pytest
from test_erasure import mentions
from test_model_registry import drifting_shop

import label_sets
from conftest import REGISTRY
from label_sets import AUTUMN, COLUMNS, REGISTRY_OF_LABELS, labels_of, small_shop
from page_claims import assert_claims_hold
from reporting import choice_page, site
from reporting.marts import Marts
from reporting.text import plain
from sklearn_labels import predict

pytestmark = pytest.mark.slow

LABELS = {"path": "labels/*.csv", "columns": COLUMNS}
# Agreement alone, at a limit that the drifting shop crosses.
AGREEMENT = {"agreement": {"breach": 0.9, "warn": 0.95, "evaluations": 1, "severity": "error"}}


def given(settings):
    return ("--vars", json.dumps(settings))


def frame(warehouse, query):
    with duckdb.connect(str(warehouse)) as connection:
        return connection.execute(query).df()


def registry_of(warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        return {
            table: connection.execute(f"select * from {table} order by {key}").fetchall()
            for table, key in (REGISTRY | REGISTRY_OF_LABELS).items()
        }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Sixty customers, and labels of them."""
    shop, came = small_shop()
    return shop, labels_of(came)


# -- against a build that fits the same models ---------------------------------------------------


@pytest.fixture(scope="module")
def fitted(project, shop, tmp_path_factory):
    """The drifting shop with models of its own, replaced every two weeks, without a margin."""
    folder = tmp_path_factory.mktemp("fitted")
    data = drifting_shop(shop, "2018-02-22").write(folder / "data")
    settings = {"refit_policy": "every", "refit_every_weeks": 2, "hysteresis_margin": 0}
    return data, project.dbt_build(data, folder / "fitted.duckdb", *given(settings))


@pytest.fixture(scope="module")
def exported(fitted):
    """What each of its models says at its own date and at all later ones, by scikit-learn."""
    _, warehouse = fitted
    models = frame(warehouse, "from marts.segment_models order by fitted_as_of")
    parameters = dict(
        [*frame(warehouse, "from marts.segment_model_parameters").groupby("model_id")]
    )
    centroids = dict([*frame(warehouse, "from marts.segment_model_centroids").groupby("model_id")])
    features = frame(warehouse, "from intermediate.int_customer_features")
    labels = []
    for model in models.itertuples():
        of_model = parameters[model.model_id], centroids[model.model_id]
        for day, known in features[features["cutoff"] >= model.fitted_as_of].groupby("cutoff"):
            if day in set(models["fitted_as_of"]):
                found = pd.Series(predict(known, *of_model)).map("label {}".format)
                columns = (model.model_id, day, known["customer_id"].to_numpy(), found.to_numpy())
                labels.append(pd.DataFrame(dict(zip(COLUMNS.values(), columns, strict=True))))
    return pd.concat(labels)


@pytest.fixture(scope="module")
def labelled(project, fitted, exported, tmp_path_factory):
    """The same shop with these labels under the same policy."""
    data = label_sets.write(exported, fitted[0])
    settings = {"labels": LABELS, "refit_policy": "every", "refit_every_weeks": 2}
    warehouse = tmp_path_factory.mktemp("labelled") / "labelled.duckdb"
    return project.dbt_build(data, warehouse, *given(settings), tested=True)


def test_agreement_is_that_of_the_same_models(fitted, labelled):
    query = "select origin_model_id, model_id, adjusted_rand_index, matched_agreement, customers, "
    query += "misplaced_revenue, evaluation_date, weeks from marts.segment_stability order by all"
    expected, found = frame(fitted[1], query), frame(labelled, query)
    assert len(expected) >= 28 and expected["adjusted_rand_index"].min() < 0.9
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-12)


def test_takeovers_are_those_of_the_same_models(fitted, labelled):
    query = "select evaluation_date, model_id, decision, is_takeover from "
    query += "marts.segment_model_decisions order by decision_number"
    expected = frame(fitted[1], query)
    assert expected["is_takeover"].sum() >= 3
    pd.testing.assert_frame_equal(frame(labelled, query), expected)


def test_history_is_that_of_the_same_models(fitted, labelled):
    # Under another name at each takeover: what is the same is who is together from when to when.
    query = "select customer_id, segment_id, valid_from, valid_to, movement from "
    query += "champion.champion_validity_intervals order by customer_id, valid_from"
    expected, found = frame(fitted[1], query), frame(labelled, query)
    assert len(expected) > 400 and expected["valid_to"].notna().any()
    ids = dict(zip(expected["segment_id"], found["segment_id"], strict=True))
    assert len(set(ids.values())) == len(ids)
    expected["segment_id"] = expected["segment_id"].map(ids)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    moves = (
        "select evaluation_date, movement, sum(customers) as customers, sum(revenue) as revenue "
    )
    moves += "from champion.champion_transitions group by all order by all"
    pd.testing.assert_frame_equal(frame(labelled, moves), frame(fitted[1], moves))


def test_outcomes_are_those_of_the_same_models(fitted, labelled):
    query = "select evaluation_date, horizon_days, customers, buyers, revenue from "
    query += "marts.segment_outcomes order by all"
    expected = frame(fitted[1], query)
    assert len(expected) > 3
    pd.testing.assert_frame_equal(frame(labelled, query), expected)
    scores = "select * from champion.champion_outcome_scores order by all"
    assert len(frame(labelled, scores)) == len(frame(fitted[1], scores))


def test_the_contract_is_broken_where_agreement_falls_below_what_repeats_show(
    project, fitted, exported, tmp_path
):
    """Each label set comes twice, so that there is no noise, and the contract decides."""
    again = exported.assign(set=exported["set"] + " again")
    first_days = exported.groupby("set")["day"].min()
    again = again[again["day"].to_numpy() == first_days[exported["set"]].to_numpy()]
    data = shutil.copytree(fitted[0], tmp_path / "data")
    label_sets.write(pd.concat([exported, again]), data)
    settings = {"labels": LABELS, "maintenance_clauses": AGREEMENT}
    warehouse = project.dbt_build(data, tmp_path / "broken.duckdb", *given(settings))
    pairs = frame(fitted[1], "from marts.segment_stability").set_index(
        ["origin_model_id", "model_id"]
    )["adjusted_rand_index"]
    dates = frame(
        fitted[1],
        "select challenger_model_id as model_id, evaluation_date, is_live "
        "from marts.segment_model_decisions order by 2",
    )
    champion, expected = None, []
    for row in dates.itertuples():
        is_broken = champion and row.is_live and pairs[champion, row.model_id] < 0.9
        if champion is None or is_broken:
            champion = row.model_id
            expected.append(
                (row.evaluation_date, champion, "breach" if expected else "first model")
            )
    assert len(expected) > 1
    found = frame(
        warehouse,
        "select evaluation_date, model_id, decision from marts.segment_model_decisions "
        "where is_takeover order by all",
    )
    assert [*found.itertuples(index=False, name=None)] == expected
    noise = frame(
        warehouse, "select seeds, noise_agreement, is_assessable from marts.maintenance_noise"
    )
    assert noise.drop_duplicates().to_numpy().tolist() == [[1, 1, True]]


# -- one label set alone -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone(project, small, tmp_path_factory):
    """One label set that nobody has made again."""
    shop, labels = small
    folder = tmp_path_factory.mktemp("alone")
    data = label_sets.write(labels[labels["set"] == AUTUMN], shop.write(folder / "data"))
    return project.dbt_build(data, folder / "shop.duckdb", *given({"labels": LABELS}), tested=True)


def test_of_one_label_set_agreement_is_not_assessable(alone):
    contract = frame(alone, "from marts.maintenance_contract").set_index("clause")
    agreement = contract.loc["agreement"]
    assert agreement["status"] == "not assessable"
    assert agreement["sentence"] == (
        "No later label set labels customers at a date at which o'autumn labels them too. Let it "
        "label on when a new one begins: then the two are compared."
    )
    # Nothing has been compared, so nothing is kept.
    assert contract.loc["misplaced revenue", "status"] == "not assessable"
    assert contract["next_evaluation_date"].isna().all()
    of_segments = contract[contract.index.str.startswith("segment")]
    assert set(of_segments["status"]) == {"not assessable"} and len(of_segments) == 3
    history = frame(alone, "select count(*) as n from marts.customer_segment_history")
    assert history["n"][0] > 60


def test_the_report_says_what_is_known_of_labels(project, alone, tmp_path):
    output = tmp_path / "report"
    output.mkdir()
    marts = Marts(alone)
    pages = site.pages(marts)
    said = [
        plain(text)
        for page in pages
        for section in page.sections
        for text in [section.heading, *section.sentences]
    ]
    said += [plain(figure.title) for page in pages for figure in page.figures]
    assert any("In use is the label set o'autumn, which somebody else has made" in s for s in said)
    assert any(
        "How far two fits of the same customers would agree is not known." in s for s in said
    )
    assert not [text for text in said if {"nan", "nat"} & set(text.lower().split())]
    assert choice_page.others(marts) == []
    assert_claims_hold(alone)
    site.write(marts, pages, output, {}, with_customers=False)
    assert (output / "index.html").stat().st_size > 10_000


# -- from day to day -----------------------------------------------------------------------------


def test_a_label_for_a_past_date_changes_no_past_decision(project, small, tmp_path):
    shop, labels = small
    data = shop.write(tmp_path / "data")
    until_march = labels[labels["day"] < "2018-04-01"]
    label_sets.write(until_march, data)
    settings = given({"labels": LABELS, "refit_policy": "every", "refit_every_weeks": 8})
    warehouse = project.dbt_build(data, tmp_path / "shop.duckdb", *settings)
    before = registry_of(warehouse)
    # The same again changes nothing at all.
    project.dbt_build(data, warehouse, *settings)
    assert registry_of(warehouse) == before
    late = until_march[until_march["day"] == "2018-01-01"]
    late = late.assign(day=pd.Timestamp("2018-01-15"), segment="keen")
    later = labels[labels["day"] > "2018-04-01"]
    label_sets.write(pd.concat([labels[labels["day"] < "2018-04-01"], late, later]), data)
    project.dbt_build(data, warehouse, *settings)
    after = registry_of(warehouse)
    for table, rows in before.items():
        assert set(map(repr, rows)) <= set(map(repr, after[table])), table
    days = frame(warehouse, "select labelled_at from training.training_label_dates")
    assert pd.Timestamp("2018-01-15") not in set(days["labelled_at"])
    ledger = frame(
        warehouse,
        "select rows_rejected from marts.data_quality_ledger "
        "where raw_table = 'labels' and rule = 'late_label'",
    )
    assert ledger["rows_rejected"].tolist() == [len(late)]
    # At once it is the same as one after the other, but for what came late.
    label_sets.write(labels, data)
    at_once = project.dbt_build(data, tmp_path / "once.duckdb", *settings)
    query = "from marts.customer_segment_history order by customer_id, valid_from"
    pd.testing.assert_frame_equal(frame(at_once, query), frame(warehouse, query))


def test_a_label_set_that_ends_is_followed_by_the_next(project, small, tmp_path):
    """Nothing can be compared where no date is shared, so the contract cannot decide."""
    shop, labels = small
    is_kept = (labels["set"] == AUTUMN) & (labels["day"] < "2018-03-01")
    # Once more, when it is in use no longer: what is in use holds on.
    again = labels[is_kept & (labels["day"] == "2018-02-01")]
    again = again.assign(day=pd.Timestamp("2018-03-20"))
    data = label_sets.write(
        pd.concat([labels[is_kept | (labels["set"] == "spring")], again]),
        shop.write(tmp_path / "data"),
    )
    warehouse = project.dbt_build(data, tmp_path / "shop.duckdb", *given({"labels": LABELS}))
    decisions = frame(
        warehouse,
        "select evaluation_date, model_id, decision from marts.segment_model_decisions "
        "order by decision_number",
    )
    expected = ["first model", "kept", "labels ended", "kept", "kept"]
    assert decisions["decision"].tolist() == expected
    assert decisions["model_id"].tolist() == [AUTUMN] * 2 + ["spring"] * 3
    changes = frame(warehouse, "select distinct evaluation_date from champion.champion_changes")
    assert pd.Timestamp("2018-03-20") not in set(changes["evaluation_date"])
    # Segments go on by those whom the old set labelled last and the new one labels first.
    wide = labels[is_kept & (labels["day"] == "2018-02-01")].assign(day=pd.Timestamp("2018-03-01"))
    wide = pd.concat([wide, labels[labels["set"] == "spring"]])
    ids = frame(warehouse, "select segment_name, segment_id from champion.champion_segments")
    names = ids.groupby("segment_id")["segment_name"].agg(list)
    assert sorted(map(tuple, names[names.map(len) == 2])) == sorted(
        label_sets.continued(wide, AUTUMN, "spring", "2018-03-01").items()
    )
    pairs = frame(warehouse, "select origin_model_id, model_id from marts.segment_stability")
    assert (pairs["origin_model_id"] == pairs["model_id"]).all()


def test_an_erased_customer_vanishes_from_labels(project, small, tmp_path):
    shop, labels = small
    data = label_sets.write(labels, shop.write(tmp_path / "data"))
    warehouse = tmp_path / "shop.duckdb"
    # Labels of somebody else, in the same file.
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema crm")
        connection.execute(
            f"create table crm.labels as select *, who as customer_id "
            f"from read_csv('{data}/labels/labels.csv')"
        )
    shutil.rmtree(data / "labels")
    settings = given({"labels": {"relation": "crm.labels", "columns": COLUMNS}})
    project.dbt_build(data, warehouse, *settings)
    erased = "customer 03"
    assert len({t for t in mentions(warehouse, erased) if not t.startswith("crm.")}) > 8
    arguments = ("run-operation", "erase_customer", "--args", f"{{customer_id: {erased}}}")
    result = project.dbt(data, warehouse, *arguments, *settings, quiet=False)
    assert result.returncode == 0, result.stdout
    assert mentions(warehouse, erased) == {"crm.labels"}
    project.dbt_build(data, warehouse, *settings)
    assert mentions(warehouse, erased) == {"crm.labels"}
    ledger = frame(
        warehouse,
        "select rule, rows_in, rows_accepted, rows_rejected from marts.data_quality_ledger "
        "where raw_table = 'labels'",
    ).set_index("rule")
    of_erased = int((labels["who"] == erased).sum())
    assert ledger.loc["erased_on_request", "rows_rejected"] == of_erased
    assert ledger.loc["all rules", "rows_accepted"] == len(labels) - of_erased


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            lambda labels: labels.assign(day="soon"),
            'labels, columns, labelled_at, day: "soon" is no time from',
        ),
        (
            lambda labels: labels.assign(segment=labels["who"] + labels.index.astype(str)),
            "different labels, such as",
        ),
        (lambda labels: labels.assign(segment="all"), 'has 1 label, such as "all"; from 2 to 62'),
        (
            lambda labels: labels.assign(who="x" + labels["who"]),
            "mostly because of no_order_before",
        ),
        (
            lambda labels: labels.assign(day=labels["day"] + pd.Timedelta(days=900)),
            "all labels are of later days",
        ),
        (
            lambda labels: labels.rename(columns={"who": "id"}),
            "labels, columns, customer_id is who, but the files at",
        ),
    ],
)
def test_labels_that_do_not_fit_are_told(changed, told, project, small, tmp_path):
    shop, labels = small
    data = label_sets.write(changed(labels), shop.write(tmp_path / "data"))
    warehouse = tmp_path / "shop.duckdb"
    left_out = ("--exclude-resource-type", "unit_test", "test")
    result = project.dbt(data, warehouse, "build", *left_out, *given({"labels": LABELS}))
    assert result.returncode != 0
    assert told in " ".join(result.stdout.split())


def test_a_registry_has_models_of_one_kind(project, shop_data, shop_warehouse, alone, tmp_path):
    for warehouse, settings, told in (
        (shop_warehouse, {"labels": LABELS}, "has models that this project has fitted"),
        (
            alone,
            {},
            "labels is null, but the models in the registry of the warehouse are label sets",
        ),
    ):
        copy = shutil.copy(warehouse, tmp_path / warehouse.name)
        result = project.dbt(shop_data, copy, "build", *given(settings))
        assert result.returncode != 0
        assert told in " ".join(result.stdout.split())
        assert "make drop-registry" in result.stdout
        dropped = project.dbt(shop_data, copy, "run-operation", "drop_registry")
        assert dropped.returncode == 0, dropped.stdout
        with duckdb.connect(str(copy)) as connection:
            there = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall()
        registry = set(REGISTRY | REGISTRY_OF_LABELS) - {"marts.audience_changes"}
        assert not registry & {name for (name,) in there}


def test_nothing_is_compared_where_somebody_else_chooses(project, shop_data, alone):
    result = project.dbt(
        shop_data, alone, "build", "--selector", "comparison", *given({"labels": LABELS})
    )
    assert result.returncode != 0
    assert "labels names segments that somebody else makes, so there are no candidates" in (
        " ".join(result.stdout.split())
    )
