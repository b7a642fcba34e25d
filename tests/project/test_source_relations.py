"""Orders that are tables already: in a warehouse, in another database, in files, in a workbook.

What is right is computed with pandas from the same rows, before they are written anywhere.
"""

import json
import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from test_exports import LAYERS, events, features_of
from test_transactions import flat_rows

from conftest import ROOT
from segmentation_dbt.faults import UserError
from segmentation_dbt.relations import check_relation, tell_misfit
from segmentation_dbt.settings import check_relations

SEEDS = ["data_quality_rules", "data_quality_ledger"]
# A name is a name, whatever stands in it.
STATUS = "status\"'; drop table web.stars; --"
NAMES = {
    "customer_id": "buyer",
    "ordered_at": "placed at",
    "order_id": "id",
    "order_status": STATUS,
}


class Tables:
    """Orders, lines, reviews and deliveries, some of them beside the point, and what is right."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        placed = events(seed)
        placed = placed.assign(status=np.where(placed.index % 13 == 0, "canceled", "paid"))
        lines = placed.loc[placed.index.repeat(rng.integers(1, 4, len(placed)))]
        lines = lines.reset_index(drop=True)
        lines = lines.assign(
            price=rng.integers(100, 9_000, len(lines)), many=rng.integers(1, 5, len(lines))
        )
        self.orders = pd.DataFrame(
            {
                "id": placed["order"],
                "buyer": placed["who"].map("b{:03}".format),
                # Two hours off, so that days differ from those of the shop.
                "placed at": placed["at"].dt.tz_localize("America/Recife"),
                STATUS: placed["status"],
            }
        )
        self.lines = pd.DataFrame(
            {
                "order": lines["order"],
                "quantity": lines["many"],
                "price": lines["price"] / 100,
                "kind": np.where(lines.index % 2, "toys", "books"),
                "month": lines["at"].dt.strftime("%m"),
            }
        )
        scored = placed[placed.index % 3 == 0]
        self.reviews = pd.DataFrame(
            {
                "order": scored["order"],
                "stars": rng.integers(1, 6, len(scored)),
                "written": scored["at"] + pd.Timedelta(days=3),
            }
        )
        sent = placed[placed.index % 2 == 0]
        days = pd.to_timedelta(rng.integers(1, 9, len(sent)), unit="D")
        self.deliveries = pd.DataFrame({"order": sent["order"], "arrived": sent["at"] + days})
        self.placed = placed

    def add_strays(self) -> None:
        """Rows of orders that there are not, without an order, or by nobody."""
        stray = {"order": ["lost", None], "quantity": [1, 1], "price": [5.0, 6.0], "kind": "art"}
        self.lines = pd.concat([self.lines, pd.DataFrame(stray | {"month": "01"})])
        stray = {"order": ["lost"], "stars": [1], "written": [self.placed["at"].max()]}
        self.reviews = pd.concat([self.reviews, pd.DataFrame(stray)])
        stray = {"order": ["lost", "lost"], "arrived": self.placed["at"].max()}
        self.deliveries = pd.concat([self.deliveries, pd.DataFrame(stray)])
        nobody = self.orders.iloc[:2].assign(id=["N1", "N2"], buyer=None)
        padded = self.orders["buyer"].where(self.orders.index % 2 == 0, self.orders["buyer"] + " ")
        self.orders = pd.concat([self.orders.assign(buyer=padded), nobody])

    def right(self, without: tuple = ()) -> pd.DataFrame:
        """Features by customer, as of the last moment."""
        spent = (self.lines["price"] * 100).round() * self.lines["quantity"]
        spent = spent.groupby(self.lines["order"]).sum()
        items = self.lines.groupby("order")["quantity"].sum()
        counted = self.placed[self.placed["status"] == "paid"]
        # Only what is known before the cut-off counts.
        cutoff = counted["at"].max().normalize() + pd.Timedelta(days=1)
        known = self.reviews[self.reviews["written"] < cutoff]
        score = known.groupby("order")["stars"].mean()
        arrived = self.deliveries[self.deliveries["arrived"] < cutoff]
        arrived = arrived.drop_duplicates("order").set_index("order")["arrived"]
        counted = counted.assign(
            customer_id=counted["who"].map("b{:03}".format),
            spent=counted["order"].map(spent),
            items=counted["order"].map(items),
            score=counted["order"].map(score),
            days=(counted["order"].map(arrived) - counted["at"]) / pd.Timedelta(days=1),
        )
        right = counted.groupby("customer_id").agg(
            frequency=("order", "nunique"),
            cents=("spent", "sum"),
            last=("at", "max"),
            basket_size=("items", "mean"),
            review_score=("score", "mean"),
            delivery_days=("days", "mean"),
        )
        return right.drop(index=[*without])


def profile_with(folder: Path, **target) -> Path:
    """The folder of the project's profile, its target with some more."""
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text())
    duck = profile["customer_segmentation"]["outputs"]["duckdb"]
    duck["plugins"] += target.pop("plugins", [])
    duck |= target
    folder.mkdir(exist_ok=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return folder


def run_layers(
    project, warehouse: Path, profiles: Path, settings: dict, *, options: tuple = (), passes=True
) -> str:
    """Build staging and the features; the data folder, with files of relations, need not be."""
    given = {"source": "relations", "first_evaluation_date": "2023-03-01"} | settings
    result = project.dbt(
        warehouse.parent / "files",
        warehouse,
        "build",
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
        *("--select", *LAYERS, *SEEDS),
        *("--vars", json.dumps(given), "--profiles-dir", str(profiles)),
        *options,
    )
    assert (result.returncode == 0) == passes, result.stdout
    return result.stdout


def assert_right(found: pd.DataFrame, right: pd.DataFrame) -> None:
    assert found.index.tolist() == right.index.tolist()
    assert found["frequency"].tolist() == right["frequency"].tolist()
    assert (found["monetary_value"] * 100).round().tolist() == right["cents"].tolist()
    assert found["recency_days"].tolist() == (found["cutoff"] - right["last"]).dt.days.tolist()


@pytest.fixture(scope="module")
def attached(project, tmp_path_factory):
    """Orders in an attached database, lines in Parquet folders, reviews in a view, a CSV file."""
    folder = tmp_path_factory.mktemp("attached")
    (folder / "files").mkdir()
    tables = Tables(11)
    tables.add_strays()
    with duckdb.connect(str(folder / "crm.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("orders", tables.orders)
        connection.execute("create schema sales")
        connection.execute('create table sales."the.orders" as from orders')
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.register("reviews", tables.reviews)
        connection.register("lines", tables.lines)
        connection.execute("create schema web")
        connection.execute("create table web.stars as from reviews")
        connection.execute("create view web.reviews as from web.stars where stars > 0")
        connection.execute(
            f"copy lines to '{folder}/files/lines' (format parquet, partition_by (month))"
        )
    tables.deliveries.to_csv(folder / "files" / "sent 1.csv", index=False)
    settings = {
        "orders": {"relation": 'crm.sales."the.orders"'},
        "columns": NAMES,
        "order_lines": {
            "path": "lines/*/*.parquet",
            "columns": {
                "order_id": "order",
                "unit_price": "price",
                "items": "quantity",
                "category": {"sql": "kind || month"},
            },
        },
        "reviews": {
            "relation": "web.reviews",
            "columns": {"order_id": "order", "review_score": "stars", "reviewed_at": "written"},
        },
        "deliveries": {
            "path": f"{folder}/files/sent *.csv",
            "columns": {"order_id": "order", "delivered_at": "arrived"},
        },
        "time_zone": "America/Recife",
    }
    profiles = profile_with(folder / "profiles", attach=[{"path": str(folder / "crm.duckdb")}])
    run_layers(project, folder / "shop.duckdb", profiles, settings)
    return folder, tables, settings, profiles


def test_features_of_relations_are_those_of_pandas(attached, read):
    folder, tables, *_ = attached
    found = features_of(read, folder / "shop.duckdb")
    right = tables.right()
    assert_right(found, right)
    more = read(
        folder / "shop.duckdb",
        "select customer_id, basket_size, review_score, delivery_days "
        "from intermediate.int_customer_features semi join "
        "(from intermediate.int_cutoffs where is_as_of) using (cutoff) order by 1",
    ).set_index("customer_id")
    for feature in more:
        expected = right[feature].to_numpy(float)
        assert more[feature].to_numpy(float) == pytest.approx(expected, nan_ok=True), feature
    months = read(
        folder / "shop.duckdb", "select distinct category from staging.stg_relations__order_lines"
    )
    assert {"toys01", "books02"} < set(months["category"])


def test_every_row_of_every_relation_is_in_the_ledger(attached, read):
    folder, tables, *_ = attached
    ledger = read(folder / "shop.duckdb", "from marts.data_quality_ledger")
    total = ledger[ledger["rule"] == "all rules"].set_index("raw_table")
    rows = {
        "orders": len(tables.orders),
        "order_lines": len(tables.lines),
        "reviews": len(tables.reviews),
        "deliveries": len(tables.deliveries),
    }
    assert total["rows_in"].to_dict() == rows
    assert (total["rows_in"] == total["rows_accepted"] + total["rows_rejected"]).all()
    ruled = ledger[ledger["rule"] != "all rules"].set_index(["raw_table", "rule"])
    rejected = ruled["rows_rejected"]
    assert rejected[rejected > 0].to_dict() == {
        ("orders", "no_customer"): 2,
        ("order_lines", "no_order"): 1,
        ("order_lines", "no_key"): 1,
        ("reviews", "no_order"): 1,
        ("deliveries", "no_order"): 2,
    }
    changed = ruled["rows_changed"]
    padded = int(tables.orders["buyer"].str.endswith(" ").sum())
    assert changed[changed > 0].to_dict() == {("orders", "normalized_customer_id"): padded}


def test_an_erased_customer_stays_out_although_the_relation_has_them(
    attached, project, tmp_path, read
):
    folder, tables, settings, _ = attached
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    profiles = profile_with(
        tmp_path / "profiles", attach=[{"path": str(tmp_path / "crm.duckdb"), "read_only": True}]
    )
    warehouse = tmp_path / "shop.duckdb"
    # A table of somebody else, with the same columns.
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table web.mine as select 'b005' as customer_id, 'x' as order_id")
    told = project.dbt(
        tmp_path,
        warehouse,
        *("run-operation", "erase_customer", "--args", "{customer_id: ' b005'}"),
        *("--vars", json.dumps({"source": "relations"} | settings)),
        *("--profiles-dir", str(profiles)),
    )
    assert told.returncode == 0, told.stdout
    orders = tables.orders.loc[tables.orders["buyer"].str.strip() == "b005", "id"]
    assert len(orders) > 1
    right = tables.right(without=("b005",))
    for _ in ("erased", "built again"):
        assert_right(features_of(read, warehouse), right)
        for table, column in texts_of_layers(read, warehouse):
            names = "|".join(["b005", *orders])
            found = read(
                warehouse, f"select 1 from {table} where regexp_matches({column}, '{names}')"
            )
            assert found.empty, (table, column)
        run_layers(project, warehouse, profiles, settings)
    assert len(read(warehouse, "from web.mine")) == 1
    rejected = read(
        warehouse,
        "select raw_table, rows_rejected from marts.data_quality_ledger "
        "where rule = 'erased_on_request'",
    ).set_index("raw_table")["rows_rejected"]
    beside = {"order_lines": tables.lines, "reviews": tables.reviews}
    beside |= {"deliveries": tables.deliveries}
    erased = {name: int(rows["order"].isin(orders).sum()) for name, rows in beside.items()}
    assert rejected.to_dict() == {"orders": len(orders)} | erased
    assert min(erased.values()) > 0
    total = read(warehouse, "from marts.data_quality_ledger where rule = 'all rules'")
    assert (total["rows_in"] == total["rows_accepted"] + total["rows_rejected"]).all()
    assert total.set_index("raw_table")["rows_in"]["order_lines"] == len(tables.lines)


def texts_of_layers(read, warehouse: Path):
    """Table and column of each text in the tables of the project."""
    return read(
        warehouse,
        "select schema_name || '.' || table_name as tables, column_name as columns "
        "from duckdb_columns() semi join duckdb_tables() using (schema_name, table_name) "
        "where data_type = 'VARCHAR' and schema_name != 'web'",
    ).itertuples(index=False)


# -- the same as a flat file -----------------------------------------------------------------------


def messy(seed: int) -> pd.DataFrame:
    """Cents, times as texts, with and without an offset, ids in any case, guests, returns."""
    orders = events(seed)
    buyer = orders["who"].map("Buyer{}@example.com".format)
    buyer = buyer.where(orders.index % 3 != 0, " " + buyer.str.upper() + "\t")
    buyer = buyer.where(orders.index % 17 != 0, "GUEST").where(orders.index % 19 != 0, None)
    at = orders["at"].dt.strftime("%Y-%m-%d %H:%M:%S")
    at = at.where(orders.index % 2 == 0, at + "+02:00")
    frame = pd.DataFrame(
        {
            "id": orders["order"],
            "buyer": buyer,
            "at": at.where(orders.index % 23 != 0, None),
            "amount": orders["cents"],
            "back": np.where(orders.index % 11 == 0, orders["cents"], 0),
            "status": np.where(orders.index % 13 == 0, "void", "paid"),
            "town": "Lima",
        }
    )
    discount = frame[frame.index % 5 == 0].assign(amount=-100, at=None, buyer=None)
    returned = frame[frame.index % 7 == 1].assign(at="2023-12-24 10:00:00")
    returned = returned.assign(amount=-returned["amount"] // 2)
    own_id = frame[frame.index % 29 == 2].assign(id=lambda rows: "R" + rows["id"], amount=-700)
    return pd.concat([frame, discount, returned, own_id], ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize("returns", ["subtract", "set_aside"])
def test_the_vars_of_a_flat_file_hold_for_a_relation(returns, project, tmp_path, read):
    rows = messy(31)
    (tmp_path / "files").mkdir()
    rows.to_parquet(tmp_path / "files" / "transactions.parquet")
    columns = {"customer_id": "buyer", "ordered_at": "at", "amount": "amount", "order_id": "id"}
    columns |= {"order_status": "status", "city": "town", "refunded_amount": "back"}
    settings = {
        "time_zone": "America/Recife",
        "amount_divisor": 100,
        "normalize_customer_id": "lower_trim",
        "no_customer_values": ["guest"],
        "uncounted_order_statuses": ["void"],
        "returns": returns,
    }
    flat, related = tmp_path / "flat.duckdb", tmp_path / "related.duckdb"
    with duckdb.connect(str(related)) as connection:
        connection.register("rows", rows)
        connection.execute("create schema crm")
        connection.execute("create table crm.receipts as from rows")
    run_layers(
        *(project, flat, ROOT),
        settings | {"source": "transactions", "transaction_columns": columns},
    )
    run_layers(
        *(project, related, ROOT),
        settings | {"orders": {"relation": "crm.receipts"}, "columns": columns},
    )
    every = "from intermediate.int_customer_features order by all"
    expected = read(flat, every)
    assert expected["customer_id"].nunique() > 40 and expected["cutoff"].nunique() > 15
    pd.testing.assert_frame_equal(read(related, every), expected)
    ledger = "select * exclude (raw_table) from marts.data_quality_ledger where rule != "
    ledger += "'unreadable_line' order by rule"
    expected = read(flat, ledger)
    changed = expected.loc[expected["rows_changed"] + expected["rows_rejected"] > 0, "rule"]
    assert len(changed) >= 7
    pd.testing.assert_frame_equal(read(related, ledger), expected)
    for interface in ("stg_orders", "stg_order_returns", "stg_data_warnings"):
        table = f"from staging.{interface} order by all"
        pd.testing.assert_frame_equal(read(related, table), read(flat, table))


@pytest.mark.slow
def test_make_build_reads_files_below_the_data_folder(
    project, shop, shop_warehouse, tmp_path, read
):
    """And the segments are those of the nine tables, in a second build too."""
    rows = pd.DataFrame(flat_rows(shop))
    # Written in parts, in an order that tells nothing.
    rows = rows.sample(frac=1, random_state=1)
    for month, part in rows.groupby(rows["ordered_at"].map("{:%Y-%m}".format)):
        folder = tmp_path / "data" / "orders" / f"month={month}"
        folder.mkdir(parents=True)
        part.to_parquet(folder / "part.parquet", index=False)
    settings = {
        "source": "relations",
        "orders": {"path": "orders/*/*.parquet"},
        "columns": {name: name for name in rows},
        "first_evaluation_date": "2018-01-01",
    }
    (tmp_path / "vars.yml").write_text(yaml.safe_dump(settings))
    warehouse = tmp_path / "shop.duckdb"
    for _ in range(2):
        built = project.script(
            *("build.py", "--data", tmp_path / "data", "--warehouse", warehouse),
            *("--vars", tmp_path / "vars.yml"),
        )
        assert built.returncode == 0, built.stdout + built.stderr
        assert "Reading the raw files" not in built.stdout
        for mart in ("customer_segments", "segment_months", "order_funnel", "segment_places"):
            expected = read(shop_warehouse, f"from marts.{mart}")
            pd.testing.assert_frame_equal(read(warehouse, f"from marts.{mart}"), expected)
    settings["orders"] = {"path": "order/*.parquet"}
    (tmp_path / "vars.yml").write_text(yaml.safe_dump(settings))
    before = warehouse.read_bytes()
    failed = project.script(
        *("build.py", "--data", tmp_path / "data", "--warehouse", warehouse),
        *("--vars", tmp_path / "vars.yml"),
    )
    assert failed.returncode == 1
    told = f"orders names the files at {tmp_path}/data/order/*.parquet, which cannot be read"
    assert told in failed.stderr and "macro" not in failed.stderr
    assert "Traceback" not in failed.stderr and warehouse.read_bytes() == before


# -- what is wrong, in a sentence ------------------------------------------------------------------

TYPES = {
    "customer_id": "string",
    "order_id": "string",
    "ordered_at": "timestamp",
    "amount": "decimal",
    "items": "integer",
}


@pytest.fixture(scope="module")
def warehouse_of_orders():
    with duckdb.connect() as connection:
        connection.execute("create schema sales")
        connection.execute(
            'create table sales.orders (id bigint, buyer double, "net sum" decimal(9, 2), '
            "placed timestamp, since bigint, number decimal(9, 1))"
        )
        yield connection


@pytest.mark.parametrize(
    ("changed", "columns", "told"),
    [
        (
            {"relation": "sales.order", "named": "the relation sales.order"},
            {},
            "orders names the relation sales.order, which the warehouse does not have. Did you "
            "mean sales.orders?",
        ),
        (
            {"relation": "ordersb", "named": "the relation ordersb"},
            {},
            "Did you mean sales.orders?",
        ),
        (
            {"relation": "x.y.z", "named": "the relation x.y.z"},
            {},
            "It has: sales.orders. Another database is seen once the profile attaches it",
        ),
        (
            {"relation": "read_parquet('/nowhere/*.parquet')", "named": "the files at /nowhere"},
            {},
            "orders names the files at /nowhere, which cannot be read: there is no such file.",
        ),
        (
            {},
            {"amount": "total"},
            "columns, amount is total, but the relation sales.orders has no such column. Its "
            "columns are: id, buyer, net sum, placed, since, number.",
        ),
        (
            {"var": "reviews"},
            {"amount": "total"},
            "reviews, columns, amount is total, but",
        ),
        (
            {},
            {"customer_id": "buyer"},
            "columns, customer_id: buyer of the relation sales.orders is DOUBLE, so that 10001 "
            'would become 10001.0. Make it a whole number: customer_id: {sql: "cast(buyer as '
            'bigint)"}.',
        ),
        ({}, {"order_id": "number"}, "order_id: number of the relation sales.orders is DECIMAL"),
        (
            {},
            {"customer_id": {"sql": "buyer + 1"}},
            "columns, customer_id: buyer + 1 of the relation sales.orders is DOUBLE",
        ),
        ({}, {"ordered_at": "since"}, 'ordered_at: {sql: "to_timestamp(since)"}.'),
        (
            {},
            {"amount": {"sql": "price * 2"}},
            'columns, amount, sql: "price * 2" reads price, which the relation sales.orders does '
            "not have. Its columns are: id, buyer",
        ),
        (
            {},
            {"amount": {"sql": "(select 1)"}},
            'columns, amount, sql: "(select 1)" must be one expression',
        ),
        (
            {},
            {"amount": {"sql": "placed * 2"}},
            'columns, amount, sql: "placed * 2" cannot be computed from the relation sales.orders.',
        ),
    ],
    ids=lambda value: None,
)
def test_a_relation_that_does_not_fit_is_told(warehouse_of_orders, changed, columns, told):
    request = {"var": "orders", "relation": "sales.orders", "named": "the relation sales.orders"}
    with pytest.raises(UserError) as refused:
        check_relation(warehouse_of_orders, **request | changed, columns=columns, types=TYPES)
    assert told in str(refused.value)


def test_a_relation_that_fits_is_passed(warehouse_of_orders):
    columns = {"customer_id": {"sql": "cast(buyer as bigint)"}, "order_id": "ID"}
    columns |= {"amount": "net sum", "ordered_at": {"sql": "to_timestamp(since)"}, "items": None}
    check_relation(
        warehouse_of_orders,
        **{"var": "orders", "relation": "sales.orders", "named": "the relation sales.orders"},
        columns=columns,
        types=TYPES,
    )


@pytest.mark.parametrize(
    ("misfit", "columns", "told"),
    [
        (
            "amount: 12,50",
            {"amount": "net sum"},
            'columns, amount, net sum: "12,50" is no amount of 2 decimals at most, below '
            "10,000,000,000 (one of 3 such values). Correct it there, or give SQL that does, as "
            "amount: {sql: \"replace(\"net sum\", ',', '.')\"}.",
        ),
        (
            "amount: 12.505000",
            {"unit_price": "price", "items": "many"},
            'columns, amount, many * price: "12.505" is no amount of 2 decimals at most, below '
            "10,000,000,000 (one of 3 such values). round_amounts: true rounds the sum of an",
        ),
        ("ordered_at: 31.01.2018", {"ordered_at": "at"}, "strptime(at, '%d.%m.%Y %H:%M')"),
        ("items: 1.5", {"items": "many"}, 'items, many: "1.5" is no whole number'),
    ],
    ids=["comma", "finer", "time", "broken"],
)
def test_a_value_that_does_not_fit_is_told(misfit, columns, told):
    with pytest.raises(UserError) as refused:
        tell_misfit(var="orders", misfit=misfit, number=3, columns=columns, types=TYPES, decimals=2)
    assert told in str(refused.value)


NEEDED = {"customer_id": "c", "ordered_at": "t", "amount": "a"}
LINES = {"relation": "lines", "columns": {"order_id": "o", "amount": "a"}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"orders": None}, "source is relations, but orders names none"),
        ({"source": "olist"}, "orders names a relation, but source is olist; set source: relation"),
        ({"orders": {"relation": "a", "path": "b.csv"}}, "orders must name one relation, as one"),
        ({"orders": {"table": "a"}}, "orders has table, not one of relation, model, source, path"),
        ({"orders": {"relation": "a.b.c.d"}}, "must be a name such as crm.sales.orders"),
        ({"orders": {"relation": "a; drop table b"}, "engine": "duckdb"}, None),
        ({"orders": {"path": "a.xlsx"}}, "must be a path that ends in .parquet, .csv or .csv.gz"),
        ({"orders": {"path": "a.csv"}, "engine": "sparksession"}, "orders, path is for DuckDB"),
        ({"orders": {"source": ["crm"]}}, "orders, source must be the names of a source and a"),
        ({"orders": {"relation": "a", "columns": {}}}, "its columns stand in the var columns"),
        ({"columns": NEEDED | {"colour": "x"}}, "columns names colour; it can name customer_id"),
        ({"columns": {"customer_id": "c", "amount": "a"}}, "which column of orders is ordered_at"),
        ({"columns": NEEDED | {"amount": {"sql": ""}}}, "columns, amount has no SQL; write"),
        ({"columns": NEEDED | {"unit_price": "p"}}, "columns names amount and unit_price"),
        (
            {"columns": {"customer_id": "c", "ordered_at": "t", "unit_price": "p"}},
            "columns names unit_price without items",
        ),
        ({"columns": NEEDED | {"review_score": "s"}}, "names review_score without reviewed_at"),
        ({"order_lines": LINES}, "amount stands in columns and in order_lines, columns"),
        (
            {"order_lines": LINES, "columns": {"customer_id": "c", "ordered_at": "t"}},
            "columns does not say which column is order_id, by which order_lines finds its order",
        ),
        (
            {"reviews": {"model": "r", "columns": {"order_id": "o"}}},
            "reviews, columns does not say which column is review_score",
        ),
        (
            {"deliveries": {"model": "d", "columns": {"delivered_at": "d"}}},
            "deliveries, columns does not say which column is order_id",
        ),
        ({"deliveries": {}}, "deliveries is empty; name a relation, or set it to null"),
    ],
    ids=lambda value: None,
)
def test_vars_that_name_no_relation_are_told(given, told):
    asked = {"source": "relations", "orders": {"relation": "orders"}, "columns": NEEDED}
    asked |= dict.fromkeys(["order_lines", "reviews", "deliveries"]) | given
    engine = asked.pop("engine", "duckdb")
    if told is None:
        check_relations(asked, engine)
        return
    with pytest.raises(UserError) as refused:
        check_relations(asked, engine)
    assert told in str(refused.value)


def test_columns_of_relations_are_those_of_a_flat_file():
    macro = (ROOT / "dbt_project/macros/source_adapters/relations.sql").read_text()
    models = ROOT / "dbt_project/models/staging/transactions/_transactions__sources.yml"
    table = yaml.safe_load(models.read_text())["sources"][0]["tables"][0]
    declared = re.findall(r"^            '(\w+)': '\w+',$", macro, re.MULTILINE)
    assert declared == [column["name"] for column in table["columns"]]
