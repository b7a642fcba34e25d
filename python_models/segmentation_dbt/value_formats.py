"""How a file writes numbers and times, found from its values by what reads them in a build."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import duckdb

from segmentation_dbt.formats import EPOCHS, Format, number_of_text, time_of_text
from segmentation_dbt.raw_files import EARLIEST_TIME, LATEST_TIME

# Decimal and thousands separators, the plainest first.
_SEPARATORS = [(".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", " ")]
_SEPARATORS += [(".", "'"), (",", "'")]

_DAYS = ["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y"]
_DAYS += ["%m-%d-%Y", "%d-%m-%Y", "%m-%d-%y", "%d-%m-%y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"]
_DAYS += ["%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y"]
_GAPS = [" ", "T", ", ", " - ", " at ", " um "]
_CLOCKS = ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H.%M", "%Hh%M"]
_ZONES = ["", " %z", "%z"]

# What the parts of a format look like.
_SHAPES = {"Y": r"\d{4}", "f": r"\d+", "p": "[AaPp][Mm]", "b": r"[^\W\d]{3}", "B": r"[^\W\d]+"}
_SHAPES |= {"z": r"([+-]\d\d(:?\d\d)?|[Zz])", "M": r"\d\d", "S": r"\d\d", "y": r"\d\d"}

# Values that decide which formats are tried on all of them.
_FEW, _MANY = 30, 1000
_IN_BRACKETS = re.compile(r"^\(.*\)$").match


@dataclass(frozen=True)
class Reading:
    """A way of reading values, and how sure it is.

    Attributes
    ----------
    read : object
        A `Format` with the marks of numbers, or the format of times, None for ISO 8601.
    share : float
        Of the values that it reads, 0 to 1.
    unread : str or None
        A value that it does not read.
    other : object
        Another way that reads the values as well, and otherwise; None where there is none.
    """

    read: object
    share: float
    unread: str | None = None
    other: object = None


def numbers_of(texts: Sequence[str], *, delimiter: str = ",") -> Reading:
    """Tell how numbers are written.

    Parameters
    ----------
    texts : sequence of str
        Values of columns that hold numbers, each once.
    delimiter : str
        Of the file; one with semicolons writes 1.574 for a thousand and more.

    Returns
    -------
    Reading
        `read` is a `Format` whose marks of numbers count.
    """
    texts = [text for text in texts if text and text.strip()]
    if not texts:
        return Reading(Format(delimiter=delimiter), 1.0)
    ways = [
        Format(
            delimiter=delimiter,
            decimal_separator=decimal,
            thousands_separator=thousands,
            strip_currency=strips,
            parentheses_negative=is_negative,
        )
        for strips, is_negative, (decimal, thousands) in product(
            (False, True), (False, True), _SEPARATORS
        )
    ]
    # Long ones have marks that others have not.
    telling = [*texts[:_MANY], *sorted(texts, key=len)[-_MANY:], *filter(_IN_BRACKETS, texts)]
    telling = list(dict.fromkeys(telling))[: 3 * _MANY]
    counts = _counts([number_of_text("value", way) for way in ways], telling)
    best = max(counts)
    reading = [way for way, count in zip(ways, counts, strict=True) if count == best]
    first, other = reading[0], None
    # 1.574 alone, with three digits behind each mark, is a number and a thousand of them.
    marks = {mark for text in texts for mark in re.findall(r"\d([.,])\d{3}(?!\d)", text)}
    has_other_marks = any(re.search(r"[.,]\d{1,2}(?!\d)|[.,]\d{4}|\b0[.,]", t) for t in texts)
    if len(marks) == 1 and not has_other_marks:
        mark = marks.pop()
        grouped = replace(
            first, decimal_separator="," if mark == "." else ".", thousands_separator=mark
        )
        plain = replace(first, decimal_separator=mark, thousands_separator=None)
        is_usual = (delimiter == ";") == (mark == ".")
        first, other = (grouped, plain) if is_usual else (plain, grouped)
    read = _counts([number_of_text("value", first)], texts)[0]
    unread = _first_unread(number_of_text("value", first), texts) if read < len(texts) else None
    return Reading(first, read / len(texts), unread, other)


def times_of(texts: Sequence[str], *, in_order: Sequence[str] = ()) -> Reading:
    """Tell how times are written.

    Parameters
    ----------
    texts : sequence of str
        Values of a column, each once.
    in_order : sequence of str
        Values as the lines of the file follow each other: where 02/03/2024 may be either day, the
        reading under which they go on from day to day is the likelier.

    Returns
    -------
    Reading
        `read` is a value of `csv_format.timestamp_format`; `share` is 0 where none reads.
    """
    texts = [text.strip() for text in texts if text and text.strip()]
    ways = _ways_of(texts)
    if not texts or not ways:
        return Reading(None, 0.0)
    counts = _counts([_time(way) for way in ways], texts)
    best = max(counts)
    if not best:
        return Reading(None, 0.0)
    ways = [way for way, count in zip(ways, counts, strict=True) if count == best]
    first, other = ways[0], None
    if len(ways) > 1 and {_order(ways[0]), _order(ways[1])} == {"dm", "md"}:
        steps = [_steps_back(way, in_order) for way in ways[:2]]
        day_first = _order(ways[1]) == "dm"
        takes_second = steps[1] < steps[0] or (steps[0] == steps[1] and day_first)
        first, other = ways[:2][::-1] if takes_second else ways[:2]
    unread = _first_unread(_time(first), texts) if best < len(texts) else None
    return Reading(first, best / len(texts), unread, other)


def is_read_as_time(texts: Sequence[str], timestamp_format: str | None) -> bool:
    """Whether a format reads each of some values."""
    texts = [text for text in texts if text and text.strip()]
    return bool(texts) and _counts([_time(timestamp_format)], texts)[0] == len(texts)


def read_numbers(texts: Sequence[str], written: Format) -> list[float | None]:
    """Read numbers, None for each text that is none."""
    if not texts:
        return []
    connection = _holding(texts)
    sql = f"select cast({number_of_text('value', written)} as double) from texts order by n"
    return [value for (value,) in connection.execute(sql).fetchall()]


def _ways_of(texts: Sequence[str]) -> list[str | None]:
    """Name the formats that times of this look may have."""
    if all(re.fullmatch(r"\d+(\.\d+)?", text) for text in texts):
        digits = {len(text.partition(".")[0]) for text in texts}
        if digits == {8}:
            return ["%Y%m%d"]
        return [
            name for name, size in (("epoch", 10), ("epoch_ms", 13)) if digits <= {size - 1, size}
        ]
    if not any(re.search(r"\d", text) for text in texts):
        return []
    few = texts[:: max(1, len(texts) // _FEW)]
    clocks = ["", *(gap + clock for gap in _GAPS for clock in _CLOCKS)]
    has_offset = any(re.search(r"\d ?([+-]\d{2}:?\d{2}|[+-]\d{2}|Z)$", text) for text in texts)
    zones = _ZONES if has_offset else _ZONES[:1]
    ways = [
        day + clock + zone
        for zone in zones
        for day in _DAYS
        for clock in clocks
        if clock or not zone
    ]
    looks = {way: _looks_like(way, few) for way in ways}
    best = max(looks.values())
    return [None, *(way for way, alike in looks.items() if alike and alike == best)]


def _looks_like(timestamp_format: str, texts: Sequence[str]) -> int:
    """Count the texts that have the parts of a format where it has them."""
    pattern = _pattern(timestamp_format)
    return sum(pattern.fullmatch(text) is not None for text in texts)


@cache
def _pattern(timestamp_format: str) -> re.Pattern:
    parts = re.split(r"%(.)", timestamp_format)
    return re.compile(
        "".join(
            _SHAPES.get(part, r"\d{1,2}") if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
    )


def _time(timestamp_format: str | None) -> str:
    """Write SQL for the time of a value, null where none is near enough to be one."""
    time = time_of_text("value", timestamp_format)
    return (
        f"case when {time} >= timestamp '{EARLIEST_TIME}' and {time} < timestamp '{LATEST_TIME}' "
        f"then {time} end"
    )


def _order(timestamp_format: str | None) -> str:
    """Say which comes first, day or month."""
    if timestamp_format is None or timestamp_format in EPOCHS:
        return ""
    return "".join(re.findall(r"%([dm])", timestamp_format))


def _steps_back(timestamp_format: str | None, in_order: Sequence[str]) -> float:
    """Share of the steps from line to line that go back in time, or on by more than a month."""
    connection = _holding(in_order)
    sql = (
        "select coalesce(avg(cast(not step between -1 and 31 as integer)), 1) from ("
        f"select date_diff('day', lag(time) over (order by n), time) as step from ("
        f"select n, {_time(timestamp_format)} as time from texts)) where step is not null"
    )
    return connection.execute(sql).fetchall()[0][0]


def _counts(readings: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Count the texts that each piece of SQL reads."""
    connection = _holding(texts)
    counts = ", ".join(f"count({sql})" for sql in readings)
    return list(connection.execute(f"select {counts} from texts").fetchall()[0])


def _first_unread(sql: str, texts: Sequence[str]) -> str | None:
    connection = _holding(texts)
    found = connection.execute(
        f"select value from texts where ({sql}) is null order by n limit 1"
    ).fetchall()
    return found[0][0] if found else None


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """Open a database in memory once: it takes longer than what is asked of it."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _holding(texts: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Return a connection with the texts as its table `texts`."""
    connection = _connection()
    connection.execute(
        "create or replace table texts as select unnest($1::varchar[]) as value, "
        "generate_subscripts($1::varchar[], 1) as n",
        [list(texts)],
    )
    return connection
