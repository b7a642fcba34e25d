"""Laws that hold for any order tables, tried on random small ones.

The SQL of staging and intermediate, as dbt has compiled it for the small shop, runs on tables in
memory: an example takes milliseconds.
"""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Project

pytestmark = pytest.mark.slow

# Every example costs some forty statements; the time of one says nothing.
slow = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

START = datetime(2017, 12, 20)
FEATURES = ["recency_days", "frequency", "monetary_value", "review_score", "basket_size"]


@st.composite
def shops(draw):
    """Orders with payments, items and reviews around the first dates; some are broken."""
    orders = []
    for number in range(draw(st.integers(1, 12))):
        day = draw(st.integers(0, 40))
        orders.append(
            {
                "id": f"o{number}",
                "customer": draw(st.sampled_from(["a", "b", "c", "Zé", "d'; drop"])),
                "status": draw(st.sampled_from(["delivered", "shipped", "canceled"])),
                "ordered_at": START + timedelta(days=day, seconds=draw(st.integers(0, 86399))),
                "delivered_after": draw(st.none() | st.integers(1, 20)),
                "payments": draw(st.lists(st.integers(0, 10**7), max_size=3)),
                "items": draw(st.lists(st.integers(0, 10**6), max_size=3)),
                "reviews": draw(
                    st.lists(st.tuples(st.integers(1, 5), st.integers(-5, 30)), max_size=2)
                ),
            }
        )
    orphans = draw(st.lists(st.integers(1, 10**6), max_size=2))
    return orders, orphans


@pytest.fixture(scope="module")
def house(shop_data, shop_warehouse, tmp_path_factory):
    """Builds the layers up to the features on rows: house(orders, orphans) is a connection."""
    folder = tmp_path_factory.mktemp("properties")
    # In a folder of its own: what other tests build is compiled for other warehouses.
    project = Project(folder, folder / "shared")
    result = project.dbt(
        shop_data,
        shop_warehouse,
        "compile",
        "--select",
        "path:dbt_project/models/staging",
        "path:dbt_project/models/intermediate",
    )
    assert result.returncode == 0, result.stdout
    compiled = project.target(shop_warehouse) / "compiled/customer_segmentation/dbt_project"
    models = {
        path.stem: path.read_text()
        for room in ("staging", "intermediate")
        for path in sorted((compiled / "models" / room).rglob("*.sql"))
        # Beside them, in folders named after their files, stand data tests.
        if path.parent.suffix != ".yml" and path.stem != "int_days"
    }
    models = {name: sql for name, sql in models.items() if sql.strip()}

    def build(orders, orphans=()):
        connection = duckdb.connect()
        connection.execute(f"attach '{shop_warehouse}' as built (read_only)")
        connection.execute("attach ':memory:' as shop")
        connection.execute("use shop; create schema raw; create schema staging")
        connection.execute("create schema intermediate; set timezone = 'UTC'")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() "
            "where database_name = 'built' and schema_name = 'raw'"
        ).fetchall():
            connection.execute(f"create table raw.{table} as from built.raw.{table} limit 0")
        fill(connection, orders, orphans)
        waiting = dict(models)
        while waiting:
            made = [name for name in waiting if create(connection, name, waiting[name])]
            assert made, f"none of {sorted(waiting)} can be created"
            for name in made:
                del waiting[name]
        return connection

    return build


def create(connection, name, sql):
    """Create a view, unless one that it reads is still missing."""
    room = "staging" if name.startswith("stg_") else "intermediate"
    try:
        connection.execute(f"create view {room}.{name} as {sql}")
    except duckdb.CatalogException:
        return False
    return True


def insert(connection, table, **values):
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    connection.execute(f"insert into raw.{table} ({columns}) values ({marks})", [*values.values()])


def fill(connection, orders, orphans):
    for order in orders:
        delivered = order["delivered_after"]
        insert(
            connection,
            "olist_orders_dataset",
            order_id=order["id"],
            customer_id=f"of {order['id']}",
            order_status=order["status"],
            order_purchase_timestamp=order["ordered_at"],
            order_delivered_customer_date=delivered
            and order["ordered_at"] + timedelta(days=delivered),
        )
        insert(
            connection,
            "olist_customers_dataset",
            customer_id=f"of {order['id']}",
            customer_unique_id=order["customer"],
        )
        for number, cents in enumerate(order["payments"], 1):
            insert(
                connection,
                "olist_order_payments_dataset",
                order_id=order["id"],
                payment_sequential=number,
                payment_value=Decimal(cents) / 100,
            )
        for number, cents in enumerate(order["items"], 1):
            insert(
                connection,
                "olist_order_items_dataset",
                order_id=order["id"],
                order_item_id=number,
                product_id="p",
                price=Decimal(cents) / 100,
                freight_value=Decimal(1),
            )
        for number, (score, after) in enumerate(order["reviews"]):
            written = order["ordered_at"] + timedelta(days=after)
            insert(
                connection,
                "olist_order_reviews_dataset",
                review_id=f"r{number} of {order['id']}",
                order_id=order["id"],
                review_score=score,
                review_creation_date=written,
                review_answer_timestamp=written,
            )
    for number, cents in enumerate(orphans):
        insert(
            connection,
            "olist_order_payments_dataset",
            order_id=f"unknown {number}",
            payment_sequential=1,
            payment_value=Decimal(cents) / 100,
        )


