"""Newcomers who are suddenly unhappy: against pandas, and what the contract says of them."""

import json

import numpy as np
import pandas as pd
import pytest

from planted_changes import TRANSACTIONS, UNHAPPY, Habits, make_shop, transactions_of
from population_checks import LEAST_WINDOWS, deviations, newcomer_measures, repeat_purchases
from sklearn_labels import centroid_table, scale

START = pd.Timestamp(TRANSACTIONS["first_evaluation_date"])
CHANGE_WEEK, WEEKS = 6, 11
WEEK = pd.Timedelta(weeks=1)


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    shop = make_shop(
        Habits(newcomers_scores=UNHAPPY),
        seed=1,
        size=3000,
        weeks=WEEKS,
        change_week=CHANGE_WEEK,
        history_weeks=50,
    )
    names = {"customer_id": "customer", "ordered_at": "day", "review_score": "score"}
    return transactions_of(shop).rename(columns=names)


@pytest.fixture(scope="module")
def warehouse(project, orders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    (folder / "data").mkdir()
    names = {"customer": "customer_id", "day": "ordered_at", "score": "review_score"}
    orders.rename(columns=names).to_csv(folder / "data" / "transactions.csv", index=False)
    given = ("--vars", json.dumps(TRANSACTIONS))
    return project.dbt_build(folder / "data", folder / "planted.duckdb", *given, tested=True)


def features_as_of(orders: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """One row per customer, with the first order beside the features."""
    known = orders[orders["day"] < cutoff].groupby("customer")
    return pd.DataFrame(
        {
            "came": known["day"].min(),
            "recency_days": (cutoff - known["day"].max()).dt.days,
            "frequency": known.size(),
            "monetary_value": known["amount"].sum(),
            "review_score": known["score"].mean(),
        }
    )


def model_of(warehouse, read, model_id):
    return [
        read(warehouse, f"from marts.segment_model_{name} where model_id = '{model_id}'")
        for name in ("parameters", "centroids")
    ]


def test_newcomers_and_repeat_purchases_equal_pandas(warehouse, orders, read):
    checks = read(warehouse, "from champion.champion_population_checks order by all")
    checks = checks[~checks["measure"].isin(["far", "shift", "silhouette"])]
    assert (checks["deviations"] > 3).any() and (checks["deviations"] == 0).any()
    champions = read(warehouse, "from champion.champion_takeovers").set_index("model_id")
    assert set(checks["origin_model_id"]) <= set(champions.index)
    assert len(checks["evaluation_date"].unique()) == WEEKS
    earliest = orders["day"].min() + 16 * WEEK
    for model_id, of_model in checks.groupby("origin_model_id"):
        parameters, centroids = model_of(warehouse, read, model_id)
        table = centroid_table(centroids)

        def measured(cutoff, parameters=parameters, table=table):
            known = features_as_of(orders, cutoff)
            newcomers = known[known["came"] >= cutoff - 4 * WEEK]
            scaled = scale(newcomers, parameters)[table.columns]
            return newcomer_measures(scaled, table) | repeat_purchases(orders, cutoff)

        fitted = pd.Timestamp(model_id[-10:])
        dates = [fitted - week * WEEK for week in range(51, -1, -1)]
        reference = [measured(date) for date in dates if date >= earliest]
        assert len(reference) >= LEAST_WINDOWS
        for date, of_date in of_model.groupby("evaluation_date"):
            now = measured(date)
            expected = deviations(reference, now)
            found = of_date.set_index(["measure", "subject"])
            assert set(found.index) == set(now)
            for key, row in found.iterrows():
                assert row["measured_value"] == pytest.approx(now[key][0], abs=1e-6)
                assert row["reference_windows"] == len(reference)
                assert row["deviations"] == pytest.approx(expected[key], rel=1e-3, abs=1e-6)


def test_the_contract_tells_what_changed_soon_after(warehouse, read):
    checks = read(
        warehouse, "from marts.maintenance_population_checks where is_beyond order by all"
    )
    first = checks[checks["clause"] == "newcomers"].iloc[0]
    change = START + CHANGE_WEEK * WEEK
    assert change < checks["evaluation_date"].min() <= change + 3 * WEEK
    contract = read(warehouse, "from marts.maintenance_contract").set_index("clause")
    clause = contract.loc["newcomers"]
    assert (clause["status"], clause["severity"]) == ("breach", "warn")
    assert clause["measured_value"] > clause["threshold"] == 3.75
    assert clause["breached_since"] >= first["evaluation_date"]
    assert f"{clause['measured_value']:.1f} standard errors" in clause["sentence"]


def test_what_segments_are_far_from_equals_numpy(warehouse, orders, read):
    """Share far from all segments, and shifts, under the scaling of the date."""
    checks = read(warehouse, "from marts.maintenance_population_checks")
    row = checks[(checks["measure"] == "far")].iloc[-1]
    shifts = read(warehouse, "from champion.champion_recipe where measure = 'shift'")
    parameters, centroids = model_of(warehouse, read, row["origin_model_id"])
    table = centroid_table(centroids)
    refit = f"{row['origin_model_id'][:-10]}{row['evaluation_date']:%Y-%m-%d}"
    of_refit, _ = model_of(warehouse, read, refit)

    def distances(cutoff, parameters):
        features = features_as_of(orders, cutoff)
        scaled = scale(features, parameters)[table.columns].to_numpy()
        return scaled, np.linalg.norm(scaled[:, None] - table.to_numpy()[None], axis=2)

    _, then = distances(pd.Timestamp(row["origin_model_id"][-10:]), parameters)
    usual = np.quantile(then.min(axis=1), 0.99, method="inverted_cdf")
    scaled, now = distances(row["evaluation_date"], of_refit)
    assert row["measured_value"] == pytest.approx((now.min(axis=1) > usual).mean(), abs=1e-9)
    labels = now.argmin(axis=1)
    pair = shifts[
        (shifts["origin_model_id"] == row["origin_model_id"]) & (shifts["model_id"] == refit)
    ]
    for shift in pair.itertuples():
        cluster = int(shift.subject)
        mean = scaled[labels == cluster].mean(axis=0)
        distance = np.linalg.norm(mean - table.loc[cluster])
        assert shift.measured_value == pytest.approx(distance, abs=1e-6)
