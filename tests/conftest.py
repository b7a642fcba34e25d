"""Builds that several tests read: each is made once a session, by the project's own commands."""

import fcntl
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from shop import Shop

ROOT = Path(__file__).resolve().parents[1]

# What only grows, by its key: rows that stand are never touched.
REGISTRY = {
    "intermediate.int_late_facts": "previous_build, ordered_on",
    "training.training_observations": "candidate_id, cutoff, observation",
    "training.training_models": "model_id",
    "training.training_order_cells": "cutoff, cell",
    "training.training_value_cells": "cutoff, cell",
    "training.training_value_models": "fitted_as_of",
    "monitoring.monitoring_evaluation_dates": "evaluation_date",
    "monitoring.monitoring_agreement": "origin_model_id, model_id",
    "monitoring.monitoring_noise": "model_id",
    "monitoring.monitoring_feature_bins": "feature",
    "monitoring.monitoring_feature_counts": "evaluation_date, feature, population, bin",
    "monitoring.monitoring_rule_counts": "evaluation_date, raw_table, rule",
    "champion.champion_decisions": "decision_number",
    "champion.champion_cluster_overlaps": "champion_period, previous_cluster, cluster",
    "champion.champion_profiles": "champion_period, cluster",
    "champion.champion_identities": "champion_period, cluster",
    "champion.champion_changes": "step, customer_id",
    "champion.champion_transitions": "step, from_segment_id, to_segment_id",
    "champion.champion_causes": "origin_model_id, model_id, feature",
    "champion.champion_segment_outcomes": "evaluation_date, horizon_days, segment_id",
    "champion.champion_model_outcomes": (
        "origin_model_id, model_id, horizon_days, half, origin_cluster, cluster"
    ),
    "champion.champion_outcome_scores": "origin_model_id, model_id, horizon_days",
    "champion.champion_value_forecasts": "evaluation_date, horizon_days, segment_id",
    "champion.champion_windows": "origin_model_id, cutoff",
    "champion.champion_newcomers": "origin_model_id, cutoff, origin_cluster, cluster, quantity",
    "champion.champion_repeat_purchases": "cutoff",
    "champion.champion_recipe": "origin_model_id, model_id, measure, subject",
    "marts.audience_changes": "change_id",
}


