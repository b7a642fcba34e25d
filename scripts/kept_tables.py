"""What a build takes over from the warehouse that it replaces, and the backup of it.

Each `make build` writes the backup beside the warehouse, `segments.ledger.duckdb` beside
`segments.duckdb`. When the warehouse is missing or damaged, the next build goes on from the backup.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

KEPT_TABLES = [
    "raw.erased_customers",
    "selection.selection_fitted_candidates",
    "monitoring.monitoring_contract_options",
    "training.training_observations",
    "training.training_models",
    "monitoring.monitoring_agreement",
    "monitoring.monitoring_noise",
    "champion.champion_decisions",
    "champion.champion_cluster_overlaps",
    "champion.champion_profiles",
    "champion.champion_identities",
    "champion.champion_changes",
    "champion.champion_transitions",
    "champion.champion_causes",
    "marts.customer_segments",
]

# Written down for the next build: the tables that stand until the next evaluation date.
REVIEWED = "raw.tables_of_evaluations"

# What an attached source is called: a name that the file of no warehouse has.
SOURCE = "kept:source"

# Names of files that belong to a warehouse; the dbt macros look for the backup by the same name.
BACKUP = ".ledger.duckdb"
DAMAGED = ".damaged-{}.duckdb"


class BuildError(Exception):
    """A build that ended without a result; the message says what to do."""


class DamagedError(Exception):
    """A database whose kept tables cannot be read; the message says why."""


def sql_string(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def backup_of(warehouse: Path) -> Path:
    return warehouse.with_name(warehouse.stem + BACKUP)


def damaged_files_of(warehouse: Path) -> list[Path]:
    """The damaged files that builds have moved aside, as they were found."""
    return sorted(warehouse.parent.glob(f"{warehouse.stem}{DAMAGED.format('*')}"))


def name_aside(warehouse: Path) -> Path:
    """A free name for a damaged warehouse."""
    number = 1
    while (aside := warehouse.with_name(warehouse.stem + DAMAGED.format(number))).exists():
        number += 1
    return aside


def open_for_writing(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """A connection that does not tidy tables it has not made when it writes out (profiles.yml)."""
    return duckdb.connect(str(warehouse), config={"max_vacuum_tasks": 0})


def copy_kept_tables(source: Path, target: Path) -> int:
    """Make the kept tables of one database file those of another; returns how many there are.

    All of them are read before anything is written, so that a fault of the target, such as a full
    disk, does not count as damage of the source.

    Raises
    ------
    DamagedError
        If the source cannot be read.
    BuildError
        If the source is in use, or of another version of DuckDB.
    """
    copy = target.with_name("source.copy")
    try:
        digests = _digests_of_kept_tables(source)
    except duckdb.Error as error:
        # A tool that has the file open for writing locks us out, but not out of a copy. Nor is a
        # write-ahead log copied that a killed session has left and that fits another file.
        shutil.copyfile(source, copy)
        try:
            digests = _digests_of_kept_tables(copy)
        except duckdb.Error:
            copy.unlink()
            _raise_unless_damaged(source, error)
            raise DamagedError(str(error).splitlines()[0]) from None
        source = copy
    with _both(source, target) as connection:
        _drop(connection, [table for table in _kept_tables_in(connection) if table not in digests])
        _copy(connection, list(digests), digests)
    copy.unlink(missing_ok=True)
    return len(digests)


def note_reviewed(warehouse: Path, tables: list[str], fingerprint: str) -> None:
    """Write down which tables stand until the next evaluation date, and what they were built with."""
    with open_for_writing(warehouse) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute(
            f"create or replace table {REVIEWED} (table_name text, fingerprint text)"
        )
        connection.executemany(
            f"insert into {REVIEWED} values (?, ?)", [(table, fingerprint) for table in tables]
        )


def reviewed_tables_in(warehouse: Path, fingerprint: str) -> list[str]:
    """The tables that stand until the next evaluation date, if they were built with the same.

    Empty when that is not written down, or when one of them is gone or cannot be read.
    """
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            noted = connection.execute(
                f"select table_name from {REVIEWED} where fingerprint = ? order by 1", [fingerprint]
            ).fetchall()
            tables = [table for (table,) in noted]
            there = _statements_in(connection)
            for table in tables:
                if table not in there:
                    return []
                if table not in KEPT_TABLES:  # those have been read already
                    _digest(connection, table)
    except duckdb.Error:
        return []
    return tables


def copy_tables(source: Path, target: Path, tables: list[str]) -> None:
    """Copy tables of one database file, that can be read, into another one."""
    with _both(source, target) as connection:
        _copy(connection, tables)


def drop_tables(warehouse: Path, tables: list[str]) -> None:
    with open_for_writing(warehouse) as connection:
        _drop(connection, tables)


def _drop(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    connection.begin()
    for table in tables:
        connection.execute(f"drop table {table}")
    connection.commit()


@contextmanager
def _both(source: Path, target: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The target, with the source attached."""
    with open_for_writing(target) as connection:
        connection.execute(f'attach {sql_string(source)} as "{SOURCE}" (read_only)')
        yield connection
        connection.execute(f'detach "{SOURCE}"')


