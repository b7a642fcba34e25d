"""Orders that are tables of a warehouse already: what the vars name is there, and fits.

Staging reads the relations themselves. Before it does, `check_relation` holds their columns against
the vars; afterwards `tell_misfit` says which value is not of its type.
"""

import difflib
import re
from collections.abc import Mapping

import duckdb

from segmentation_dbt.erasure import create_list_of_erased
from segmentation_dbt.faults import UserError
from segmentation_dbt.formats import columns_of_expression
from segmentation_dbt.raw_files import EARLIEST_TIME, LATEST_TIME, set_time_zone
from segmentation_dbt.tables import BROKEN_KEYS, quoted

WHOLE_NUMBERS = re.compile(r"(u?(tiny|small|big|huge)?int(eger)?|long|short|byte)", re.IGNORECASE)


def prepare_relations(
    connection: duckdb.DuckDBPyConnection, *, schema: str, time_zone: str | None = None
) -> str:
    """Make the tables that staging reads beside the relations, where they are not there yet.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse.
    schema : str
        Where they go.
    time_zone : str, optional
        The var `time_zone`; DuckDB has to know it.

    Returns
    -------
    str
        That they are there.

    Raises
    ------
    UserError
        If DuckDB does not know the time zone.
    """
    set_time_zone(connection, time_zone)
    create_list_of_erased(connection, schema)
    connection.execute(
        f"create or replace table {schema}.unreadable_lines "
        "(file_name varchar, record_number bigint, reason varchar, record varchar)"
    )
    connection.execute(
        f"create or replace table {schema}.rows_of_erased_customers "
        "(file_name varchar, erased_rows bigint)"
    )
    return "The tables are there."


def check_relation(
    connection: duckdb.DuckDBPyConnection,
    *,
    var: str,
    named: str,
    relation: str,
    columns: dict[str, str | dict | None],
    types: dict[str, str],
) -> str:
    """Stop a build whose vars name a relation or a column that is not there, or would be misread.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse.
    var : str
        The var that names the relation: orders, order_lines, reviews or deliveries.
    named : str
        What it names, in words.
    relation : str
        SQL that stands after `from`.
    columns : dict of str to str, dict or None
        By declared column what it is called there, or {"sql": …}.
    types : dict of str to str
        By declared column its type: string, integer, decimal or timestamp.

    Returns
    -------
    str
        That it fits.

    Raises
    ------
    UserError
        If it does not; the message names the var, the relation and what would do.
    """
    stored = _stored_types(connection, f"select * from {relation}", var, named)
    check_columns(stored, var=var, named=named, columns=columns, types=types)
    for name, given in columns.items():
        if isinstance(given, Mapping):
            where = _said(var, name)
            columns_of_expression(connection, f"{where}, sql", given["sql"], [*stored], table=named)
            try:
                described = connection.execute(
                    f"describe select ({given['sql']}) from {relation}"
                ).fetchall()
            except duckdb.Error as error:
                raise UserError(
                    f'{where}, sql: "{given["sql"]}" cannot be computed from {named}. '
                    f"DuckDB says: {str(error).splitlines()[0]}"
                ) from None
            _check_type(described[0][1], given["sql"], where, name, types.get(name), named)
    return "The relation fits."


def check_columns(
    stored: Mapping[str, str],
    *,
    var: str,
    named: str,
    columns: Mapping[str, str | dict | None],
    types: Mapping[str, str],
) -> None:
    """Hold the columns that a relation has against those that the vars name.

    Parameters
    ----------
    stored : mapping of str to str
        By column of the relation its type, as DuckDB or Spark names it.
    var, named, columns, types
        As in `check_relation`.

    Raises
    ------
    UserError
        If a column is missing, or its type would change what it says.
    """
    by_name = {name.lower(): type_ for name, type_ in stored.items()}
    for name, column in columns.items():
        if not isinstance(column, str):
            continue
        where = _said(var, name)
        if column.lower() not in by_name:
            raise UserError(
                f"{where} is {column}, but {named} has no such column. Its columns are: "
                f"{', '.join(stored)}."
            )
        _check_type(by_name[column.lower()], column, where, name, types.get(name), named)


