"""What a file of an export holds is read as it is meant, or told in a sentence."""

import datetime as dt
import re
from decimal import Decimal

import duckdb
import openpyxl
import pytest

from segmentation_dbt.faults import UserError
from segmentation_dbt.formats import Format, hint, number_of_text, time_of_text
from segmentation_dbt.raw_files import load_raw_files
from segmentation_dbt.text_files import likely_encoding
from segmentation_dbt.workbooks import typed_column

GERMAN = {"decimal_separator": ",", "thousands_separator": "."}
EXACT = {"divisor": 1, "decimals": 2, "are_rounded": False}
COLUMNS = {"customer_id": "string", "ordered_at": "timestamp", "amount": "decimal(18, 6)"}


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def read(connection, expression, text):
    return connection.execute(f"select {expression} from (select ? as x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("2.043,60", GERMAN, "2043.60"),
        ("12.345.678,9", GERMAN, "12345678.9"),
        ("1.234", GERMAN, "1234"),
        ("1.5", GERMAN, None),
        ("1.50", GERMAN, None),
        ("12.34.567", GERMAN, "1234567"),
        ("574,60", GERMAN, "574.60"),
        ("1,5", {"thousands_separator": ","}, None),
        ("1,574.60", {"thousands_separator": ","}, "1574.60"),
        ("1\u202f574,60", {"thousands_separator": " ", "decimal_separator": ","}, "1574.60"),
        ("1\u2019574.60", {"thousands_separator": "'"}, "1574.60"),
        ("574,60 €", GERMAN | {"strip_currency": True}, "574.60"),
        ("R$ 1.234,00", GERMAN | {"strip_currency": True}, "1234"),
        ("5 kr.", GERMAN | {"strip_currency": True}, "5"),
        ("$-5.00", {"strip_currency": True}, "-5"),
        ("-$5.00", {"strip_currency": True}, "-5"),
        ("EUR", {"strip_currency": True}, None),
        ("1a2", {"strip_currency": True}, None),
        ("574.60 €", {}, None),
        ("(28.73)", {"parentheses_negative": True}, "-28.73"),
        ("($1,028.73)", {"parentheses_negative": True, "strip_currency": True}
         | {"thousands_separator": ","}, "-1028.73"),
        ("(28.73", {"parentheses_negative": True}, None),
        ("(28.73)", {}, None),
        ("28.73-", {}, "-28.73"),
        ("\u22125", {}, "-5"),
        ("1.5e3", {}, "1500"),
        ("", {}, None),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written(text, written, number, connection):
    found = read(connection, number_of_text("x", Format(**written)), text)
    assert found == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("text", "timestamp_format", "zone", "time"),
    [
        ("1672560881", "epoch", "UTC", "2023-01-01 08:14:41"),
        ("1672560881000", "epoch_ms", "America/Recife", "2023-01-01 05:14:41"),
        ("1e300", "epoch", "UTC", None),
        ("2023-01-01 23:14:41 -0300", "%Y-%m-%d %H:%M:%S %z", "UTC", "2023-01-02 02:14:41"),
        ("2023-01-01 23:14:41 -03:00", "%Y-%m-%d %H:%M:%S %z", "America/Recife",
         "2023-01-01 23:14:41"),
        ("2023-07-01 23:30:00Z", "%Y-%m-%d %H:%M:%S%z", "Europe/Berlin", "2023-07-02 01:30:00"),
        ("2023-07-01T23:30:00Z", None, "Europe/Berlin", "2023-07-02 01:30:00"),
        ("2023-07-01 23:30:00", None, "Europe/Berlin", "2023-07-01 23:30:00"),
        ("09/06/2023 06:29 PM", "%m/%d/%Y %I:%M %p", "Europe/Berlin", "2023-09-06 18:29:00"),
        ("6.9.2023", "%d.%m.%Y", "UTC", "2023-09-06 00:00:00"),
        ("2023-09-06", "%d.%m.%Y", "UTC", None),
    ],
)  # fmt: skip
def test_a_time_is_that_of_the_shop(text, timestamp_format, zone, time, connection):
    connection.execute(f"set TimeZone = '{zone}'")
    found = read(connection, time_of_text("x", timestamp_format), text)
    assert found == (None if time is None else dt.datetime.fromisoformat(time))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2.043,60", 'thousands_separator: ".", decimal_separator: ","'),
        ("707,60", 'decimal_separator: ","'),
        ("$1,574.60", 'strip_currency: true, thousands_separator: ","'),
        ("(28.73)", "parentheses_negative: true"),
        ("28.73 EUR", "strip_currency: true"),
        ("many", None),
    ],
)
def test_a_hint_names_the_settings_that_read_a_number(value, told, connection):
    found = hint(value, "decimal(18, 6)", Format())
    if told is None:
        assert read(connection, number_of_text("x", Format(strip_currency=True)), value) is None
        return
    assert told in found
    settings = {
        name: True if text == "true" else text.strip('"')
        for name, text in re.findall(r'(\w+): (true|"[^"]")', found)
    }
    assert read(connection, number_of_text("x", Format(**settings)), value) is not None


