"""What dbt Python models read, as bounded Arrow tables and frames, from DuckDB or from Spark.

`dbt.ref` gives a DuckDB relation or a Spark DataFrame, by the target. Conditions, columns and
orders are SQL that both understand.
"""

import pandas as pd
import pyarrow as pa


def arrow(
    relation, *, where: str | None = None, order: str, columns: str | None = None
) -> pa.Table:
    """The rows that meet a condition, in an order, as an Arrow table."""
    found = _ordered(relation, where, order, columns)
    return found.toArrow() if _is_spark(found) else found.to_arrow_table()


def frame(
    relation, *, where: str | None = None, order: str, columns: str | None = None
) -> pd.DataFrame:
    """The same as a pandas DataFrame, decimals as doubles."""
    found = _ordered(relation, where, order, columns)
    if not _is_spark(found):
        return found.df()
    table = found.toArrow()
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            doubles = table.column(place).cast(pa.float64())
            table = table.set_column(place, field.name, doubles)
    return table.to_pandas()


def _is_spark(relation) -> bool:
    return hasattr(relation, "toArrow")


def _ordered(relation, where, order, columns):
    if where:
        relation = relation.filter(where)
    if _is_spark(relation):
        relation = relation.orderBy(*(name.strip() for name in order.split(",")))
        return relation.selectExpr(*columns.split(",")) if columns else relation
    relation = relation.order(order)
    return relation.select(columns) if columns else relation
