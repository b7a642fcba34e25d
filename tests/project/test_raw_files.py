"""`make build` loads the raw files while dbt starts: to the same tables as plain dbt."""

import shutil
import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from conftest import ROOT
from kept_tables import BuildError
from raw_files import load_raw_files
from shop import Shop


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small shop; a line cannot be read, a table is Parquet, columns stand in another order."""
    folder = Shop.obvious().write(tmp_path_factory.mktemp("raw") / "data")
    reviews = folder / "olist_order_reviews_dataset.csv"
    reviews.write_text(reviews.read_text() + "one field\n")
    sellers = folder / "olist_sellers_dataset"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{sellers}.csv', all_varchar = true)) to '{sellers}.parquet'"
        )
        products = folder / "olist_products_dataset.csv"
        turned = (
            connection.sql(f"from read_csv('{products}', all_varchar = true)").df().iloc[:, ::-1]
        )
    turned.to_csv(products, index=False)
    sellers.with_suffix(".csv").unlink()
    return folder


def tables_of(warehouse):
    """Every raw table in the order of its rows, with its types."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.sql(
            "select table_name from duckdb_tables() where schema_name = 'raw' order by 1"
        ).fetchall()
        tables = {name: connection.sql(f"from raw.{name}") for (name,) in names}
        return {name: (table.types, table.fetchall()) for name, table in tables.items()}


def test_the_tables_are_those_of_plain_dbt(project, data, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    result = project.dbt(data, warehouse, "run", "--select", "stg_olist__sellers")
    assert result.returncode == 0, result.stdout
    load_raw_files(data, tmp_path / "other.duckdb", {})
    loaded, expected = tables_of(tmp_path / "other.duckdb"), tables_of(warehouse)
    assert len(expected["unreadable_lines"][1]) == 1 and len(expected) == 12
    assert loaded == expected


def test_rows_of_erased_customers_do_not_come_back(project, data, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    load_raw_files(data, warehouse, {})
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.erased_customers select sha256(min(customer_unique_id)), "
            "timestamp '2018-02-01', 0 from raw.olist_customers_dataset"
        )
        before = connection.sql("from raw.olist_customers_dataset").fetchall()
    result = project.dbt(data, warehouse, "run", "--select", "stg_olist__sellers")
    assert result.returncode == 0, result.stdout
    expected = tables_of(warehouse)
    load_raw_files(data, warehouse, {})
    assert tables_of(warehouse) == expected
    assert len(expected["rows_of_erased_customers"][1]) >= 1
    assert len(expected["olist_customers_dataset"][1]) < len(before)


def test_a_fault_of_a_file_leaves_the_tables_of_the_last_load(data, tmp_path):
    warehouse, spoilt = tmp_path / "shop.duckdb", tmp_path / "data"
    load_raw_files(data, warehouse, {})
    before = tables_of(warehouse)
    spoilt.mkdir()
    for file in data.iterdir():
        (spoilt / file.name).write_bytes(file.read_bytes())
    payments = pd.read_csv(spoilt / "olist_order_payments_dataset.csv", dtype=str)
    payments.loc[1, "payment_installments"] = "1.5"
    payments.to_csv(spoilt / "olist_order_payments_dataset.csv", index=False)
    with pytest.raises(BuildError, match=r'payment_installments: "1.5" is no whole number'):
        load_raw_files(spoilt, warehouse, {})
    assert tables_of(warehouse) == before


def test_the_connection_has_the_settings_of_the_profile(data, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "20KB")
    with pytest.raises(duckdb.OutOfMemoryException):
        load_raw_files(data, tmp_path / "shop.duckdb", {})


def test_a_warehouse_may_lie_in_any_folder(data, tmp_path):
    folder = tmp_path / """it's "a: {{ folder }}" """
    folder.mkdir()
    load_raw_files(data, folder / "shop.duckdb", {})
    assert len(tables_of(folder / "shop.duckdb")) == 12


def test_vars_are_checked_before_a_file_is_read(tmp_path):
    with pytest.raises(BuildError, match="n_init is 0"):
        load_raw_files(tmp_path / "none", tmp_path / "shop.duckdb", {"n_init": 0})


def test_the_file_of_another_adapter_is_read_too(tmp_path):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copytree(ROOT / "dbt_project", tmp_path / "dbt_project")
    shutil.copy(ROOT / "dbt_project.yml", tmp_path)
    adapter = tmp_path / "dbt_project" / "macros" / "source_adapters" / "shop.sql"
    adapter.write_text(
        "{% macro shop__missing_features() %} {{ return(['items']) }} {% endmacro %}"
    )
    asked = "import raw_files; print(raw_files.Macros({}).shop__missing_features())"
    found = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path / "scripts", capture_output=True, text=True
    )
    assert found.stdout == "['items']\n", found.stderr
