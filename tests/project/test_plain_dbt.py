"""dbt in the forms that people call it: each works, or ends in one sentence."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT


@pytest.fixture
def built(shop_warehouse, tmp_path):
    return Path(shutil.copy(shop_warehouse, tmp_path / "shop.duckdb"))


def rows_of(warehouse, query):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(query).fetchall()


def segments_of(warehouse, schema="marts"):
    return rows_of(warehouse, f"from {schema}.customer_segments order by customer_id")


def fault_of(result):
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    return " ".join(result.stdout.split())


@pytest.mark.parametrize("command", ["run", "build"])
def test_empty_would_empty_the_segments(project, shop_data, built, command):
    before = built.read_bytes()
    assert "--empty would replace the segments" in fault_of(
        project.dbt(shop_data, built, command, "--empty")
    )
    assert built.read_bytes() == before


def test_some_models_are_not_built_with_other_vars_than_those_that_they_read(
    project, shop_data, built
):
    def run(select, margin):
        changes = json.dumps({"hysteresis_margin": margin})
        return project.dbt(shop_data, built, "run", "--select", select, "--vars", changes)

    before = segments_of(built)
    others = "read others that were built with another hysteresis_margin. Give the same vars"
    assert others in fault_of(run("marts.segments", 0.2))
    assert segments_of(built) == before
    assert run("marts.segments", 0.1).returncode == 0
    # What reads nothing else may be built with other vars; after that no marts read it.
    assert run("+int_customer_facts", 0.2).returncode == 0
    assert others in fault_of(run("marts.segments", 0.2))
    assert others in fault_of(run("marts.segments", 0.1))


@pytest.mark.slow
def test_a_whole_run_begins_with_new_vars(project, shop_data, built):
    changes = ("--vars", json.dumps({"currency": "EUR"}))
    project.dbt_build(shop_data, built, *changes)
    project.dbt_build(shop_data, built, *changes, "--select", "marts.segments")
    assert rows_of(built, "select distinct currency from marts.segment_profiles") == [("EUR",)]


def test_run_needs_the_seeds(project, shop_data, tmp_path):
    fault = fault_of(project.dbt(shop_data, tmp_path / "new.duckdb", "run"))
    assert "is not in the warehouse yet: run dbt seed first, or dbt build" in fault


@pytest.mark.slow
def test_run_has_the_guards_that_build_has(project, shop_data, built):
    changes = json.dumps({"first_evaluation_date": "2031-01-01"})
    fault = fault_of(project.dbt(shop_data, built, "run", "--vars", changes))
    assert "first_evaluation_date" in fault and "2031-01-01" in fault


def test_retry_goes_on_where_a_run_has_failed(project, shop_data, built):
    before = segments_of(built)
    with duckdb.connect(str(built)) as connection:
        connection.execute("alter table marts.customer_segments rename to hidden")
    run = ("run", "--select", "segment_profiles", "--write-json")
    assert "customer_segments does not exist" in fault_of(project.dbt(shop_data, built, *run))
    with duckdb.connect(str(built)) as connection:
        connection.execute("alter table marts.hidden rename to customer_segments")
        connection.execute("drop table marts.segment_profiles")
    result = project.dbt(shop_data, built, "retry")
    assert result.returncode == 0, result.stdout
    profiles = rows_of(built, "select sum(customers) from marts.segment_profiles")
    assert profiles == [(len(before),)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "option", [("--fail-fast",), ("--store-failures",), ("--sample", "3 days")]
)
def test_an_option_of_dbt_changes_no_segment(project, shop_data, built, option):
    before = segments_of(built)
    select = ("--select", "customer_segments segment_profiles")
    result = project.dbt(shop_data, built, "build", *select, *option)
    assert result.returncode == 0, result.stdout
    assert segments_of(built) == before


@pytest.mark.slow
def test_a_profile_has_a_schema_of_its_own(project, shop_data, built, tmp_path, monkeypatch):
    """All layers of the developer lie beside those of production, which stay as they are."""
    profiles = yaml.safe_load((ROOT / "profiles.yml").read_text())
    profiles["customer_segmentation"]["outputs"]["duckdb"]["schema"] = "dev_anna"
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
    before, schemas = segments_of(built), "select distinct schema_name from duckdb_tables()"
    layers = {name for (name,) in rows_of(built, schemas)}
    project.dbt_build(shop_data, built, "--profiles-dir", str(tmp_path))
    assert segments_of(built) == before == segments_of(built, "dev_anna_marts")
    assert {name for (name,) in rows_of(built, schemas)} == layers | {
        f"dev_anna_{name}" for name in layers
    }


def test_a_profile_without_the_plugin_is_told_how_to_load_it(project, shop_data, built, tmp_path):
    profiles = yaml.safe_load((ROOT / "profiles.yml").read_text())
    del profiles["customer_segmentation"]["outputs"]["duckdb"]["plugins"]
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
    fault = fault_of(project.dbt(shop_data, built, "run", "--profiles-dir", str(tmp_path)))
    assert (
        "Add to the target duckdb in profiles.yml: plugins: [{module: segmentation_dbt}]" in fault
    )


@pytest.mark.slow
def test_the_project_is_run_from_elsewhere(project, shop_data, built, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = project.environment(shop_data, built) | {"SEGMENTS_WAREHOUSE": str(built)}
    del environment["DBT_PROJECT_DIR"], environment["DBT_PROFILES_DIR"]
    command = [
        Path(sys.executable).with_name("dbt"),
        "--quiet",
        "run",
        "--select",
        "marts.segments",
    ]
    folders = ["--project-dir", ROOT, "--profiles-dir", ROOT]
    run = subprocess.run(
        [*command, *folders], cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
def test_a_locked_warehouse_is_named(project, shop_data, built):
    """dbt opens the warehouse before the project is asked: the sentence is DuckDB's."""
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(built)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.readline()
        result = project.dbt(shop_data, built, "run", "--select", "segment_profiles")
        process.communicate("\n")
    said = result.stdout
    assert result.returncode != 0
    assert f'Could not set lock on file "{built.name}"' in said or str(built) in said
    assert f"PID {process.pid}" in said


