"""Somebody else's dbt project that has this one as a package, as docs/guides/package.md has it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
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
    orders = transactions_of(stationary(1, size=300, weeks=3))
    receipts = pd.DataFrame(
        {
            "receipt": range(len(orders)),
            "card": orders["customer_id"],
            "printed_at": orders["ordered_at"],
            "cents": (orders["amount"].astype(float) * 100).round().astype(int),
            "stars": orders["review_score"],
        }
    )
    with duckdb.connect(str(folder / "coffee.duckdb")) as connection:
        connection.register("receipts", receipts)
        connection.execute("create schema till")
        connection.execute("create table till.receipts as from receipts")
    run(folder, "deps")
    return folder


def run(host: Path, *arguments: str, passes: bool = True, **environment: str) -> str:
    result = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments],
        cwd=host / "coffee shop",
        env=os.environ
        | {
            "DBT_PROFILES_DIR": ".",
            "SEGMENTS_DATA": str(host / "data"),
            "COFFEE_SHOP": str(host / "coffee.duckdb"),
        }
        | environment,
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
    orders = read(warehouse, "from main_coffee.coffee_orders")
    paid = orders.groupby("customer_id")["amount"].agg(["size", "sum"])
    customers = read(warehouse, "from marts.customer_segments").set_index("customer_id")
    assert len(customers) == len(paid) > 100
    paid = paid.loc[customers.index]
    assert customers["frequency"].tolist() == paid["size"].tolist()
    spent = customers["monetary_value"].astype(float).to_numpy()
    assert spent == pytest.approx(paid["sum"].astype(float).to_numpy(), abs=1e-6)
    run(host, "build", "--select", "coffee_shop")


@pytest.mark.slow
def test_a_host_needs_a_data_folder_for_raw_files(host):
    of_files = ("--vars", json.dumps({"source": "transactions", "orders": None}))
    said = run(host, "build", *of_files, passes=False)
    assert "has no file transactions.csv" in said


def test_a_library_of_another_version_is_told(host, tmp_path):
    other = tmp_path / "customer_segments-0.0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: customer-segments\nVersion: 0.0.1\n"
    )
    said = run(host, "build", passes=False, PYTHONPATH=str(tmp_path))
    told = " ".join(said.split())
    assert "but its library customer-segments is of version 0.0.1. Install the one" in told
    assert "pip install customer-segments==" in told


def test_metrics_of_the_package_stay_out_of_the_host(host):
    kinds = ("metric", "semantic_model", "exposure", "unit_test")
    listed = run(host, "ls", *(f"--resource-type={kind}" for kind in kinds), "--quiet")
    assert listed.strip() in ("", "No nodes selected!")
