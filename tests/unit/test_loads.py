"""What is read of a raw file at the next load."""

import duckdb
import pytest

from segmentation_dbt.loads import (
    GROWN,
    OTHER,
    SAME,
    FileState,
    change_of,
    loads_in,
    write_what_is_new,
)
from segmentation_dbt.raw_files import load_raw_files

HEADER = "order_id,customer_id,amount\n"


def state_of(path, text):
    path.write_bytes(text)
    return change_of(str(path), None)[1]


@pytest.mark.parametrize("pad", [0, 300_000], ids=["short", "longer than a piece"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text, SAME),
        (lambda text: text + b"c,3\n", GROWN),
        (lambda text: text.replace(b"b,2", b"b,9") + b"c,3\n", OTHER),
        (lambda text: text.replace(b"b,2", b"b,9"), OTHER),
        (lambda text: text[:-4], OTHER),
        (lambda text: b"", OTHER),
    ],
    ids=["same", "grown", "grown with a changed past", "changed", "shorter", "empty"],
)
def test_a_file_is_its_bytes(tmp_path, change, expected, pad):
    path = tmp_path / "file.csv"
    text = b"id,n\n" + b"a,1\n" * pad + b"b,2\n"
    before = state_of(path, text)
    path.write_bytes(change(text))
    assert change_of(str(path), before)[0] == expected


def test_a_last_line_without_an_end_may_go_on(tmp_path):
    path = tmp_path / "file.csv"
    before = state_of(path, b"id,n\na,1")
    path.write_bytes(b"id,n\na,12\n")
    assert change_of(str(path), before)[0] == OTHER


def test_no_file_is_the_same_as_no_file():
    assert change_of(None, FileState())[0] == SAME
    assert change_of(None, FileState(3, 4))[0] == OTHER


def test_what_is_new_has_the_header(tmp_path):
    (tmp_path / "file.csv").write_bytes(b"id,n\na,1\nb,2\n")
    write_what_is_new(str(tmp_path / "file.csv"), 9, tmp_path / "new.csv")
    assert (tmp_path / "new.csv").read_bytes() == b"id,n\nb,2\n"


@pytest.fixture
def orders(tmp_path):
    """A folder with a file of orders, and how to load it into a warehouse that stays open."""
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "orders.csv"
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:

        def load(text, **changes):
            path.write_text(HEADER + text)
            request = {
                "folder": str(folder),
                "source": "transactions",
                "schema": "raw",
                "tables": [
                    {
                        "name": "orders",
                        "columns": {
                            "order_id": "string",
                            "customer_id": "string",
                            "amount": "decimal(18, 2)",
                        },
                        "file_columns": {},
                    }
                ],
                "csv_format": {"delimiter": ",", "decimal_separator": "."},
                "max_unreadable_lines": 5,
                "erasure": {"keys": {}, "erased_orders": "select 1 where false"},
            }
            load_raw_files(connection, **(request | changes))
            rows = connection.execute("select * exclude (amount) from raw.orders").fetchall()
            return rows, loads_in(connection, "raw")["orders"]

        load.connection = connection
        yield load


FIRST = "o1,a,1.00\no2,b,2.00\n"


def taken_in(orders):
    orders.connection.execute("update raw.loads set first_new_row = rows")


def test_new_lines_are_new_rows_until_they_are_taken_in(orders):
    assert orders(FIRST)[1].first_new_row is None
    taken_in(orders)
    assert orders(FIRST)[1].first_new_row == 2
    assert orders(FIRST + "o3,c,3.00\n")[1].first_new_row == 2
    rows, load = orders(FIRST + "o3,c,3.00\no4,d,4.00\n")
    assert [row[0] for row in rows] == ["o1", "o2", "o3", "o4"]
    assert (load.first_new_row, load.rows) == (2, 4)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (FIRST.replace("2.00", "9.00"), {}),
        (FIRST, {"max_unreadable_lines": 6}),
        (FIRST, {"made_by": "another model"}),
        (FIRST + "o3,c,3.00\nunreadable\n", {}),
    ],
    ids=["changed past", "another setting", "another model", "unreadable line"],
)
def test_what_cannot_go_on_is_made_whole(orders, text, changes):
    orders(FIRST)
    taken_in(orders)
    assert orders(text, **changes)[1].first_new_row is None


def test_an_unreadable_line_has_its_number_in_the_whole_file(orders):
    orders(FIRST)
    orders(FIRST + "o3,c,3.00\nunreadable\n")
    query = "select file_name, record_number from raw.unreadable_lines"
    assert orders.connection.execute(query).fetchall() == [("orders", 5)]


def test_rows_that_somebody_has_deleted_are_read_again(orders):
    orders(FIRST)
    taken_in(orders)
    orders.connection.execute("delete from raw.orders where order_id = 'o1'")
    rows, load = orders(FIRST)
    assert len(rows) == 2
    assert load.first_new_row is None


def test_a_fault_in_new_lines_names_the_line_and_leaves_the_last_load(orders):
    orders(FIRST)
    with pytest.raises(Exception, match=r"column amount"):
        orders(FIRST + "o3,c,much\n")
    assert orders.connection.execute("select count(*) from raw.orders").fetchall() == [(2,)]
    assert orders(FIRST)[1].rows == 2
