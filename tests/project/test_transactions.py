"""One flat file of transactions in place of nine tables: the same segments, or fewer features."""

import csv
import json
import re
import shutil
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
import yaml
from lifetimes.utils import summary_data_from_transaction_data

from conftest import ROOT
from make_cdnow_data import write

pytestmark = pytest.mark.slow

# A shop that writes its file in German: names, delimiter, decimals and times.
GERMAN = {
    "customer_id": "Kunde",
    "ordered_at": "Zeit der Bestellung",
    "amount": "Betrag",
    "order_id": "Bestellnummer",
    "order_status": "Status",
    "items": "Stück",
    "category": "Warengruppe",
    "state": "Land",
    "city": "Ort",
    "delivered_at": "geliefert",
    "review_score": "Sterne",
    "reviewed_at": "bewertet",
}
FORMAT = "%d.%m.%Y %H:%M:%S"
VARS = {
    "source": "transactions",
    "transaction_columns": GERMAN,
    "csv_format": {"delimiter": ";", "decimal_separator": ",", "timestamp_format": FORMAT},
    "currency": "€",
    "first_evaluation_date": "2018-01-01",
}
LEAST = {"source": "transactions", "currency": "€", "first_evaluation_date": "2018-01-01"}


def test_columns_of_a_flat_file_are_explained():
    models = ROOT / "dbt_project" / "models" / "staging" / "transactions"
    source = yaml.safe_load((models / "_transactions__sources.yml").read_text())["sources"][0]
    declared = {column["name"] for column in source["tables"][0]["columns"]}
    page = (ROOT / "docs" / "guides" / "your-own-orders.md").read_text(encoding="utf-8")
    table = page.split("## What the columns mean")[1].split("\n\n")[1]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    # A price is no column of the raw table: times the items it is the amount.
    assert named == declared | {"unit_price"}


def flat_rows(shop):
    """The nine tables as one row an order, by the neutral names."""
    rows = {name: shop.rows[f"olist_{name}_dataset"] for name in ("customers", "order_payments")}
    people = {row["customer_id"]: row for row in rows["customers"]}
    paid = {row["order_id"]: row["payment_value"] for row in rows["order_payments"]}
    reviews = {row["order_id"]: row for row in shop.rows["olist_order_reviews_dataset"]}
    for order in shop.rows["olist_orders_dataset"]:
        person = people[order["customer_id"]]
        review = reviews.get(order["order_id"], {})
        yield {
            "customer_id": person["customer_unique_id"],
            "ordered_at": order["order_purchase_timestamp"],
            "amount": paid[order["order_id"]],
            "order_id": order["order_id"],
            "order_status": order["order_status"],
            "items": 1,
            "category": "books",
            "state": person["customer_state"],
            "city": person["customer_city"],
            "delivered_at": order["order_delivered_customer_date"],
            "review_score": review.get("review_score"),
            "reviewed_at": review.get("review_answer_timestamp"),
        }


def write_german(rows, folder):
    folder.mkdir()
    with (folder / "transactions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Anmerkung", *GERMAN.values()])
        for row in rows:
            times = {
                name: row[name] and row[name].strftime(FORMAT)
                for name in ("ordered_at", "delivered_at", "reviewed_at")
            }
            written = row | times | {"amount": f"{row['amount']:.2f}".replace(".", ",")}
            writer.writerow(["keine", *(written[name] for name in GERMAN)])
    return folder


def test_a_flat_file_gives_the_segments_of_the_nine_tables(
    project, shop, shop_warehouse, tmp_path, read
):
    data = write_german(flat_rows(shop), tmp_path / "data")
    warehouse = project.dbt_build(
        data, tmp_path / "shop.duckdb", "--vars", json.dumps(VARS), tested=True
    )
    for mart in ("customer_segments", "segment_months", "order_funnel", "segment_places"):
        expected = read(shop_warehouse, f"from marts.{mart}")
        pd.testing.assert_frame_equal(read(warehouse, f"from marts.{mart}"), expected)


