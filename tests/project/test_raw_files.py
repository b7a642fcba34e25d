"""Raw files are loaded all or not at all, to the tables that the sources declare."""

import shutil

import duckdb
import pandas as pd
import pytest

from raw_tables import olist_request
from segmentation_dbt.faults import UserError
from segmentation_dbt.raw_files import load_raw_files
from shop import Shop


def load(warehouse, folder, **changes):
    with duckdb.connect(str(warehouse)) as connection:
        load_raw_files(connection, **olist_request(folder, **changes))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The small shop, with one line that cannot be read."""
    folder = Shop.obvious().write(tmp_path_factory.mktemp("raw") / "data")
    reviews = folder / "olist_order_reviews_dataset.csv"
    reviews.write_text(reviews.read_text() + "one field\n")
    return folder


@pytest.fixture
def data(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "data")


def tables_of(warehouse):
    """Every raw table in the order of its rows, with its types."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = connection.sql(
            "select table_name from duckdb_tables() where schema_name = 'raw' order by 1"
        ).fetchall()
        # What was read of each file differs with the folder and the request.
        tables = {n: connection.sql(f"from raw.{n}") for (n,) in names if n != "loads"}
        return {name: (table.types, table.fetchall()) for name, table in tables.items()}


def test_plain_dbt_loads_the_same_tables(project, data, tmp_path):
    """The macro asks for what the sources declare."""
    warehouse = tmp_path / "shop.duckdb"
    result = project.dbt(data, warehouse, "run", "--select", "+stg_olist__sellers")
    assert result.returncode == 0, result.stdout
    load(tmp_path / "other.duckdb", data)
    loaded, expected = tables_of(tmp_path / "other.duckdb"), tables_of(warehouse)
    del expected["build_vars"]
    assert len(expected["unreadable_lines"][1]) == 1 and len(expected) == 12
    assert loaded == expected


def test_order_of_columns_and_format_of_a_file_do_not_matter(data, tmp_path):
    load(tmp_path / "before.duckdb", data)
    sellers, products = data / "olist_sellers_dataset", data / "olist_products_dataset.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{sellers}.csv', all_varchar = true)) to '{sellers}.parquet'"
        )
        table = connection.sql(f"from read_csv('{products}', all_varchar = true)").df()
    table.assign(other="undeclared").iloc[:, ::-1].to_csv(products, index=False)
    sellers.with_suffix(".csv").unlink()
    load(tmp_path / "after.duckdb", data)
    assert tables_of(tmp_path / "after.duckdb") == tables_of(tmp_path / "before.duckdb")


def test_a_file_that_no_feature_uses_may_be_missing(data, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    for name in ("sellers", "geolocation"):
        (data / f"olist_{name}_dataset.csv").unlink()
    load(warehouse, data)
    tables = tables_of(warehouse)
    assert tables["olist_sellers_dataset"][1] == tables["olist_geolocation_dataset"][1] == []
    assert len(tables["olist_sellers_dataset"][0]) == 4
    (data / "olist_orders_dataset.csv").unlink()
    with pytest.raises(UserError, match=r"has no file olist_orders_dataset.csv \(or .parquet\)"):
        load(warehouse, data)


def test_rows_of_erased_customers_do_not_come_back(data, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    load(warehouse, data)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.erased_customers select sha256(min(customer_unique_id)), "
            "timestamp '2018-02-01', 0 from raw.olist_customers_dataset"
        )
    before = tables_of(warehouse)
    load(warehouse, data)
    after = tables_of(warehouse)
    left_out = dict(after["rows_of_erased_customers"][1])
    assert set(left_out) >= {"olist_customers_dataset", "olist_orders_dataset"}
    for name, rows in left_out.items():
        assert len(after[name][1]) == len(before[name][1]) - rows


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("order_payments", "payment_installments", "1.5", '"1.5" is no whole number'),
        ("order_payments", "payment_value", "96.715", '"96.715" is no amount in whole cents'),
        ("orders", "order_purchase_timestamp", "1900-01-01", "is no time from 1990-01-01"),
        ("geolocation", "geolocation_lat", "nan", '"nan" is no number'),
    ],
)
def test_a_fault_of_a_file_leaves_the_tables_of_the_last_load(
    data, tmp_path, table, column, value, said
):
    warehouse, file = tmp_path / "shop.duckdb", data / f"olist_{table}_dataset.csv"
    load(warehouse, data)
    before = tables_of(warehouse)
    rows = pd.read_csv(file, dtype=str)
    rows.loc[1, column] = value
    rows.to_csv(file, index=False)
    with pytest.raises(UserError, match=said) as fault:
        load(warehouse, data)
    assert f"{file}, column {column}" in str(fault.value)
    assert tables_of(warehouse) == before


def test_a_line_is_named_where_a_value_cannot_be_read(data, tmp_path):
    file = data / "olist_order_payments_dataset.csv"
    lines = file.read_text().splitlines()
    lines[3] = lines[3].rpartition(",")[0] + ",much"
    file.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r'line 4, column payment_value: "much" is no amount'):
        load(tmp_path / "shop.duckdb", data)


def test_more_unreadable_lines_than_allowed_stop_the_load(data, tmp_path):
    with pytest.raises(UserError, match=r"has 1 lines .* 0 are allowed \(max_unreadable_lines\)"):
        load(tmp_path / "shop.duckdb", data, max_unreadable_lines=0)


@pytest.mark.slow
def test_too_little_memory_is_reported_with_what_to_do(project, data, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "6MB")
    result = project.dbt(data, tmp_path / "shop.duckdb", "run", "--select", "+stg_olist__sellers")
    assert result.returncode == 1
    assert "(6MB). Raise SEGMENTS_MEMORY_LIMIT" in result.stdout


@pytest.mark.parametrize("folder", ["""it's "a: {{ folder }}" """, "orders of 201?", "[a]*"])
def test_a_folder_means_itself(data, tmp_path, folder):
    there = data.rename(tmp_path / folder)
    load(tmp_path / "shop.duckdb", there)
    assert len(tables_of(tmp_path / "shop.duckdb")) == 12