# -- files -----------------------------------------------------------------------------------------


def load(connection, folder, *, columns=None, amounts=EXACT, time_zone=None, **csv_format):
    """Load the file of a folder as `make build` does; returns its rows."""
    columns = columns or {}
    load_raw_files(
        connection,
        folder=str(folder),
        source="transactions",
        schema="raw",
        tables=[{"name": "transactions", "columns": COLUMNS, "file_columns": columns}],
        csv_format=csv_format,
        max_unreadable_lines=100,
        erasure={"keys": {"transactions": "customer_id"}, "erased_orders": "select ''"},
        amounts=amounts,
        time_zone=time_zone,
    )
    return connection.execute("from raw.transactions").fetchall()


def write(folder, *rows, encoding="utf-8"):
    text = "\n".join(["customer_id,ordered_at,amount", *rows]) + "\n"
    (folder / "transactions.csv").write_bytes(text.encode(encoding))


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "latin-1"),
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16"),
    ],
)
def test_a_file_is_read_in_its_encoding(encoding, named, connection, tmp_path):
    # More than a chunk, so that characters lie across its end.
    rows = [f"Jörg {'ü' * 50} {number},2023-01-01,5" for number in range(15_000)]
    write(tmp_path, *rows, encoding=encoding)
    found = load(connection, tmp_path, encoding=named)
    assert [row[0] for row in found] == [row.split(",")[0] for row in rows]


@pytest.mark.parametrize(
    ("encoding", "given", "likely"),
    [
        ("cp1252", "utf-8", "windows-1252"),
        ("utf-16", "utf-8", "utf-16"),
        ("utf-16", "windows-1252", "utf-16"),
        ("utf-8", "windows-1252", "utf-8"),
        ("utf-8", "latin-1", "utf-8"),
        ("cp1252", "utf-16", "windows-1252"),
    ],
)
def test_a_wrong_encoding_names_the_likely_one(encoding, given, likely, connection, tmp_path):
    write(tmp_path, *(f"Jörg {n},2023-01-01,5" for n in range(9)), encoding=encoding)
    assert likely_encoding(str(tmp_path / "transactions.csv")) == likely
    with pytest.raises(UserError, match=f"looks like {likely}: csv_format: {{encoding: {likely}}}"):
        load(connection, tmp_path, encoding=given)


def test_one_broken_line_of_a_utf8_file_is_no_other_encoding(connection, tmp_path):
    write(tmp_path, "Jörg,2023-01-01,5", "x,2023-01-01,6")
    with (tmp_path / "transactions.csv").open("ab") as file:
        file.writelines(f"J{n}\xf6rg,2023-01-01,7\n".encode("latin-1") for n in range(9))
    assert len(load(connection, tmp_path)) == 2


@pytest.mark.parametrize(
    ("row", "csv_format", "told"),
    [
        ('a,2023-01-01,"2.043,60"', {},
         '"2.043,60" is no amount in whole cents below 10,000,000,000. csv_format reads such values'
         ' with thousands_separator: ".", decimal_separator: ",". Correct the value'),
        ("a,2023-01-01,(28.73)", {}, "parentheses_negative: true"),
        ("a,2023-01-01,0.444", {}, "(round_amounts: true rounds the sum of an order)"),
        ("a,1672560881,5", {}, "timestamp_format: epoch."),
        ("a,01.02.2023,5", {"timestamp_format": "epoch"}, '"01.02.2023" is no time'),
        ("a,2023-01-01 -0300,5", {"timestamp_format": "%Y-%m-%d"}, "%z, for the offset"),
        ('a,2023-01-01,"1.5"', GERMAN, '"1.5" is no amount'),
    ],
)  # fmt: skip
def test_a_value_that_is_not_read_names_what_reads_it(row, csv_format, told, connection, tmp_path):
    write(tmp_path, row)
    with pytest.raises(UserError, match=re.escape(told)):
        load(connection, tmp_path, **csv_format)


