"""Names of segments say what is there, on shops that are not like Olist."""

import json

import pandas as pd
import pytest

import other_shops
from page_claims import assert_claims_hold

SHOPS = {
    other_shops.subscription: {"first_evaluation_date": "2023-01-02"},
    other_shops.wholesale: {"first_evaluation_date": "2023-01-02"},
    other_shops.groceries: {"first_evaluation_date": "2022-06-01"},
    other_shops.fifty_customers: {"first_evaluation_date": "2022-06-01"},
    other_shops.ten_sparse_years: {"first_evaluation_date": "2031-01-01"},
}


def reorder_days(orders: pd.DataFrame, until: pd.Timestamp) -> float:
    """The median of the days between orders on different days, by pandas."""
    known = orders[orders["ordered_at"] < until]
    days = known.assign(day=known["ordered_at"].dt.normalize())
    days = days.drop_duplicates(["customer_id", "day"]).sort_values(["customer_id", "day"])
    gaps = days.groupby("customer_id")["day"].diff().dt.days.dropna().sort_values()
    return gaps.iloc[(len(gaps) - 1) // 2]


@pytest.mark.slow
@pytest.mark.parametrize("make", SHOPS, ids=lambda make: make.__name__)
def test_names_say_what_is_there(project, tmp_path, read, make):
    orders, warehouse = make(), tmp_path / "shop.duckdb"
    orders.to_csv(tmp_path / "transactions.csv", index=False)
    given = {"source": "transactions", "evaluation_interval_weeks": 52, "contract_options": {}}
    arguments = ("--exclude-resource-type", "unit_test", "--vars", json.dumps(given | SHOPS[make]))
    result = project.dbt(tmp_path, warehouse, "build", *arguments, quiet=False)
    assert result.returncode == 0, result.stdout
    since = pd.Timestamp(SHOPS[make]["first_evaluation_date"])
    members = read(
        warehouse,
        "select features.*, history.segment_id from intermediate.int_customer_features as features "
        "join marts.customer_segment_history as history using (customer_id) "
        f"where cutoff = '{since}' and valid_from = '{since}'",
    ).set_index("customer_id")
    segments = read(warehouse, "select * from champion.champion_segments where is_current")
    features = ["recency_days", "frequency", "monetary_value"]
    medians = members.groupby("segment_id")[features].median().astype(float)

    def share_below(segment_id, feature):
        values, median = members[feature].astype(float), medians.loc[segment_id, feature]
        return (values < median).mean() + 0.5 * (values == median).mean()

    assert len(segments) == 4 and segments["segment_name"].is_unique
    away = 2 * reorder_days(orders, since)
    for segment in segments.itertuples():
        name, told = segment.segment_name, f"{segment.description} {segment.recommended_action}"
        median = medians.loc[segment.segment_id]
        recency, frequency, money = (share_below(segment.segment_id, each) for each in features)
        claims = {
            ("Lapsed", "at risk", "not been back for long"): median["recency_days"] > away,
            ("Recent", "more recently than most"): recency < 0.35,
            ("Loyal", "often than most"): frequency > 0.65,
            ("big spenders", "Spend more"): money > 0.65,
            ("small spenders", "Spend less"): money < 0.35,
            ("second order", "once so far"): median["frequency"] == 1,
        }
        for words, holds in claims.items():
            if any(word in f"{name} {told}" for word in words):
                assert holds, (name, told, median.to_dict(), away)
    for rule, group in segments.groupby("rule_name"):
        if len(group) == 2:
            suffixes = group.set_index("segment_name")["segment_id"]
            for feature, first, last in (
                ("monetary_value", "higher spend", "lower spend"),
                ("recency_days", "longer ago", "more recent"),
                ("frequency", "more orders", "fewer orders"),
            ):
                if f"{rule}, {first}" in suffixes:
                    more, less = suffixes[f"{rule}, {first}"], suffixes[f"{rule}, {last}"]
                    assert medians.loc[more, feature] > 1.1 * medians.loc[less, feature]


@pytest.mark.slow
def test_without_amounts_segments_are_of_recency_and_frequency(project, tmp_path, read):
    warehouse = tmp_path / "shop.duckdb"
    orders = other_shops.groceries().drop(columns="amount")
    orders.to_csv(tmp_path / "transactions.csv", index=False)
    given = {
        "source": "transactions",
        "transaction_columns": {
            "customer_id": "customer_id",
            "ordered_at": "ordered_at",
            "amount": None,
        },
        "evaluation_interval_weeks": 8,
        "contract_options": {},
    }
    arguments = ("--exclude-resource-type", "unit_test", "--vars", json.dumps(given))
    result = project.dbt(tmp_path, warehouse, "build", *arguments, quiet=False)
    assert result.returncode == 0, result.stdout
    parameters = read(warehouse, "select distinct feature from marts.segment_model_parameters")
    assert set(parameters["feature"]) == {"recency_days", "frequency"}
    names = read(warehouse, "select * from marts.segment_profiles")
    assert not names["segment_name"].str.contains("spend").any()
    clauses = read(warehouse, "select * from marts.maintenance_contract")
    assert "misplaced_revenue" not in set(clauses["clause"])
    # No sentence speaks of what is not there.
    assert not clauses["sentence"].str.contains("revenue").any()
    waiting = read(warehouse, "select * from marts.maintenance_waiting")
    assert not waiting["sentence"].str.contains("revenue").any()
    assert_claims_hold(warehouse)