@pytest.fixture(scope="module")
def least(project, shop, tmp_path_factory):
    """Only who, when and how much, with rows that cannot be kept; its report too."""
    folder = tmp_path_factory.mktemp("least")
    (folder / "data").mkdir()
    rows = [
        (row["customer_id"], row["ordered_at"], f"{row['amount']:.2f}") for row in flat_rows(shop)
    ]
    rows += [(None, rows[0][1], "5.00"), ("nobody", None, "5.00"), ("returner", rows[0][1], "-5")]
    rows += [(rows[0][0], rows[0][1], "1.50"), (rows[1][0], rows[1][1], None)]
    with (folder / "data" / "transactions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("customer_id", "ordered_at", "amount"), *rows])
    (folder / "vars.yml").write_text(json.dumps(LEAST), encoding="utf-8")
    options = ["--vars", folder / "vars.yml"]
    built = project.script(
        "build.py", "--data", folder / "data", "--warehouse", folder / "shop.duckdb", *options
    )
    assert built.returncode == 0, built.stdout + built.stderr
    reported = project.script(
        "report.py", "--warehouse", folder / "shop.duckdb", "--output", folder / "report", *options
    )
    assert reported.returncode == 0, reported.stdout + reported.stderr
    return folder, rows, built.stdout


def test_every_row_is_in_the_ledger_of_a_flat_file(least, read):
    folder, rows, _ = least
    ledger = read(folder / "shop.duckdb", "from marts.data_quality_ledger").set_index("rule")
    assert ledger.loc["all rules", "rows_in"] == len(rows)
    assert ledger.loc["all rules", "rows_accepted"] == len(rows) - 3
    met = ledger[(ledger["rows_rejected"] > 0) | (ledger["rows_changed"] > 0)].drop("all rules")
    assert met[["rows_rejected", "rows_changed"]].sum(axis=1).to_dict() == {
        "no_customer": 1,
        "no_order_time": 1,
        "negative_money": 1,
        "no_value": 1,
    }
    orders = read(folder / "shop.duckdb", "from staging.stg_orders").set_index("order_id")
    customer, moment, amount = rows[0]
    order = orders.loc[f"{customer} at {moment}"]
    assert float(order["monetary_value"]) == float(amount) + 1.5
    assert len(orders) == len(rows) - 5


def test_what_a_flat_file_does_not_tell_is_left_out(least, read):
    folder, _, told = least
    customers = read(folder / "shop.duckdb", "from marts.customer_segments")
    unknown = ["review_score", "basket_size", "delivery_days"]
    assert customers[unknown].isna().all(axis=None)
    assert customers["segment_name"].nunique() == 4
    models = read(folder / "shop.duckdb", "select distinct feature from marts.feature_histograms")
    assert set(models["feature"]) == {"recency_days", "frequency", "monetary_value"}
    candidates = read(folder / "shop.duckdb", "from marts.model_comparison")
    assert not candidates["features"].str.contains("|".join(unknown)).any()
    assert candidates.loc[candidates["is_chosen"], "candidate_id"].tolist() == ["kmeans-4-rfm"]
    funnel = read(folder / "shop.duckdb", "from marts.order_funnel where funnel = 'orders'")
    assert funnel["stage"].tolist() == ["placed", "counted"]
    assert "€ " in told
    for page in ("index", "exploration", "choice", "maintenance", "method"):
        text = (folder / "report" / f"{page}.html").read_text(encoding="utf-8")
        for word in ("review score", "Review score", "basket", "elivered", "R$", ">nan<"):
            assert word not in text, (page, word)
    assert "transactions" in (folder / "report" / "tables.html").read_text(encoding="utf-8")


def test_a_customer_of_a_flat_file_is_erased_from_every_table(least, project, tmp_path, read):
    folder, rows, _ = least
    warehouse = Path(shutil.copy(folder / "shop.duckdb", tmp_path))
    before = warehouse.read_bytes()
    told = project.script("registry.py", "--warehouse", warehouse, "erase", "loyal 00")
    assert told.returncode == 1
    assert "was not built from this source: give the vars" in told.stderr
    assert warehouse.read_bytes() == before
    told = project.script(
        "registry.py", "--warehouse", warehouse, "--vars", folder / "vars.yml", "erase", "loyal 00"
    )
    assert told.returncode == 0, told.stderr
    transactions = read(warehouse, "from raw.transactions")
    assert len(transactions) == len(rows) - sum(row[0] == "loyal 00" for row in rows) < len(rows)
    texts = read(
        warehouse,
        "select schema_name || '.' || table_name as tables, column_name as columns "
        "from duckdb_columns() semi join duckdb_tables() using (schema_name, table_name) "
        "where data_type = 'VARCHAR' and database_name = current_database()",
    )
    for table, column in texts.itertuples(index=False):
        found = read(warehouse, f"select 1 from {table} where {column} like '%loyal 00%'")
        assert found.empty, (table, column)


def test_cdnow_features_equal_the_summary_of_lifetimes(project, tmp_path, read):
    transactions = write(tmp_path / "data")
    warehouse = tmp_path / "cdnow.duckdb"
    settings = (ROOT / "presets" / "cdnow.yml").read_text()
    layers = [f"path:dbt_project/models/{room}" for room in ("staging", "intermediate")]
    result = project.dbt(
        tmp_path / "data", warehouse, "run", "--select", *layers, "--vars", settings
    )
    assert result.returncode == 0, result.stdout
    ours = read(
        warehouse,
        "select customer_id, recency_days, frequency, cast(monetary_value as double) as spent, "
        "basket_size from intermediate.int_customer_features "
        "semi join (from intermediate.int_cutoffs where is_as_of) as newest using (cutoff) ",
    ).set_index("customer_id")
    with (files("lifetimes") / "datasets" / "CDNOW_master.txt").open() as file:
        raw = pd.read_csv(file, sep=r"\s+", dtype={"customer_id": str, "date": str})
    raw["date"] = pd.to_datetime(raw["date"], format="%Y%m%d")
    assert len(raw) == transactions == 69_659
    theirs = summary_data_from_transaction_data(
        raw, "customer_id", "date", "dollar_value", observation_period_end="1998-06-30"
    ).reindex(ours.index)
    # They count what follows the first day of purchase, in days up to the last day of the data;
    # here everything counts, up to the midnight after it.
    assert (ours["frequency"] == theirs["frequency"] + 1).all()
    assert (ours["recency_days"] == theirs["T"] - theirs["recency"] + 1).all()
    days = raw.groupby(["customer_id", "date"])["dollar_value"].sum()
    spent = theirs["monetary_value"] * theirs["frequency"] + days.groupby("customer_id").first()
    assert ours["spent"].to_numpy() == pytest.approx(spent.loc[ours.index].to_numpy(), abs=1e-6)
    discs = raw.groupby("customer_id")["number_of_cds"].sum().loc[ours.index] / ours["frequency"]
    assert ours["basket_size"].to_numpy() == pytest.approx(discs.to_numpy())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"source": "shopify"}, "source is shopify; it must be olist, transactions or relations."),
        (
            {"source": "transactions", "transaction_columns": {"customer_id": "k"}},
            "it does not say which column of the file is ordered_at",
        ),
        (
            {
                "source": "transactions",
                "transaction_columns": {"customer_id": "k", "ordered_at": "t"},
            },
            "which column of the file is amount; amount: null leaves money out",
        ),
        (
            {"source": "transactions", "transaction_columns": GERMAN | {"reviewed_at": None}},
            "it names review_score without reviewed_at",
        ),
        (
            {"source": "transactions", "transaction_columns": GERMAN | {"colour": "Farbe"}},
            "it names colour; it can name customer_id, ordered_at",
        ),
        (
            {"source": "transactions", "transaction_columns": GERMAN},
            "Its first readable line is: Anmerkung;Kunde;",
        ),
        (
            VARS | {"csv_format": VARS["csv_format"] | {"timestamp_format": None}},
            'line 2, column Zeit der Bestellung: "01.09.2017 09:00:00" is no time',
        ),
        (
            VARS | {"transaction_columns": GERMAN | {"amount": "Summe"}},
            "has no column Summe. Its columns are: Anmerkung, Kunde, ",
        ),
    ],
    ids=["source", "missing", "money", "undated", "unknown", "delimiter", "format", "column"],
)
def test_wrong_settings_of_a_source_are_reported(changed, told, project, shop, tmp_path):
    data = write_german(flat_rows(shop), tmp_path / "data")
    (tmp_path / "vars.yml").write_text(json.dumps(changed), encoding="utf-8")
    result = project.script(
        "build.py",
        *("--data", data, "--warehouse", tmp_path / "shop.duckdb", "--vars", tmp_path / "vars.yml"),
    )
    assert result.returncode == 1
    assert told in result.stderr
    assert "Traceback" not in result.stderr and "macro" not in result.stderr
    assert not (tmp_path / "shop.duckdb").exists()


@pytest.mark.parametrize(
    ("text", "told"), [(None, "cannot be read"), ("- a", "name: value"), ("a: [", "cannot be read")]
)
def test_a_file_of_vars_that_cannot_be_read_is_reported(text, told, project, shop_data, tmp_path):
    if text:
        (tmp_path / "vars.yml").write_text(text)
    result = project.script(
        "build.py",
        *("--data", shop_data, "--warehouse", tmp_path / "shop.duckdb"),
        *("--vars", tmp_path / "vars.yml"),
    )
    assert result.returncode == 1
    assert "vars.yml" in result.stderr and told in result.stderr
    assert "Traceback" not in result.stderr
