"""What BI tools read is whole, of one state and read-only, whatever happens meanwhile."""

import copy
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import duckdb
import pytest

import export
from conftest import ROOT, marts_of

pytestmark = pytest.mark.slow


def state(connection, relations):
    """How many rows of which content each table has; one statement, so one look."""
    queries = [
        f"select '{table}', count(*), sum(hash(t)) from {relation} as t"
        for table, relation in sorted(relations.items())
    ]
    return connection.execute(" union all ".join(queries) + " order by all").fetchall()


def file_state(database):
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
        return state(connection, {table: f'marts."{table}"' for (table,) in tables})


def parquet_state(link):
    folder = link.resolve()
    with duckdb.connect() as connection:
        return state(connection, {file.stem: f"'{file}'" for file in folder.glob("*.parquet")})


def states(folder):
    return file_state(folder / "segments.duckdb"), parquet_state(folder / "parquet")


class Reader(threading.Thread):
    """Polls an export and keeps each state that differs from the one before, errors included."""

    def __init__(self, folder, pause):
        super().__init__()
        self.folder, self.pause, self.ended, self.polls = folder, pause, threading.Event(), 0
        self.seen = {"file": [], "parquet": []}

    def run(self):
        while not self.ended.is_set():
            self.poll()
            time.sleep(self.pause)
        self.poll()

    def poll(self):
        for look, place, seen in (
            (file_state, "segments.duckdb", self.seen["file"]),
            (parquet_state, "parquet", self.seen["parquet"]),
        ):
            try:
                found = look(self.folder / place)
            except (duckdb.Error, OSError) as error:
                found = error
            if not seen or found != seen[-1]:
                seen.append(found)
        self.polls += 1

    def wait_for_polls(self, number):
        goal = self.polls + number
        while self.polls < goal:
            time.sleep(0.001)


@contextmanager
def reader_of(folder, *, pause=0.005):
    reader = Reader(folder, pause)
    reader.start()
    try:
        yield reader
    finally:
        reader.ended.set()
        reader.join()


def make_warehouse(path, day, tables=3):
    """A warehouse whose marts say of which day they are, with a table that is nobody's business."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create schema raw")
        connection.execute("create table raw.orders as select 'secret' as customer_id")
        for table in [*sorted(export.REQUIRED), *(f"mart {i}" for i in range(tables))]:
            connection.execute(
                f'create table marts."{table}" as '
                f"select {day} as day, hash(i) as row from range(20_000) as t (i)"
            )
    return path


def run_export(warehouse, folder, *, killed_at=None, by="SIGKILL"):
    """Export in a process of its own, which a signal may end at the nth call of a function."""
    name, call = killed_at or ("", 0)
    script = f"""
import os, pathlib, signal, sys
import export
owner = export if {name!r} == "literal" else pathlib.Path
original, calls = getattr(owner, {name!r}, None), []
def counted(*arguments, **options):
    calls.append(1)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.{by})
    return original(*arguments, **options)
if original:
    setattr(owner, {name!r}, counted)
