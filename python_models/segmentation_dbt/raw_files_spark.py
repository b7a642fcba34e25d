"""The raw files on Spark: the same declarations and messages, by Spark's own reader.

Every column is read as text first, so that a value that does not fit its type is found before any
table is written; the tables of the last load stay in place then. A line that does not split into
the columns is rejected, as on DuckDB. Bytes that are no UTF-8 are read as the replacement
character, and a quote that does not end takes the lines after it into its field.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from segmentation_dbt.faults import UserError
from segmentation_dbt.formats import Format
from segmentation_dbt.raw_files import CORRECT_IT, Amounts, check_header, find_files
from segmentation_dbt.tables import RawTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

UNREADABLE = "unreadable_line"
CENTS = "decimal(12, 2)"


def load_raw_files(
    spark: SparkSession,
    *,
    folder: str,
    source: str,
    schema: str,
    tables: list[dict],
    csv_format: dict,
    max_unreadable_lines: int,
    erasure: dict,
    amounts: dict | None = None,
    time_zone: str | None = None,
    made_by: str = "",
) -> str:
    """Load the file of each raw table into a schema, as Parquet tables.

    See `segmentation_dbt.raw_files.load_raw_files` for the parameters. `erasure` is not used:
    nobody can be erased from Parquet tables; nor is `made_by`: all files are read whole. Settings
    that only DuckDB's reader knows are refused.

    Returns
    -------
    str
        How many tables were loaded.

    Raises
    ------
    UserError
        If a file or a value is at fault; the warehouse is as it was then.
    """
    _check_settings(tables, csv_format, amounts, time_zone)
    there = _names_in(spark, folder)
    files = find_files(
        [RawTable(**table) for table in tables],
        folder,
        source,
        is_there=lambda path: path.rpartition("/")[2] in there,
        names_in=lambda _: there,
    )
    read = [
        (table, _checked(spark, table, path, source, csv_format, max_unreadable_lines, amounts))
        for table, path in files
    ]
    spark.sql(f"create schema if not exists {schema}")
    for table, rows in read:
        sound = rows.where(f"{UNREADABLE} is null") if UNREADABLE in rows.columns else rows
        _replace(spark, f"{schema}.{table.name}", sound.selectExpr(*_casts(table)))
    _replace(spark, f"{schema}.unreadable_lines", _unreadable_lines(spark, read))
    none = spark.createDataFrame([], "file_name string, erased_rows bigint")
    _replace(spark, f"{schema}.rows_of_erased_customers", none)
    for _, rows in read:
        rows.unpersist()
    return f"{len(files)} raw tables"


def _check_settings(
    tables: list[dict], csv_format: dict, amounts: dict | None, time_zone: str | None
) -> None:
    """Refuse what would be read otherwise than the vars say."""
    written = Format.of(csv_format)
    fine = Amounts(**amounts) if amounts else Amounts()
    refused = {
        "csv_format, encoding": written.encoding != "utf-8",
        "csv_format, thousands_separator": written.thousands_separator,
        "csv_format, strip_currency": written.strip_currency,
        "csv_format, parentheses_negative": written.parentheses_negative,
        "time_zone": time_zone,
        "amount_divisor": fine.divisor != 1,
        "amount_decimals": fine.decimals != 2,
        "transaction_columns with sql or unit_price": any(
            RawTable(**table).computed() for table in tables
        ),
    }
    if given := [name for name, is_given in refused.items() if is_given]:
        raise UserError(
            f"On Spark the raw files cannot be read with {given[0]}. Change the files, or load "
            "them as Parquet with plain numbers and times."
        )


def _names_in(spark: SparkSession, folder: str) -> set[str]:
    """Names of the CSV and Parquet files of a folder, on whatever storage it is."""
    listed = spark.read.format("binaryFile").option("pathGlobFilter", "*.{csv,parquet}")
    try:
        paths = listed.load(folder).select("path").collect()
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            return set()
        raise
    return {row.path.rpartition("/")[2] for row in paths}


def _checked(
    spark: SparkSession,
    table: RawTable,
    path: str | None,
    source: str,
    csv_format: dict,
    max_unreadable_lines: int,
    amounts: dict | None,
) -> DataFrame:
    """Read the rows of a file, all columns of CSV as text, with every value checked."""
    types = table.file_types()
    if path is None:
        return spark.createDataFrame([], ", ".join(f"`{name}` string" for name in types))
    rows = (
        _read_csv(spark, path, types, source, csv_format)
        if path.endswith(".csv")
        else spark.read.parquet(path)
    )
    if path.endswith(".parquet"):
        check_header(path, types, rows.columns, source)
    readable = rows.where(f"{UNREADABLE} is null") if UNREADABLE in rows.columns else rows
    for name, type_ in types.items():
        if type_ == "string":
            continue
        text = f"nullif(cast(`{name}` as string), '')"
        fits = f"try_cast(`{name}` as {type_}) is not null"
        if type_.startswith("decimal") and amounts and not amounts["are_rounded"]:
            fits = f"coalesce(try_cast(`{name}` as {type_}) = try_cast(`{name}` as {CENTS}), false)"
        misfits = readable.where(f"{text} is not null and not ({fits})")
        values = misfits.selectExpr(f"{text} as value").take(1)
        if values:
            raise UserError(
                f'{path}, column {name}: "{values[0].value}" is no {type_}, one of '
                f"{misfits.count()} such values. {CORRECT_IT}"
            )
    if UNREADABLE in rows.columns:
        unreadable = rows.where(f"{UNREADABLE} is not null").count()
        if unreadable > max_unreadable_lines:
            raise UserError(
                f"{path} has {unreadable} lines that cannot be read; {max_unreadable_lines} are "
                "allowed (max_unreadable_lines). Check that the file is UTF-8 text with commas and "
                "double quotes."
            )
    return rows


def _read_csv(
    spark: SparkSession, path: str, types: dict[str, str], source: str, csv_format: dict
) -> DataFrame:
    if csv_format.get("timestamp_format") or (csv_format.get("decimal_separator") or ".") != ".":
        raise UserError(
            "csv_format: on Spark CSV files must hold ISO 8601 times and decimal points. Change "
            "the files, or load them as Parquet."
        )
    delimiter = csv_format.get("delimiter") or ","
    first = spark.read.text(path).take(1)
    line = first[0].value.strip().lstrip("\ufeff") if first else ""
    header = [name.strip('"') for name in line.split(delimiter)]
    check_header(path, types, header, source)
    rows = spark.read.csv(
        path,
        schema=", ".join(f"`{name}` string" for name in [*header, UNREADABLE]),
        sep=delimiter,
        header=True,
        multiLine=True,
        quote='"',
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=UNREADABLE,
    )
    # All columns are parsed, once: a line is unreadable only where all of it is read.
    return rows.cache()


def _casts(table: RawTable) -> list[str]:
    """Select the declared columns, from those of the file; null where the file has none."""
    casts = []
    for name, type_ in table.columns.items():
        column = table.file_column(name)
        value = f"nullif(cast(`{column}` as string), '')" if column else "null"
        if column and type_ != "string":
            value = f"case when {value} is not null then `{column}` end"
        casts.append(f"try_cast({value} as {type_}) as `{name}`")
    return casts


def _unreadable_lines(spark: SparkSession, read: list[tuple[RawTable, DataFrame]]) -> DataFrame:
    empty = spark.createDataFrame([], "file_name string, reason string, record string")
    found = [
        rows.where(f"{UNREADABLE} is not null").selectExpr(
            f"'{table.name}' as file_name",
            "'number of columns' as reason",
            f"{UNREADABLE} as record",
        )
        for table, rows in read
        if UNREADABLE in rows.columns
    ]
    return reduce(lambda one, other: one.union(other), found, empty).selectExpr(
        "file_name",
        "cast(row_number() over (partition by file_name order by record) as bigint) "
        "as record_number",
        "reason",
        "record",
    )


def _replace(spark: SparkSession, name: str, rows: DataFrame) -> None:
    spark.sql(f"drop table if exists {name}")
    rows.write.format("parquet").saveAsTable(name)
