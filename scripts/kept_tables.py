"""What a build takes over from the warehouse that it replaces, and the backup of it.

Each `make build` writes the backup beside the warehouse, `segments.ledger.duckdb` beside
`segments.duckdb`. When the warehouse is missing or damaged, the next build goes on from the backup.
"""

import shutil
from pathlib import Path

import duckdb

KEPT_TABLES = [
    "raw.erased_customers",
    "choose.choose_fitted_candidates",
    "compare.compare_contract_options",
    "fit.fit_points",
    "fit.fit_models",
    "compare.compare_models",
    "compare.compare_refits",
    "champion.champion_decisions",
    "champion.champion_handovers",
    "champion.champion_profiles",
    "champion.champion_identities",
    "champion.champion_changes",
    "champion.champion_transitions",
    "champion.champion_causes",
    "marts.customer_segments",
]

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


def copy_kept_tables(source: Path, target: Path) -> int:
    """Copy the kept tables of one database file into another; returns how many there are.

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
    error = _error_of_reading(source)
    if error:
        # A tool that has the file open for writing locks us out, but not out of a copy. Nor is a
        # write-ahead log copied that a killed session has left and that fits another file.
        shutil.copyfile(source, copy)
        if _error_of_reading(copy):
            copy.unlink()
            _raise_unless_damaged(source, error)
            raise DamagedError(str(error).splitlines()[0])
        source = copy
    with duckdb.connect(str(target)) as connection:
        # A name that the file of no warehouse has.
        connection.execute(f'attach {sql_string(source)} as "kept:source" (read_only)')
        tables = _kept_tables_in(connection, "kept:source")
        for table in tables:
            connection.execute(f"create schema if not exists {table.split('.')[0]}")
            connection.execute(f'create table {table} as from "kept:source".{table}')
        connection.execute('detach "kept:source"')
    copy.unlink(missing_ok=True)
    return len(tables)


def _error_of_reading(database: Path) -> duckdb.Error | None:
    """What goes wrong when every value of the kept tables is read, each block with its checksum."""
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            for table in _kept_tables_in(connection):
                connection.execute(f"select bit_xor(hash(kept)) from {table} as kept").fetchall()
    except duckdb.Error as error:
        return error
    return None


def _kept_tables_in(
    connection: duckdb.DuckDBPyConnection, database: str | None = None
) -> list[str]:
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = coalesce(?, current_database())",
        [database],
    ).fetchall()
    return [table for table in KEPT_TABLES if (table,) in found]


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
            "select max(review_date) from champion.champion_decisions"
        ).fetchall()[0][0]
    return f"with decisions up to {newest:%Y-%m-%d}" if newest else "without decisions"