RETURNS = {
    "source": "transactions",
    "transaction_columns": {
        name: name for name in ("customer_id", "ordered_at", "amount", "order_id")
    },
    "returns": "subtract",
    "evaluation_interval_weeks": 13,
}


@pytest.fixture
def returned_data(tmp_path):
    """With a customer who sends the only order back after the newest evaluation date."""
    rng = np.random.default_rng(5)
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, 300, 900)],
            "ordered_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(np.sort(rng.choice(300 * 86_400, 900, replace=False)), "s"),
            "amount": rng.integers(500, 20_000, 900) / 100,
            "order_id": [f"o{number}" for number in range(900)],
        }
    )
    back = pd.DataFrame(
        {
            "customer_id": "gone",
            "ordered_at": [orders["ordered_at"][500], orders["ordered_at"].max()],
            "amount": [20.0, -20.0],
            "order_id": "back",
        }
    )
    data = tmp_path / "data"
    data.mkdir()
    pd.concat([orders, back]).to_csv(data / "transactions.csv", index=False)
    return data


def test_a_build_with_returns_passes_all_that_build_runs(project, returned_data, tmp_path):
    warehouse = tmp_path / "shop.duckdb"
    result = project.dbt(returned_data, warehouse, "build", "--vars", json.dumps(RETURNS))
    assert result.returncode == 0, result.stdout
    left = "from marts.customer_segments where customer_id = 'gone'"
    assert rows_of(warehouse, left) == []
    was = "from marts.customer_segment_history where customer_id = 'gone' and is_current"
    assert len(rows_of(warehouse, was)) == 1


@pytest.mark.slow
def test_unit_tests_pass_with_other_vars_than_the_default(project, returned_data, tmp_path):
    """They hold the code by vars of their own, so whoever asks for them gets them."""
    given = ("--vars", json.dumps(RETURNS))
    warehouse = project.dbt_build(returned_data, tmp_path / "shop.duckdb", *given)
    result = project.dbt(returned_data, warehouse, "test", "-s", "test_type:unit", *given)
    assert result.returncode == 0, result.stdout
