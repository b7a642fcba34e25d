"""What features are measured by, and what customers do next, against pandas and scikit-learn."""

import copy
import hashlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from pandas_features import SETTINGS, features_as_of, read_raw
from sklearn_labels import predict

Z = 1.959964


def first_orders(data) -> pd.Series:
    orders = read_raw(data, "orders").merge(read_raw(data, "customers"), on="customer_id")
    orders = orders[~orders["order_status"].isin(SETTINGS["uncounted_order_statuses"])]
    return orders.groupby("customer_unique_id")["order_purchase_timestamp"].min()


def stability_index(now: pd.Series, then: pd.Series, deciles) -> float:
    counts = [
        np.bincount(np.searchsorted(deciles, v, side="left"), minlength=10) for v in (now, then)
    ]
    p, q = (np.maximum(count / count.sum(), 1e-3) for count in counts)
    seen = (counts[0] > 0) | (counts[1] > 0)
    return float(((p - q) * np.log(p / q))[seen].sum())


def test_measures_of_features_equal_pandas(shop_data, shop_warehouse, read):
    checks = read(shop_warehouse, "from marts.maintenance_data_checks order by all")
    checks = checks.set_index(["evaluation_date", "feature", "population", "check_name"])
    dates = pd.date_range("2018-01-01", "2018-01-29", freq="7D")
    came = first_orders(shop_data)
    reference = features_as_of(shop_data, dates[0])
    for before, date in pairwise([pd.Timestamp(0), *dates]):
        known = features_as_of(shop_data, date)
        newcomers = known[came.reindex(known.index) >= before]
        for feature in SETTINGS["feature_transforms"]:
            deciles = reference[feature].quantile(np.arange(1, 10) / 10)
            for population, found in (("customers", known), ("newcomers", newcomers)):
                key = (date, feature, population)
                if found.empty:
                    assert (*key, "share_missing") not in checks.index
                    continue
                values = found[feature].dropna()
                missing = checks.loc[(*key, "share_missing")]
                assert missing["facts"] == len(found)
                assert missing["measured_value"] == pytest.approx(1 - len(values) / len(found))
                if len(values):
                    index = checks.loc[(*key, "stability_index"), "measured_value"]
                    expected = stability_index(values, reference[feature].dropna(), deciles)
                    assert index == pytest.approx(expected, abs=1e-9)
            if date > dates[0]:  # the champion is the model of the first date
                indices = [
                    checks.loc[(date, feature, "customers", name), "measured_value"]
                    for name in ("stability_index", "stability_index_of_champion")
                ]
                assert indices[0] == indices[1]


def test_rules_are_measured_by_the_day_of_the_fact(shop_data, shop_warehouse, read):
    checks = read(
        shop_warehouse,
        "from marts.maintenance_data_checks where check_name = 'score_out_of_range' order by all",
    )
    reviews = read_raw(shop_data, "order_reviews")["review_answer_timestamp"]
    for before, date in pairwise([pd.Timestamp(0), *checks["evaluation_date"]]):
        row = checks[checks["evaluation_date"] == date].iloc[0]
        assert row["facts"] == reviews.between(before, date, inclusive="left").sum()
        assert row["measured_value"] == 0
    assert not read(shop_warehouse, "from marts.maintenance_data_checks where is_jump").size
    clauses = read(shop_warehouse, "from marts.maintenance_contract").set_index("clause")
    assert clauses.loc[["data", "outcome"], "status"].tolist() == ["not assessable"] * 2


