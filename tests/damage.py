"""Damages to a data folder, each with what has to come of it.

A damage changes a folder of nine files that `make_shop` has written. Either the build is made and
the ledger accounts for what changed, or it stops with one message.
"""

import csv
import gzip
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import make_demo_data
from shop import COLUMNS

CUSTOMERS = "olist_customers_dataset"
ORDERS = "olist_orders_dataset"
ITEMS = "olist_order_items_dataset"
PAYMENTS = "olist_order_payments_dataset"
REVIEWS = "olist_order_reviews_dataset"
PRODUCTS = "olist_products_dataset"
SELLERS = "olist_sellers_dataset"
PLACES = "olist_geolocation_dataset"
CATEGORIES = "product_category_name_translation"

# Everything of an order, by its key.
OF_ORDERS = {CUSTOMERS: "customer_id", ITEMS: "order_id", PAYMENTS: "order_id", REVIEWS: "order_id"}

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Built:
    """The build is made. What the ledger counts more, or less, than for the undamaged folder."""

    ledger: dict[tuple[str, str], int]


@dataclass(frozen=True)
class Told:
    """Nothing is built, and the message has these phrases."""

    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Damage:
    kind: str
    name: str
    # Changes the folder; a path that it returns is the folder to read instead.
    apply: Callable[[Path], object]
    expected: Built | Told
    # Whether only a build of all models can show what comes of it.
    whole: bool = False


DAMAGES: list[Damage] = []


def built(
    kind: str, name: str, apply: Callable[[Path], object], ledger: dict | None = None, **options
) -> None:
    DAMAGES.append(Damage(kind, name, apply, Built(ledger or {}), **options))


def told(kind: str, name: str, apply: Callable[[Path], object], *phrases: str, **options) -> None:
    DAMAGES.append(Damage(kind, name, apply, Told(phrases), **options))


# -- the undamaged shop and ways to change it ------------------------------------------------------


def make_shop(folder: Path) -> None:
    """Demo data of 600 customers, and of them the 294 who have ordered by January 2018."""
    make_demo_data.make_demo_data(folder, customers=600, seed=1, file_format="csv")
    (folder / "planted_segments.csv").unlink()
    keep_orders(lambda order: order["order_purchase_timestamp"] < "2018-02")(folder)


def read_rows(folder: Path, table: str) -> Rows:
    with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, table: str, rows: Rows) -> None:
    names = dict.fromkeys(name for row in rows for name in row) or COLUMNS[table]
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def changed_rows(table: str, change: Callable[[Rows], Rows | None]) -> Callable[[Path], None]:
    """Change the rows of a table, in place or into others."""

    def apply(folder: Path) -> None:
        old = read_rows(folder, table)
        new = change(old)
        write_rows(folder, table, old if new is None else new)

    return apply


def put(table: str, number: int, **values: str) -> Callable[[Path], None]:
    """Overwrite values of a row, counted from 0."""
    return changed_rows(table, lambda all_rows: all_rows[number].update(values))


def put_everywhere(table: str, change: Callable[[dict], dict]) -> Callable[[Path], None]:
    return changed_rows(table, lambda all_rows: [row | change(row) for row in all_rows])


def add(table: str, **values: str) -> Callable[[Path], None]:
    """Append a copy of the first row with other values."""
    return changed_rows(table, lambda all_rows: all_rows.append(all_rows[0] | values))


def keep_orders(wanted: Callable[[dict], bool]) -> Callable[[Path], None]:
    """Leave only the wanted orders, and what belongs to them."""

    def apply(folder: Path) -> None:
        kept = [order for order in read_rows(folder, ORDERS) if wanted(order)]
        write_rows(folder, ORDERS, kept)
        for table, key in OF_ORDERS.items():
            keys = {order[key] for order in kept}
            of_kept = [row for row in read_rows(folder, table) if row[key] in keys]
            write_rows(folder, table, of_kept)

    return apply


def keep_customers(number: int) -> Callable[[Path], None]:
    """Leave only the first customers and their orders."""

    def apply(folder: Path) -> None:
        customers = read_rows(folder, CUSTOMERS)
        people = list(dict.fromkeys(row["customer_unique_id"] for row in customers))[:number]
        kept = {row["customer_id"] for row in customers if row["customer_unique_id"] in people}
        keep_orders(lambda order: order["customer_id"] in kept)(folder)

    return apply


