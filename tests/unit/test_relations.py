"""Relations are read alike, whichever engine they come from."""

from datetime import datetime
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.relations import arrow, frame, observations_of

ROWS = pa.table(
    {
        "name": ["c", "a", "b", None],
        "spend": pa.array(
            [Decimal("3.50"), Decimal("1.25"), None, Decimal("9")], pa.decimal128(18, 2)
        ),
    }
)


class SparkFrame:
    """As much of a Spark DataFrame as is used; Spark reads conditions itself."""

    def __init__(self, rows: pa.Table):
        self.rows = rows

    def filter(self, where: str) -> "SparkFrame":
        return SparkFrame(duckdb.from_arrow(self.rows).filter(where).to_arrow_table())

    def toArrow(self) -> pa.Table:
        return self.rows


@pytest.fixture(params=["duckdb", "spark"])
def relation(request):
    return duckdb.from_arrow(ROWS) if request.param == "duckdb" else SparkFrame(ROWS)


def test_rows_come_in_order_nulls_last(relation):
    assert arrow(relation, order="name")["name"].to_pylist() == ["a", "b", "c", None]


def test_rows_and_columns_are_chosen(relation):
    found = arrow(relation, where="name > 'a'", order="name", columns="name")
    assert found.to_pydict() == {"name": ["b", "c"]}


def test_frames_have_doubles_for_decimals(relation):
    found = frame(relation, where="name is not null", order="name")
    expected = pd.DataFrame({"name": ["a", "b", "c"], "spend": [1.25, None, 3.5]})
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["spend"].dtype == float


@pytest.mark.parametrize("numbers", [[1, 2, 3], [3, 1, 2]])
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_observations_come_in_the_order_of_their_numbers(numbers, engine):
    values = {1: [1.0, 2.0], 2: [3.0, None], 3: [5.0, 6.0]}
    rows = [(number, "ours", datetime(2018, 1, 8), values[number]) for number in numbers]
    rows += [(1, "theirs", datetime(2018, 1, 8), [0.0]), (1, "ours", datetime(2018, 1, 1), [0.0])]
    names = ("observation", "candidate_id", "cutoff", "feature_values")
    table = pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))
    table = table.set_column(2, "cutoff", table["cutoff"].cast(pa.timestamp("us")))
    relation = duckdb.from_arrow(table) if engine == "duckdb" else SparkFrame(table)
    model = {"candidate_id": "ours", "fitted_as_of": datetime(2018, 1, 8)}
    found = observations_of(relation, model, columns="feature_values")
    assert found.to_pydict() == {"feature_values": list(values.values())}
