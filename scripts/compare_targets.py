"""Compare the marts that DuckDB and Spark have built of the same files, row by row.

    python scripts/compare_targets.py --duckdb FILE --spark FOLDER

prints a table in Markdown. FOLDER is SEGMENTS_SPARK_WAREHOUSE, whose Parquet files are read as they
are. Texts, counts, dates and money must be the same; doubles may differ by 1e-9 of their size. When
candidates were compared, how long it took, and the fingerprint of their data are left out.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import yaml

from segmentation.agreement import adjusted_rand_index

MARTS = Path(__file__).resolve().parents[1] / "dbt_project/models/marts"
TOLERANCE = 1e-9
# Differences of what is 0 but for rounding.
ZERO = 1e-12
# When and how fast candidates were compared, and a hash of numbers that the engine writes as text.
OF_ONE_RUN = {"model_comparison": {"compared_at", "fit_seconds", "data_fingerprint"}}


@dataclass
class Parity:
    """How a mart on Spark compares with the one on DuckDB."""

    mart: str
    duckdb_rows: int
    spark_rows: int
    differing_rows: int
    largest_difference: float
    differing_columns: dict[str, int] = field(default_factory=dict)


def keys_of_marts() -> dict[str, list[str]]:
    """The columns that tell the rows apart, by mart: of a constraint, or of a test."""
    keys = {}
    files = [yaml.safe_load(file.read_text()) for file in MARTS.glob("_*models.yml")]
    for model in [model for file in files for model in file["models"]]:
        for test in model.get("data_tests", []):
            if "unique_combination_of_columns" in test:
                keys[model["name"]] = test["unique_combination_of_columns"]["arguments"]["columns"]
        for constraint in model.get("constraints", []):
            if constraint["type"] == "primary_key":
                keys[model["name"]] = constraint["columns"]
        for column in model.get("columns", []):
            kinds = {constraint["type"] for constraint in column.get("constraints", [])}
            if "unique" in column.get("data_tests", []) or "primary_key" in kinds:
                keys[model["name"]] = [column["name"]]
    return keys


def connect(warehouse: Path, spark_folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the schemas `duck` and `spark`, of views on the marts."""
    connection = duckdb.connect()
    connection.execute(f"attach '{warehouse}' as built (read_only)")
    connection.execute("create schema duck")
    connection.execute("create schema spark")
    for mart in keys_of_marts():
        files = spark_folder / "tables" / "marts.db" / mart / "*.parquet"
        connection.execute(f"create view duck.{mart} as from built.marts.{mart}")
        connection.execute(f"create view spark.{mart} as from read_parquet('{files}')")
    return connection


def compare_mart(connection: duckdb.DuckDBPyConnection, mart: str, key: list[str]) -> Parity:
    """Join both by key; a row that one side lacks differs."""
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            f"where schema_name = 'duck' and table_name = '{mart}'"
        ).fetchall()
    )
    differs, gaps = {}, ["0"]
    for name, type_ in types.items():
        if name in key or name in OF_ONE_RUN.get(mart, ()):
            continue
        mine, theirs = f'duck."{name}"', f'spark."{name}"'
        if type_ == "DOUBLE":
            distance, size = f"abs({mine} - {theirs})", f"greatest(abs({mine}), abs({theirs}))"
            gap = f"case when {distance} > {ZERO} then {distance} / {size} end"
            gaps.append(f"coalesce({gap}, 0)")
            differs[name] = (
                f"(({mine} is null) != ({theirs} is null) or coalesce({gap}, 0) > {TOLERANCE})"
            )
        else:
            differs[name] = f"({mine} is distinct from {theirs})"
    joined = " and ".join(f"duck.{name} is not distinct from spark.{name}" for name in key)
    counts = ", ".join(f"count(*) filter (is_both and {differ})" for differ in differs.values())
    any_differs = " or ".join(differs.values())
    found = connection.execute(
        f"""
        select
            count(*) filter (in_duck), count(*) filter (in_spark),
            count(*) filter (not is_both or {any_differs}),
            max(greatest({", ".join(gaps)})) filter (is_both), {counts}
        from (from duck.{mart} select *, true as present) as duck
        full join (from spark.{mart} select *, true as present) as spark on {joined},
        lateral (
            select
                duck.present is not null as in_duck, spark.present is not null as in_spark,
                duck.present is not null and spark.present is not null as is_both
        ) as sides
        """
    ).fetchone()
    by_column = {name: n for name, n in zip(differs, found[4:], strict=True) if n}
    return Parity(mart, *found[:3], found[3] or 0.0, by_column)


def agreement_of_segments(connection: duckdb.DuckDBPyConnection) -> float:
    """Adjusted Rand index of the published segments."""
    table = connection.execute(
        """
        pivot (
            select duck.segment_id as mine, spark.segment_id as theirs
            from duck.customer_segments as duck
            inner join spark.customer_segments as spark using (customer_id)
        ) on theirs using count(*) group by mine
        """
    ).fetchnumpy()
    cross_table = [table[name] for name in table if name != "mine"]
    return adjusted_rand_index(np.array(cross_table, dtype=float))


def compare(warehouse: Path, spark_folder: Path) -> tuple[list[Parity], float]:
    with connect(warehouse, spark_folder) as connection:
        marts = [compare_mart(connection, *of_mart) for of_mart in keys_of_marts().items()]
        return marts, agreement_of_segments(connection)


def as_markdown(marts: list[Parity], agreement: float) -> str:
    lines = [
        "| mart | rows, DuckDB | rows, Spark | rows that differ | largest difference of a double |",
        "|---|---|---|---|---|",
    ]
    for mart in sorted(marts, key=lambda mart: mart.mart):
        difference = f"{mart.largest_difference:.0e}" if mart.largest_difference else "0"
        columns = f" ({', '.join(mart.differing_columns)})" if mart.differing_columns else ""
        lines.append(
            f"| `{mart.mart}` | {mart.duckdb_rows:,} | {mart.spark_rows:,} "
            f"| {mart.differing_rows:,}{columns} | {difference} |"
        )
    return "\n".join([*lines, "", f"Segments agree at {agreement:.6f} (adjusted Rand index)."])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duckdb", type=Path, required=True, help="file that DuckDB has built")
    parser.add_argument("--spark", type=Path, required=True, help="folder that Spark has built")
    arguments = parser.parse_args()
    for path in (arguments.duckdb, arguments.spark / "tables" / "marts.db"):
        if not path.exists():
            print(f"There is no {path}: build with this target first.", file=sys.stderr)
            return 1
    marts, agreement = compare(arguments.duckdb, arguments.spark)
    print(as_markdown(marts, agreement))
    return 2 if any(mart.differing_rows for mart in marts) else 0


if __name__ == "__main__":
    sys.exit(main())
