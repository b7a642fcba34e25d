"""Compare the marts of two builds, row by row.

    python scripts/compare_marts.py FIRST SECOND

prints a table in Markdown. Each of the two is a warehouse: a .duckdb file, or the folder that Spark
builds in (SEGMENTS_SPARK_WAREHOUSE), whose Parquet files are read as they are. Texts, counts, dates
and money must be the same; doubles may differ by 1e-9 of their size. When candidates were compared,
how long it took, and the fingerprint of their data are left out.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import yaml

from segmentation.agreement import adjusted_rand_index
from segmentation_dbt.tables import literal

MARTS = Path(__file__).resolve().parents[1] / "dbt_project/models/marts"
TOLERANCE = 1e-9
# Differences of what is 0 but for rounding.
ZERO = 1e-12
# When and how fast candidates were compared, and a hash of numbers that the engine writes as text.
OF_ONE_RUN = {"model_comparison": {"compared_at", "fit_seconds", "data_fingerprint"}}


@dataclass
class Parity:
    """How a mart of the second build compares with that of the first."""

    mart: str
    first_rows: int
    second_rows: int
    differing_rows: int
    largest_difference: float
    differing_columns: dict[str, int] = field(default_factory=dict)


def keys_of_marts() -> dict[str, list[str]]:
    """Return the columns that tell the rows apart, by mart: of a constraint, or of a test."""
    keys = {}
    files = [yaml.safe_load(file.read_text()) for file in MARTS.rglob("*.yml")]
    for model in [model for file in files for model in file.get("models", [])]:
        for test in model.get("data_tests", []):
            if "unique_combination_of_columns" in test:
                keys[model["name"]] = test["unique_combination_of_columns"]["arguments"]["columns"]
        for constraint in model.get("constraints", []):
            if constraint["type"] == "primary_key":
                keys[model["name"]] = constraint["columns"]
        for column in model.get("columns", []):
            kinds = {constraint["type"] for constraint in column.get("constraints", [])}
            tests = column.get("data_tests", [])
            if "unique" in tests or "primary_key" in tests or "primary_key" in kinds:
                keys[model["name"]] = [column["name"]]
    return keys


def connect(first: Path, second: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with the schemas `first` and `second`, of views on the marts."""
    connection = duckdb.connect()
    for schema, warehouse in (("first", first), ("second", second)):
        connection.execute(f"create schema {schema}")
        if warehouse.is_file():
            connection.execute(f"attach {literal(warehouse)} as built_{schema} (read_only)")
        for mart in keys_of_marts():
            files = literal(warehouse / "tables" / "marts.db" / mart / "*.parquet")
            built = (
                f"built_{schema}.marts.{mart}" if warehouse.is_file() else f"read_parquet({files})"
            )
            connection.execute(f"create view {schema}.{mart} as from {built}")
    return connection


def compare_mart(connection: duckdb.DuckDBPyConnection, mart: str, key: list[str]) -> Parity:
    """Join both by key; a row that one side lacks differs."""
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            f"where schema_name = 'first' and table_name = '{mart}'"
        ).fetchall()
    )
    differs, gaps = {}, ["0"]
    for name, type_ in types.items():
        if name in key or name in OF_ONE_RUN.get(mart, ()):
            continue
        mine, theirs = f'first."{name}"', f'second."{name}"'
        if type_ == "DOUBLE":
            distance, size = f"abs({mine} - {theirs})", f"greatest(abs({mine}), abs({theirs}))"
            gap = f"case when {distance} > {ZERO} then {distance} / {size} end"
            gaps.append(f"coalesce({gap}, 0)")
            differs[name] = (
                f"(({mine} is null) != ({theirs} is null) or coalesce({gap}, 0) > {TOLERANCE})"
            )
        else:
            differs[name] = f"({mine} is distinct from {theirs})"
    joined = " and ".join(f"first.{name} is not distinct from second.{name}" for name in key)
    counts = ", ".join(f"count(*) filter (is_both and {differ})" for differ in differs.values())
    any_differs = " or ".join(differs.values())
    found = connection.execute(
        f"""
        select
            count(*) filter (in_first), count(*) filter (in_second),
            count(*) filter (not is_both or {any_differs}),
            max(greatest({", ".join(gaps)})) filter (is_both), {counts}
        from (from first.{mart} select *, true as present) as first
        full join (from second.{mart} select *, true as present) as second on {joined},
        lateral (
            select
                first.present is not null as in_first, second.present is not null as in_second,
                first.present is not null and second.present is not null as is_both
        ) as sides
        """
    ).fetchone()
    by_column = {name: n for name, n in zip(differs, found[4:], strict=True) if n}
    return Parity(mart, *found[:3], found[3] or 0.0, by_column)


def agreement_of_segments(connection: duckdb.DuckDBPyConnection) -> float:
    """Return the adjusted Rand index of the published segments."""
    table = connection.execute(
        """
        pivot (
            select first.segment_id as mine, second.segment_id as theirs
            from first.customer_segments as first
            inner join second.customer_segments as second using (customer_id)
        ) on theirs using count(*) group by mine
        """
    ).fetchnumpy()
    cross_table = [table[name] for name in table if name != "mine"]
    return adjusted_rand_index(np.array(cross_table, dtype=float))


def compare(first: Path, second: Path) -> tuple[list[Parity], float]:
    """Compare every mart, and the segments."""
    with connect(first, second) as connection:
        marts = [compare_mart(connection, *of_mart) for of_mart in keys_of_marts().items()]
        return marts, agreement_of_segments(connection)


def as_markdown(marts: list[Parity], agreement: float) -> str:
    """Write the comparison as a table in Markdown."""
    lines = [
        "| mart | rows, first | rows, second | rows that differ | largest difference of a double |",
        "|---|---|---|---|---|",
    ]
    for mart in sorted(marts, key=lambda mart: mart.mart):
        difference = f"{mart.largest_difference:.0e}" if mart.largest_difference else "0"
        columns = f" ({', '.join(mart.differing_columns)})" if mart.differing_columns else ""
        lines.append(
            f"| `{mart.mart}` | {mart.first_rows:,} | {mart.second_rows:,} "
            f"| {mart.differing_rows:,}{columns} | {difference} |"
        )
    return "\n".join([*lines, "", f"Segments agree at {agreement:.6f} (adjusted Rand index)."])


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "first", type=Path, help="a .duckdb file, or the folder that Spark builds in"
    )
    parser.add_argument("second", type=Path, help="the same, of the other build")
    arguments = parser.parse_args()
    for path in (arguments.first, arguments.second):
        if not path.is_file() and not (path / "tables" / "marts.db").exists():
            print(f"{path} is no warehouse of this project.", file=sys.stderr)
            return 1
    marts, agreement = compare(arguments.first, arguments.second)
    print(as_markdown(marts, agreement))
    return 2 if any(mart.differing_rows for mart in marts) else 0


if __name__ == "__main__":
    sys.exit(main())
