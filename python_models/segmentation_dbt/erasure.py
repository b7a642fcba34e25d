"""A customer is erased on request, for good: from the warehouse and from its backup.

`erased_customers` keeps a SHA-256 hash in place of the id, when the customer was erased and from
how many rows. Each load of the raw files leaves the rows of these customers out, and counts them.
Models, the observations that they are fitted on (values without ids), transitions and other sums
over customers stay as they are.

Readers of the feed of audiences hold ids of their own, so the feed says whom to remove: for each
audience a row with the hash, whether or not the customer was in it.

What finds the rows depends on the source: `keys` names, for each raw table, the column by which its
rows are found, or several, of which a row is found by the first that is not empty; `erased_orders`
is a query of these columns for all erased customers. Where orders are relations of the warehouse,
the tables of staging that hold them stand in place of raw tables, and each build reads the
relations without these customers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from segmentation_dbt.faults import UserError
from segmentation_dbt.tables import literal, quoted, tables_in

# Stands between the name of a warehouse and its ending in the name of its one backup.
BACKUP = ".previous"


def backup_of(warehouse: Path) -> Path:
    """Name the file beside a warehouse that keeps what was published before."""
    return warehouse.with_name(f"{warehouse.stem}{BACKUP}{warehouse.suffix}")


def erase_customer(
    connection: duckdb.DuckDBPyConnection,
    *,
    customer_id: str,
    schema: str,
    delimiter: str,
    keys: dict[str, str | list[str]],
    erased_orders: str,
    keys_schema: str | None = None,
    schemas: list[str] | None = None,
    feed: list[str] | None = None,
) -> str:
    """Erase a customer from the tables of the warehouse and of its backup.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse, without an open transaction.
    customer_id : str
        Who is to be erased.
    schema : str
        Of the raw tables.
    delimiter : str
        Between the fields of a CSV file.
    keys : dict of str to str or list of str
        By raw table, the column or columns that find the rows of erased customers.
    erased_orders : str
        A query of these columns.
    keys_schema : str, optional
        Of the tables that `keys` names; by default they are raw tables.
    schemas : list of str, optional
        The schemas whose tables are cleaned; all by default.
    feed : list of str, optional
        Schema and name of the feed of audiences.

    Returns
    -------
    str
        How many rows of the warehouse were erased, as a sentence.

    Raises
    ------
    UserError
        If the warehouse was built from another source.
    """
    source = {"schema": schema, "delimiter": delimiter, "keys": keys}
    source |= {"erased_orders": erased_orders, "now": datetime.now(UTC).replace(tzinfo=None)}
    source |= {"keys_schema": keys_schema or schema, "schemas": schemas}
    source |= {"feed": tuple(feed) if feed else None}
    if set(keys) - {name for of, name in tables_in(connection) if of == source["keys_schema"]}:
        raise UserError(
            "The warehouse was not built from this source: give the vars that it was built with "
            "(VARS= of make erase)."
        )
    # The backup first: no warehouse without the customer ever stands beside a backup with them.
    with _backup_in_use(connection) as has_backup:
        if has_backup:
            _erase(connection, customer_id, **source)
    rows = _erase(connection, customer_id, **source)
    if not rows:
        return (
            f"Erased {rows} rows of the customer. The customer is not in the warehouse, but is now "
            "on the list of erased ones."
        )
    return (
        f"Erased {rows} rows of the customer. No build brings the customer back while "
        f"{schema}.erased_customers is there."
    )


def drop_registry(connection: duckdb.DuckDBPyConnection, *, tables: list[list[str]]) -> str:
    """Drop the model registry, pairs of schema and table, from the warehouse and its backup."""
    with _backup_in_use(connection) as has_backup:
        if has_backup:
            _drop(connection, tables)
    _drop(connection, tables)
    return (
        "The model registry is dropped: the next build fits all models and numbers the segments "
        "anew."
    )


def leave_out_erased_customers(
    connection: duckdb.DuckDBPyConnection,
    *,
    schema: str,
    delimiter: str,
    keys: dict[str, str | list[str]],
    erased_orders: str,
) -> None:
    """Delete the rows of erased customers from the raw tables, and count them by table.

    Part of a load of the raw files; see `erase_customer` for the parameters.
    """
    create_list_of_erased(connection, schema)
    connection.execute(
        f"create or replace table {schema}.rows_of_erased_customers "
        "(file_name varchar, erased_rows bigint)"
    )
    if not has_erased_customers(connection, schema):
        return
    by_table = _delete_raw_rows(connection, schema, delimiter, keys, erased_orders)
    for table, rows in by_table.items():
        if rows:
            connection.execute(
                f"insert into {schema}.rows_of_erased_customers values (?, ?)", [table, rows]
            )


def _erase(
    connection: duckdb.DuckDBPyConnection,
    customer_id: str,
    *,
    schema: str,
    delimiter: str,
    keys: dict[str, str | list[str]],
    erased_orders: str,
    keys_schema: str,
    schemas: list[str] | None,
    feed: tuple[str, str] | None,
    now: datetime,
) -> int:
    """Erase a customer from the database in use; returns from how many rows."""
    connection.begin()
    if feed in tables_in(connection):
        _remove_from_audiences(connection, customer_id, ".".join(map(quoted, feed)))
    create_list_of_erased(connection, schema)
    connection.execute(
        f"insert into {schema}.erased_customers "
        "select sha256($1), $2, 0 "
        f"where sha256($1) not in (select customer_hash from {schema}.erased_customers)",
        [customer_id, now],
    )
    by_table = _delete_raw_rows(
        connection, schema, delimiter, keys, erased_orders, keys_schema, schemas
    )
    rows = sum(by_table.values())
    for (of, name), columns in tables_in(connection).items():
        if of != schema and _is_cleaned(of, schemas) and "customer_id" in columns:
            rows += connection.execute(
                f"delete from {of}.{quoted(name)} where customer_id = ?", [customer_id]
            ).fetchall()[0][0]
    connection.execute(
        f"update {schema}.erased_customers set rows_erased = rows_erased + ? "
        "where customer_hash = sha256(?)",
        [rows, customer_id],
    )
    connection.commit()
    return rows


def _remove_from_audiences(
    connection: duckdb.DuckDBPyConnection, customer_id: str, feed: str
) -> None:
    """Tell the readers of every audience to remove a customer.

    The rows come before those of the customer go, so that no number of the feed is used twice.
    """
    connection.execute(
        f"insert into {feed} by name select (select max(change_id) from {feed}) "
        "+ row_number() over (order by audience) as change_id, audience, sha256($1) as "
        "customer_hash, 'removed' as change, 'erased' as reason, (select max(as_of) from "
        f"{feed}) as as_of from (select distinct audience from {feed}) where not exists "
        f"(from {feed} as erased where erased.reason = 'erased' and customer_hash = sha256($1))",
        [customer_id],
    )


def has_erased_customers(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    """Whether any customer has been erased."""
    create_list_of_erased(connection, schema)
    query = f"select count(*) > 0 from {schema}.erased_customers"
    return connection.execute(query).fetchall()[0][0]


def create_list_of_erased(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Create the list of erased customers, where there is none yet."""
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(
        f"create table if not exists {schema}.erased_customers "
        "(customer_hash varchar, erased_at timestamp, rows_erased bigint)"
    )


