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

pytestmark = pytest.mark.slow

METRICS = ["customers", "revenue", "average_order_value", "repeat_rate"]


@pytest.fixture(scope="module")
def manifest(project, shop_warehouse):
    """What dbt has made of the metrics when it built the small shop."""
    return parse_manifest_from_dbt_generated_manifest(
        (project.target(shop_warehouse) / "semantic_manifest.json").read_text()
    )


@pytest.fixture(scope="module")
def shop_of_all_frequencies(manifest, shop_warehouse):
    """The small shop, as if its customers had bought once to four times in turn."""
    database = manifest.semantic_models[0].node_relation.database
    with duckdb.connect() as connection:
        connection.execute(f"attach '{shop_warehouse}' as built (read_only)")
        connection.execute(f"attach ':memory:' as \"{database}\"")
        connection.execute(f'create schema "{database}".marts')
        connection.execute(f'use "{database}"')
        connection.execute(
            "create table marts.customer_segments as "
            "select * replace (cast(1 + row_number() over () % 4 as integer) as frequency) "
            "from built.marts.customer_segments"
        )
        yield connection


def by_segment(customers):
    """The figures by segment, by pandas."""
    customers = customers.assign(monetary_value=customers["monetary_value"].astype(float))
    segments = customers.groupby(["segment_id", "segment_name"])
    revenue = segments["monetary_value"].sum()
    return pd.DataFrame(
        {
            "customers": segments.size(),
            "revenue": revenue,
            "average_order_value": revenue / segments["frequency"].sum(),
            "repeat_rate": segments["frequency"].agg(lambda frequency: (frequency >= 2).mean()),
        }
    ).reset_index()


def assert_same_figures(figures, expected):
    pd.testing.assert_frame_equal(
        figures[expected.columns].astype(expected.dtypes).reset_index(drop=True), expected
    )


def test_metrics_of_the_semantic_layer_equal_pandas(manifest, shop_of_all_frequencies):
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
    figures = shop_of_all_frequencies.execute(query).df().sort_values("customer__segment_id")
    assert figures["metric_time__day"].unique() == [pd.Timestamp("2018-02-01")]
    expected = by_segment(shop_of_all_frequencies.execute("from marts.customer_segments").df())
    assert_same_figures(figures.rename(columns=lambda name: name.split("__")[-1]), expected)


def test_the_plain_sql_of_the_readme_equals_pandas(shop_of_all_frequencies):
    figures = shop_of_all_frequencies.execute(QUERIES["How do the segments compare?"]).df()
    expected = by_segment(shop_of_all_frequencies.execute("from marts.customer_segments").df())
    assert_same_figures(figures, expected)


def test_profiles_give_the_same_where_they_overlap(shop_warehouse, read):
    expected = by_segment(read(shop_warehouse, "from marts.customer_segments"))
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
