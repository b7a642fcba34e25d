"""Numbers and times as exports write them: SQL that reads a text, and a hint where none does."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from segmentation_dbt.faults import UserError
from segmentation_dbt.tables import literal

EPOCHS = {"epoch": 1, "epoch_ms": 1000}

# What may stand for a blank or an apostrophe that groups digits.
_BLANKS, _APOSTROPHES = " \u00a0\u202f\u2009", "'\u2019"


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Attributes
    ----------
    delimiter, decimal_separator : str
        One character each.
    encoding : str
        One of `segmentation_dbt.text_files.ENCODINGS`.
    timestamp_format : str or None
        That of strftime, "epoch", "epoch_ms", or None for ISO 8601.
    thousands_separator : str or None
        Between groups of digits.
    strip_currency : bool
        Whether a currency may stand before or after a number.
    parentheses_negative : bool
        Whether (28.73) is -28.73.
    """

    delimiter: str = ","
    decimal_separator: str = "."
    encoding: str = "utf-8"
    timestamp_format: str | None = None
    thousands_separator: str | None = None
    strip_currency: bool = False
    parentheses_negative: bool = False

    @classmethod
    def of(cls, csv_format: Mapping) -> "Format":
        """Make it of the var `csv_format`; what is null there has its default."""
        return cls(**{name: value for name, value in csv_format.items() if value is not None})

    @property
    def has_written_numbers(self) -> bool:
        """Whether numbers are written in a way that DuckDB does not read by itself."""
        return bool(self.thousands_separator or self.strip_currency or self.parentheses_negative)

    @property
    def has_written_times(self) -> bool:
        """Whether times are written in a way that DuckDB does not read by itself."""
        return self.timestamp_format in EPOCHS or "%z" in (self.timestamp_format or "")


def number_of_text(text: str, written: Format) -> str:
    """Write SQL for the number that a text stands for; null where it stands for none.

    Parameters
    ----------
    text : str
        SQL of the text.
    written : Format
        How numbers are written.

    Returns
    -------
    str
        SQL of type decimal(18, 6).
    """
    value = f"trim(translate({text}, {literal(_BLANKS + chr(0x2212))}, '    -'))"
    if written.strip_currency:
        # At either end alone: letters between digits are no currency.
        currency = r"[\p{Sc}\p{L}]+\.?"
        value = f"regexp_replace({value}, {literal(rf'^([-+(]?) *{currency} *')}, '\\1')"
        value = f"regexp_replace({value}, {literal(rf' *{currency} *([-)]?)$')}, '\\1')"
    if written.parentheses_negative:
        value = rf"regexp_replace({value}, '^\( *([^-+()]+?) *\)$', '-\1')"
    # A minus sign may stand behind the number.
    value = rf"regexp_replace(regexp_replace({value}, '^([^-]+?) *-$', '-\1'), '^([-+]) +', '\1')"
    digits = r"[0-9]*"
    group = written.thousands_separator
    if group:
        group = f"[{re.escape(_alike(group))}]"
        digits = rf"([0-9]{{1,3}}({group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]*)"
    shape = rf"^[-+]?{digits}({re.escape(written.decimal_separator)}[0-9]*)?([eE][-+]?[0-9]+)?$"
    plain = f"case when regexp_matches({value}, {literal(shape)}) then {value} end"
    plain = f"regexp_replace({plain}, {literal(group)}, '', 'g')" if group else plain
    if written.decimal_separator != ".":
        plain = f"replace({plain}, {literal(written.decimal_separator)}, '.')"
    return f"try_cast({plain} as decimal(18, 6))"


def time_of_text(text: str, timestamp_format: str | None) -> str:
    """Write SQL for the time that a text stands for, null where it stands for none.

    A time with an offset, or since 1970, becomes one of the session's time zone.

    Parameters
    ----------
    text : str
        SQL of the text.
    timestamp_format : str or None
        As in `Format`.

    Returns
    -------
    str
        SQL of type timestamp.
    """
    if timestamp_format is None:
        return f"cast(try_cast({text} as timestamptz) as timestamp)"
    if timestamp_format in EPOCHS:
        seconds = f"try_cast({text} as double) / {EPOCHS[timestamp_format]}"
        return (
            f"case when {seconds} between -1e10 and 1e10 "
            f"then cast(to_timestamp({seconds}) as timestamp) end"
        )
    if "%z" in timestamp_format:
        text = f"regexp_replace(trim({text}), '[zZ]$', '+00')"
    return f"cast(try_strptime({text}, {literal(timestamp_format)}) as timestamp)"


