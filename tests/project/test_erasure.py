"""A customer who is erased on request: gone, counted, and not brought back."""

import hashlib
import os
import shutil
import subprocess
import sys

import duckdb
import pytest

from conftest import REGISTRY, ROOT
from segmentation_dbt.erasure import backup_of

ERASED = "loyal 07"


@pytest.fixture(scope="module")
def erased(project, shop_data, shop_warehouse, tmp_path_factory):
    warehouse = tmp_path_factory.mktemp("erased") / "shop.duckdb"
    shutil.copy(shop_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into staging.stg_olist__repeated_keys "
            "select 'olist_orders_dataset', order_id from staging.stg_olist__orders_joined "
            "where customer_id = ?",
            [ERASED],
        )
    return warehouse, erase(project, shop_data, warehouse, ERASED)


def erase(project, data, warehouse, customer):
    arguments = ("run-operation", "erase_customer", "--args", f"{{customer_id: {customer}}}")
    result = project.dbt(data, warehouse, *arguments, quiet=False)
    assert result.returncode == 0, result.stdout
    return result.stdout


def mentions(warehouse, *values):
    """Tables with one of the values in any column of text, alone or among other words."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() "
            "where not internal and data_type = 'VARCHAR'"
        ).fetchall()
        return {
            table
            for table, column in columns
            if connection.execute(
                f"select count(*) from {table} "
                f"where list_bool_or(list_transform(?, lambda value: contains({column}, value)))",
                [list(values)],
            ).fetchall()[0][0]
        }


def orders_of(shop, customer):
    order_customers = {
        row["customer_id"]
        for row in shop.rows["olist_customers_dataset"]
        if row["customer_unique_id"] == customer
    }
    orders = {
        row["order_id"]
        for row in shop.rows["olist_orders_dataset"]
        if row["customer_id"] in order_customers
    }
    return order_customers | orders


def aggregates(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [
            connection.execute(f"select * from {table} order by all").fetchall()
            for table in (
                "marts.segment_model_parameters",
                "marts.segment_model_centroids",
                "marts.segment_stability",
                "marts.segment_transitions",
                "marts.segment_model_decisions",
            )
        ]


def test_nothing_of_the_customer_stays(shop, shop_warehouse, erased):
    personal = [ERASED, *orders_of(shop, ERASED)]
    assert len(mentions(shop_warehouse, *personal)) > 10
    assert mentions(erased[0], *personal) == set()


def test_a_count_stays_as_proof(shop, erased, read):
    warehouse, told = erased
    proof = read(warehouse, "from raw.erased_customers")
    assert proof["customer_hash"].tolist() == [hashlib.sha256(ERASED.encode()).hexdigest()]
    assert proof["rows_erased"][0] > 20
    assert f"Erased {proof['rows_erased'][0]} rows of the customer" in told


def test_others_and_sums_stay_as_they_were(shop_warehouse, erased, read):
    warehouse, _ = erased
    assert aggregates(warehouse) == aggregates(shop_warehouse)
    query = f"from marts.customer_segments where customer_id != '{ERASED}' order by customer_id"
    assert read(warehouse, query).equals(read(shop_warehouse, query))


@pytest.mark.slow
def test_the_next_build_does_not_bring_the_customer_back(
    project, shop, shop_data, shop_warehouse, erased, tmp_path, read
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(erased[0], warehouse)
    data = shutil.copytree(shop_data, tmp_path / "data")
    with (data / "olist_customers_dataset.csv").open("a") as file:
        file.write(f'another,"{ERASED}",01000,sao paulo,SP,one too many\n')
    result = project.make(data, warehouse)
    assert result.returncode == 0, result.stderr
    assert mentions(warehouse, ERASED, *orders_of(shop, ERASED)) == set()
    assert read(warehouse, "from raw.unreadable_lines")["record"].isna().tolist() == [True]
    ledger = read(
        warehouse,
        "select raw_table, rows_rejected from marts.data_quality_ledger "
        "where rule = 'erased_on_request' and rows_rejected > 0",
    )
    # Three orders, each with an item, a payment and a review.
    assert dict(zip(ledger["raw_table"], ledger["rows_rejected"], strict=True)) == {
        "olist_customers_dataset": 3,
        "olist_orders_dataset": 3,
        "olist_order_items_dataset": 3,
        "olist_order_payments_dataset": 3,
        "olist_order_reviews_dataset": 3,
    }
    # Models and transitions are those that the customer was part of.
    before, after = aggregates(shop_warehouse), aggregates(warehouse)
    assert after == before
    customers = read(warehouse, "select count(*) as n from marts.customer_segments")["n"][0]
    assert customers == 272 - 1


@pytest.mark.slow
def test_make_erase_waits_for_no_build_and_says_what_is_wrong(erased, tmp_path):
    import fcntl

    warehouse = tmp_path / "shop.duckdb"

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "scripts/registry.py", "--warehouse", warehouse, *arguments],
            cwd=ROOT,
            env=os.environ | {"DBT_LOG_PATH": str(tmp_path / "logs")},
            capture_output=True,
            text=True,
        )

    missing = run("erase", "loyal 08")
    assert missing.returncode == 1
    assert "There is no warehouse" in missing.stderr
    shutil.copy(erased[0], warehouse)
    assert "Name the customer" in run("erase", " ").stderr
    with (tmp_path / ".shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another build of" in run("erase", "loyal 08").stderr
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.unreadable_lines values "
            "('olist_customers_dataset', 9, 'too many columns', 'another,loyal 08,01000,SP,,')"
        )
    assert {"raw.unreadable_lines", "marts.customer_segments"} < mentions(warehouse, "loyal 08")
    done = run("erase", "loyal 08")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Erased ")
    assert mentions(warehouse, "loyal 08") == set()
    logs = [file.read_text() for file in tmp_path.glob("logs/*")]
    assert not any("loyal 08" in log for log in logs)


def test_the_backup_forgets_the_customer_and_a_dropped_registry_too(
    project, shop_data, shop_warehouse, tmp_path, read
):
    folder = tmp_path / "it's [1]*"
    folder.mkdir()
    warehouse = folder / "shop.duckdb"
    backup = backup_of(warehouse)
    shutil.copy(shop_warehouse, warehouse)
    shutil.copy(warehouse, backup)
    assert len(mentions(backup, ERASED)) > 1
    erase(project, shop_data, warehouse, ERASED)
    assert mentions(backup, ERASED) == mentions(warehouse, ERASED) == set()
    proof = "from raw.erased_customers"
    assert read(backup, proof).equals(read(warehouse, proof))
    result = project.dbt(shop_data, warehouse, "run-operation", "drop_registry")
    assert result.returncode == 0, result.stdout
    for file in (warehouse, backup):
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.sql(
                "select schema_name || '.' || table_name from duckdb_tables()"
            ).fetchall()
        left = {name for (name,) in found}
        assert {"raw.erased_customers", "selection.selection_fitted_candidates"} < left
        # The feed stays, because its readers hold a cursor.
        registry = {*REGISTRY, "marts.customer_segments"} - {"marts.audience_changes"}
        assert not registry & left
    assert not list(folder.glob("*.wal"))


@pytest.mark.slow
def test_a_customer_who_is_not_there_is_kept_out_all_the_same(
    project, shop_data, erased, tmp_path, read
):
    warehouse = tmp_path / "shop.duckdb"
    shutil.copy(erased[0], warehouse)
    told = erase(project, shop_data, warehouse, "o'nobody")
    assert "The customer is not in the warehouse, but is now on the list of erased ones" in told
    assert len(read(warehouse, "from raw.erased_customers")) == 2