def value_of(order):
    """Cents: what was paid, or items and freight."""
    if order["payments"]:
        return sum(order["payments"])
    return sum(order["items"]) + 100 * len(order["items"])


def features_of(connection, before=None):
    """{(cutoff, customer): features} at the cut-offs before a moment."""
    where = f"where cutoff <= '{before}'" if before else ""
    rows = connection.execute(
        f"select cutoff, customer_id, {', '.join(FEATURES)} "
        f"from intermediate.int_customer_features {where}"
    ).fetchall()
    return {row[:2]: row[2:] for row in rows}


def brute_force(orders, cutoffs):
    """The same by loops over orders, straight from the definitions."""
    found = {}
    for cutoff in cutoffs:
        known = defaultdict(list)
        for order in orders:
            if order["status"] != "canceled" and order["ordered_at"] < cutoff:
                known[order["customer"]].append(order)
        for customer, theirs in known.items():
            scores = []
            for order in theirs:
                at = [
                    score
                    for score, after in order["reviews"]
                    # An evaluation dated before its order counts from the order on.
                    if order["ordered_at"] + timedelta(days=max(after, 0)) < cutoff
                ]
                if at:
                    scores.append(sum(at) / len(at))
            found[cutoff, customer] = (
                (cutoff - max(order["ordered_at"] for order in theirs)).days,
                len(theirs),
                Decimal(sum(map(value_of, theirs))) / 100,
                sum(scores) / len(scores) if scores else None,
                sum(len(order["items"]) for order in theirs) / len(theirs),
            )
    return found


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        for name, one, other in zip(FEATURES, found[key], values, strict=True):
            if other is None or one is None:
                assert one is other, (key, name)
            else:
                assert float(one) == pytest.approx(float(other), abs=1e-5), (key, name)


@slow
@given(shops())
def test_features_as_of_a_date_equal_brute_force(house, shop):
    orders, orphans = shop
    with house(orders, orphans) as connection:
        cutoffs = connection.execute("select cutoff from intermediate.int_cutoffs").fetchall()
        found = features_of(connection)
    assert_same(found, brute_force(orders, [cutoff for (cutoff,) in cutoffs]))


@slow
@given(shops())
def test_rows_and_money_are_conserved_through_every_join(house, shop):
    orders, orphans = shop
    with house(orders, orphans) as connection:
        joined = connection.execute(
            "select count(*), sum(items), sum(payments), sum(reviews), sum(monetary_value) "
            "from staging.stg_olist__orders_joined"
        ).fetchall()[0]
        traced = dict(
            connection.execute(
                "select raw_table, (rows_in, rows_accepted) from staging.stg_raw_tables"
            ).fetchall()
        )
        orphaned = connection.execute(
            "select coalesce(sum(affected_rows), 0) from staging.stg_data_quality_counts "
            "where raw_table = 'olist_order_payments_dataset' and rule = 'no_order'"
        ).fetchall()[0][0]
    payments = sum(len(order["payments"]) for order in orders)
    assert joined[:4] == (
        len(orders),
        sum(len(order["items"]) for order in orders),
        payments,
        sum(len(order["reviews"]) for order in orders),
    )
    assert joined[4] == Decimal(sum(map(value_of, orders))) / 100
    assert traced["olist_order_payments_dataset"] == (payments + len(orphans), payments)
    assert orphaned == len(orphans)


@slow
@given(shops(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_names_of_ids_change_nothing(house, shop, chance: random.Random):
    orders, orphans = shop
    shuffled = [order | {"id": f"other {order['id']}"} for order in orders]
    chance.shuffle(shuffled)
    names = {
        customer: f"customer {i}" for i, customer in enumerate({o["customer"] for o in orders})
    }
    shuffled = [order | {"customer": names[order["customer"]]} for order in shuffled]
    with house(orders, orphans) as connection:
        before = features_of(connection)
    with house(shuffled, orphans) as connection:
        after = features_of(connection)
    assert_same(after, {(cutoff, names[who]): values for (cutoff, who), values in before.items()})


@slow
@given(shops(), shops())
def test_a_later_order_changes_nothing_earlier(house, shop, later):
    orders, orphans = shop
    counted = [order["ordered_at"] for order in orders if order["status"] != "canceled"]
    newest = max(counted, default=START)
    with house(orders, orphans) as connection:
        before = features_of(connection, before=newest)
    after_all = max(order["ordered_at"] for order in orders).replace(
        hour=0, minute=0, second=0
    ) + timedelta(days=1)
    added = [
        order | {"id": f"later {order['id']}", "ordered_at": after_all + timedelta(days=i)}
        for i, order in enumerate(later[0])
    ]
    with house(orders + added, orphans) as connection:
        after = features_of(connection, before=newest)
    assert_same(after, before)


@slow
@given(shops(), st.integers(2, 50))
def test_money_in_another_unit_scales_monetary_value_alone(house, shop, factor):
    orders, _ = shop
    paid = [order | {"payments": order["payments"] or [0]} for order in orders]
    with house(paid) as connection:
        before = features_of(connection)
    dearer = [
        order | {"payments": [cents * factor for cents in order["payments"]]} for order in paid
    ]
    with house(dearer) as connection:
        after = features_of(connection)
    scaled = {key: (*v[:2], v[2] * factor, *v[3:]) for key, v in before.items()}
    assert_same(after, scaled)
