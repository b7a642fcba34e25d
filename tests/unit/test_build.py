"""What the build script takes over from the published warehouse, and when it compares."""

import subprocess
import sys

import duckdb
import pytest

import build


@pytest.fixture
def published(tmp_path):
    """A warehouse with a comparison and a mart."""
    path = tmp_path / "it's published.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema choose")
        connection.execute("create table choose.choose_fitted_candidates as select 'c' as id")
        connection.execute("create schema fit")
        connection.execute("create table fit.fit_models as select 'm' as id")
        connection.execute("create schema marts")
        connection.execute("create table marts.segment_models as select 'm' as id")
    return path


def tables(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("select schema_name, table_name from duckdb_tables()").fetchall()


KEPT = [("choose", "choose_fitted_candidates"), ("fit", "fit_models")]


def test_comparison_and_ledger_are_taken_over_and_nothing_else(published, tmp_path):
    new = tmp_path / "new.duckdb"
    build._take_over(published, new)
    assert sorted(tables(new)) == KEPT


def test_a_reader_that_has_the_warehouse_open_for_writing_is_no_hindrance(published, tmp_path):
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, published], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        reader.stdout.readline()
        build._take_over(published, tmp_path / "new.duckdb")
        reader.communicate(b"\n")
    assert sorted(tables(tmp_path / "new.duckdb")) == KEPT


def test_a_warehouse_of_plain_tables_has_nothing_to_take_over(tmp_path):
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    duckdb.connect(str(old)).close()
    build._take_over(old, new)
    assert tables(new) == []
    build._take_over(tmp_path / "none.duckdb", new)


def test_a_damaged_warehouse_is_named_with_what_to_do(tmp_path):
    old = tmp_path / "old.duckdb"
    old.write_text("no database")
    with pytest.raises(build.BuildError, match=r"old.duckdb is no DuckDB database.* Move it away"):
        build._take_over(old, tmp_path / "new.duckdb")


@pytest.mark.parametrize(
    ("compare", "is_stale", "selectors"),
    [
        ("never", "true", ["daily"]),
        ("never", "null", ["daily"]),
        ("stale", "false", ["daily"]),
        ("stale", "true", ["daily", "comparison"]),
        ("stale", "null", ["daily", "comparison"]),  # there is no comparison yet
        ("always", "false", ["comparison"]),
    ],
)
def test_candidates_are_compared_when_it_is_asked_for(
    monkeypatch, tmp_path, compare, is_stale, selectors
):
    called = []

    def fake_dbt(data, warehouse, selector):
        called.append(selector)
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("create schema if not exists marts")
            connection.execute(
                "create or replace table marts.model_comparison as "
                f"select cast({is_stale} as boolean) as is_stale"
            )

    monkeypatch.setattr(build, "_dbt_build", fake_dbt)
    build.build(tmp_path, tmp_path / "warehouse.duckdb", compare)
    assert called == selectors


@pytest.mark.parametrize(
    ("clauses", "exit_code"),
    [
        ([("agreement", "breach", "error"), ("segment 1", "ok", "error")], 3),
        ([("agreement", "not assessable", "error"), ("misplaced revenue", "breach", "warn")], 0),
    ],
)
def test_a_broken_contract_is_published_and_told_by_the_exit_code(
    tmp_path, monkeypatch, clauses, exit_code
):
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.maintenance_contract (clause text, status text, severity text)"
        )
        connection.executemany("insert into marts.maintenance_contract values (?, ?, ?)", clauses)
    for step in ("build", "print_summary"):
        monkeypatch.setattr(build, step, lambda *_: None)
    arguments = ["build.py", "--data", "data", "--warehouse", str(warehouse)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert build.main() == exit_code


def test_too_little_memory_names_the_model_and_what_to_set(monkeypatch):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "20MB")
    node = {"resource_type": "model", "node_name": "stg_olist__orders_joined"}
    message = "Runtime Error in model x (x.sql)\n  Out of Memory Error: failed to pin block"
    told = build._problem("RunResultError", {"node_info": node, "msg": message})
    assert told.startswith(
        "stg_olist__orders_joined needs more memory than DuckDB may take (20MB)."
    )
    assert "SEGMENTS_MEMORY_LIMIT" in told and "SEGMENTS_THREADS=1" in told
