"""Tables that are made by change hold what a build of the whole files holds."""

import random
from datetime import date, timedelta

import duckdb
import pytest

from shop import Shop

LAYERS = ("staging", "intermediate")
ORDERS, CUSTOMERS = "olist_orders_dataset", "olist_customers_dataset"
# What a build holds against the one before it.
OF_TWO_BUILDS = {"int_late_facts", "int_losses", "int_build_measures", "int_order_values"}
OF_THIS_WAY = {"stg_olist__changed_orders", "int_changed_customers"}


def build(project, data, warehouse, *arguments):
    return project.dbt_build(data, warehouse, "--vars", "max_loss: 1", *arguments)


def whole_build(project, data, folder):
    folder.mkdir()
    return build(project, data, folder / "by_change.duckdb", "--select", *LAYERS)


def tables_of(warehouse):
    """The rows of each table of the first layers, sorted."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('staging', 'intermediate') order by all"
        ).fetchall()
        return {
            name: connection.execute(f"from {schema}.{name} order by all").fetchall()
            for schema, name in names
            if name not in OF_TWO_BUILDS | OF_THIS_WAY
        }


def was_made_by_change(warehouse):
    """Whether the last build has touched some customers only, or none."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        changed, known = connection.execute(
            "select (select count(*) from intermediate.int_changed_customers), "
            "(select count(distinct customer_id) from intermediate.int_customer_versions)"
        ).fetchall()[0]
    return 0 < changed < known


