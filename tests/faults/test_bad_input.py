"""Bad input and stopped builds: an untouched warehouse, or each row in the ledger.

The damages to folders are in `damage.py`, and test_damaged_folders.py tries them.
"""

import copy
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from conftest import ROOT

PAYMENTS = "olist_order_payments_dataset.csv"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """One place for all damages: dbt parses the project afresh when its paths change."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def data(shop_data, place) -> Path:
    """A copy of the small shop's files, in a folder whose name needs quoting."""
    folder = place / "data of o'brien"
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(shop_data, folder))


@pytest.fixture
def published(place) -> Path:
    """A warehouse that readers use, with the state of yesterday."""
    warehouse = place / "shop.duckdb"
    for file in place.glob("shop.duckdb*"):
        file.unlink()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table yesterday as select 'the state of yesterday' as state")
    return warehouse


def edit_line(path: Path, number: int, change) -> None:
    """Change one physical line of a file, counted from 1."""
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = change(lines[number - 1])
    path.write_bytes(b"\n".join(lines))


def last_field(value: bytes):
    return lambda line: line.rsplit(b",", 1)[0] + b"," + value


def test_plain_dbt_gives_the_same_message_and_keeps_the_tables(
    project, data, shop_warehouse, tmp_path, read
):
    warehouse = Path(shutil.copy(shop_warehouse, tmp_path / "shop.duckdb"))
    edit_line(data / PAYMENTS, 5, last_field(b"12O.50"))
    result = project.dbt(data, warehouse, "build")
    assert result.returncode != 0
    assert "line 5, column payment_value" in result.stdout
    count = "select count(*) as n from raw.olist_order_payments_dataset"
    assert read(warehouse, count)["n"][0] == read(shop_warehouse, count)["n"][0]


@pytest.fixture(scope="module")
def dirty_warehouse(project, shop, tmp_path_factory):
    """The small shop with one row for each rule that rejects or changes."""
    dirty = copy.deepcopy(shop)
    orders = dirty.rows["olist_orders_dataset"]
    payments = dirty.rows["olist_order_payments_dataset"]
    items = dirty.rows["olist_order_items_dataset"]
    reviews = dirty.rows["olist_order_reviews_dataset"]
    customers = dirty.rows["olist_customers_dataset"]
    orders.append(orders[0])
    orders.append(orders[1] | {"order_id": "of nobody", "customer_id": "nobody"})
    orders.append(orders[1] | {"order_id": "timeless", "order_purchase_timestamp": None})
    orders[2] = orders[2] | {"order_delivered_customer_date": "2001-01-01 00:00:00"}
    orders[3] = orders[3] | {"order_status": None}
    customers.append(customers[0])
    customers.append(customers[0] | {"customer_id": "c", "customer_unique_id": None})
    payments.append(payments[0] | {"payment_sequential": 2, "payment_value": -5})
    payments.append(payments[0] | {"order_id": "vanished"})
    payments.append(payments[0])
    del payments[4]
    items.append(items[0] | {"order_item_id": 2, "price": -1})
    items.append(items[0] | {"order_item_id": 3, "price": None, "product_id": "vanished"})
    reviews.append(reviews[0] | {"review_id": "absurd", "review_score": 7})
    reviews.append(
        reviews[0]
        | {"review_id": "timeless", "review_creation_date": None, "review_answer_timestamp": None}
    )
    reviews.append(reviews[0] | {"review_id": "early", "review_answer_timestamp": "2001-01-01"})
    reviews[5] = reviews[5] | {"review_answer_timestamp": None}
    data = dirty.write(tmp_path_factory.mktemp("dirty") / "data")
    with (data / PAYMENTS).open("a") as file:
        file.write("order 0001,2,boleto\n")  # a field short
    warehouse = tmp_path_factory.mktemp("dirty") / "shop.duckdb"
    return project.dbt_build(data, warehouse, tested=True)


def test_every_damaged_row_is_in_the_ledger(dirty_warehouse, read):
    ledger = read(
        dirty_warehouse,
        "select raw_table, rule, rows_rejected, rows_changed from marts.data_quality_ledger "
        "where rule != 'all rules' and rows_rejected + rows_changed > 0",
    )
    met = {
        (row.raw_table.removeprefix("olist_").removesuffix("_dataset"), row.rule): (
            row.rows_rejected,
            row.rows_changed,
        )
        for row in ledger.itertuples()
    }
    assert met == {
        ("customers", "duplicate_key"): (1, 0),
        ("customers", "no_customer"): (1, 0),
        ("orders", "duplicate_key"): (1, 0),
        ("orders", "no_customer"): (1, 0),
        ("orders", "no_order_time"): (1, 0),
        ("orders", "delivered_before_ordered"): (0, 1),
        ("orders", "no_status"): (0, 1),
        ("orders", "no_payment"): (0, 1),
        ("order_items", "negative_money"): (1, 0),
        ("order_items", "no_price"): (0, 1),
        ("order_items", "no_product"): (0, 1),
        ("order_payments", "duplicate_key"): (1, 0),
        ("order_payments", "negative_money"): (1, 0),
        ("order_payments", "no_order"): (1, 0),
        ("order_payments", "unreadable_line"): (1, 0),
        ("order_reviews", "score_out_of_range"): (0, 1),
        ("order_reviews", "no_review_time"): (0, 1),
        ("order_reviews", "written_before_order"): (0, 1),
        ("order_reviews", "no_answer_time"): (0, 1),
    }


