"""How long a model takes beside what DuckDB needs to read its inputs and write its output."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[1]


def ratios_to_floors(
    warehouse: Path, seconds: dict[str, float], least: float
) -> list[tuple[str, float, float]]:
    """Measure the floor of each model that takes long.

    Parameters
    ----------
    warehouse : Path
        In which all models are built.
    seconds : dict of str to float
        That each model took.
    least : float
        Seconds; models that took less are left out.

    Returns
    -------
    list of tuple
        Name, seconds and floor in seconds, the farthest from its floor first.
    """
    graph = _graph()
    slow = {name: took for name, took in seconds.items() if took >= least and name in graph}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"set threads = {int(os.environ.get('SEGMENTS_THREADS', 2))}")
        tables = {
            name: f"{schema}.{name}"
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
        found = []
        for name, took in slow.items():
            inputs = sorted(_inputs(name, graph, tables))
            floor = sum(_time_to_read(connection, tables[each]) for each in inputs)
            floor += _time_to_write(connection, tables[name]) if name in tables else 0.0
            found.append((name, took, floor))
    return sorted(found, key=lambda each: -each[1] / max(each[2], 1e-3))


def _graph() -> dict[str, list[str]]:
    """Return the parents of each model, by name."""
    listed = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("--quiet", "--log-level-file", "none", "list", "--resource-type", "model"),
            *("--output", "json", "--output-keys", "name", "depends_on"),
            *("--project-dir", ROOT, "--profiles-dir", ROOT),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [json.loads(line) for line in listed.splitlines() if line.startswith("{")]
    return {
        row["name"]: [parent.rpartition(".")[2] for parent in row["depends_on"]["nodes"]]
        for row in rows
    }


def _inputs(name: str, graph: dict[str, list[str]], tables: dict[str, str]) -> set[str]:
    """Name the tables that a model reads, through views."""
    found = set()
    for parent in graph.get(name, []):
        found |= {parent} if parent in tables else _inputs(parent, graph, tables)
    return found


def _time_to_read(connection: duckdb.DuckDBPyConnection, table: str) -> float:
    begun = time.perf_counter()
    connection.execute(f"select max(columns(*)) from {table}").fetchall()
    return time.perf_counter() - begun


def _time_to_write(connection: duckdb.DuckDBPyConnection, table: str) -> float:
    begun = time.perf_counter()
    connection.execute(f"create or replace temporary table written as from {table}")
    took = time.perf_counter() - begun
    connection.execute("drop table written")
    return took
