"""Orders that are tables already: in a warehouse, in another database, in files, in a workbook.

What is right is computed with pandas from the same rows, before they are written anywhere.
"""

import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from test_exports import LAYERS, events, features_of

from conftest import ROOT

SEEDS = ["data_quality_rules", "data_quality_ledger"]
NAMES = {
    "customer_id": "buyer",
    "ordered_at": "placed at",
    "order_id": "id",
    "order_status": "status",
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
                "status": placed["status"],
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
        self.orders = pd.concat([self.orders, nobody])

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


def run_layers(project, warehouse: Path, profiles: Path, settings: dict, *, passes=True) -> str:
    """Build staging and the features; there is no data folder but that of the files."""
    given = {"source": "relations", "first_evaluation_date": "2023-03-01"} | settings
    result = project.dbt(
        warehouse.parent / "files",
        warehouse,
        "build",
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
        *("--select", *LAYERS, *SEEDS),
        *("--vars", json.dumps(given), "--profiles-dir", str(profiles)),
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
        orders = tables.orders
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema sales")
        connection.execute("create table sales.\"the.orders\" as from orders")
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        reviews, lines = tables.reviews, tables.lines
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
    months = read(folder / "shop.duckdb", "select distinct category from staging.stg_relations__order_lines")
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
    assert changed[changed > 0].empty