def test_cents_are_divided_exactly(connection, tmp_path):
    write(tmp_path, "a,2023-01-01,3757", "b,2023-01-01,1", "c,2023-01-01,")
    found = load(connection, tmp_path, amounts=EXACT | {"divisor": 100})
    assert [row[2] for row in found] == [Decimal("37.57"), Decimal("0.01"), None]
    with pytest.raises(UserError, match="round_amounts"):
        load(connection, tmp_path, amounts=EXACT | {"divisor": 1000})


@pytest.mark.parametrize(
    ("sql", "amounts", "found"),
    [
        ("Quantity * \"unit price\"", EXACT | {"decimals": 3}, ["7.128", "2", None]),
        ("quantity * \"Unit Price\"", EXACT | {"are_rounded": True}, ["7.128", "2", None]),
        ("case when kind = 'sale' then quantity else -quantity end", EXACT, ["6", "-1", "3"]),
    ],
)  # fmt: skip
def test_an_amount_is_computed_of_columns(sql, amounts, found, connection, tmp_path):
    (tmp_path / "transactions.csv").write_text(
        "customer_id,ordered_at,Quantity,unit price,kind,,\n"
        "a,2023-01-01,6,1.188,sale,,\nb,2023-01-01,1,2,return,,\nc,2023-01-01,3,,sale,,\n"
    )
    rows = load(connection, tmp_path, columns={"amount": {"sql": sql}}, amounts=amounts)
    assert [row[2] for row in rows] == [None if n is None else Decimal(n) for n in found]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("quantity * price", "reads price, which the file does not have"),
        ("quantity, 1", "must be one expression"),
        ("(select 1)", "must be one expression"),
        ("quantity from read_csv('x')", "must be one expression"),
        ("quantity *", "is no expression of SQL"),
        ("quantity; select 1", "must be one expression"),
        ("kind * 2", "cannot be computed from the columns of the file"),
        ("quantity * 1.0001", "round_amounts"),
    ],
)
def test_an_expression_that_cannot_be_computed_is_told(sql, told, connection, tmp_path):
    (tmp_path / "transactions.csv").write_text(
        "customer_id,ordered_at,quantity,kind\na,2023-01-01,6,sale\n"
    )
    with pytest.raises(UserError, match=told):
        load(connection, tmp_path, columns={"amount": {"sql": sql}})


def test_a_number_of_an_expression_that_is_none_stops_the_load(connection, tmp_path):
    (tmp_path / "transactions.csv").write_text(
        "customer_id,ordered_at,quantity\na,2023-01-01,6\nb,2023-01-01,7\nc,2023-01-01,many\n"
    )
    with pytest.raises(UserError, match='column quantity: "many" is no number'):
        load(connection, tmp_path, columns={"amount": {"sql": "quantity * 2"}})


# -- workbooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "type_", "values"),
    [
        ([10001, 10002.0, None], "int64", [10001, 10002, None]),
        ([1.5, 2, " "], "double", [1.5, 2.0, None]),
        (["A1", 10001.0, 1.5], "string", ["A1", "10001", "1,5"]),
        ([dt.datetime(2023, 1, 2, 3), dt.date(2023, 1, 3)], "timestamp[us]",
         [dt.datetime(2023, 1, 2, 3), dt.datetime(2023, 1, 3)]),
        ([None, ""], "string", [None, None]),
    ],
)  # fmt: skip
def test_cells_of_a_workbook_keep_their_type(cells, type_, values):
    column = typed_column(cells, ",")
    assert str(column.type) == type_
    assert column.to_pylist() == values


def test_a_workbook_is_read(connection, tmp_path):
    book = openpyxl.Workbook()
    for row in (
        [None, None, None],
        ["customer_id", "ordered_at", "amount"],
        [10001.0, dt.datetime(2023, 1, 2, 3, 4, 5), "1.574,60 €"],
        [10002, dt.datetime(2023, 1, 3), 2.5],
    ):
        book.active.append(row)
    book.save(tmp_path / "transactions.xlsx")
    assert load(connection, tmp_path, **GERMAN, strip_currency=True) == [
        ("10001", dt.datetime(2023, 1, 2, 3, 4, 5), Decimal("1574.60")),
        ("10002", dt.datetime(2023, 1, 3), Decimal("2.50")),
    ]


def test_what_is_no_workbook_is_told(connection, tmp_path):
    (tmp_path / "transactions.xlsx").write_text("customer_id,ordered_at,amount\n")
    with pytest.raises(UserError, match=r"is no workbook that can be read .* Save it anew"):
        load(connection, tmp_path)
