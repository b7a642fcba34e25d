"""`dbt build --target spark` gives the marts that DuckDB gives. Run by `make test-spark`.

SEGMENTS_SPARK_MASTER names another master than local[2], such as local-cluster[2,1,1024].
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from compare_marts import compare, keys_of_marts
from conftest import REGISTRY, ROOT, Project

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module", autouse=True)
def everything_is_there():
    """Whoever asks for these tests is told what is missing: they are never skipped."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.fail("pyspark is not installed: uv sync --extra spark, or make test-spark")
    if shutil.which("java") is None:
        pytest.fail("there is no java on the PATH: Spark needs Java 17 or newer")


@dataclass
class Builds:
    """One folder of raw files, built by both targets."""

    project: Project
    data: Path
    duckdb: Path
    spark: Path

    def on_spark(self, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess:
        environment = self.project.environment(data or self.data, self.duckdb) | {
            "SEGMENTS_SPARK_WAREHOUSE": str(self.spark),
            "DBT_TARGET_PATH": str(self.project.folder / "target_spark"),
        }
        if environment.get("SEGMENTS_SPARK_MASTER", "").startswith("local-cluster"):
            home = Path(importlib.util.find_spec("pyspark").origin).parent
            environment.setdefault("SPARK_HOME", str(home))
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments, "--target", "spark"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )

    def rows_on_spark(self, table: str) -> int:
        schema, name = table.split(".")
        files = self.spark / "tables" / f"{schema}.db" / name / "*.parquet"
        return duckdb.sql(f"select count(*) from read_parquet('{files}')").fetchall()[0][0]


def build(project: Project, data: Path, folder: Path) -> Builds:
    """By both targets, with a comparison of the candidates for the model."""
    builds = Builds(project, data, folder / "built.duckdb", folder / "spark")
    project.dbt_build(data, builds.duckdb, "--selector", "comparison")
    result = builds.on_spark("build", "--selector", "comparison")
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    return builds


@pytest.fixture(scope="module")
def shop_builds(project, shop_data, tmp_path_factory) -> Builds:
    return build(project, shop_data, tmp_path_factory.mktemp("spark_shop"))


def assert_equal(builds: Builds) -> None:
    marts, agreement = compare(builds.duckdb, builds.spark)
    differing = {mart.mart: mart for mart in marts if mart.differing_rows}
    assert not differing
    assert agreement >= 0.99
    # A change of model fills segment_events, thirty days after a refit maintenance_outcomes.
    # Audiences and campaigns are refused on Spark.
    empty = {mart.mart for mart in marts if not mart.first_rows}
    of_audiences = {"audience_changes", "audience_members", "campaign_members"}
    of_audiences |= {"campaign_arms", "campaign_results"}
    assert empty <= of_audiences | {"segment_events", "maintenance_outcomes"}


def test_every_mart_is_equal_on_a_small_shop(shop_builds):
    assert_equal(shop_builds)


def test_a_difference_shows(shop_builds, tmp_path):
    changed = tmp_path / "changed.duckdb"
    shutil.copy(shop_builds.duckdb, changed)
    with duckdb.connect(str(changed)) as connection:
        connection.execute(
            "update marts.segment_stability set customers = customers + 1 "
            "where weeks = (select max(weeks) from marts.segment_stability)"
        )
        connection.execute(
            "update marts.segment_model_centroids set centroid = centroid * (1 + 1e-8) "
            "where feature = 'frequency' and cluster = 0"
        )
        connection.execute(
            "update marts.model_comparison set silhouette = silhouette + 1e-6 "
            "where candidate_id = 'kmeans-4-rfm-review'"
        )
        connection.execute("update marts.model_comparison set fit_seconds = fit_seconds + 1")
        connection.execute(
            "delete from marts.customer_segments where customer_id = "
            "(select min(customer_id) from marts.customer_segments)"
        )
        models = connection.execute("select count(*) from marts.segment_models").fetchone()[0]
    marts, _ = compare(changed, shop_builds.spark)
    differing = {mart.mart: mart.differing_rows for mart in marts if mart.differing_rows}
    assert differing == {
        "segment_stability": 1,
        "segment_model_centroids": models,
        "model_comparison": 1,
        "customer_segments": 1,
    }


def test_every_mart_is_compared(shop_builds):
    built = {path.name for path in (shop_builds.spark / "tables" / "marts.db").iterdir()}
    assert built == set(keys_of_marts())


def test_a_second_build_adds_nothing_to_the_ledger(shop_builds):
    before = {table: shop_builds.rows_on_spark(table) for table in REGISTRY}
    result = shop_builds.on_spark("build", "--exclude-resource-type", "test", "unit_test")
    assert result.returncode == 0, result.stdout[-5000:]
    assert {table: shop_builds.rows_on_spark(table) for table in REGISTRY} == before
    assert_equal(shop_builds)


def test_a_value_that_does_not_fit_stops_the_build(shop_builds, shop_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(shop_data, data)
    payments = data / "olist_order_payments_dataset.csv"
    header, first, rest = payments.read_text().split("\n", 2)
    fields = first.split(",")
    fields[header.split(",").index("payment_value")] = "much"
    payments.write_text("\n".join([header, ",".join(fields), rest]))
    result = shop_builds.on_spark("build", data=data)
    assert result.returncode != 0
    assert f'{payments}, column payment_value: "much" is no decimal(12, 2)' in result.stdout
    assert "Traceback" not in result.stdout


def test_a_missing_file_stops_the_build(shop_builds, shop_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(shop_data, data)
    (data / "olist_orders_dataset.csv").unlink()
    result = shop_builds.on_spark("build", data=data)
    assert result.returncode != 0
    assert "has no file olist_orders_dataset.csv" in result.stdout


def test_erasing_says_that_it_cannot(shop_builds):
    result = shop_builds.on_spark("run-operation", "erase_customer", "--args", "{customer_id: x}")
    assert result.returncode != 0
    assert "On Spark no customer can be erased" in result.stdout


def test_the_query_of_segment_of_gives_what_the_function_gives(shop_builds):
    given = {"recency_days": 3.0, "frequency": 2.0, "monetary_value": 120.0}
    compiled = shop_builds.on_spark("compile", "--quiet", "--select", "segment_of")
    assert compiled.returncode == 0, compiled.stdout[-3000:]
    query = re.sub(r"^--.*$", "", compiled.stdout, flags=re.MULTILINE)
    query = re.sub(r":([a-z_]+)\b", lambda name: str(given.get(name[1], "null")), query)
    query = query[query.index("with") :]
    shown = shop_builds.on_spark("show", "--quiet", "--output", "json", "--inline", query)
    assert shown.returncode == 0, shown.stdout[-3000:]
    (row,) = json.loads(shown.stdout[shown.stdout.index("{") :])["show"]
    with duckdb.connect(str(shop_builds.duckdb), read_only=True) as connection:
        parameters = ", ".join(f"{name} := {value}" for name, value in given.items())
        expected = connection.sql(f"from marts.segment_of({parameters})").to_df().iloc[0]
    assert row["segment_name"] == expected["segment_name"]
    assert row["runner_up_segment_id"] == expected["runner_up_segment_id"]
    assert float(row["confidence"]) == pytest.approx(expected["confidence"], rel=1e-9)


def test_every_mart_is_equal_on_olist(project, olist_data, tmp_path):
    assert_equal(build(project, olist_data, tmp_path))
