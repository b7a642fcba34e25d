"""The metrics of the semantic layer give the figures that pandas gives, and dbt validates them."""

import shutil
from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
from test_readme_queries import QUERIES

from conftest import ROOT

METRICS = ["customers", "revenue", "average_order_value", "repeat_rate"]


@pytest.fixture(scope="module")
def expected(shop_warehouse):
    """The figures by segment, by pandas."""
    with duckdb.connect(str(shop_warehouse), read_only=True) as connection:
        customers = connection.execute("from marts.customer_segments").df()
    customers["monetary_value"] = customers["monetary_value"].astype(float)
    by_segment = customers.groupby(["segment_id", "segment_name"])
    revenue = by_segment["monetary_value"].sum()
    return pd.DataFrame(
        {
            "customers": by_segment.size(),
            "revenue": revenue,
            "average_order_value": revenue / by_segment["frequency"].sum(),
            "repeat_rate": by_segment["frequency"].agg(lambda frequency: (frequency >= 2).mean()),
        }
    ).reset_index()


def test_metrics_of_the_semantic_layer_equal_pandas(project, shop_warehouse, expected):
    manifest = parse_manifest_from_dbt_generated_manifest(
        (project.folder / "target" / "semantic_manifest.json").read_text()
    )
    engine = MetricFlowEngine(
        SemanticManifestLookup(manifest),
        SimpleNamespace(
            sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer()
        ),
    )
    dimensions = ["customer__segment_id", "customer__segment_name", "metric_time"]
    query = engine.explain(
        MetricFlowQueryRequest.create(metric_names=METRICS, group_by_names=dimensions)
    ).sql_statement.sql
    database = manifest.semantic_models[0].node_relation.database
    with duckdb.connect() as connection:
        connection.execute(f"attach '{shop_warehouse}' as {database} (read_only)")
        figures = connection.execute(query).df().sort_values("customer__segment_id")
    assert figures["metric_time__day"].unique() == [pd.Timestamp("2018-02-01")]
    figures = figures.rename(columns=lambda column: column.removeprefix("customer__"))
    pd.testing.assert_frame_equal(
        figures[expected.columns].astype(expected.dtypes).reset_index(drop=True), expected
    )


def test_the_plain_sql_of_the_readme_equals_pandas(shop_warehouse, read, expected):
    figures = read(shop_warehouse, QUERIES["How do the segments compare?"])
    pd.testing.assert_frame_equal(figures[expected.columns].astype(expected.dtypes), expected)


def test_profiles_give_the_same_where_they_overlap(shop_warehouse, read, expected):
    profiles = read(shop_warehouse, "from marts.segment_profiles order by segment_id")
    assert profiles["segment_name"].tolist() == expected["segment_name"].tolist()
    assert profiles["customers"].tolist() == expected["customers"].tolist()
    assert profiles["revenue"].astype(float).to_numpy() == pytest.approx(expected["revenue"])
    orders = profiles["customers"] * profiles["mean_frequency"]
    assert (expected["revenue"] / orders).to_numpy() == pytest.approx(
        expected["average_order_value"]
    )


def test_the_time_spine_has_every_day_once(shop_warehouse, read):
    days = read(shop_warehouse, "from intermediate.int_days order by day")["day"]
    expected = pd.date_range("2017-03-01", "2018-02-01")
    assert days.tolist() == expected.tolist()


def test_dbt_refuses_a_metric_of_a_metric_that_does_not_exist(project, shop_data, tmp_path):
    for part in ("dbt_project", "python_models"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for file in ("dbt_project.yml", "profiles.yml", "selectors.yml", ".dbtignore"):
        shutil.copy(ROOT / file, tmp_path)
    metrics = tmp_path / "dbt_project" / "models" / "marts" / "_marts__metrics.yml"
    told = metrics.read_text()
    assert "numerator: repeat_customers" in told
    metrics.write_text(told.replace("numerator: repeat_customers", "numerator: repeaters"))
    result = project.dbt(
        shop_data,
        tmp_path / "shop.duckdb",
        *("parse", "--no-partial-parse", "--project-dir", str(tmp_path)),
        *("--profiles-dir", str(tmp_path), "--target-path", str(tmp_path / "target")),
    )
    assert result.returncode != 0
    assert "metric `repeaters` does not exist" in " ".join(result.stdout.split())