def _is_cleaned(schema: str, schemas: list[str] | None) -> bool:
    return schemas is None or schema in schemas


def _delete_raw_rows(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    delimiter: str,
    keys: dict[str, str | list[str]],
    erased_orders: str,
    keys_schema: str | None = None,
    schemas: list[str] | None = None,
) -> dict[str, int]:
    """Delete what is keyed by erased customers or their orders; returns the rows by table."""
    keys_schema = keys_schema or schema
    tables = tables_in(connection)
    if set(keys) - {name for of, name in tables if of == keys_schema}:
        return {}
    connection.execute(f"create or replace temporary table erased_orders as {erased_orders}")
    places = {(keys_schema, name): key for name, key in keys.items()}
    # Elsewhere rows without a customer are found by their order.
    places |= {
        place: "order_id"
        for place, columns in tables.items()
        if place[0] != schema
        and _is_cleaned(place[0], schemas)
        and "order_id" in columns
        and "customer_id" not in columns
    }
    deleted = {}
    for (of, name), key in places.items():
        conditions, empty = [], ""
        for column in [key] if isinstance(key, str) else key:
            conditions.append(
                f"{empty}{column} in (select erased_orders.{column} from erased_orders "
                f"where erased_orders.{column} is not null)"
            )
            empty += f"{column} is null and "
        deleted[name] = connection.execute(
            f"delete from {of}.{quoted(name)} where {' or '.join(conditions)}"
        ).fetchall()[0][0]
    for of, name in tables:
        if name == "stg_olist__repeated_keys" and _is_cleaned(of, schemas):
            connection.execute(
                f"delete from {of}.{quoted(name)} where first_part in "
                "(select unnest([customer_id, order_id]) from erased_orders)"
            )
    _blank_unreadable_lines(connection, schema, delimiter)
    connection.execute("drop table erased_orders")
    return deleted


def _blank_unreadable_lines(
    connection: duckdb.DuckDBPyConnection, schema: str, delimiter: str
) -> None:
    """Take the text out of a line with an erased customer, or an order of one, in a field.

    The line stays, and counts.
    """
    separators = f"{literal(delimiter + chr(34))} || chr(13)"
    fields = f"string_split(translate(record, {separators}, repeat(chr(10), 3)), chr(10))"
    connection.execute(
        f"update {schema}.unreadable_lines set record = null where "
        f"list_has_any(list_transform({fields}, lambda field: sha256(trim(field))), "
        f"(select list(customer_hash) from {schema}.erased_customers)) or "
        f"list_has_any(list_transform({fields}, lambda field: sha256(lower(trim(field)))), "
        f"(select list(customer_hash) from {schema}.erased_customers)) "
        f"or list_has_any({fields}, "
        "(select list(customer_id) || list(order_id) from erased_orders))"
    )


def _drop(connection: duckdb.DuckDBPyConnection, tables: list[list[str]]) -> None:
    connection.begin()
    # What is a table with one var can be a view with another.
    for schema, name in {*map(tuple, tables)} & set(tables_in(connection)):
        connection.execute(f"drop table {schema}.{quoted(name)}")
    connection.commit()


@contextmanager
def _backup_in_use(connection: duckdb.DuckDBPyConnection) -> Iterator[bool]:
    """Work in the backup of the database in use, if there is one."""
    name, path = connection.execute(
        "select database_name, path from duckdb_databases() "
        "where database_name = current_database()"
    ).fetchall()[0]
    backup = backup_of(Path(path)) if path else None
    if backup is None or not backup.is_file():
        yield False
        return
    connection.execute(f"attach {literal(backup)} as segmentation_backup")
    connection.execute("use segmentation_backup")
    try:
        yield True
    finally:
        connection.execute(f"use {quoted(name)}")
        connection.execute("detach segmentation_backup")
