"""The demo data: Olist's schema and marginals, repeatable, with segments that come out."""

import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from conftest import ROOT
from shop import COLUMNS

pytestmark = pytest.mark.slow


def make(folder, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_demo_data.py", folder, *arguments],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "data"
    assert make(folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def demo_warehouse(project, demo, tmp_path_factory):
    """What plain `dbt build` makes, with every test, dbt's unit tests too."""
    warehouse = tmp_path_factory.mktemp("demo") / "shop.duckdb"
    result = project.dbt(demo, warehouse, "build")
    assert result.returncode == 0, result.stdout + result.stderr
    return warehouse


def test_the_files_have_the_columns_of_the_published_ones(demo):
    for table, columns in COLUMNS.items():
        header = (demo / f"{table}.csv").read_text(encoding="utf-8-sig").splitlines()[0]
        assert header == ",".join(columns)
    translation = (demo / "product_category_name_translation.csv").read_bytes()
    assert translation.startswith(b"\xef\xbb\xbf")


def test_marginals_resemble_olists(demo):
    orders = pd.read_csv(demo / "olist_orders_dataset.csv", parse_dates=[3])
    customers = pd.read_csv(demo / "olist_customers_dataset.csv")
    payments = pd.read_csv(demo / "olist_order_payments_dataset.csv")
    reviews = pd.read_csv(demo / "olist_order_reviews_dataset.csv")
    by_person = customers.groupby("customer_unique_id").size()
    assert len(by_person) == 20_000
    assert (by_person > 1).mean() == pytest.approx(0.03, abs=0.005)
    ordered_at = orders["order_purchase_timestamp"]
    assert ordered_at.min().year == 2016
    assert ordered_at.max() > pd.Timestamp("2018-09-01")
    by_year = ordered_at.dt.year.value_counts()
    assert by_year[2016] < by_year[2017] < by_year[2018]
    assert reviews["review_score"].mode()[0] == 5
    assert reviews["review_score"].mean() == pytest.approx(4.1, abs=0.15)
    value = payments.groupby("order_id")["payment_value"].sum()
    assert value.median() == pytest.approx(105, rel=0.15)
    assert value.mean() > 1.2 * value.median()
    # Missing values of the same kinds.
    assert 0 < (~orders["order_id"].isin(payments["order_id"])).sum() < 20
    assert 0 < (~orders["order_id"].isin(reviews["order_id"])).mean() < 0.02
    assert 0 < reviews["review_answer_timestamp"].isna().sum() < 40
    assert reviews["review_comment_message"].str.contains("\n").any()
    assert reviews["review_comment_message"].str.contains('"').any()


def test_the_same_arguments_give_the_same_files(tmp_path):
    for name, arguments in {
        "one": ["--customers", "60000"],
        "two": ["--customers", "60000"],
        "other": ["--customers", "60000", "--seed", "2"],
    }.items():
        assert make(tmp_path / name, *arguments).returncode == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    orders = "olist_orders_dataset.csv"
    assert (tmp_path / "one" / orders).read_bytes() != (tmp_path / "other" / orders).read_bytes()


def test_parquet_holds_the_rows_of_csv(tmp_path):
    assert make(tmp_path / "csv", "--customers", "300").returncode == 0
    assert make(tmp_path / "parquet", "--customers", "300", "--format", "parquet").returncode == 0
    for table in COLUMNS:
        csv, parquet = (
            duckdb.sql(f"select count(*) from '{tmp_path}/{kind}/{table}.{kind}'").fetchall()
            for kind in ("csv", "parquet")
        )
        assert csv == parquet


def test_data_are_never_overwritten(tmp_path):
    (tmp_path / "mine.csv").write_text("precious")
    result = make(tmp_path)
    assert result.returncode == 1
    assert "is not empty" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_the_planted_segments_come_out(demo, demo_warehouse, read):
    """Nearly all planted customers are in the segment of their name, and few others are."""
    segments = read(demo_warehouse, "select customer_id, segment_name from marts.customer_segments")
    planted = pd.read_csv(demo / "planted_segments.csv").rename(
        columns={"customer_unique_id": "customer_id"}
    )
    both = segments.merge(planted, on="customer_id")
    for kind, name in {
        "loyal": "Loyal customers",
        "dissatisfied": "Dissatisfied customers",
    }.items():
        is_planted = both["planted_segment"] == kind
        is_found = both["segment_name"] == name
        jaccard = (is_planted & is_found).sum() / (is_planted | is_found).sum()
        assert jaccard > 0.85, (kind, jaccard)