@pytest.fixture(scope="module")
def busy_data(shop, tmp_path_factory):
    """The small shop, where newcomers and others buy every week up to May.

    Scores are doubled from 2018-04-23 on.
    """
    busy, generator = copy.deepcopy(shop), np.random.default_rng(0)
    known = sorted(shop.expected_segments)
    for week in range(18):
        day = f"{pd.Timestamp('2018-01-01') + pd.Timedelta(weeks=week):%Y-%m-%d}"
        for i in range(40):
            score = 5 - generator.integers(0, 5) * (generator.random() < 0.5)
            busy.order(f"new {week:02} {i:02}", day, 40 + 5 * generator.integers(9), score=score)
        for customer in generator.choice(known[40:200], 24, replace=False):
            busy.order(str(customer), day, 90 + week, score=4)
    for row in busy.rows["olist_order_reviews_dataset"]:
        if row["review_answer_timestamp"] >= pd.Timestamp("2018-04-23"):
            row["review_score"] *= 2
    return busy.write(tmp_path_factory.mktemp("busy") / "data")


@pytest.fixture(scope="module")
def busy(project, busy_data, tmp_path_factory):
    warehouse = tmp_path_factory.mktemp("busy") / "shop.duckdb"
    return project.dbt_build(busy_data, warehouse, tested=True)


@pytest.mark.slow
def test_a_measurement_that_is_doubled_breaks_the_clause_of_data(busy, read):
    jumps = read(busy, "from marts.maintenance_data_checks where is_jump order by all")
    assert set(jumps["feature"]) == {"review_score"}
    assert jumps["evaluation_date"].min() == pd.Timestamp("2018-04-30")
    rule = jumps.set_index("check_name").loc["score_out_of_range"]
    assert rule["is_lasting"] and rule["measured_value"] > 0.5
    assert "review_score: the rule score_out_of_range meets" in rule["sentence"]
    clause = read(busy, "from marts.maintenance_contract where clause = 'data'").iloc[0]
    assert (clause["status"], clause["breached_since"]) == ("breach", pd.Timestamp("2018-04-30"))
    assert "2018-04-30, review_score" in clause["sentence"]
    assert "cannot be trusted" in clause["sentence"]


def bought_since(data, date, days) -> pd.DataFrame:
    """Orders and revenue of each customer who buys within the horizon."""
    before, after = (
        features_as_of(data, moment) for moment in (date, date + pd.Timedelta(days=days))
    )
    columns = ["frequency", "monetary_value"]
    bought = (after.loc[before.index, columns] - before[columns]).round(2)
    return bought[bought["frequency"] > 0]


@pytest.mark.slow
def test_outcomes_of_segments_equal_pandas(busy_data, busy, read):
    outcomes = read(busy, "from marts.segment_outcomes order by all")
    as_of = read(busy, "select any_value(as_of) as as_of from marts.customer_segments")["as_of"][0]
    dates = read(busy, "from intermediate.int_cutoffs where is_evaluation_date")["cutoff"]
    due = {(d, h) for d in dates for h in (30, 90, 180) if d + pd.Timedelta(days=h) <= as_of}
    assert due == set(zip(outcomes["evaluation_date"], outcomes["horizon_days"], strict=True))
    for (date, days), of_date in outcomes.groupby(["evaluation_date", "horizon_days"]):
        members = read(
            busy,
            "select customer_id, segment_id, segment_name from marts.customer_segment_history "
            f"where valid_from <= '{date}' and coalesce(valid_to > '{date}', true)",
        ).set_index("customer_id")
        bought = bought_since(busy_data, date, days)
        of_date = of_date.set_index("segment_id")
        assert set(of_date.index) == set(members["segment_id"])
        for (segment_id, name), of_segment in members.groupby(["segment_id", "segment_name"]):
            row, theirs = of_date.loc[segment_id], bought[bought.index.isin(of_segment.index)]
            n, b = len(of_segment), len(theirs)
            assert (row["segment_name"], row["customers"], row["buyers"]) == (name, n, b)
            assert row["orders"] == theirs["frequency"].sum()
            revenue = theirs["monetary_value"].reindex(of_segment.index).fillna(0)
            assert float(row["revenue"]) == pytest.approx(revenue.sum())
            middle, spread = b / n + Z**2 / 2 / n, Z * np.sqrt(b * (n - b) / n + Z**2 / 4) / n
            low, high = (middle - spread) / (1 + Z**2 / n), (middle + spread) / (1 + Z**2 / n)
            assert row["buyer_share_low"] == pytest.approx(max(low, 0), abs=1e-6)
            assert row["buyer_share_high"] == pytest.approx(min(high, 1), abs=1e-6)
            if b < 30:
                assert np.isnan(row["mean_revenue_low"])
            else:
                half_width = Z * revenue.std() / np.sqrt(n)
                ends = [row["mean_revenue_low"], row["mean_revenue_high"]]
                assert ends == pytest.approx(
                    [revenue.mean() - half_width, revenue.mean() + half_width]
                )
    assert (outcomes["buyers"] >= 30).any() and (outcomes["buyers"] < 30).any()


