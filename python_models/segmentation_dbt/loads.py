"""What the last load has read of each raw file, so that the next one reads what is new in it.

The table `loads` has one row per raw table: the length and checksum of its file, how it was read,
and how many rows came of it. A file of the same bytes is not read again. Of a CSV file that begins
with them only what follows is read. Any other is read whole; so are all files while there are
erased customers, whose orders are found by rows that are gone.

`first_new_row` is the first row, by DuckDB's `rowid`, that the tables of the project have not taken
in yet; null where they have to be made anew from the whole raw table.
"""

import hashlib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from segmentation_dbt.tables import quoted, tables_in

# So many bytes of a file are read at a time.
PIECE = 1 << 18

SAME, GROWN, OTHER = "same", "grown", "other"


@dataclass(frozen=True)
class FileState:
    """The bytes of a file; none where there is no file."""

    length: int = 0
    checksum: int = 0


@dataclass(frozen=True)
class Load:
    """What one load has left of a raw table."""

    state: FileState
    read_by: str
    rows: int
    first_new_row: int | None


def loads_in(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, Load]:
    """Return the newest load of each raw table that is still as that load has left it."""
    if (schema, "loads") not in tables_in(connection):
        return {}
    found = {}
    for name, length, checksum, *rest in connection.execute(
        "select table_name, length, checksum, read_by, rows, first_new_row "
        f"from {schema}.loads order by table_name"
    ).fetchall():
        load = Load(FileState(length, checksum), *rest)
        if (schema, name) in tables_in(connection) and load.rows == rows_of(
            connection, schema, name
        ):
            found[name] = load
    return found


def write_loads(
    connection: duckdb.DuckDBPyConnection, schema: str, loads: dict[str, Load], made_by: str
) -> None:
    """Write down the loads of all raw tables, and what decides what is made of them."""
    made_by = f"{made_by} {code_of_macros()}"
    if [(made_by,)] != _made_by_before(connection, schema):
        loads = {name: replace(load, first_new_row=None) for name, load in loads.items()}
    connection.execute(
        f"create or replace table {schema}.loads (table_name varchar, length bigint, "
        "checksum bigint, read_by varchar, rows bigint, first_new_row bigint, made_by varchar)"
    )
    for name, load in loads.items():
        connection.execute(
            f"insert into {schema}.loads values (?, ?, ?, ?, ?, ?, ?)",
            [
                name,
                load.state.length,
                load.state.checksum,
                load.read_by,
                load.rows,
                load.first_new_row,
                made_by,
            ],
        )


def _made_by_before(connection: duckdb.DuckDBPyConnection, schema: str) -> list[tuple[str]]:
    if (schema, "loads") not in tables_in(connection):
        return []
    return connection.execute(f"select distinct made_by from {schema}.loads").fetchall()


def code_of_library() -> str:
    """Return a hash of the files of this package, and the version of DuckDB."""
    return _code_in(Path(__file__).parent, "*.py") + f" {duckdb.__version__}"


def code_of_macros() -> str:
    """Return a hash of the macros of the project, where it stands beside this package."""
    return _code_in(Path(__file__).parents[2] / "dbt_project" / "macros", "*.sql")


def _code_in(folder: Path, pattern: str) -> str:
    code = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        code.update(path.read_bytes() + b"\0")
    return code.hexdigest()


def take_in(connection: duckdb.DuckDBPyConnection, *, schema: str) -> str:
    """Note that the tables of the project hold all rows of the raw tables."""
    for name in loads_in(connection, schema):
        connection.execute(
            f"update {schema}.loads set first_new_row = "
            f"(select coalesce(max(rowid) + 1, 0) from {schema}.{quoted(name)}) "
            "where table_name = ?",
            [name],
        )
    return "taken in"


def rows_of(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int:
    """Count the rows of a raw table."""
    return connection.execute(f"select count(*) from {schema}.{quoted(name)}").fetchall()[0][0]


def change_of(path: str | None, before: FileState | None) -> tuple[str, FileState]:
    """Tell how a file has changed, and its state now.

    Parameters
    ----------
    path : str or None
        The file; None where there is none.
    before : FileState or None
        When it was loaded last; None where it is to be read whole anyway.

    Returns
    -------
    tuple of str and FileState
        `SAME`; `GROWN`, where it begins with all the lines that it had; else `OTHER`.
    """
    if path is None:
        return (SAME if before == FileState() else OTHER), FileState()
    length = checksum = 0
    begins_as_before = False
    until = before.length if before else 0
    with Path(path).open("rb") as file:
        while piece := file.read(min(PIECE, until - length if length < until else PIECE)):
            length += len(piece)
            checksum = zlib.crc32(piece, checksum)
            if length == until and before:
                begins_as_before = checksum == before.checksum
                ends_with_a_line = piece.endswith(b"\n")
    now = FileState(length, checksum)
    if before and begins_as_before and length == until:
        return SAME, now
    return (GROWN if begins_as_before and ends_with_a_line else OTHER), now


def write_what_is_new(path: str, length_before: int, target: Path) -> None:
    """Write a CSV file of the header of another and of what comes after its first bytes."""
    with Path(path).open("rb") as file, target.open("wb") as new:
        new.write(file.readline())
        file.seek(length_before)
        while piece := file.read(PIECE):
            new.write(piece)
