"""Shops in which the truth about drift, migration and noise is planted."""

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

from shop import Shop

pytestmark = pytest.mark.slow

START = datetime(2017, 6, 1, 9)
PERIOD = 140  # days from one order of a customer to the next
CUSTOMERS = 420
PLANTED_ON = "2018-01-24"  # between the evaluations of 22 and 29 January


def settings(features, n_segments):
    return {
        "feature_sets": {"planted": features},
        "candidate_feature_sets": ["planted"],
        "default_candidate": f"kmeans-{n_segments}-planted",
        "contract_options": {},
        "refit_policy": "never",
    }


def is_unhappy(number):
    return number % 4 == 0


def is_vip(number):
    return number % 35 == 1


def steady_shop(until="2018-02-27"):
    """Everyone orders every 20 weeks and is of one mood: features as a whole never change.

    Each day three customers order, so every recency from 0 to 139 days is as frequent, always.
    """
    shop = Shop.stocked()
    day = START
    while day < datetime.fromisoformat(until):
        for nth in range(CUSTOMERS // PERIOD):
            number = (day - START).days % PERIOD * (CUSTOMERS // PERIOD) + nth
            order_id = shop.order(
                f"customer {number:03}",
                f"{day:%Y-%m-%d}",
                60 + number % 5,
                score=1 if is_unhappy(number) else 5,
            )
            if is_vip(number):
                add_items(shop, order_id, 9)
        day += timedelta(days=1)
    return shop


def add_items(shop, order_id, number):
    for nth in range(number):
        shop.add(
            "olist_order_items_dataset",
            order_id=order_id,
            order_item_id=2 + nth,
            product_id="book",
            seller_id="seller",
            price=1,
            freight_value=0,
        )


@pytest.fixture
def build(project, tmp_path, read):
    def of(shop, features, n_segments):
        """Build the shop and return a reader of its marts, by evaluation date."""
        data = shop.write(tmp_path / "data")
        warehouse = tmp_path / "shop.duckdb"
        changes = json.dumps(settings(features, n_segments))
        project.dbt_build(data, warehouse, "--vars", changes)
        return lambda mart: read(warehouse, f"from marts.{mart} order by all")

    return of


def test_pure_migration_is_migration_and_no_drift(build):
    marts = build(steady_shop(), ["recency_days", "review_score"], 4)
    migration = marts("maintenance_migration")
    assert len(migration) == 9
    # Of 140 days of recency 7 pass the border between recent and lapsed in a week, and 7 start
    # anew: a tenth of the customers.
    assert migration["migrated_share"][1:].between(0.08, 0.12).all()
    assert migration["sentence"][1:].str.startswith("Migration: ").all()
    drift = marts("maintenance_drift")
    assert len(drift) == 8
    assert (drift["adjusted_rand_index"] > 0.95).all()
    assert not drift["is_beyond_noise"].any()
    assert drift["sentence"].str.startswith("No drift: ").all()
    contract = marts("maintenance_contract").set_index("clause")["status"]
    # The shop is too young, or nobody new comes, for these.
    on_history = ["data", "outcome", "newcomers"]
    assert set(contract.drop(on_history)) == {"ok"}
    assert "breach" not in set(contract[on_history])
    assert (marts("maintenance_schedule")["recommended_interval_weeks"].isna()).all()


def test_a_shift_of_one_feature_is_found_and_attributed_to_it(build):
    shop = steady_shop()
    # From one day on the unhappy think better of it: two more reviews each, of their last order.
    last_orders = {
        order["order_id"]: customer["customer_unique_id"]
        for order, customer in zip(
            shop.rows["olist_orders_dataset"], shop.rows["olist_customers_dataset"], strict=True
        )
        if order["order_purchase_timestamp"] < datetime.fromisoformat(PLANTED_ON)
    }
    for order_id, customer in last_orders.items():
        if is_unhappy(int(customer.split()[1])):
            for nth in range(2):
                shop.add(
                    "olist_order_reviews_dataset",
                    review_id=f"second thought {order_id} {nth}",
                    order_id=order_id,
                    review_score=5,
                    review_creation_date=PLANTED_ON,
                    review_answer_timestamp=datetime.fromisoformat(PLANTED_ON),
                )
    marts = build(shop, ["recency_days", "review_score"], 4)
    drift = marts("maintenance_drift").set_index("evaluation_date")
    before, after = drift[:PLANTED_ON], drift[PLANTED_ON:]
    assert not before["is_beyond_noise"].any()
    # Where random halves of so few customers agree as badly, it takes one evaluation more.
    assert after["is_beyond_noise"][1:].all()
    agreement = marts("maintenance_contract").set_index("clause").loc["agreement"]
    assert agreement["status"] == "breach"
    assert agreement["breached_since"] <= pd.Timestamp("2018-02-12")
    causes = marts("maintenance_causes")
    first = causes[causes["place"] == 1].set_index("evaluation_date")
    assert set(first.loc["2018-01-29":, "feature"]) == {"review_score"}
    assert (first.loc["2018-01-29":, "agreement_given_back"] > 0.2).all()
    stable = causes.set_index(["feature", "evaluation_date"])["population_stability_index"]
    assert stable["recency_days"].max() < 0.1
    assert stable["review_score"]["2018-01-29":].min() > 0.25


def test_a_small_segment_that_dissolves_breaks_its_clause_while_the_index_stays_high(build):
    shop = steady_shop()
    # Some ordinary customers, a third more than there are VIPs, once buy so much that their mean of
    # 3.5 items lies between the 1 of the others and the 10 of the VIPs: to the frozen model they
    # stay ordinary, a refit makes one segment of them and the VIPs.
    days_before = (datetime.fromisoformat(PLANTED_ON) - START).days
    for number in range(3, CUSTOMERS, 26):
        has_ordered_twice = number // (CUSTOMERS // PERIOD) + PERIOD <= days_before
        order_id = shop.order(f"customer {number:03}", PLANTED_ON, 60, score=5)
        add_items(shop, order_id, 8 if has_ordered_twice else 5)
    marts = build(shop, ["recency_days", "basket_size"], 3)
    contract = marts("maintenance_contract").set_index("clause")
    assert (marts("maintenance_drift")["adjusted_rand_index"] > 0.9).all()
    assert contract.loc["agreement", "status"] == "ok"
    broken = contract[(contract["status"] == "breach") & contract["segment_id"].notna()]
    assert len(broken) == 1
    assert contract.loc["recipe", "status"] == "breach"
    assert "far from every segment" in contract.loc["recipe", "sentence"]
    segment = marts("segment_profiles").set_index("segment_id").loc[broken["segment_id"].iloc[0]]
    assert segment["share"] < 0.05
    planted_on = pd.Timestamp(PLANTED_ON)
    assert planted_on < broken["breached_since"].iloc[0] < planted_on + pd.Timedelta(weeks=2)
