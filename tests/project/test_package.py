"""Somebody else's dbt project that has this one as a package, as docs/guides/package.md has it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from planted_changes import stationary, transactions_of

HOST = ROOT / "integration_tests"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A copy of the host beside its data, with the package installed."""
    folder = tmp_path_factory.mktemp("host")
    shutil.copytree(HOST, folder / "coffee shop", ignore=shutil.ignore_patterns("dbt_packages"))
    package = json.dumps({"packages": [{"local": str(ROOT)}]})
    (folder / "coffee shop" / "packages.yml").write_text(package)
    data = folder / "data"
    data.mkdir()
    orders = transactions_of(stationary(1, size=300, weeks=3))
    orders.to_csv(data / "transactions.csv", index=False)
    run(folder, "deps")
    return folder


def run(host: Path, *arguments: str, passes: bool = True) -> str:
    result = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments],
        cwd=host / "coffee shop",
        env=os.environ
        | {
            "DBT_PROFILES_DIR": ".",
            "SEGMENTS_DATA": str(host / "data"),
            "COFFEE_SHOP": str(host / "coffee.duckdb"),
        },
        capture_output=True,
        text=True,
    )
    assert (result.returncode == 0) == passes, result.stdout
    return result.stdout


def test_a_host_builds_its_models_beside_the_public_tables(host, read):
    said = run(host, "build")
    assert "ERROR=0" in said
    # Nothing is compared unless asked: that would take minutes at each build.
    assert "are compared in this run" not in said
    warehouse = host / "coffee.duckdb"
    assert read(warehouse, "from selection.selection_fitted_candidates").empty
    found = read(warehouse, "from main_coffee.revenue_by_segment order by segment_name")
    expected = read(
        warehouse,
        "select segment_name, count(*) as customers, sum(monetary_value) as revenue "
        "from marts.customer_segments group by 1 order by 1",
    )
    assert len(found) > 1
    assert found.equals(expected)
    # Its own models alone need none of the package's raw files.
    (host / "data").rename(host / "away")
    run(host, "build", "--select", "coffee_shop")
    said = run(host, "build", passes=False)
    assert "has no file transactions.csv" in said
    (host / "away").rename(host / "data")


def test_metrics_of_the_package_stay_out_of_the_host(host):
    kinds = ("metric", "semantic_model", "exposure", "unit_test")
    listed = run(host, "ls", *(f"--resource-type={kind}" for kind in kinds), "--quiet")
    assert listed.strip() in ("", "No nodes selected!")