def _copy(
    connection: duckdb.DuckDBPyConnection,
    tables: list[str],
    digests: dict[str, tuple] | None = None,
) -> None:
    """Copy tables of the attached source, with what is asked of their columns, all or none.

    A table of the target that has one of the `digests` of the source is the same, and stays.
    """
    made_by = _statements_in(connection, SOURCE)
    there = _statements_in(connection)
    connection.begin()
    for table in tables:
        if table in there:
            digest = (digests or {}).get(table)
            is_made_alike = there[table] == made_by[table]
            if digest and is_made_alike and _digest(connection, table) == digest:
                continue
            connection.execute(f"drop table {table}")
        connection.execute(f"create schema if not exists {table.split('.')[0]}")
        connection.execute(made_by[table])
        connection.execute(f'insert into {table} from "{SOURCE}".{table}')
    connection.commit()


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> tuple:
    """The same for the same rows in any order, and for others hardly ever."""
    rows = f"select count(*), sum(cast(hash(kept) as hugeint)) from {table} as kept"
    return connection.execute(rows).fetchall()[0]


def _digests_of_kept_tables(database: Path) -> dict[str, tuple]:
    """Every value of the kept tables is read for it, each block with its checksum."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return {table: _digest(connection, table) for table in _kept_tables_in(connection)}


def _kept_tables_in(
    connection: duckdb.DuckDBPyConnection, database: str | None = None
) -> list[str]:
    found = _statements_in(connection, database)
    return [table for table in KEPT_TABLES if table in found]


def _statements_in(
    connection: duckdb.DuckDBPyConnection, database: str | None = None
) -> dict[str, str]:
    """The tables, as `schema.table`, and the statements that create them."""
    return dict(
        connection.execute(
            "select schema_name || '.' || table_name, sql from duckdb_tables() "
            "where database_name = coalesce(?, current_database())",
            [database],
        ).fetchall()
    )


def _raise_unless_damaged(source: Path, error: duckdb.Error) -> None:
    """Raise BuildError for what makes a whole file unreadable."""
    told = str(error)
    if "Could not set lock" in told:
        raise BuildError(f"Another program writes to {source}; close it, or wait for its end.")
    if "version number" in told:
        raise BuildError(
            f"{source} is of another version of DuckDB than {duckdb.__version__}. Build with the "
            "one that wrote it, or move it away together with its backup to begin anew."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        raise BuildError(f"There is too little memory to read {source}.")


def newest_decision_in(backup: Path) -> str:
    """How far a backup reaches, in words."""
    with duckdb.connect(str(backup), read_only=True) as connection:
        if "champion.champion_decisions" not in _kept_tables_in(connection):
            return "without decisions"
        newest = connection.execute(
            "select max(evaluation_date) from champion.champion_decisions"
        ).fetchall()[0][0]
    return f"with decisions up to {newest:%Y-%m-%d}" if newest else "without decisions"