sys.exit(export.main())
"""
    command = [sys.executable, "-c", script, "--warehouse", str(warehouse), "--folder", str(folder)]
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
    )


def names(folder):
    return {path.name for path in folder.iterdir()}


EXPORTED = {"segments.duckdb", "parquet", ".versions", ".segments.lock"}


def test_marts_are_exported_row_for_row_and_nothing_else(shop_warehouse, tmp_path):
    for folder in ("first", "second"):
        export.export(shop_warehouse, tmp_path / folder)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{shop_warehouse}' as warehouse (read_only)")
        for folder in ("first", "second"):
            connection.execute(f"attach '{tmp_path / folder}/segments.duckdb' as {folder}")
        marts = marts_of(shop_warehouse)
        for mart in marts:
            expected = connection.execute(f"from warehouse.marts.{mart}")
            columns, rows = expected.description, expected.fetchall()
            for folder in ("first", "second"):
                parquet = tmp_path / folder / "parquet" / f"{mart}.parquet"
                for relation in (f"{folder}.marts.{mart}", f"'{parquet}'"):
                    exported = connection.execute(f"from {relation}")
                    assert exported.description == columns, relation
                    assert exported.fetchall() == rows, relation
        schemas = connection.execute(
            "select distinct schema_name from duckdb_tables() where database_name = 'first' "
            "union select distinct schema_name from duckdb_views() "
            "where database_name = 'first' and not internal"
        ).fetchall()
    assert schemas == [("marts",)]
    assert names(tmp_path / "first" / "parquet") == {f"{mart}.parquet" for mart in marts}
    assert names(tmp_path / "first") == EXPORTED


def test_the_file_is_read_only_and_of_a_format_that_older_tools_read(tmp_path):
    export.export(make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export")
    database = tmp_path / "export" / "segments.duckdb"
    assert database.stat().st_mode & 0o777 == 0o444
    with duckdb.connect(str(database), read_only=True) as connection:
        version = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()
    assert version == [("v1.0.0+",)]


def test_a_reader_sees_states_and_nothing_between_while_builds_are_exported(
    project, shop, shop_warehouse, tmp_path
):
    warehouse = tmp_path / shop_warehouse.name
    shutil.copyfile(shop_warehouse, warehouse)
    assert run_export(warehouse, tmp_path / "export").returncode == 0
    expected = [file_state(warehouse)]
    with reader_of(tmp_path / "export", pause=0.1) as reader:
        later = copy.deepcopy(shop)
        for day in ("2018-02-02", "2018-02-03"):
            later.order(f"new on {day}", day, 60, score=5)
            shutil.rmtree(tmp_path / "data", ignore_errors=True)
            built = project.make(later.write(tmp_path / "data"), warehouse)
            assert built.returncode == 0, built.stderr
            assert run_export(warehouse, tmp_path / "export").returncode == 0
            expected.append(file_state(warehouse))
            reader.wait_for_polls(2)
    assert reader.seen == {"file": expected, "parquet": expected}
    assert expected[0] != expected[1] != expected[2]


def test_a_reader_in_a_hurry_sees_states_and_nothing_between(tmp_path):
    warehouses = [make_warehouse(tmp_path / f"day {day}.duckdb", day) for day in (1, 2)]
    export.export(warehouses[0], tmp_path / "export")
    with reader_of(tmp_path / "export") as reader:
        for number in range(1, 13):
            export.export(warehouses[number % 2], tmp_path / "export")
            reader.wait_for_polls(2)
    expected = [file_state(warehouses[number % 2]) for number in range(13)]
    assert reader.seen == {"file": expected, "parquet": expected}


def test_who_reads_the_parquet_files_of_one_state_can_end(tmp_path):
    warehouses = [make_warehouse(tmp_path / f"day {day}.duckdb", day) for day in (1, 2, 3)]
    folder = tmp_path / "export"
    export.export(warehouses[0], folder)
    begun = (folder / "parquet").resolve()
    export.export(warehouses[1], folder)
    assert parquet_state(begun) == file_state(warehouses[0])
    export.export(warehouses[2], folder)
    assert not begun.exists()
    assert len(names(folder / ".versions")) == 2


@pytest.mark.parametrize(
    ("step", "by"),
    [
        (("literal", 5), "SIGKILL"),  # some tables are written
        (("literal", 5), "SIGTERM"),
        (("rename", 1), "SIGKILL"),
        (("symlink_to", 1), "SIGKILL"),
        (("symlink_to", 1), "SIGTERM"),
        (("chmod", 1), "SIGKILL"),
        (("replace", 1), "SIGKILL"),
        (("replace", 2), "SIGKILL"),
    ],
)
def test_an_export_that_is_killed_leaves_whole_states_and_the_next_one_heals(tmp_path, step, by):
    old, new = (make_warehouse(tmp_path / f"day {day}.duckdb", day) for day in (1, 2))
    folder = tmp_path / "export"
    export.export(old, folder)
    result = run_export(new, folder, killed_at=step, by=by)
    assert result.returncode == (-9 if by == "SIGKILL" else 130), result.stderr
    if by == "SIGTERM":
        assert result.stderr == f"Stopped; what {folder} holds is whole.\n"
        assert names(folder) == EXPORTED
    between = step == ("replace", 2)  # the file is in its place, the link is not
    assert states(folder) == (file_state(new if between else old), file_state(old))
    assert run_export(new, folder).returncode == 0
    assert states(folder) == (file_state(new), file_state(new))
    assert names(folder) == EXPORTED
    assert len(names(folder / ".versions")) == 2


def test_what_a_killed_session_has_left_of_the_file_goes(tmp_path):
    warehouse, folder = make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"
    export.export(warehouse, folder)
    (folder / "segments.duckdb.wal").write_bytes(b"of another file")
    export.export(warehouse, folder)
    assert names(folder) == EXPORTED


def no_warehouse(tmp_path):
    return tmp_path / "none.duckdb", tmp_path / "export"


def no_database(tmp_path):
    (tmp_path / "notes.duckdb").write_text("no database")
    return tmp_path / "notes.duckdb", tmp_path / "export"


def another_project(tmp_path):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.customer_segments as select 1 as id")
    return tmp_path / "other.duckdb", tmp_path / "export"


def folder_of_a_warehouse(tmp_path):
    make_warehouse(tmp_path / "segments.duckdb", 2)
    return make_warehouse(tmp_path / "other.duckdb", 1), tmp_path


def folder_with_parquet_files(tmp_path):
    (tmp_path / "export" / "parquet").mkdir(parents=True)
    return make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"


def link_of_somebody_else(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "parquet").symlink_to(tmp_path)
    return make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"


def folder_that_is_a_file(tmp_path):
    (tmp_path / "export").write_text("")
    return make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"


def folder_in_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    return make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "file" / "export"


def folder_that_is_write_protected(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "export").mkdir(mode=0o555)
    return make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (no_warehouse, "none.duckdb does not exist. make build makes one."),
        (no_database, "notes.duckdb is no DuckDB database that can be read."),
        (another_project, "other.duckdb is no warehouse of this project: its schema marts has no"),
        (folder_of_a_warehouse, "segments.duckdb is not of an export and would be lost."),
        (folder_with_parquet_files, "parquet is not of an export and would be lost."),
        (link_of_somebody_else, "parquet is not of an export and would be lost."),
        (folder_that_is_a_file, "export is a file; name a folder."),
        (folder_in_a_file, "cannot be written to: Not a directory"),
        (folder_that_is_write_protected, "cannot be written to: Permission denied"),
    ],
)
def test_faults_are_reported_to_people_and_change_nothing(tmp_path, fault, told):
    warehouse, folder = fault(tmp_path)
    before = {path for path in tmp_path.rglob("*") if path.name not in EXPORTED} - {folder}
    result = run_export(warehouse, folder)
    assert result.returncode == 1
    assert result.stderr.startswith("Nothing was exported.\n")
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    after = {path for path in tmp_path.rglob("*") if path.name not in EXPORTED} - {folder}
    assert after == before


def test_a_warehouse_that_is_being_written_is_not_exported(tmp_path):
    warehouse = make_warehouse(tmp_path / "shop.duckdb", 1)
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, warehouse], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        with pytest.raises(export.BuildError, match=r"has .*shop.duckdb open for writing"):
            export.export(warehouse, tmp_path / "export")
        writer.communicate(b"\n")
    assert names(tmp_path / "export") == EXPORTED - {"segments.duckdb", "parquet"}


def test_one_export_at_a_time(tmp_path):
    warehouse, folder = make_warehouse(tmp_path / "shop.duckdb", 1), tmp_path / "export"
    folder.mkdir()
    with (
        export.only_build_of(folder / "segments.duckdb"),
        pytest.raises(export.BuildError, match=r"segments.duckdb is running; wait"),
    ):
        export.export(warehouse, folder)