def customers_of(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        query = "select distinct customer_id from intermediate.int_customer_versions"
        return {customer for (customer,) in connection.execute(query).fetchall()}


def assert_losses_are_counted(warehouse, before):
    """What a build says of the customers of the last one is what the two tables say."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        query = "select before, now from intermediate.int_losses where measure = 'customers'"
        counted = connection.execute(query).fetchall()
    assert counted == [(len(before), len(before & customers_of(warehouse)))]


class Days:
    """A shop that goes on: each kind of day changes its rows in another way."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.shop = Shop.obvious()
        self.day = date(2018, 2, 1)
        self.erased = set()

    def somebody(self):
        names = {row["customer_unique_id"] for row in self.shop.rows[CUSTOMERS]} - self.erased
        return self.chance.choice(sorted(names))

    def an_order(self):
        return self.chance.choice(self.shop.rows[ORDERS])

    def orders(self):
        self.day += timedelta(days=1)
        for nth in range(self.chance.randint(1, 5)):
            who = self.chance.choice([f"new {self.day} {nth}", self.somebody()])
            status = self.chance.choice(["delivered", "canceled"])
            score = self.chance.choice([None, 1, 5])
            self.shop.order(who, str(self.day), 20 + nth, score=score, status=status)

    def late_order(self):
        day = self.day - timedelta(days=self.chance.randint(30, 400))
        self.shop.order(self.chance.choice([self.somebody(), "late"]), str(day), 15, score=4)

    def repeated_order(self):
        row = dict(self.an_order())
        row["customer_id"] = self.an_order()["customer_id"]
        row["order_status"] = "canceled"
        row["order_purchase_timestamp"] += timedelta(hours=self.chance.randint(-48, 48))
        self.shop.rows[ORDERS].append(row)

    def further_rows_of_an_order(self):
        order = self.an_order()["order_id"]
        number = len(self.shop.rows["olist_order_payments_dataset"])
        self.shop.add(
            "olist_order_payments_dataset",
            order_id=order, payment_sequential=number, payment_value=3,
        )  # fmt: skip
        self.shop.add(
            "olist_order_reviews_dataset",
            review_id=f"another {number}", order_id=order, review_score=2,
            review_answer_timestamp="2018-01-20 10:00:00",
        )  # fmt: skip

    def unknown_customer_becomes_known(self):
        order = self.shop.order("unknown yet", str(self.day), 30, score=3)
        self.waiting = self.shop.rows[CUSTOMERS].pop()
        assert order

    def customer_row_comes(self):
        if getattr(self, "waiting", None):
            self.shop.rows[CUSTOMERS].append(self.waiting)
            self.waiting = None

    def new_category(self):
        number = len(self.shop.rows["olist_products_dataset"])
        self.shop.add(
            "olist_products_dataset", product_id=f"toy {number}", product_category_name="jogos"
        )
        self.shop.order(self.somebody(), str(self.day), 40, score=5)
        self.shop.rows["olist_order_items_dataset"][-1]["product_id"] = f"toy {number}"

    def translation(self):
        self.shop.add(
            "product_category_name_translation",
            product_category_name="jogos",
            product_category_name_english="toys",
        )

    def nothing(self):
        pass

    # What changes rows that stand.

    def cancellation(self):
        self.an_order()["order_status"] = "canceled"

    def lost_rows(self):
        order = self.an_order()["order_id"]
        reviews = self.shop.rows["olist_order_reviews_dataset"]
        reviews[:] = [row for row in reviews if row["order_id"] != order]


GROWING = [
    "orders", "late_order", "repeated_order", "further_rows_of_an_order",
    "unknown_customer_becomes_known", "customer_row_comes", "new_category", "translation",
    "nothing",
]  # fmt: skip
CHANGING = ["cancellation", "lost_rows"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_random_days_leave_what_a_whole_build_makes(project, tmp_path, seed):
    days = Days(seed)
    warehouse = tmp_path / "by_change.duckdb"
    build(project, days.shop.write(tmp_path / "0"), warehouse, "--select", *LAYERS)
    steps = [*GROWING, *CHANGING, *days.chance.choices(GROWING, k=4), "orders"]
    days.chance.shuffle(steps)
    by_change = 0
    for number, step in enumerate([*steps, "orders"], start=1):
        getattr(days, step)()
        data = days.shop.write(tmp_path / str(number))
        before = customers_of(warehouse)
        build(project, data, warehouse, "--select", *LAYERS)
        assert_losses_are_counted(warehouse, before)
        whole = whole_build(project, data, tmp_path / f"whole{number}")
        expected, found = tables_of(whole), tables_of(warehouse)
        assert found.keys() >= expected.keys()
        for name, rows in expected.items():
            assert found[name] == rows, (number, step, name)
        by_change += was_made_by_change(warehouse)
    assert by_change >= 5


def test_a_day_touches_its_customers_and_leaves_what_a_whole_build_makes(project, tmp_path):
    days = Days(5)
    warehouse = tmp_path / "by_change.duckdb"
    build(project, days.shop.write(tmp_path / "0"), warehouse, "--select", *LAYERS)
    before = customers_of(warehouse)
    days.orders()
    data = days.shop.write(tmp_path / "1")
    build(project, data, warehouse, "--select", *LAYERS)
    assert was_made_by_change(warehouse)
    assert_losses_are_counted(warehouse, before)
    assert tables_of(warehouse) == tables_of(whole_build(project, data, tmp_path / "whole"))
    before = customers_of(warehouse)
    # The only order of an unhappy customer comes again, earlier and canceled.
    gone = days.shop.rows[ORDERS][120] | {"order_status": "canceled"}
    gone["order_purchase_timestamp"] -= timedelta(hours=1)
    days.shop.rows[ORDERS].append(gone)
    build(project, days.shop.write(tmp_path / "2"), warehouse, "--select", *LAYERS)
    assert_losses_are_counted(warehouse, before)
    assert len(before - customers_of(warehouse)) == 1


@pytest.mark.slow
def test_what_a_run_leaves_out_the_next_one_makes(project, tmp_path):
    """A run of staging alone, one of everything anew, and one whose table somebody has dropped."""
    days = Days(6)
    warehouse = tmp_path / "by_change.duckdb"
    build(project, days.shop.write(tmp_path / "0"), warehouse, "--select", *LAYERS)
    days.orders()
    data = days.shop.write(tmp_path / "1")
    build(project, data, warehouse, "--select", "staging")
    build(project, data, warehouse, "--select", *LAYERS)
    assert was_made_by_change(warehouse)
    expected = tables_of(whole_build(project, data, tmp_path / "whole"))
    assert tables_of(warehouse) == expected
    build(project, data, warehouse, "--select", *LAYERS, "--full-refresh")
    assert tables_of(warehouse) == expected
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table intermediate.int_order_days")
    build(project, data, warehouse, "--select", *LAYERS)
    assert tables_of(warehouse) == expected
