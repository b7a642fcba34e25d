"""What a build begins with, publishes, keeps and builds anew, and what it says of faults."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import duckdb
import pytest

import build
import dbt_runs
import workshop
from conftest import ROOT
from segmentation_dbt.erasure import backup_of


def change(file, *statements):
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def tables(file):
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.sql("select table_name from duckdb_tables()").fetchall()
    return [name for (name,) in found]


@pytest.fixture
def published(tmp_path):
    """A warehouse with a table and a view of it."""
    path = tmp_path / "it's published.duckdb"
    change(
        path,
        "create schema marts",
        "create table marts.segment_models (id text primary key)",
        "insert into marts.segment_models values ('m')",
        'create view marts.models as from "it\'s published".marts.segment_models',
    )
    return path


@pytest.fixture
def built(tmp_path, published):
    (tmp_path / "workshop").mkdir()
    return tmp_path / "workshop" / published.name


def raising(error):
    def fail(*_arguments, **_options):
        raise error

    return fail


def test_a_build_begins_with_all_that_is_published(published, built):
    assert not workshop.begin(built, published)
    with duckdb.connect(str(built), read_only=True) as connection:
        assert connection.sql("from marts.models").fetchall() == [("m",)]
    with pytest.raises(duckdb.ConstraintException):
        change(built, "insert into marts.segment_models values ('m')")


def test_rows_that_are_gone_leave_no_trace_in_the_copy(published, built):
    secret = "a customer who is erased" * 50
    change(
        published,
        f"insert into marts.segment_models select '{secret} ' || range from range(20000)",
        "checkpoint",
        "delete from marts.segment_models where id != 'm'",
        "checkpoint",
    )
    workshop.begin(built, published)
    assert built.stat().st_size < published.stat().st_size
    assert b"a customer who is erased" not in built.read_bytes()


def test_what_was_published_is_copied_as_it_stands_until_somebody_writes_to_it(published, built):
    first = built.with_name("first.duckdb")
    published.rename(first)
    workshop.publish(first, published, is_damaged=False)
    assert not workshop.begin(built, published)
    assert built.read_bytes() == published.read_bytes()
    change(published, "insert into marts.segment_models values ('n')", "checkpoint")
    workshop.begin(built, published)
    assert built.read_bytes() != published.read_bytes()


def test_a_published_file_of_other_bytes_is_damaged_though_its_time_has_not_changed(
    published, built, capsys
):
    shutil.copy(published, built.with_name("first.duckdb"))
    workshop.publish(built.with_name("first.duckdb"), published, is_damaged=False)
    state, content = published.stat(), bytearray(published.read_bytes())
    content[-1] ^= 1
    # In place: the backup has the same file under another name.
    backup_of(published).unlink()
    shutil.copy(published, backup_of(published))
    published.write_bytes(content)
    os.utime(published, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert workshop.begin(built, published)
    assert "its bytes are not those that were published" in capsys.readouterr().out
    assert tables(built) == ["segment_models"]


def test_a_file_that_is_mostly_dead_space_is_copied_table_by_table(published, built):
    first = built.with_name("first.duckdb")
    published.rename(first)
    change(
        first,
        "create table marts.large as select range, repeat('x', 50) || range as text "
        "from range(500000)",
        "checkpoint",
        "create table marts.last as select range from range(200000)",
        "checkpoint",
        "drop table marts.large",
        "checkpoint",
    )
    workshop.publish(first, published, is_damaged=False)
    workshop.begin(built, published)
    assert sorted(tables(built)) == ["last", "segment_models"]
    assert built.stat().st_size < published.stat().st_size / 2


def test_a_first_build_begins_with_nothing(tmp_path):
    assert not workshop.begin(tmp_path / "built.duckdb", tmp_path / "none.duckdb")
    assert not (tmp_path / "built.duckdb").exists()


@pytest.mark.parametrize("state", ["missing", "empty", "damaged"])
def test_the_backup_stands_in(published, built, capsys, state):
    shutil.copy(published, backup_of(published))
    published.unlink()
    if state == "empty":
        duckdb.connect(str(published)).close()
    elif state == "damaged":
        published.write_text("no database")
    # An empty file is moved aside like a damaged one, so that it never becomes the backup.
    assert workshop.begin(built, published) == (state != "missing")
    assert tables(built) == ["segment_models"]
    assert "goes on from its backup" in capsys.readouterr().out


def test_a_damaged_warehouse_without_a_backup_is_named_with_what_to_do(tmp_path):
    old = tmp_path / "old.duckdb"
    old.write_text("no database")
    with pytest.raises(workshop.BuildError, match=r"old.duckdb is damaged .* move away"):
        workshop.begin(tmp_path / "new.duckdb", old)


def test_a_warehouse_that_another_program_writes_to_is_not_damaged(published, built):
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, published], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        with pytest.raises(workshop.BuildError, match=r"Another program writes to .*; close it"):
            workshop.begin(built, published)
        writer.communicate(b"\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            duckdb.IOException("database file with version number 99"),
            "of another version of DuckDB",
        ),
        (duckdb.OutOfMemoryException("x"), "needs more memory than DuckDB may take"),
        (duckdb.IOException("x: No space left on device"), "No space left"),
    ],
)
def test_what_keeps_a_sound_file_from_being_copied_is_no_damage(
    published, built, monkeypatch, error, said
):
    shutil.copy(published, backup_of(published))
    monkeypatch.setattr(workshop.duckdb, "connect", raising(error))
    with pytest.raises(workshop.BuildError, match=said):
        workshop.begin(built, published)


def test_copying_keeps_to_the_memory_limit(published, built, monkeypatch):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "123MB")
    with workshop.opened(built) as connection:
        limit = connection.execute("select current_setting('memory_limit')").fetchall()
    assert limit == [("117.3 MiB",)]
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "much")
    with pytest.raises(workshop.BuildError, match=r"SEGMENTS_MEMORY_LIMIT is much, .* such as 4GB"):
        workshop.begin(built, published)


def test_what_was_published_before_becomes_the_backup(published, built):
    for number in ("first", "second"):
        before = published.read_bytes()
        workshop.begin(built, published)
        change(built, f"insert into marts.segment_models values ('{number}')")
        workshop.publish(built, published, is_damaged=False)
        assert backup_of(published).read_bytes() == before
        assert published.read_bytes() != before


def test_damaged_files_are_moved_aside_one_by_one(tmp_path):
    warehouse, built = tmp_path / "w.duckdb", tmp_path / "built.duckdb"
    for number in (1, 2):
        warehouse.write_text(f"damaged {number}")
        built.write_text("sound")
        workshop.publish(built, warehouse, is_damaged=True)
        assert warehouse.read_text() == "sound"
    aside = workshop.damaged_files_of(warehouse)
    assert [file.read_text() for file in aside] == ["damaged 1", "damaged 2"]
    assert [file.name for file in aside] == ["w.damaged-1.duckdb", "w.damaged-2.duckdb"]
    assert not backup_of(warehouse).exists()


class FakeDbt:
    """Stands in for dbt: notes the selectors, and makes the tables that the build script reads."""

    def __init__(self, is_stale="false", evaluation_dates=("2018-01-01",), candidate="first"):
        self.selectors = []
        self.is_stale, self.evaluation_dates, self.candidate = is_stale, evaluation_dates, candidate

    def started(self, _data, warehouse, _changed, *, is_verbose):
        self.warehouse = warehouse
        return self

    def build(self, selector):
        self.selectors.append(selector)
        made = {
            "intermediate.int_cutoffs": self.dates("cutoff") + ", true as is_evaluation_date",
            "selection.selection_chosen_candidate": f"select '{self.candidate}' as candidate_id",
            "marts.model_comparison": f"select cast({self.is_stale} as boolean) as is_stale",
        }
        if selector not in ("facts", "between_evaluations"):
            models = self.dates("fitted_as_of") + f", '{self.candidate}' as candidate_id"
            made["training.training_models"] = models
            made["marts.maintenance_contract"] = f"select {len(self.selectors)} as build"
        for table, rows in made.items():
            schema = table.split(".")[0]
            change(
                self.warehouse,
                f"create schema if not exists {schema}",
                f"create or replace table {table} as {rows}",
                "create schema if not exists raw",
                "drop table if exists raw.build_fingerprint",  # as each run of dbt does
            )

    def dates(self, column):
        return f"select unnest({list(self.evaluation_dates)})::timestamp as {column}"

    def time_spent(self):
        return "Built."


@pytest.fixture
def dbt(monkeypatch):
    fake = FakeDbt()
    monkeypatch.setattr(build, "DbtRuns", fake.started)
    return fake


def test_a_file_that_cannot_be_written_out_is_not_published(monkeypatch, tmp_path, dbt):
    """DuckDB passes over a failed checkpoint when it closes a file."""
    warehouse = tmp_path / "warehouse.duckdb"
    monkeypatch.setattr(build, "write_out", raising(duckdb.IOException("No space left on device")))
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


@pytest.fixture
def project_copy(monkeypatch, tmp_path):
    """A copy of what decides a build, which a test may change."""
    copy = tmp_path / "project"
    for folder in ("dbt_project", "python_models"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dbt_project.yml", "profiles.yml", "selectors.yml"):
        shutil.copy(ROOT / file, copy)
    monkeypatch.setattr(build, "ROOT", copy)
    return copy


def test_a_build_takes_no_result_of_another_project_for_its_own(project_copy, tmp_path, dbt):
    """A var, a macro, a file of the library, a seed, a file of settings and a library change."""
    warehouse, settings = tmp_path / "warehouse.duckdb", tmp_path / "settings.yml"
    settings.write_text("refit_policy: never")

    def selectors_of_a_build():
        dbt.selectors.clear()
        build.build(tmp_path, warehouse, settings=settings)
        return list(dbt.selectors)

    assert selectors_of_a_build() == ["daily"]
    assert selectors_of_a_build() == ["facts", "between_evaluations"]
    for file in (
        "dbt_project.yml",
        "profiles.yml",
        "selectors.yml",
        "dbt_project/macros/champion.sql",
        "dbt_project/models/marts/segments/customer_segments.sql",
        "dbt_project/seeds/segment_naming_rules.csv",
        "python_models/segmentation/kmeans.py",
        "python_models/segmentation_dbt/raw_files.py",
        "python_models/training/training_models.py",
    ):
        with (project_copy / file).open("a") as opened:
            opened.write("\n")
        assert selectors_of_a_build() == ["daily"], file
        assert selectors_of_a_build() == ["facts", "between_evaluations"], file
    settings.write_text("refit_policy: on_breach")
    assert selectors_of_a_build() == ["daily"]
    assert selectors_of_a_build() == ["facts", "between_evaluations"]


@pytest.mark.parametrize(
    ("event", "selectors"),
    [
        ("nothing", ["facts", "between_evaluations"]),
        ("an evaluation date more", ["facts", "after_facts"]),
        ("an evaluation date less", ["facts", "after_facts"]),
        ("another candidate is chosen", ["facts", "after_facts"]),
        ("another version of a library", ["daily"]),
        ("dbt has run in the warehouse", ["daily"]),
        ("the warehouse is damaged", ["daily"]),
    ],
)
def test_evaluations_stand_until_a_date_passes_or_what_makes_them_changes(
    monkeypatch, tmp_path, dbt, event, selectors
):
    warehouse = tmp_path / "warehouse.duckdb"
    dbt.evaluation_dates = ["2018-01-01", "2018-01-08"]
    build.build(tmp_path, warehouse)
    match event:
        case "an evaluation date more":
            dbt.evaluation_dates.append("2018-01-15")
        case "an evaluation date less":
            dbt.evaluation_dates.pop()
        case "another candidate is chosen":
            dbt.candidate = "second"
        case "another version of a library":
            monkeypatch.setattr(build, "version", lambda package: "0")
        case "dbt has run in the warehouse":
            change(warehouse, "drop table raw.build_fingerprint")
        case "the warehouse is damaged":
            build.build(tmp_path, warehouse)
            change(backup_of(warehouse), "drop table raw.build_fingerprint")
            warehouse.write_text("no database")
    dbt.selectors.clear()
    build.build(tmp_path, warehouse)
    assert dbt.selectors == selectors
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(made_by,)] = connection.sql("select build from marts.maintenance_contract").fetchall()
    # What stands comes from the one run of the first build, all else from the last of these.
    assert made_by == (1 if selectors[-1] == "between_evaluations" else len(selectors))
    dbt.selectors.clear()
    build.build(tmp_path, warehouse)
    assert dbt.selectors == ["facts", "between_evaluations"]  # whatever it was, it is built now


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
        monkeypatch.setattr(build, step, lambda *_, **__: None)
    arguments = ["build.py", "--data", "data", "--warehouse", str(warehouse)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert build.main() == exit_code


def failed_node(name, message):
    """The event of a model that has failed."""
    node = SimpleNamespace(resource_type="model", node_name=name)
    return SimpleNamespace(
        info=SimpleNamespace(name="RunResultError"),
        data=SimpleNamespace(node_info=node, msg=message),
    )


def test_a_layer_is_printed_once_its_last_node_has_ended(capsys):
    listed = ["dbt_project/models/staging/olist/a.sql", "dbt_project/models/staging/b.sql"]
    listed += ["python_models/training/c.py", "dbt_project/seeds/d.csv"]
    listed += ["dbt_project/models/marts/e.sql", "dbt_project/models/marts/never_run.sql"]
    layers = dbt_runs.Layers(listed)

    def printed():
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    layers.note("staging/olist/a.sql", 1.0)
    assert printed() == []
    layers.note("training/c.py", 4.0)
    layers.note("d.csv", 0.5)
    assert printed() == [["training", "1", "node", "4.0", "s"], ["seeds", "1", "node", "0.5", "s"]]
    layers.note("marts/e.sql", 0.1)
    layers.note("staging/b.sql", 2.5)
    assert printed() == [["staging", "2", "nodes", "3.5", "s"]]
    # dbt lists a node that it does not run.
    layers.finish()
    assert printed() == [["marts", "1", "node", "0.1", "s"]]


def test_too_little_memory_names_the_model_and_what_to_set(monkeypatch):
    monkeypatch.setenv("SEGMENTS_MEMORY_LIMIT", "20MB")
    monkeypatch.delenv("SEGMENTS_THREADS", raising=False)
    event = failed_node("stg_orders", "Runtime Error in model x\n  Out of Memory Error: failed")
    said = dbt_runs.problem_of(event)
    assert said.startswith("stg_orders needs more memory than DuckDB may take (20MB).")
    assert "SEGMENTS_MEMORY_LIMIT" in said and "SEGMENTS_THREADS=1" in said
    monkeypatch.setenv("SEGMENTS_THREADS", "1")  # nothing is left to advise there
    said = dbt_runs.problem_of(event)
    assert "SEGMENTS_MEMORY_LIMIT" in said and "SEGMENTS_THREADS" not in said


def test_a_repeated_key_is_reported_with_its_table():
    with duckdb.connect() as connection:
        connection.execute("create table months (month date primary key)")
        with pytest.raises(duckdb.ConstraintException) as error:
            connection.execute("insert into months values ('2018-09-01'), ('2018-09-01')")
    said = dbt_runs.problem_of(
        failed_node("order_months", f"Runtime Error in model order_months\n  {error.value}")
    )
    assert said.startswith('order_months has more than one row of the key "2018-09-01":')