def hint(value: str, type_: str, written: Format) -> str:
    """Name the settings that would read a value which the given ones do not, as a sentence."""
    if type_ == "timestamp":
        return _hint_of_time(value, written)
    hints = []
    if re.search(r"^\s*[-+(]?\s*[^\W\d_]|[^\W\d_]\.?[-)]?\s*$|[$€£¥]", value):
        hints += [] if written.strip_currency else ["strip_currency: true"]
    if re.search(r"\(.*\d.*\)", value) and not written.parentheses_negative:
        hints += ["parentheses_negative: true"]
    separators = re.sub(rf"[^.,{_BLANKS}{_APOSTROPHES}]", "", value.strip(" ()$€£¥-+"))
    if separators and not written.thousands_separator:
        decimal = separators[-1] if separators[-1] in ".," else written.decimal_separator
        if separators.count(decimal) > 1:
            decimal = "," if decimal == "." else "."
        groups = [mark for mark in separators if mark != decimal]
        if groups:
            hints += [f'thousands_separator: "{groups[0]}"']
        if decimal != written.decimal_separator:
            hints += [f'decimal_separator: "{decimal}"']
    return _reads(hints)


def _hint_of_time(value: str, written: Format) -> str:
    text = value.strip()
    if re.fullmatch(r"\d{9,10}(\.\d*)?", text) and written.timestamp_format != "epoch":
        return _reads(["timestamp_format: epoch"])
    if re.fullmatch(r"\d{12,13}", text) and written.timestamp_format != "epoch_ms":
        return _reads(["timestamp_format: epoch_ms"])
    has_offset = re.search(r"\d([+-]\d{2}:?\d{2}| ?Z)$| [+-]\d{2}:?\d{2}$", text)
    if has_offset and written.timestamp_format and "%z" not in written.timestamp_format:
        return _reads(["timestamp_format with %z, for the offset"])
    return ""


def _reads(hints: list[str]) -> str:
    return f" csv_format reads such values with {', '.join(hints)}." if hints else ""


def _alike(separator: str) -> str:
    for marks in (_BLANKS, _APOSTROPHES):
        if separator in marks:
            return marks
    return separator


def columns_of_expression(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    sql: str,
    header: list[str],
    *,
    table: str = "the file",
) -> list[str]:
    """Name the columns of a file or relation that an expression of a var reads.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Any; it parses the expression.
    where : str
        The place of the expression in the vars, for messages.
    sql : str
        The expression.
    header : list of str
        The columns that there are.
    table : str
        What has them, for messages.

    Returns
    -------
    list of str
        As they are called there, each once.

    Raises
    ------
    UserError
        If it is not one expression over these columns.
    """
    parsed = json.loads(
        connection.execute("select json_serialize_sql(?)", [f"select {sql}"]).fetchall()[0][0]
    )
    where = f'{where}: "{sql}"'
    if parsed["error"]:
        raise UserError(f"{where} is no expression of SQL: {parsed['error_message']}")
    nodes = [*_nodes(parsed["statements"])]
    select = parsed["statements"][0]["node"]
    if (
        len(parsed["statements"]) != 1
        or len(select.get("select_list", [])) != 1
        or select.get("from_table", {}).get("type") != "EMPTY"
        or any(node.get("class") in ("SUBQUERY", "STAR", "WINDOW") for node in nodes)
    ):
        raise UserError(f'{where} must be one expression, such as "quantity * unit_price".')
    by_name = {column.lower(): column for column in header}
    used = {}
    for node in nodes:
        if node.get("class") == "COLUMN_REF":
            column = ".".join(node["column_names"])
            if column.lower() not in by_name:
                raise UserError(
                    f"{where} reads {column}, which {table} does not have. Its columns are: "
                    f"{', '.join(header)}. In SQL a name with blanks or hyphens stands in double "
                    "quotes."
                )
            used[by_name[column.lower()]] = None
    return [*used]


def _nodes(parsed: object) -> Iterator[dict]:
    if isinstance(parsed, dict):
        yield parsed
        parsed = list(parsed.values())
    if isinstance(parsed, list):
        for part in parsed:
            yield from _nodes(part)
