"""What the build script takes over from the published warehouse, and when it compares."""

import subprocess
import sys
from contextlib import contextmanager

import duckdb
import pytest

import build
import dbt_runs
import kept_tables


@pytest.fixture
def published(tmp_path):
    """A warehouse with a comparison and a mart."""
    path = tmp_path / "it's published.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema choose")
        connection.execute("create table selection.selection_fitted_candidates as select 'c' as id")
        connection.execute("create schema fit")
        connection.execute("create table training.training_models as select 'm' as id")
        connection.execute("create schema marts")
        connection.execute("create table marts.segment_models as select 'm' as id")
    return path


def tables(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("select schema_name, table_name from duckdb_tables()").fetchall()


KEPT = [("choose", "selection_fitted_candidates"), ("fit", "training_models")]


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_comparison_and_ledger_are_taken_over_and_nothing_else(published, tmp_path):
    new = tmp_path / "new.duckdb"
    build._take_over(published, new)
    assert sorted(tables(new)) == KEPT


@pytest.mark.parametrize("is_sound", [True, False])
def test_what_the_backup_holds_of_it_is_taken_from_there(published, tmp_path, is_sound):
    backup = kept_tables.backup_of(published)
    kept_tables.copy_kept_tables(published, backup)
    with duckdb.connect(str(backup)) as connection:
        connection.execute("insert into training.training_models values ('of another time')")
        connection.execute("create table training.training_observations as select 1 as point")
    if not is_sound:
        backup.write_text("no database")
    new = tmp_path / "new.duckdb"
    assert not build._take_over(published, new)
    assert sorted(tables(new)) == KEPT
    with duckdb.connect(str(new), read_only=True) as connection:
        assert connection.sql("from training.training_models").fetchall() == [("m",)]


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


def test_a_damaged_warehouse_without_a_backup_is_named_with_what_to_do(tmp_path):
    old = tmp_path / "old.duckdb"
    old.write_text("no database")
    with pytest.raises(build.BuildError, match=r"old.duckdb is damaged .* move away"):
        build._take_over(old, tmp_path / "new.duckdb")


def test_a_copy_that_a_writer_tears_does_not_count_as_damage(published, tmp_path, monkeypatch):
    """Who locks the file may be in the middle of writing it."""
    locked = duckdb.IOException("IO Error: Could not set lock on file")
    monkeypatch.setattr(kept_tables, "_digests_of_kept_tables", raising(locked))
    backup = kept_tables.backup_of(published)
    backup.write_bytes(published.read_bytes())
    with pytest.raises(build.BuildError, match="Another program writes to"):
        build._take_over(published, tmp_path / "new.duckdb")


def test_a_full_disk_does_not_count_as_damage(published, tmp_path, monkeypatch):
    fault, full = duckdb.IOException("x"), OSError(28, "No space left on device")
    monkeypatch.setattr(kept_tables, "_digests_of_kept_tables", raising(fault))
    monkeypatch.setattr(kept_tables.shutil, "copyfile", raising(full))
    with pytest.raises(OSError, match="No space left"):
        build._take_over(published, tmp_path / "new.duckdb")


def test_a_file_of_another_version_is_no_damage(published, tmp_path, monkeypatch):
    newer = duckdb.IOException("Trying to read a database file with version number 99")
    monkeypatch.setattr(kept_tables, "_digests_of_kept_tables", raising(newer))
    with pytest.raises(build.BuildError, match="is of another version of DuckDB"):
        build._take_over(published, tmp_path / "new.duckdb")


@pytest.mark.parametrize("state", ["missing", "empty", "damaged"])
def test_the_backup_stands_in(published, tmp_path, capsys, state):
    kept_tables.copy_kept_tables(published, kept_tables.backup_of(published))
    published.unlink()
    if state == "empty":
        duckdb.connect(str(published)).close()
    elif state == "damaged":
        published.write_text("no database")
    new = tmp_path / "new.duckdb"
    assert build._take_over(published, new) == (state == "damaged")
    assert sorted(tables(new)) == KEPT
    assert "The ledger comes from its backup" in capsys.readouterr().out


def test_damaged_files_are_moved_aside_one_by_one(tmp_path):
    warehouse = tmp_path / "w.duckdb"
    for number in (1, 2):
        warehouse.write_text(f"damaged {number}")
        build._move_aside(warehouse)
    aside = kept_tables.damaged_files_of(warehouse)
    assert [file.read_text() for file in aside] == ["damaged 1", "damaged 2"]
    assert [file.name for file in aside] == ["w.damaged-1.duckdb", "w.damaged-2.duckdb"]


class FakeDbt:
    """Stands in for dbt: notes the selectors, and makes the tables that the build script reads."""

    def __init__(self, is_stale="false", evaluation_dates=("2018-01-01",), candidate="first"):
        self.selectors = []
        self.is_stale, self.evaluation_dates, self.candidate = is_stale, evaluation_dates, candidate

    @contextmanager
    def process(self, data, warehouse, changed):
        self.warehouse = warehouse
        yield self

    def build(self, selector):
        self.selectors.append(selector)
        tables = {
            "intermediate.int_cutoffs": self.dates("cutoff") + ", true as is_evaluation_date",
            "selection.selection_chosen_candidate": f"select '{self.candidate}' as candidate_id",
            "marts.model_comparison": f"select cast({self.is_stale} as boolean) as is_stale",
        }
        evaluated = {
            "training.training_models": self.dates("fitted_as_of")
            + f", '{self.candidate}' as candidate_id",
            "marts.maintenance_contract": f"select {len(self.selectors)} as build",
        }
        with duckdb.connect(str(self.warehouse)) as connection:
            for schema in ("intermediate", "choose", "marts", "fit"):
                connection.execute(f"create schema if not exists {schema}")
            made = tables | (evaluated if selector not in ("facts", "between_evaluations") else {})
            for table, rows in made.items():
                connection.execute(f"create or replace table {table} as {rows}")
        return list(evaluated) if selector in ("daily", "comparison", "after_facts") else []

    def dates(self, column):
        return f"select unnest({list(self.evaluation_dates)})::timestamp as {column}"

    def end(self):
        pass


@pytest.fixture
def dbt(monkeypatch):
    fake = FakeDbt()
    monkeypatch.setattr(build, "dbt_process", lambda *arguments: fake.process(*arguments))
    monkeypatch.setattr(build, "_load_raw_files", lambda *arguments: None)
    return fake


def test_a_file_that_cannot_be_written_out_is_not_published(monkeypatch, tmp_path, dbt):
    """DuckDB passes over a failed checkpoint when it closes a file."""
    warehouse = tmp_path / "warehouse.duckdb"

    def fail(built):
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(build, "_write_out", fail)
    with pytest.raises(duckdb.IOException):
        build.build(tmp_path, warehouse)
    assert not warehouse.exists()


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
def test_candidates_are_compared_when_it_is_asked_for(tmp_path, dbt, compare, is_stale, selectors):
    dbt.is_stale = is_stale
    build.build(tmp_path, tmp_path / "warehouse.duckdb", compare)
    assert dbt.selectors == selectors


@pytest.mark.parametrize(
    ("change", "selectors"),
    [
        ("nothing", ["facts", "between_evaluations"]),
        ("an evaluation date more", ["facts", "after_facts"]),
        ("an evaluation date less", ["facts", "after_facts"]),
        ("another candidate is chosen", ["facts", "after_facts"]),
        ("other settings", ["daily"]),
        ("other code", ["daily"]),
        ("dbt has run in the warehouse", ["daily"]),
        ("a table is gone", ["daily"]),
        ("the ledger is dropped", ["daily"]),
        ("a table cannot be read", ["daily"]),
        ("the warehouse is damaged", ["daily"]),
    ],
)
def test_reviews_stand_until_a_evaluation_date_passes_or_what_makes_them_changes(
    monkeypatch, tmp_path, dbt, change, selectors
):
    warehouse, settings, read_table = tmp_path / "warehouse.duckdb", None, kept_tables._digest
    dbt.evaluation_dates = ["2018-01-01", "2018-01-08"]
    build.build(tmp_path, warehouse)
    match change:
        case "an evaluation date more":
            dbt.evaluation_dates.append("2018-01-15")
        case "an evaluation date less":
            dbt.evaluation_dates.pop()
        case "another candidate is chosen":
            dbt.candidate = "second"
        case "other settings":
            settings = tmp_path / "settings.yml"
            settings.write_text("evaluation_interval_weeks: 2")
        case "other code":
            monkeypatch.setattr(build, "version", lambda package: "0")
        case "dbt has run in the warehouse":
            change_file(warehouse, "drop table raw.tables_of_evaluations")
        case "a table is gone":
            change_file(warehouse, "drop table marts.maintenance_contract")
        case "the ledger is dropped":
            change_file(warehouse, "drop table training.training_models")
        case "a table cannot be read":

            def fail(connection, table):
                if table == "marts.maintenance_contract":
                    raise duckdb.IOException("Corrupt database file")
                return read_table(connection, table)

            monkeypatch.setattr(kept_tables, "_digest", fail)
        case "the warehouse is damaged":
            warehouse.write_text("no database")
    dbt.selectors.clear()
    build.build(tmp_path, warehouse, settings=settings)
    assert dbt.selectors == selectors
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(made_by,)] = connection.sql("select build from marts.maintenance_contract").fetchall()
    # What stands comes from the one run of the first build, all else from the last of these.
    assert made_by == (1 if selectors[-1] == "between_evaluations" else len(selectors))
    monkeypatch.setattr(kept_tables, "_digest", read_table)
    dbt.selectors.clear()
    build.build(tmp_path, warehouse, settings=settings)
    assert dbt.selectors == ["facts", "between_evaluations"]  # whatever it was, it is built now


