"""What dbt Python models read, as bounded Arrow tables and frames, from DuckDB or from Spark.

`dbt.ref` gives a DuckDB relation or a Spark DataFrame, by the target. Conditions are SQL that both
understand; columns and orders are names.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa


def arrow(
    relation, *, where: str | None = None, order: str | None, columns: str | None = None
) -> pa.Table:
    """Fetch the rows that meet a condition, in an order if one is given, as an Arrow table."""
    found = relation.filter(where) if where else relation
    if not _is_spark(found):
        found = found.order(order) if order else found
        return (found.select(columns) if columns else found).to_arrow_table()
    table = found.toArrow()
    if order:
        # Here: the rows come to this process anyway, and Spark would sort them on all executors.
        table = table.sort_by([(name, "ascending") for name in order.split(", ")])
    return table.select(columns.split(", ")) if columns else table


def observations_of(
    observations, model: Mapping, *, columns: str = "customers, feature_values"
) -> pa.Table:
    """Fetch what a model of `candidate_id` at `fitted_as_of` is fitted on."""
    date = f"candidate_id = '{model['candidate_id']}' and cutoff = '{model['fitted_as_of']}'"
    found = arrow(observations, where=date, order=None, columns=f"{columns}, observation")
    # Mostly they come in order, and DuckDB takes twice the time when it has to sort lists.
    numbers = found["observation"].to_numpy()
    if (np.diff(numbers) < 0).any():
        found = found.take(np.argsort(numbers))
    return found.drop_columns("observation")


def frame(relation, *, where: str | None = None, order: str) -> pd.DataFrame:
    """Fetch the same as a pandas DataFrame, decimals as doubles."""
    if not _is_spark(relation):
        return (relation.filter(where) if where else relation).order(order).df()
    table = arrow(relation, where=where, order=order)
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            doubles = table.column(place).cast(pa.float64())
            table = table.set_column(place, field.name, doubles)
    return table.to_pandas()


def _is_spark(relation) -> bool:
    return hasattr(relation, "toArrow")
