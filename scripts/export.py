"""Write the marts of a warehouse to where BI tools read them.

    python scripts/export.py --warehouse warehouse/segments.duckdb --folder export

The folder then holds the tables of schema `marts`, and nothing else of the warehouse, twice:

    segments.duckdb    one file that nobody may write, in a format that DuckDB 1.0 and later read
    parquet/           one Parquet file a table

Either takes the place of the one before in one step, so whoever reads sees the old state or the new
one. `parquet` is a link to a folder in `.versions`: who reads several files and wants them of one
state follows the link once. The folder before stays until the next export begins, so that what has
begun to read it can end.
"""

import argparse
import re
import shutil
import signal
import sys
from pathlib import Path

import duckdb

from segmentation_dbt.tables import literal
from workshop import BuildError, only_build_of, opened

# What no warehouse of this project is without.
REQUIRED = {"customer_segments", "segment_profiles"}

# BI tools bring a DuckDB of their own, often an older one; all from 1.0 on read this.
STORAGE_VERSION = "v1.0.0"


def export(warehouse: Path, folder: Path) -> dict[str, int]:
    """Export the marts of `warehouse` into `folder`, or leave the folder as it is.

    Returns the number of rows of each table.

    Raises
    ------
    BuildError
        If the warehouse or the folder are at fault, or another export into it is running.
    """
    if not warehouse.exists():
        raise BuildError(f"{warehouse} does not exist. make build makes one.")
    database, link, versions = folder / "segments.duckdb", folder / "parquet", folder / ".versions"
    workshop = folder / ".exporting"
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_build_of(database):
            _check_that_only_exports_are_replaced(database, link)
            current = link.readlink().name if link.is_symlink() else "0"
            _remove_all_but(current, versions)
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir()
            try:
                rows = _write(warehouse, workshop)
                _publish(workshop, database, link, versions / str(int(current) + 1))
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written to: {error.strerror} ({error.filename})."
        ) from None
    return rows


def _check_that_only_exports_are_replaced(database: Path, link: Path) -> None:
    """Raise BuildError if something else stands in the way, such as a warehouse."""
    # A warehouse can be written to, an export cannot.
    if database.exists() and (not database.is_file() or database.stat().st_mode & 0o222):
        stranger = database
    elif link.is_symlink() and re.fullmatch(r"\.versions/\d+", str(link.readlink())):
        return
    elif link.is_symlink() or link.exists():
        stranger = link
    else:
        return
    raise BuildError(
        f"{stranger} is not of an export and would be lost. Name another folder with EXPORT=, or "
        "move it away."
    )


def _remove_all_but(current: str, versions: Path) -> None:
    """Remove what earlier exports have left."""
    versions.mkdir(exist_ok=True)
    for version in versions.iterdir():
        if version.name != current:
            shutil.rmtree(version)


def _write(warehouse: Path, workshop: Path) -> dict[str, int]:
    """Write all tables in the order in which the warehouse stores them."""
    (workshop / "parquet").mkdir()
    # A database in a file spills beside it what does not fit into memory.
    with opened(workshop / "spill.duckdb") as connection:
        _attach(connection, warehouse)
        try:
            exported = literal(workshop / "segments.duckdb")
            connection.execute(
                f"attach {exported} as exported (storage_version '{STORAGE_VERSION}')"
            )
            connection.execute("create schema exported.marts")
            tables = connection.execute(
                "select table_name from duckdb_tables() "
                "where database_name = 'warehouse' and schema_name = 'marts' order by 1"
            ).fetchall()
            rows = {}
            for (table,) in tables:
                parquet = literal(workshop / "parquet" / f"{table}.parquet")
                connection.execute(
                    f'create table exported.marts."{table}" as from warehouse.marts."{table}"'
                )
                rows[table] = connection.execute(
                    f'copy warehouse.marts."{table}" to {parquet} (format parquet)'
                ).fetchall()[0][0]
            _copy_functions(connection)
            connection.execute("detach exported")
        except duckdb.Error as error:
            raise BuildError(str(error).splitlines()[0]) from None
    return rows


def _copy_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Copy the functions of schema marts, which read tables of marts alone."""
    functions = connection.execute(
        "select function_name, parameters, macro_definition from duckdb_functions() "
        "where database_name = 'warehouse' and schema_name = 'marts'"
    ).fetchall()
    for name, parameters, definition in functions:
        # The catalogue does not say what stands for a parameter that is not given: null does.
        given = ", ".join(f"{parameter} := null" for parameter in parameters)
        connection.execute("use exported")
        connection.execute(f'create macro marts."{name}"({given}) as table {definition}')
        connection.execute("use spill")


def _attach(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Attach the warehouse for reading; raises BuildError where that is not possible."""
    try:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
    except duckdb.Error as error:
        if "Could not set lock" in str(error):
            raise BuildError(
                f"Another program has {warehouse} open for writing; export when it has ended."
            ) from None
        raise BuildError(f"{warehouse} is no DuckDB database that can be read.") from None
    tables = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = 'warehouse' and schema_name = 'marts'"
    ).fetchall()
    if not {(table,) for table in REQUIRED} <= set(tables):
        raise BuildError(
            f"{warehouse} is no warehouse of this project: its schema marts has no tables "
            f"{' and '.join(sorted(REQUIRED))}. make build makes one."
        )


def _publish(workshop: Path, database: Path, link: Path, version: Path) -> None:
    """Put what is written in its place; each step is whole or does not happen."""
    (workshop / "parquet").rename(version)
    (workshop / "link").symlink_to(version.relative_to(link.parent))
    (workshop / "segments.duckdb").chmod(0o444)
    # What a session that was allowed to write has left; it would not fit the new file.
    database.with_name(database.name + ".wal").unlink(missing_ok=True)
    (workshop / "segments.duckdb").replace(database)
    (workshop / "link").replace(link)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True, help="the published .duckdb file")
    parser.add_argument("--folder", type=Path, required=True, help="where BI tools read")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = arguments.folder
    try:
        rows = export(arguments.warehouse, folder)
    except BuildError as error:
        print(f"Nothing was exported.\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; what {folder} holds is whole.", file=sys.stderr)
        return 130
    print(f"Exported {len(rows)} tables with {sum(rows.values()):,} rows of {arguments.warehouse}:")
    print(f"  {folder / 'segments.duckdb'} (read-only, schema marts)")
    print(f"  {folder / 'parquet'} (one file a table)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