def change_file(warehouse, statement):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(statement)


def test_constraints_of_tables_are_taken_over(published, tmp_path):
    change_file(published, "alter table marts.segment_models alter id set not null")
    new = tmp_path / "new.duckdb"
    kept_tables.copy_tables(published, new, ["marts.segment_models"])
    with pytest.raises(duckdb.ConstraintException):
        change_file(new, "insert into marts.segment_models values (null)")


@pytest.mark.parametrize(
    "change",
    [
        "insert into training.training_models values ('n')",
        "update training.training_models set id = 'n'",
        "alter table training.training_models rename id to model_id",
    ],
)
def test_the_backup_gets_what_differs(published, tmp_path, change):
    backup = tmp_path / "backup.duckdb"
    kept_tables.copy_kept_tables(published, backup)
    change_file(published, change)
    kept_tables.copy_kept_tables(published, backup)
    told = []
    for file in (published, backup):
        with duckdb.connect(str(file), read_only=True) as connection:
            models = connection.sql("from training.training_models")
            told.append((models.columns, models.fetchall()))
    assert told[0] == told[1]
    assert sorted(tables(backup)) == KEPT


@pytest.mark.parametrize(
    ("clauses", "exit_code"),
    [
        ([("agreement", "breach", "error"), ("segment 1", "ok", "error")], 3),
        ([("agreement", "not assessable", "error"), ("misplaced revenue", "breach", "warn")], 0),
    ],
)
def test_a_broken_contract_is_published_and_reported_by_the_exit_code(
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
    monkeypatch.delenv("SEGMENTS_THREADS", raising=False)
    node = {"resource_type": "model", "node_name": "stg_olist__orders_joined"}
    message = "Runtime Error in model x (x.sql)\n  Out of Memory Error: failed to pin block"
    told = dbt_runs.problem_of("RunResultError", {"node_info": node, "msg": message})
    assert told.startswith(
        "stg_olist__orders_joined needs more memory than DuckDB may take (20MB)."
    )
    assert "SEGMENTS_MEMORY_LIMIT" in told and "SEGMENTS_THREADS=1" in told
    monkeypatch.setenv("SEGMENTS_THREADS", "1")  # nothing is left to advise there
    told = dbt_runs.problem_of("RunResultError", {"node_info": node, "msg": message})
    assert "SEGMENTS_MEMORY_LIMIT" in told and "SEGMENTS_THREADS" not in told


def test_too_little_memory_for_the_raw_files_is_reported_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "20KB")
    with pytest.raises(build.BuildError, match=r"Reading the raw files needs .* \(20KB\). Raise"):
        build._load_raw_files(tmp_path, tmp_path / "new.duckdb", [])


def test_a_repeated_key_is_reported_with_its_table():
    node = {"resource_type": "model", "node_name": "order_months"}
    with duckdb.connect() as connection:
        connection.execute("create table months (month date primary key)")
        with pytest.raises(duckdb.ConstraintException) as error:
            connection.execute("insert into months values ('2018-09-01'), ('2018-09-01')")
    message = f"Runtime Error in model order_months (order_months.sql)\n  {error.value}"
    told = dbt_runs.problem_of("RunResultError", {"node_info": node, "msg": message})
    assert told.startswith('order_months has more than one row of the key "2018-09-01":')


def test_dbt_that_is_killed_before_it_is_reported_what_to_build_is_reported_as_such(tmp_path):
    with (
        pytest.raises(build.BuildError, match="dbt was ended by SIGKILL"),
        dbt_runs.dbt_process(tmp_path, tmp_path / "new.duckdb", []) as runs,
    ):
        runs._process.kill()
        runs._process.wait()
        runs.build("daily")