@pytest.mark.slow
def test_what_waiting_costs_equals_scikit_learn(busy_data, busy, read):
    outcomes = read(busy, "from marts.maintenance_outcomes order by all")
    tables = [
        read(busy, f"from marts.segment_model_{name}").groupby("model_id")
        for name in ("parameters", "centroids")
    ]
    ids = read(busy, "from marts.customer_segments")["customer_id"]
    digits = [hashlib.md5(customer_id.encode()).hexdigest()[-1] for customer_id in ids]
    halves = pd.Series([int(digit, 16) // 8 for digit in digits], ids)
    assert outcomes["is_assessable"].any()
    assert {30, 90} == set(outcomes["horizon_days"])
    for row in outcomes.itertuples():
        features = features_as_of(busy_data, row.evaluation_date)
        bought = bought_since(busy_data, row.evaluation_date, row.horizon_days)
        known = pd.DataFrame(
            {
                "half": halves.reindex(features.index),
                "revenue": bought["monetary_value"].reindex(features.index).fillna(0),
                "bought": features.index.isin(bought.index),
            }
        )
        assert (row.customers, row.buyers) == (len(known), known["bought"].sum())
        for name, model_id in (("frozen", row.origin_model_id), ("refit", row.model_id)):
            known["cluster"] = predict(features, *(table.get_group(model_id) for table in tables))
            aucs, explained = [], []
            for half in (0, 1):
                learnt, scored = known[known["half"] != half], known[known["half"] == half]
                of_cluster = learnt.groupby("cluster")[["bought", "revenue"]].mean()
                predicted = of_cluster.reindex(scored["cluster"]).fillna(0)
                aucs.append(metrics.roc_auc_score(scored["bought"], predicted["bought"]))
                explained.append(metrics.r2_score(scored["revenue"], predicted["revenue"]))
            assert getattr(row, f"{name}_auc") == pytest.approx(np.mean(aucs))
            found = getattr(row, f"{name}_explained_revenue")
            assert found == pytest.approx(np.mean(explained), abs=1e-6)
        assert row.auc_loss == pytest.approx(row.refit_auc - row.frozen_auc)
        assert row.auc_loss_low <= row.auc_loss <= row.auc_loss_high


@pytest.mark.slow
def test_models_and_horizons_that_are_due_have_a_row(busy, read):
    """The champion before each decision, and the first model; later builds add none twice."""
    outcomes = read(busy, "from marts.maintenance_outcomes")
    drift = read(busy, "from marts.maintenance_drift")
    first = outcomes["origin_model_id"].str.endswith("2018-01-01")
    assert set(outcomes[first]["evaluation_date"]) == set(outcomes["evaluation_date"])
    champions = outcomes[outcomes["is_champion"] & (outcomes["horizon_days"] == 30)]
    pairs = ["origin_model_id", "model_id"]
    drift = drift[drift["evaluation_date"].isin(outcomes["evaluation_date"])]
    assert set(map(tuple, champions[pairs].values)) == set(map(tuple, drift[pairs].values))
