"""The raw tables that a source declares, and how SQL names them."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

# Types that would change a key: 10001 would become 10001.0, and long ones are rounded.
BROKEN_KEYS = re.compile(r"(float|double|real)|decimal\(\d+, ?[1-9]\d*\)", re.IGNORECASE)


@dataclass(frozen=True)
class RawTable:
    """A raw table and the file that it comes from.

    Attributes
    ----------
    name : str
        Of the table; its file is `name`.csv, `name`.parquet or `name`.xlsx.
    columns : dict of str to str
        The declared type of each column: string, integer, double, timestamp or decimal(p, s).
    file_columns : dict of str to str, dict or None
        What the file calls a column; None where it has none; {"sql": …} where it is an expression
        over columns of the file. A column that is not named here is called the same in the file.
    is_optional : bool
        Whether the table may be empty because there is no file.
    """

    name: str
    columns: dict[str, str]
    file_columns: dict[str, str | dict | None]
    is_optional: bool = False

    def file_column(self, column: str) -> str | None:
        """Name what the file calls a declared column; None where it has none."""
        name = self.file_columns.get(column, column)
        return name if isinstance(name, str) else None

    def computed(self) -> dict[str, str]:
        """Return the SQL of each declared column that is computed from others of the file."""
        return {
            name: given["sql"]
            for name, given in self.file_columns.items()
            if isinstance(given, dict) and name in self.columns
        }

    def file_types(self) -> dict[str, str]:
        """Return the declared type of each column that the file has to have."""
        named = ((self.file_column(name), type_) for name, type_ in self.columns.items())
        return {name: type_ for name, type_ in named if name}


def quoted(name: str) -> str:
    """Quote a name of SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Quote a text of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def tables_in(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[str]]:
    """Return the columns of each table of the database in use, by schema and name."""
    found = connection.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns() "
        "where database_name = current_database() and not internal and (schema_name, table_name) "
        "in (select (schema_name, table_name) from duckdb_tables() "
        "where database_name = current_database()) group by all order by all"
    ).fetchall()
    return {(schema, name): columns for schema, name, columns in found}