def tell_misfit(
    *,
    var: str,
    misfit: str,
    number: int,
    columns: dict[str, str | dict | None],
    types: dict[str, str],
    decimals: int,
) -> str:
    """Say which value of a relation is not of its declared type.

    Parameters
    ----------
    var : str
        The var that names the relation.
    misfit : str
        The declared column, a colon and the value.
    number : int
        Of such values.
    columns, types
        As in `check_relation`.
    decimals : int
        The var `amount_decimals`.

    Raises
    ------
    UserError
        Always.
    """
    column, value = misfit.split(": ", 1)
    type_ = types[column]
    given = columns.get(column)
    if column == "amount" and not given:
        given = f"{columns.get('items')} * {columns.get('unit_price')}"
    given = given["sql"] if isinstance(given, Mapping) else given
    value = re.sub(r"(\.\d*?)0+$", r"\1", value).rstrip(".") if type_ == "decimal" else value
    words = {
        "integer": "whole number",
        "timestamp": f"time from {EARLIEST_TIME} to {LATEST_TIME}",
        "decimal": f"amount of {decimals} decimals at most, below 10,000,000,000",
    }
    expression = {
        "integer": f"round({_as_sql(given)})",
        "timestamp": f"strptime({_as_sql(given)}, '%d.%m.%Y %H:%M')",
        "decimal": f"replace({_as_sql(given)}, ',', '.')",
    }[type_]
    advice = f'Correct it there, or give SQL that does, as {column}: {{sql: "{expression}"}}.'
    if type_ == "decimal" and re.fullmatch(r"-?\d{1,10}\.\d+", value):
        advice = "round_amounts: true rounds the sum of an order."
    others = f" (one of {number} such values)" if number > 1 else ""
    told = f'{_said(var, column)}, {given}: "{value}" is no {words[type_]}{others}. {advice}'
    # Control characters of a table are not for a terminal.
    raise UserError(re.sub(r"[\x00-\x1f\x7f]", "\ufffd", told))


def _as_sql(given: str) -> str:
    """Write what the vars call a column as SQL does: quoted, where the name has to be."""
    return given if re.fullmatch(r"[A-Za-z_]\w*|.*\W.*[(*+/)-].*", given) else quoted(given)


def _said(var: str, column: str) -> str:
    """Name the place of a column in the vars."""
    return f"columns, {column}" if var == "orders" else f"{var}, columns, {column}"


def _stored_types(
    connection: duckdb.DuckDBPyConnection, query: str, var: str, named: str
) -> dict[str, str]:
    try:
        return {row[0]: row[1] for row in connection.execute(f"describe {query}").fetchall()}
    except duckdb.CatalogException:
        there = _relations_in(connection)
        name = named.rpartition(" ")[2]
        by_ending = {full.rpartition(".")[2]: full for full in reversed(there)}
        alike = difflib.get_close_matches(name, there, n=1, cutoff=0.6) or [
            by_ending[ending]
            for ending in difflib.get_close_matches(name, by_ending, n=1, cutoff=0.6)
        ]
        shown = ", ".join(there[:20]) + (", …" if len(there) > 20 else "")
        what = f"Did you mean {alike[0]}?" if alike else f"It has: {shown or 'none'}."
        raise UserError(
            f"{var} names {named}, which the warehouse does not have. {what} Another database is "
            "seen once the profile attaches it (attach: in profiles.yml)."
        ) from None
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        if "No files found" in said:
            said = "there is no such file"
        raise UserError(f"{var} names {named}, which cannot be read: {said}.") from None


def _relations_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the tables and views that the warehouse sees, as the var `relation` would."""
    found = connection.execute(
        "select database_name = current_database(), database_name, schema_name, name from ("
        "select database_name, schema_name, table_name as name from duckdb_tables() "
        "where not internal union all "
        "select database_name, schema_name, view_name from duckdb_views() where not internal"
        ") order by all"
    ).fetchall()
    return [
        ".".join(part if re.fullmatch(r"\w+", part) else quoted(part) for part in parts)
        for parts in (
            (schema, name) if is_own else (database, schema, name)
            for is_own, database, schema, name in found
        )
    ]


def _check_type(
    stored: str, given: str, where: str, column: str, type_: str | None, named: str
) -> None:
    if column in ("customer_id", "order_id") and BROKEN_KEYS.fullmatch(stored):
        raise UserError(
            f"{where}: {given} of {named} is {stored}, so that 10001 would become 10001.0. Make it "
            f'a whole number: {column}: {{sql: "cast({_as_sql(given)} as bigint)"}}.'
        )
    if type_ == "timestamp" and WHOLE_NUMBERS.fullmatch(stored):
        raise UserError(
            f"{where}: {given} of {named} is {stored}, no time. For seconds since 1970 give "
            f'{column}: {{sql: "to_timestamp({_as_sql(given)})"}}.'
        )