def content(table: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the bytes of a file."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.csv"
        path.write_bytes(change(path.read_bytes()))

    return apply


def content_of_all(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return all_of(*(content(table, change) for table in COLUMNS))


def line(table: str, number: int, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change a physical line of a file, counted from 1."""

    def edited(data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines[number - 1] = change(lines[number - 1])
        return b"\n".join(lines)

    return content(table, edited)


def all_of(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def header_only(*tables: str) -> Callable[[Path], None]:
    return all_of(*(changed_rows(table, lambda _: []) for table in tables))


def remove(*tables: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for table in tables:
            (folder / f"{table}.csv").unlink()

    return apply


def below_header(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        header, _, rest = data.partition(b"\n")
        return header + b"\n" + change(rest)

    return changed


def field(number: int, value: bytes) -> Callable[[bytes], bytes]:
    """Another value in a line, fields counted from 0."""

    def changed(old: bytes) -> bytes:
        fields = old.split(b",")
        fields[number] = value
        return b",".join(fields)

    return changed


def renamed_folder(name: str) -> Callable[[Path], Path]:
    return lambda folder: folder.rename(folder.with_name(name))


def beside_a_match(folder: Path) -> Path:
    """A folder named by a pattern that another complete folder matches."""
    shutil.copytree(folder, folder.with_name("orders of 2018"))
    remove(ORDERS)(folder)
    return folder.rename(folder.with_name("orders of 201?"))


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new)


def in_encoding(name: str) -> Callable[[bytes], bytes]:
    return lambda data: data.decode().encode(name)


def as_parquet(
    table: str, change: Callable[[pa.Table], pa.Table] = lambda table: table
) -> Callable[[Path], None]:
    """Put a Parquet file in place of the CSV, with the types that its values suggest."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.csv"
        options = pyarrow.csv.ParseOptions(newlines_in_values=True)
        convert = pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in COLUMNS[table] if "zip_code" in name},
            strings_can_be_null=True,
        )
        read = pyarrow.csv.read_csv(path, parse_options=options, convert_options=convert)
        pq.write_table(change(read), path.with_suffix(".parquet"))
        path.unlink()

    return apply


def column(
    name: str, change: Callable[[pa.ChunkedArray], object]
) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(
        table.column_names.index(name), name, change(table.column(name))
    )


def parquet_bytes(table: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        as_parquet(table)(folder)
        path = folder / f"{table}.parquet"
        path.write_bytes(change(path.read_bytes()))

    return apply


def with_value(
    number: int, value: object, kind: pa.DataType
) -> Callable[[pa.ChunkedArray], object]:
    """The column as another type, with another value in a row."""

    def changed(array: pa.ChunkedArray) -> pa.Array:
        values = array.cast(kind).to_pylist()
        values[number] = value
        return pa.array(values, kind)

    return changed


# -- files -----------------------------------------------------------------------------------------


def folder_in_place_of_a_file(folder: Path) -> None:
    remove(ORDERS)(folder)
    (folder / f"{ORDERS}.csv").mkdir()


def payments_twice(folder: Path) -> None:
    whole = (folder / f"{PAYMENTS}.csv").read_bytes()
    as_parquet(PAYMENTS, lambda table: table.slice(0, 5))(folder)
    (folder / f"{PAYMENTS}.csv").write_bytes(whole)


NO_FILE = ("has no file olist_orders_dataset.csv", "SEGMENTS_DATA")
NO_NAMES = (f"{ORDERS}.csv does not begin with the names of its columns", "UTF-8 text")
WEB_PAGE = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"

told("files", "no folder", shutil.rmtree, "has no file", "SEGMENTS_DATA")
told(
    "files", "a file in place of the folder", lambda folder: folder / f"{ORDERS}.csv", *NO_FILE[1:]
)
told("files", "missing file", remove(ORDERS), *NO_FILE)
told("files", "two missing files", remove(ITEMS, REVIEWS), f"{ITEMS}.csv, {REVIEWS}.csv")
told(
    "files",
    "file name in capitals",
    lambda folder: (folder / f"{ORDERS}.csv").rename(folder / f"{ORDERS.upper()}.CSV").parent,
    *NO_FILE,
)
told("files", "a folder in place of a file", folder_in_place_of_a_file, *NO_FILE)
told("files", "empty file", content(ORDERS, lambda _: b""), *NO_NAMES, "is empty")
told("files", "a file of blank lines", content(ORDERS, lambda _: b"\n\n\n"), *NO_NAMES)
told("files", "gzip under the name of a CSV", content(ORDERS, gzip.compress), *NO_NAMES)
told("files", "a web page under the name of a CSV", content(ORDERS, lambda _: WEB_PAGE), *NO_NAMES)
told(
    "files",
    "orders: header only",
    header_only(ORDERS),
    "No counted order is left to make segments of",
)
told("files", "customers: header only", header_only(CUSTOMERS), "No counted order is left")
told(
    "files",
    "payments and items: header only",
    header_only(PAYMENTS, ITEMS),
    "most_orders_have_a_value",
    "worth nothing",
)
built(
    "files",
    "payments: header only",
    header_only(PAYMENTS),
    {(ORDERS, "no_payment"): 307, (ORDERS, "no_value"): 2},
)
built(
    "files",
    "products, sellers, places and categories: header only",
    header_only(PRODUCTS, SELLERS, PLACES, CATEGORIES),
    {
        (ITEMS, "no_product"): 344,
        (PRODUCTS, "no_category"): -5,
        (PRODUCTS, "no_translation"): -30,
    },
)
built("files", "payments as CSV, and five rows of them as Parquet", payments_twice)

# -- columns ---------------------------------------------------------------------------------------


def without_values(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "payment_value"}


def quoted(data: bytes) -> bytes:
    return b"".join(b'"' + old.replace(b",", b'","') + b'"\n' for old in data.splitlines())


def with_column(name: str, value: str = "x") -> Callable[[Path], None]:
    """Another column in the first place."""
    return changed_rows(PAYMENTS, lambda rows: [{name: value} | row for row in rows])


NO_VALUES = (f"{PAYMENTS}.csv", "has no column payment_value", "Its columns are: order_id")

told("columns", "renamed", line(PAYMENTS, 1, replaced(b"payment_value", b"amount")), *NO_VALUES)
told(
    "columns",
    "missing",
    changed_rows(PAYMENTS, lambda rows: [without_values(row) for row in rows]),
    *NO_VALUES,
)
told("columns", "names in capitals", line(ORDERS, 1, bytes.upper), *NO_NAMES)
told(
    "columns", "a space before names", line(PAYMENTS, 1, replaced(b",", b", ")), PAYMENTS, "has no"
)
told("columns", "no header", content(ORDERS, lambda data: data.split(b"\n", 1)[1]), *NO_NAMES)
told(
    "columns", "a title above the header", content(ORDERS, lambda data: b"2018\n" + data), *NO_NAMES
)
told(
    "columns",
    "a blank line above the header",
    content(ORDERS, lambda data: b"\n" + data),
    *NO_NAMES,
)
told(
    "columns",
    "one of them twice",
    all_of(with_column("remark", "1"), line(PAYMENTS, 1, replaced(b"remark", b"payment_value"))),
    f"{PAYMENTS}.csv has more than one column payment_value",
)
built(
    "columns",
    "one of them twice, once in capitals",
    all_of(with_column("remark", "1"), line(PAYMENTS, 1, replaced(b"remark", b"PAYMENT_VALUE"))),
)
built("columns", "another one", with_column("remark", 'x, "y"'))
built("columns", "two others without a name", content(PAYMENTS, replaced(b"\n", b",,\n")))
built("columns", "another one with a comma in its name", with_column("what, and when"))
built(
    "columns",
    "another one twice",
    all_of(
        with_column("remark"), with_column("note"), line(PAYMENTS, 1, replaced(b"note", b"remark"))
    ),
)
built(
    "columns",
    "in another order",
    all_of(
        *(
            changed_rows(table, lambda rows: [dict(reversed(row.items())) for row in rows])
            for table in COLUMNS
        )
    ),
)
built("columns", "all names and values in quotes", content(PAYMENTS, quoted))
told("columns", "semicolons", content(ORDERS, replaced(b",", b";")), *NO_NAMES)
told("columns", "tabs", content(ORDERS, replaced(b",", b"\t")), *NO_NAMES)
told(
    "columns",
    "semicolons below the header",
    content(SELLERS, below_header(replaced(b",", b";"))),
    f"{SELLERS}.csv has 20 lines that cannot be read, the first is line 2",
    "none that can",
)

# -- lines -----------------------------------------------------------------------------------------

UNREADABLE_PAYMENT = {(PAYMENTS, "unreadable_line"): 1, (ORDERS, "no_payment"): 1}
UNREADABLE_SELLER = {(SELLERS, "unreadable_line"): 1}

built("lines", "a field too few", line(PAYMENTS, 5, lambda old: old[:-6]), UNREADABLE_PAYMENT)
built("lines", "a field too many", line(PAYMENTS, 5, lambda old: old + b",1"), UNREADABLE_PAYMENT)
built(
    "lines",
    "decimal comma without quotes",
    line(PAYMENTS, 5, field(4, b"96,71")),
    UNREADABLE_PAYMENT,
)
built("lines", "blank ones", content(PAYMENTS, lambda data: data.replace(b"\n", b"\n\n", 5)))
built(
    "lines",
    "one of commas alone",
    line(PAYMENTS, 5, lambda old: old + b"\n,,,,"),
    {(PAYMENTS, "no_key"): 1},
)
built("lines", "last one cut off", content(PAYMENTS, lambda data: data[:-20]), UNREADABLE_PAYMENT)
built(
    "lines",
    "last one cut off inside quotes",
    content(REVIEWS, lambda data: data + b'r,o,5,,"Chegou an'),
    {(REVIEWS, "unreadable_line"): 1},
)
built("lines", "no line end after the last one", content(PAYMENTS, bytes.rstrip))
built("lines", "Windows line ends", content_of_all(replaced(b"\n", b"\r\n")))
built("lines", "old Mac line ends", content(PAYMENTS, replaced(b"\n", b"\r")))
told(
    "lines",
    "line ends of two kinds",
    content(PAYMENTS, lambda data: data.replace(b"\n", b"\r\n", 100)),
    f"{PAYMENTS}.csv has line ends of two kinds",
)
told(
    "lines",
    "quote that does not end",
    line(ORDERS, 7, lambda old: b'"' + old),
    f"{ORDERS}.csv, line 7, column order_id: the quote does not end",
)
built("lines", "quote inside a text", line(SELLERS, 5, field(2, b'5" street')))
built(
    "lines", "text after a closing quote", line(SELLERS, 5, field(2, b'"a" b')), UNREADABLE_SELLER
)
built(
    "lines", "quote after a backslash", line(SELLERS, 5, field(2, rb'"\"a\""')), UNREADABLE_SELLER
)
built(
    "lines",
    "text of 3 million characters",
    put(REVIEWS, 3, review_comment_message="x" * 3_000_000),
    {(REVIEWS, "unreadable_line"): 1, (ORDERS, "no_review_score"): 1},
)
told(
    "lines",
    "the file twice, with its header",
    content(ORDERS, lambda data: data + data),
    f"{ORDERS}.csv, line 309, column order_purchase_timestamp",
)

# -- encoding --------------------------------------------------------------------------------------

GONE_WITH_CUSTOMER = {
    (ORDERS, "no_customer"): 1,
    (ITEMS, "no_order"): 1,
    (PAYMENTS, "no_order"): 1,
    (REVIEWS, "no_order"): 1,
}

told(
    "encoding",
    "Latin-1",
    all_of(
        put_everywhere(CUSTOMERS, lambda _: {"customer_city": "são paulo"}),
        content(CUSTOMERS, in_encoding("latin-1")),
    ),
    f"{CUSTOMERS}.csv has 307 lines that cannot be read, the first is line 2",
    "UTF-8",
)
built(
    "encoding",
    "Latin-1 in one line",
    line(CUSTOMERS, 5, replaced(b"cidade", "são".encode("latin-1"))),
    {(CUSTOMERS, "unreadable_line"): 1} | GONE_WITH_CUSTOMER,
)
told("encoding", "Latin-1 in the header", line(ORDERS, 1, lambda old: old + b",\xe3"), *NO_NAMES)
told("encoding", "UTF-16", content(ORDERS, in_encoding("utf-16")), *NO_NAMES)
built(
    "encoding",
    "byte order marks",
    content_of_all(lambda data: b"\xef\xbb\xbf" + data.removeprefix(b"\xef\xbb\xbf")),
)
built("encoding", "zero byte in a text", put(CUSTOMERS, 3, customer_city="a\0b"))
told(
    "encoding",
    "zero byte in a number",
    line(PAYMENTS, 5, field(4, b"96\0.71")),
    f"{PAYMENTS}.csv, line 5, column payment_value",
)

# -- numbers ---------------------------------------------------------------------------------------

CORRECT = "Correct the value, or leave it empty if it is unknown"
NO_PAYMENT = {(ORDERS, "no_payment"): 1}

for value in ["12O.50", "NaN", "-Infinity", "N/A", "R$ 96.71", "1,234.56"]:
    told(
        "numbers",
        f"money {value}",
        put(PAYMENTS, 3, payment_value=value),
        f'{PAYMENTS}.csv, line 5, column payment_value: "{value}" is no amount',
        CORRECT,
    )
for value in ["96.715", "-0.001", "10000000000"]:
    told(
        "numbers",
        f"money {value}",
        put(PAYMENTS, 3, payment_value=value),
        f'{PAYMENTS}.csv, column payment_value: "{value}" is no amount in whole cents',
        CORRECT,
    )
built(
    "numbers",
    "money as other programs write it",
    all_of(
        *(
            put(PAYMENTS, number, payment_value=value)
            for number, value in enumerate(["1e3", " 96.71 ", "+.5", "5.", "96.71000000000001"])
        )
    ),
)
built("numbers", "money 9999999999.99", put(PAYMENTS, 3, payment_value="9999999999.99"))
built(
    "numbers",
    "negative payment",
    put(PAYMENTS, 3, payment_value="-0.01"),
    {(PAYMENTS, "negative_money"): 1} | NO_PAYMENT,
)
built(
    "numbers",
    "no payment value",
    put(PAYMENTS, 3, payment_value=""),
    {(PAYMENTS, "no_value"): 1} | NO_PAYMENT,
)
built(
    "numbers",
    "negative price, negative freight",
    all_of(put(ITEMS, 3, price="-1"), put(ITEMS, 4, freight_value="-1")),
    {(ITEMS, "negative_money"): 2, (ORDERS, "no_items"): 2},
)
built(
    "numbers",
    "no price, no freight",
    all_of(put(ITEMS, 3, price=""), put(ITEMS, 4, freight_value="")),
    {(ITEMS, "no_price"): 1, (ITEMS, "no_freight"): 1},
)
# Comments have line breaks: row 31 stands on line 38.
told(
    "numbers",
    "review score in words",
    put(REVIEWS, 30, review_score="five"),
    f'{REVIEWS}.csv, line 38, column review_score: "five" is no whole number',
)
for value in ["4.5", "99999999999"]:
    told(
        "numbers",
        f"review score {value}",
        put(REVIEWS, 30, review_score=value),
        f'{REVIEWS}.csv, column review_score: "{value}" is no whole number',
        CORRECT,
    )
built(
    "numbers",
    "review score 7, 0, none, and 5.0",
    all_of(
        put(REVIEWS, 30, review_score="7"),
        put(REVIEWS, 31, review_score="0"),
        put(REVIEWS, 32, review_score=""),
        put(REVIEWS, 33, review_score="5.0"),
    ),
    {
        (REVIEWS, "score_out_of_range"): 2,
        (REVIEWS, "no_score"): 1,
        (ORDERS, "no_review_score"): 3,
    },
)
told(
    "numbers",
    "item number 1.5",
    put(ITEMS, 3, order_item_id="1.5"),
    f'{ITEMS}.csv, column order_item_id: "1.5" is no whole number',
)
told(
    "numbers",
    "infinite latitude",
    put(PLACES, 3, geolocation_lat="inf"),
    f'{PLACES}.csv, column geolocation_lat: "inf" is no number',
)

# -- dates -----------------------------------------------------------------------------------------


def ordered_at(value: str) -> Callable[[Path], None]:
    return put(ORDERS, 5, order_purchase_timestamp=value)


def in_brazil(row: dict) -> dict:
    return {"order_purchase_timestamp": row["order_purchase_timestamp"] + "-03:00"}


def day_first(row: dict) -> dict:
    day = row["order_purchase_timestamp"][:10]
    return {"order_purchase_timestamp": "/".join(reversed(day.split("-")))}


NO_TIME = "is no time from 1990-01-01 to 2100-01-01"

told(
    "dates",
    "day first throughout",
    put_everywhere(ORDERS, day_first),
    f"{ORDERS}.csv, line 2, column order_purchase_timestamp",
    NO_TIME,
)
for value in ["last year", "2017-02-30", "0000-00-00 00:00:00", "1495292137", "NULL", "now"]:
    told(
        "dates",
        f"order of {value}",
        ordered_at(value),
        f'{ORDERS}.csv, line 7, column order_purchase_timestamp: "{value}" {NO_TIME}',
        CORRECT,
    )
for value in ["infinity", "epoch", "17-05-20", "1900-01-01", "9999-12-31", "20170-05-20"]:
    told(
        "dates",
        f"order of {value}",
        ordered_at(value),
        f"{ORDERS}.csv, column order_purchase_timestamp",
        NO_TIME,
        CORRECT,
    )
told(
    "dates",
    "delivery of 9999-12-31",
    put(ORDERS, 5, order_delivered_customer_date="9999-12-31"),
    f'{ORDERS}.csv, column order_delivered_customer_date: "9999-12-31 00:00:00" {NO_TIME}',
)
told(
    "dates",
    "review answered in infinity",
    put(REVIEWS, 5, review_answer_timestamp="infinity"),
    f"{REVIEWS}.csv, column review_answer_timestamp",
)
told(
    "dates",
    "order of 2081",
    ordered_at("2081-05-20"),
    "evaluation dates from first_evaluation_date",
    "300 are the most. The orders are of",
    "else correct the date of the newest order, or set as_of",
)
built(
    "dates",
    "order of half a year later",
    ordered_at("2018-06-01"),
    {(ORDERS, "delivered_before_ordered"): 1, (REVIEWS, "written_before_order"): 1},
)
built(
    "dates",
    "order without a time",
    ordered_at(""),
    {
        (ORDERS, "no_order_time"): 1,
        (ITEMS, "no_order"): 1,
        (PAYMENTS, "no_order"): 1,
        (REVIEWS, "no_order"): 1,
    },
)
built(
    "dates",
    "delivered and reviewed before the order",
    all_of(
        put(ORDERS, 5, order_delivered_customer_date="2001-01-01"),
        put(REVIEWS, 5, review_answer_timestamp="2001-01-01"),
    ),
    {(ORDERS, "delivered_before_ordered"): 1, (REVIEWS, "written_before_order"): 1},
)
built(
    "dates",
    "review without an answer time, and without any",
    all_of(
        put(REVIEWS, 5, review_answer_timestamp=""),
        put(REVIEWS, 6, review_answer_timestamp="", review_creation_date=""),
    ),
    {
        (REVIEWS, "no_answer_time"): 1,
        (REVIEWS, "no_review_time"): 1,
        (ORDERS, "no_review_score"): 1,
    },
)
built(
    "dates",
    "other ways to write them",
    all_of(
        ordered_at("2017-05-20T14:55:37.123456Z"),
        put(ORDERS, 6, order_purchase_timestamp="2017/05/20"),
        put(ORDERS, 7, order_purchase_timestamp="2017-5-2 8:05:00"),
    ),
)
built("dates", "time zone", put_everywhere(ORDERS, in_brazil))
told(
    "dates",
    "nothing before the first evaluation date",
    put_everywhere(ORDERS, lambda _: {"order_purchase_timestamp": "2018-01-20 10:00:00"}),
    "No model can be fitted at 2018-01-01",
    "first_evaluation_date",
    whole=True,
)

# -- keys ------------------------------------------------------------------------------------------

built(
    "keys",
    "a row twice in every table",
    all_of(*(changed_rows(table, lambda rows: rows.append(rows[0])) for table in COLUMNS)),
    # Places have no key.
    {(table, "duplicate_key"): 1 for table in COLUMNS if table != PLACES},
)
built(
    "keys",
    "the same key with other values",
    all_of(
        add(ORDERS, order_purchase_timestamp="2016-12-01 00:00:00"),
        add(PAYMENTS, payment_value="1.00"),
        add(ITEMS, price="1.00"),
        add(CUSTOMERS, customer_unique_id="0"),
        add(REVIEWS, review_score="1"),
    ),
    {(table, "duplicate_key"): 1 for table in (ORDERS, PAYMENTS, ITEMS, CUSTOMERS, REVIEWS)},
)
built(
    "keys",
    "none: payment, item, review, seller, place",
    all_of(
        *(
            put(table, 3, **{COLUMNS[table][0]: ""})
            for table in (PAYMENTS, ITEMS, REVIEWS, SELLERS, PLACES)
        )
    ),
    {(table, "no_key"): 1 for table in (PAYMENTS, ITEMS, REVIEWS, SELLERS, PLACES)}
    | dict.fromkeys(
        ((ORDERS, rule) for rule in ("no_payment", "no_items", "no_value", "no_review_score")), 1
    ),
)
built(
    "keys",
    "none: order, customer",
    all_of(put(ORDERS, 3, order_id=""), put(CUSTOMERS, 4, customer_id="")),
    {(ORDERS, "no_key"): 1, (ORDERS, "no_customer"): 1, (CUSTOMERS, "no_key"): 1}
    | {(table, "no_order"): 2 for table in (ITEMS, PAYMENTS, REVIEWS)},
)
built(
    "keys",
    "none: product",
    put(PRODUCTS, 3, product_id=""),
    {(PRODUCTS, "no_key"): 1, (ITEMS, "no_product"): 2},
)
built(
    "keys",
    "none: person of a customer, customer of an order",
    all_of(put(CUSTOMERS, 3, customer_unique_id=""), put(ORDERS, 4, customer_id="")),
    {(CUSTOMERS, "no_customer"): 1} | dict.fromkeys(GONE_WITH_CUSTOMER, 2),
)
built(
    "keys",
    "order of nobody",
    add(ORDERS, order_id="o", customer_id="nobody"),
    {(ORDERS, "no_customer"): 1},
)
built(
    "keys",
    "item, payment and review of no order",
    all_of(*(add(table, order_id="gone") for table in (ITEMS, PAYMENTS, REVIEWS))),
    {(table, "no_order"): 1 for table in (ITEMS, PAYMENTS, REVIEWS)},
)
built(
    "keys",
    "item of no product and no seller, product of no category, customer of no place",
    all_of(
        put(ITEMS, 3, product_id="gone", seller_id="gone"),
        put(PRODUCTS, 3, product_category_name="gone"),
        put(CUSTOMERS, 3, customer_zip_code_prefix="gone"),
    ),
    {(ITEMS, "no_product"): 1, (PRODUCTS, "no_translation"): 1},
)
built(
    "keys",
    "key in capitals",
    changed_rows(PAYMENTS, lambda rows: rows[3].update(order_id=rows[3]["order_id"].upper())),
    {(PAYMENTS, "no_order"): 1} | NO_PAYMENT,
)

# -- texts -----------------------------------------------------------------------------------------

SQL = "'; drop table raw.olist_orders_dataset; --"

built(
    "texts",
    "SQL, Jinja and line breaks in ids, cities, states, statuses and categories",
    all_of(
        put(CUSTOMERS, 3, customer_unique_id=SQL, customer_city=SQL, customer_state="{{ 1 / 0 }}"),
        put(CUSTOMERS, 4, customer_unique_id="a\r\nb", customer_city='"', customer_state="=1+1"),
        put(ORDERS, 3, order_status=SQL),
        put(PRODUCTS, 3, product_category_name=SQL),
        put(PAYMENTS, 3, payment_type="{% raw %}"),
    ),
    {(PRODUCTS, "no_translation"): 1},
)
built(
    "texts",
    "Unicode in ids and cities",
    put(CUSTOMERS, 3, customer_unique_id="👩‍👩‍👧 Zoë \u202e\u0301", customer_city="東京"),
)
built(
    "texts",
    "no order status, and an unknown one",
    all_of(put(ORDERS, 3, order_status=""), put(ORDERS, 4, order_status="lost")),
    {(ORDERS, "no_status"): 1},
)

# -- folders ---------------------------------------------------------------------------------------

for name in ["o'brien's \"data\"", "[ab] *?", "**", "{a,b} 100% $HOME \\ ação 東京"]:
    built("folder names", f"`{name}`", renamed_folder(name))
told("folder names", "a wildcard that another folder matches", beside_a_match, *NO_FILE)

# -- Parquet ---------------------------------------------------------------------------------------


def as_texts(table: pa.Table) -> pa.Table:
    return pa.table({name: table.column(name).cast(pa.string()) for name in table.column_names})


def times_as(kind: pa.DataType) -> Callable[[Path], None]:
    return as_parquet(
        ORDERS,
        column(
            "order_purchase_timestamp",
            lambda values: values.cast(pa.timestamp("us")).cast(kind, safe=False),
        ),
    )


def payment_as_double(value: float) -> Callable[[Path], None]:
    return as_parquet(PAYMENTS, column("payment_value", with_value(3, value, pa.float64())))


NO_PARQUET = f"{ORDERS}.parquet is no sound Parquet file"

built("Parquet", "all files", all_of(*(as_parquet(table) for table in COLUMNS)))
built("Parquet", "all values as text", all_of(*(as_parquet(table, as_texts) for table in COLUMNS)))
told(
    "Parquet",
    "corrupt",
    parquet_bytes(ORDERS, lambda data: data[:2000] + b"x" * 3000 + data[5000:]),
    NO_PARQUET,
)
told("Parquet", "cut off", parquet_bytes(ORDERS, lambda data: data[:-100]), NO_PARQUET)
told("Parquet", "empty file", parquet_bytes(ORDERS, lambda _: b""), NO_PARQUET)
told(
    "Parquet",
    "under the name of a CSV",
    lambda folder: (
        as_parquet(ORDERS)(folder),
        (folder / f"{ORDERS}.parquet").rename(folder / f"{ORDERS}.csv"),
    ),
    *NO_NAMES,
)
told(
    "Parquet",
    "missing column",
    as_parquet(PAYMENTS, lambda table: table.drop_columns("payment_value")),
    f"{PAYMENTS}.parquet has no column payment_value",
)
built("Parquet", "money as double", payment_as_double(1000.1))
for value in (float("nan"), float("inf"), 96.715):
    told(
        "Parquet",
        f"money {value} as double",
        payment_as_double(value),
        f'{PAYMENTS}.parquet, row 4, column payment_value: "{value}" is no amount',
    )
told(
    "Parquet",
    "review score 4.5",
    as_parquet(REVIEWS, column("review_score", with_value(30, 4.5, pa.float64()))),
    f'{REVIEWS}.parquet, row 31, column review_score: "4.5" is no whole number',
)
told(
    "Parquet",
    "times as numbers",
    times_as(pa.int64()),
    f"{ORDERS}.parquet, row 1, column order_purchase_timestamp",
    NO_TIME,
)
built("Parquet", "times with a zone", times_as(pa.timestamp("us", "America/Sao_Paulo")))
built("Parquet", "times as dates", times_as(pa.date32()))
built(
    "Parquet",
    "ids as bytes, statuses as a dictionary",
    as_parquet(
        ORDERS,
        lambda table: column("order_status", lambda values: values.dictionary_encode())(
            column("order_id", lambda values: values.cast(pa.binary()))(table)
        ),
    ),
)
built(
    "Parquet",
    "a column of nulls",
    as_parquet(PRODUCTS, column("product_category_name", lambda values: pa.nulls(len(values)))),
    {(PRODUCTS, "no_category"): 195, (PRODUCTS, "no_translation"): -30},
)

# -- shops -----------------------------------------------------------------------------------------


def much_at_once(folder: Path) -> None:
    """A customer with 10,000 orders, absurd money, one score throughout, and rows to rejected."""
    orders, customers, payments = (
        read_rows(folder, table) for table in (ORDERS, CUSTOMERS, PAYMENTS)
    )
    for number in range(10_000):
        key = {"order_id": f"order {number}", "customer_id": f"customer {number}"}
        orders.append(orders[0] | key)
        customers.append(
            customers[0] | {"customer_id": key["customer_id"], "customer_unique_id": SQL}
        )
        payments.append(
            payments[0] | {"order_id": key["order_id"], "payment_value": f"{number / 100:.2f}"}
        )
    payments[3]["payment_value"] = "9999999999.99"
    for table, rows in ((ORDERS, orders), (CUSTOMERS, customers), (PAYMENTS, payments)):
        write_rows(folder, table, rows)
    put_everywhere(REVIEWS, lambda _: {"review_score": "5"})(folder)
    add(ORDERS, order_id="o", customer_id="nobody")(folder)
    line(ITEMS, 5, lambda old: old + b",1")(folder)


def all_alike(folder: Path) -> None:
    """As many customers, each with one order of the same day, amount and score."""
    firsts = {row["customer_unique_id"]: row["customer_id"] for row in read_rows(folder, CUSTOMERS)}
    keep_orders(lambda order: order["customer_id"] in firsts.values())(folder)
    times = {
        "order_purchase_timestamp": "2017-12-05 10:00:00",
        "order_delivered_customer_date": "2017-12-10 10:00:00",
        "order_status": "delivered",
    }
    put_everywhere(ORDERS, lambda _: times)(folder)
    put_everywhere(PAYMENTS, lambda _: {"payment_value": "50.00"})(folder)
    put_everywhere(REVIEWS, lambda _: {"review_score": "5"})(folder)
    # Who makes the first evaluation date possible.
    put(
        ORDERS, 0, order_purchase_timestamp="2018-01-01 10:00:00", order_delivered_customer_date=""
    )(folder)


NOT_ENOUGH = "No model can be fitted at 2018-01-01"

built(
    "shops",
    "10,000 orders of one customer, absurd money, one score throughout, rows to rejected",
    much_at_once,
    {
        (ORDERS, "no_customer"): 1,
        (ORDERS, "no_items"): 10_001,
        (ORDERS, "no_review_score"): 10_000,
        (ITEMS, "unreadable_line"): 1,
    },
    whole=True,
)
told("shops", "one customer", keep_customers(1), "There is no evaluation date")
told(
    "shops",
    "one customer before the first evaluation date",
    all_of(keep_customers(2), put(ORDERS, 1, order_purchase_timestamp="2018-01-05 10:00:00")),
    NOT_ENOUGH,
    "too few customers (1) to form 4 segments",
    whole=True,
)
told(
    "shops",
    "three customers before the first evaluation date, for four segments",
    all_of(keep_customers(4), put(ORDERS, 3, order_purchase_timestamp="2018-01-05 10:00:00")),
    NOT_ENOUGH,
    "too few customers (3) to form 4 segments",
    whole=True,
)
told("shops", "all customers alike", all_alike, NOT_ENOUGH, "distinct customers", whole=True)
told(
    "shops",
    "all orders canceled",
    put_everywhere(ORDERS, lambda _: {"order_status": "canceled"}),
    "No counted order is left to make segments of",
    "uncounted_order_statuses",
    whole=True,
)
told(
    "shops",
    "no reviews",
    header_only(REVIEWS),
    NOT_ENOUGH,
    "feature review_score: no customer has a value",
    whole=True,
)
