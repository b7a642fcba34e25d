"""What a folder of raw files holds, counted by Python's csv module and decimals alone."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from damage import CUSTOMERS, ITEMS, ORDERS, PAYMENTS

UNCOUNTED = ("canceled", "unavailable")

csv.field_size_limit(10**9)


def records(path: Path) -> list[list[str]]:
    """The records of a CSV file below its header, blank lines left out."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return [record for record in csv.reader(file) if record][1:]


def number_of_rows(folder: Path, table: str) -> int:
    path = folder / f"{table}.csv"
    if path.exists():
        return len(records(path))
    return pq.read_metadata(path.with_suffix(".parquet")).num_rows


def readable_rows(folder: Path, table: str) -> Iterator[dict[str, str]]:
    path = folder / f"{table}.csv"
    if not path.exists():
        for row in pq.read_table(path.with_suffix(".parquet")).to_pylist():
            yield {name: as_text(value) for name, value in row.items()}
        return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader(file))
    for record in records(path):
        if len(record) == len(header) and is_utf8(record):
            yield dict(zip(header, record, strict=True))


def is_utf8(record: list[str]) -> bool:
    """Whether no byte had to be escaped."""
    try:
        "".join(record).encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(value: object) -> str:
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def first_of_each(rows, key, order):
    """One row for each key, the first in an order."""
    found = {}
    for row in sorted(rows, key=order):
        if all(row[name] for name in key):
            found.setdefault(tuple(row[name] for name in key), row)
    return found


def money(text: str) -> Decimal:
    return Decimal(text.strip() or 0).quantize(Decimal("0.01"))


def customers(folder: Path) -> dict[str, tuple[int, Decimal]]:
    """Frequency and monetary value of each customer with a counted order."""
    people = first_of_each(
        (row for row in readable_rows(folder, CUSTOMERS) if row["customer_unique_id"]),
        ["customer_id"],
        lambda row: row["customer_unique_id"],
    )
    orders = first_of_each(
        (
            row
            for row in readable_rows(folder, ORDERS)
            if row["order_purchase_timestamp"] and row["customer_id"]
        ),
        ["order_id"],
        lambda row: row["order_purchase_timestamp"],
    )
    payments = first_of_each(
        (row for row in readable_rows(folder, PAYMENTS) if money(row["payment_value"]) >= 0),
        ["order_id", "payment_sequential"],
        lambda row: (not row["payment_value"], money(row["payment_value"])),
    )
    items = first_of_each(
        (
            row
            for row in readable_rows(folder, ITEMS)
            if money(row["price"]) >= 0 and money(row["freight_value"]) >= 0
        ),
        ["order_id", "order_item_id"],
        lambda row: (not row["price"], money(row["price"])),
    )
    paid = defaultdict(Decimal)
    for row in payments.values():
        if row["payment_value"]:
            paid[row["order_id"]] += money(row["payment_value"])
    worth = defaultdict(Decimal)
    for row in items.values():
        worth[row["order_id"]] += money(row["price"]) + money(row["freight_value"])
    found: dict[str, tuple[int, Decimal]] = {}
    for (order_id,), row in orders.items():
        person = people.get((row["customer_id"],))
        if person and row["order_status"] not in UNCOUNTED:
            frequency, value = found.get(person["customer_unique_id"], (0, Decimal(0)))
            value += paid[order_id] if order_id in paid else worth[order_id]
            found[person["customer_unique_id"]] = (frequency + 1, value)
    return found
