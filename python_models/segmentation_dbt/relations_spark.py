"""Orders that are tables of Spark's catalog: the same checks, by Spark's own means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segmentation_dbt.faults import UserError
from segmentation_dbt.relations import check_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def prepare_relations(spark: SparkSession, *, schema: str, time_zone: str | None = None) -> str:
    """Make the tables that staging reads beside the relations, all of them empty.

    See `segmentation_dbt.relations.prepare_relations` for the parameters. Nobody can be erased
    from Parquet tables, so the list of erased customers stays empty.
    """
    spark.sql(f"create schema if not exists {schema}")
    for name, columns in {
        "unreadable_lines": "file_name string, record_number bigint, reason string, record string",
        "rows_of_erased_customers": "file_name string, erased_rows bigint",
        "erased_customers": "customer_hash string, erased_at timestamp, rows_erased bigint",
    }.items():
        spark.sql(f"drop table if exists {schema}.{name}")
        spark.sql(f"create table {schema}.{name} ({columns}) using parquet")
    return "The tables are there."


def check_relation(
    spark: SparkSession,
    *,
    var: str,
    named: str,
    relation: str,
    columns: dict[str, str | dict | None],
    types: dict[str, str],
) -> str:
    """Stop a build whose vars name a relation or a column that is not there.

    See `segmentation_dbt.relations.check_relation` for the parameters. What stands in {sql: …} is
    for Spark to judge.
    """
    from pyspark.errors import AnalysisException

    try:
        stored = dict(spark.sql(f"select * from {relation}").dtypes)
    except AnalysisException as error:
        raise UserError(
            f"{var} names {named}, which Spark's catalog cannot read: {str(error).splitlines()[0]}"
        ) from None
    check_columns(stored, var=var, named=named, columns=columns, types=types)
    return "The relation fits."
