"""Conditions of audiences are read before anything is built.

A condition stands in SQL as the user writes it. So it has to be one expression, true or false, on
the columns of a customer, that gives the same answer today and tomorrow.
"""

import json
from collections.abc import Iterator, Mapping

import duckdb

from segmentation_dbt.faults import UserError
from segmentation_dbt.tables import quoted

EXAMPLE = "segment_name = 'Loyal customers' and recency_days > 180"

# What a clock, a session or chance decides, beside the functions that DuckDB calls volatile.
OF_THE_MOMENT = {"age", "now", "today", "localtime", "localtimestamp", "transaction_timestamp"}
OF_THE_MOMENT |= {"getvariable", "txid_current", "in_search_path"}


def check_audiences(audiences: Mapping, columns: Mapping[str, str]) -> None:
    """Stop a run that declares an audience whose condition cannot be read.

    Parameters
    ----------
    audiences : mapping
        Conditions, SQL that DuckDB understands, by the name of the audience.
    columns : mapping of str to str
        Types by column of what the conditions are on.

    Raises
    ------
    UserError
        If a condition cannot be read; the message names the audience, the fault and a condition
        that would do.
    """
    if not audiences:
        return
    with duckdb.connect(config={"enable_external_access": False}) as connection:
        typed = ", ".join(f"{quoted(name)} {type_}" for name, type_ in columns.items())
        connection.execute(f"create table customers ({typed})")
        for name, condition in audiences.items():
            fault = _fault_of(condition, columns, connection)
            if fault:
                shown = " ".join(str(condition).split())
                raise UserError(
                    f"audiences, {name}: {shown} is no condition that can be used: {fault}. A "
                    "condition on the columns of customer_segments would do, such as "
                    f'{name}: "{EXAMPLE}". Check it under vars in dbt_project.yml, or in --vars.'
                )


def _fault_of(
    condition: object, columns: Mapping[str, str], connection: duckdb.DuckDBPyConnection
) -> str | None:
    if not isinstance(condition, str) or not condition.strip():
        return "it must be a text of SQL"
    parsed = json.loads(
        connection.execute("select json_serialize_sql(?)", [f"select\n{condition}\n"]).fetchall()[
            0
        ][0]
    )
    if parsed["error"]:
        return parsed["error_message"].splitlines()[0]
    query = parsed["statements"][0]["node"]
    is_one = (
        query.get("type") == "SELECT_NODE"
        and query["from_table"]["type"] == "EMPTY"
        and len(query["select_list"]) == 1
        and not query["select_list"][0].get("alias")
        and not any(query.get(clause) for clause in ("where_clause", "having", "modifiers"))
    )
    if not is_one:
        return "it must be one expression"
    for part in _parts(query["select_list"][0]):
        fault = _fault_of_part(part, columns, connection)
        if fault:
            return fault
    return _fault_of_types(condition, connection)


def _parts(node: object) -> Iterator[dict]:
    """Every part of an expression, as `json_serialize_sql` writes it."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _parts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _parts(inner)


def _fault_of_part(
    part: dict, columns: Mapping[str, str], connection: duckdb.DuckDBPyConnection
) -> str | None:
    kind = part.get("class")
    if kind == "SUBQUERY":
        return "it has a query of its own"
    if kind in ("WINDOW", "STAR", "PARAMETER"):
        return "it must be about one customer at a time"
    if kind == "COLUMN_REF":
        name = ".".join(part["column_names"])
        if name.lower() not in columns:
            moment = name.lower().startswith("current_") or name.lower() in OF_THE_MOMENT
            if moment:
                return f"{name} differs from build to build; as_of is the date of the state"
            return f"{name} is no column of customer_segments"
    if kind == "FUNCTION":
        name = part["function_name"].lower()
        stability = connection.execute(
            "select count(*) filter (where stability = 'VOLATILE') from duckdb_functions() "
            "where function_name = ?",
            [name],
        ).fetchall()[0][0]
        is_of_moment = name in OF_THE_MOMENT or name.startswith(("current_", "get_current_"))
        if stability or is_of_moment:
            return f"{name} differs from build to build; as_of is the date of the state"
    return None


def _fault_of_types(condition: str, connection: duckdb.DuckDBPyConnection) -> str | None:
    try:
        connection.execute(f"select 1 from customers where (\n{condition}\n)")
        found = connection.execute(
            f"describe select (\n{condition}\n) as condition from customers"
        ).fetchall()[0][1]
    except duckdb.Error as error:
        return str(error).splitlines()[0].split(": ", 1)[-1].rstrip("!.")
    return None if found == "BOOLEAN" else f"its type is {found.lower()}, not boolean"