class Project:
    """Runs the project's commands as a user would, with build artefacts of its own."""

    def __init__(self, folder: Path, shared: Path):
        self.folder = folder
        self.shared = shared
        shared.mkdir(exist_ok=True)

    def environment(self, data: Path, warehouse: Path, *arguments: str) -> dict[str, str]:
        """What dbt finds in its environment; it runs in the folder of the warehouse.

        A warehouse is known by its name alone, so that dbt parses the project once for all of them.
        """
        given = [i + 1 for i, argument in enumerate(arguments) if argument == "--vars"]
        return os.environ | {
            "SEGMENTS_DATA": str(data.resolve()),
            "SEGMENTS_WAREHOUSE": warehouse.name,
            "DBT_PROJECT_DIR": str(ROOT),
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(self.target(warehouse, *(arguments[i] for i in given))),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_LOG_LEVEL_FILE": "none",
            "DBT_WRITE_JSON": "false",
        }

    def target(self, warehouse: Path, given: str = "") -> Path:
        """The folder of what dbt makes for warehouses of this name, with these vars.

        What one process of the tests has parsed, the others take over.
        """
        name = f"target of {warehouse.stem} {zlib.crc32(given.encode())}"
        folder, shared = self.folder / name, self.shared / name
        parsed = folder / "partial_parse.msgpack"
        if not folder.exists():
            folder.mkdir()
            if shared.exists():
                shutil.copy(shared, parsed)
        elif parsed.exists() and not shared.exists():
            shutil.copy(parsed, shared.with_suffix(f".{os.getpid()}"))
            shared.with_suffix(f".{os.getpid()}").rename(shared)
        return folder

    def dbt(
        self, data: Path, warehouse: Path, *arguments: str, quiet: bool = True
    ) -> subprocess.CompletedProcess:
        """Run dbt in this process; its output is what it says, or answers and errors alone."""
        said: list[str] = []

        def hear(event) -> None:
            is_answer = event.info.name in ("ListCmdOut", "CompiledNode", "ShowNode", "PrintEvent")
            is_error = event.info.level == "error"
            if is_error or is_answer or (not quiet and event.info.level in ("info", "warn")):
                is_code = event.info.name == "CompiledNode"
                said.append(event.data.compiled if is_code else event.info.msg)

        environment = self.environment(data, warehouse, *arguments)
        with patch.dict(os.environ, environment), chdir(warehouse.parent):
            run = dbtRunner(callbacks=[hear]).invoke(["--log-level", "none", *arguments])
            DuckDBConnectionManager.close_all_connections()
        if run.exception is not None:
            said.append(str(run.exception))
        return subprocess.CompletedProcess(arguments, 0 if run.success else 1, "\n".join(said), "")

    @contextmanager
    def started_dbt(
        self, data: Path, warehouse: Path, *arguments: str
    ) -> Iterator[subprocess.Popen]:
        """Start the command dbt; yields the process, whose output comes while it runs."""
        with subprocess.Popen(
            [Path(sys.executable).with_name("dbt"), *arguments],
            cwd=warehouse.parent,
            env=self.environment(data, warehouse, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            yield process

    def dbt_build(self, data: Path, warehouse: Path, *arguments: str, tested: bool = False) -> Path:
        """Build data into the warehouse, with dbt's data tests if `tested`; a failure fails."""
        left_out = ["unit_test"] if tested else ["unit_test", "test"]
        result = self.dbt(
            data, warehouse, "build", "--exclude-resource-type", *left_out, *arguments
        )
        assert result.returncode == 0, result.stdout
        return warehouse

    def make(self, data: Path, warehouse: Path) -> subprocess.CompletedProcess:
        """What `make build` runs once the environment stands."""
        return self.script("build.py", "--data", data, "--warehouse", warehouse)

    def report(self, warehouse: Path, output: Path) -> subprocess.CompletedProcess:
        """What `make report` runs once the environment stands."""
        return self.script("report.py", "--warehouse", warehouse, "--output", output)

    def script(self, name: str, *arguments: object) -> subprocess.CompletedProcess:
        given = [Path(value) for option, value in pairwise(arguments) if option == "--vars"]
        given = "".join(file.read_text() for file in given if file.is_file())
        warehouse = Path(arguments[arguments.index("--warehouse") + 1])
        folders = {
            "DBT_TARGET_PATH": str(self.target(warehouse, given)),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        return subprocess.run(
            [sys.executable, f"scripts/{name}", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | folders,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "parsed"
    return Project(tmp_path_factory.mktemp("dbt"), shared)


@pytest.fixture(scope="session")
def shop() -> Shop:
    """A small shop whose four kinds of customers are obvious."""
    return Shop.obvious()


@pytest.fixture(scope="session")
def shop_data(shop, tmp_path_factory) -> Path:
    return shop.write(tmp_path_factory.mktemp("shop") / "data")


def made_once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process of the tests that asks for it fills; it is there for all."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"made {name}"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            folder = tmp_path_factory.mktemp(name)
            make(folder)
            folder.rename(shared)
    return shared


@pytest.fixture(scope="session")
def shop_warehouse(project, shop_data, tmp_path_factory) -> Path:
    """The small shop, built by dbt in place; its target folder has the manifest."""

    def make(folder: Path) -> None:
        project.dbt_build(shop_data, folder / "shop.duckdb", "--write-json", tested=True)
        shutil.copytree(project.target(folder / "shop.duckdb"), folder / "target")

    shared = made_once(tmp_path_factory, "shop", make)
    warehouse = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    shutil.copy(shared / "shop.duckdb", warehouse)
    shutil.copytree(shared / "target", project.target(warehouse), dirs_exist_ok=True)
    return warehouse


@pytest.fixture(scope="session")
def olist_data() -> Path:
    folder = os.environ.get("OLIST_DATA")
    if not folder:
        pytest.skip("needs the real Olist tables: set OLIST_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def olist_warehouse(project, olist_data, tmp_path_factory) -> Path:
    """The real tables, built once; each process of the tests has a copy."""

    def make(folder: Path) -> None:
        project.dbt_build(olist_data, folder / "olist.duckdb", tested=True)

    shared = made_once(tmp_path_factory, "olist", make)
    return shutil.copy(shared / "olist.duckdb", tmp_path_factory.mktemp("olist") / "olist.duckdb")


@pytest.fixture
def read():
    """Query a warehouse into a DataFrame: read(warehouse, sql)."""

    def query(warehouse: Path, sql: str):
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql).df()

    return query


def with_any_vars(warehouse: Path) -> Path:
    """A warehouse, some models of which may be built with other vars than the rest."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table raw.build_vars")
    return warehouse


def marts_of(warehouse: Path) -> list[str]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
            ).fetchall()
        ]