def test_the_ledger_of_damaged_rows_balances(dirty_warehouse, read):
    totals = read(
        dirty_warehouse, "select * from marts.data_quality_ledger where rule = 'all rules'"
    )
    assert (totals["rows_in"] == totals["rows_accepted"] + totals["rows_rejected"]).all()
    assert totals["rows_rejected"].sum() == 10


def test_an_unreadable_line_is_kept_with_its_place(dirty_warehouse, read):
    lines = read(dirty_warehouse, "select * from staging.stg_raw_files__unreadable_lines")
    assert lines["record"].tolist() == ["order 0001,2,boleto"]
    assert lines["reason"].tolist() == ["missing columns"]
    payments = read(dirty_warehouse, "select count(*) as n from raw.olist_order_payments_dataset")
    assert lines["record_number"].tolist() == [payments["n"][0] + 2]


def test_an_unpaid_order_is_worth_its_items_and_freight(dirty_warehouse, read):
    order = read(
        dirty_warehouse,
        "select * from staging.stg_olist__orders_joined where is_valued_by_items",
    )
    assert len(order) == 1
    assert order["monetary_value"][0] == order["items_value"][0] + order["freight_value"][0]


@pytest.mark.slow
def test_what_a_killed_session_left_does_not_spoil_the_next_build(
    project, shop_data, published, read
):
    warehouse = published
    warehouse.with_name("shop.duckdb.wal").write_bytes(b"of another file")
    result = project.make(shop_data, warehouse)
    assert result.returncode == 0, result.stderr
    assert read(warehouse, "select count(*) as n from marts.customer_segments")["n"][0] == 272


def processes_of_group(group: int) -> list[str]:
    """Command lines of what is still running in a process group."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # pid (name) state parent group …
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(command)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compare", "progress"), [("never", "stg_"), ("always", "kmeans-")], ids=["build", "comparison"]
)
def test_a_terminated_build_takes_its_workers_with_it(
    project, shop_data, published, compare, progress
):
    before = published.read_bytes()
    process = subprocess.Popen(
        [
            sys.executable,
            "scripts/build.py",
            *("--data", shop_data),
            *("--warehouse", published),
            *("--compare", compare),
            "--verbose",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"DBT_TARGET_PATH": str(project.target(published))},
        start_new_session=True,
    )
    while progress not in process.stdout.readline():
        assert process.poll() is None
    process.terminate()
    _, errors = process.communicate(timeout=60)
    killed = time.monotonic()
    assert "is as it was" in errors
    assert "Traceback" not in errors
    while left := processes_of_group(process.pid):  # a killed process takes a moment to end
        assert time.monotonic() < killed + 60, left
        time.sleep(0.05)
    assert published.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["marts.duckdb", "temp.duckdb", "it's.duckdb", "segments.db"])
def test_a_warehouse_that_cannot_be_read_later_is_refused(name, project, shop_data, tmp_path):
    result = project.make(shop_data, tmp_path / name)
    assert result.returncode == 1
    assert "must be a .duckdb file with a plain name" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_segment_without_any_review_is_not_called_dissatisfied(project, shop, tmp_path, read):
    silent = copy.deepcopy(shop)
    lapsed = {
        row["order_id"]
        for row in silent.rows["olist_orders_dataset"]
        if row["order_purchase_timestamp"].year == 2017
        and row["order_purchase_timestamp"].month == 3
    }
    silent.rows["olist_order_reviews_dataset"] = [
        row for row in silent.rows["olist_order_reviews_dataset"] if row["order_id"] not in lapsed
    ]
    data = silent.write(tmp_path / "data")
    warehouse = project.dbt_build(data, tmp_path / "shop.duckdb", tested=True)
    names = read(
        warehouse,
        "select distinct segment_name from marts.customer_segment_history "
        "where customer_id like 'lapsed%' and valid_from = '2018-01-01'",
    )
    assert names["segment_name"].tolist() == ["Lapsed customers"]


def test_a_second_build_of_the_same_warehouse_says_so(project, data, tmp_path):
    import fcntl

    with (tmp_path / ".shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = project.make(data, tmp_path / "shop.duckdb")
    assert result.returncode == 1
    assert "Another build of" in result.stderr
