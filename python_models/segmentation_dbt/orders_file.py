"""A file of orders before anything is known of it: its columns, and texts of their values."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import duckdb

from segmentation_dbt.faults import UserError
from segmentation_dbt.raw_files import ENDINGS, names_in_folder
from segmentation_dbt.tables import literal, quoted
from segmentation_dbt.text_files import (
    ENCODINGS,
    likely_encoding,
    lines_beyond_ascii,
    write_as_utf8,
)
from segmentation_dbt.workbooks import write_as_parquet

DELIMITERS = ",;\t|"

# Rows that are looked at as they follow each other; values are looked at in all of the file.
SAMPLED_ROWS = 20_000


class OrdersFile:
    """A file of orders, every value as text.

    Parameters
    ----------
    path : Path
        A .csv, .parquet or .xlsx file.
    folder : Path
        For what is written anew so that it can be read.

    Attributes
    ----------
    columns : list of str
        That can be named: each once, none of them empty.
    delimiter : str or None
        Of a CSV file.
    encoding : str or None
        Of a CSV file.
    rows : int
        That split into the columns.

    Raises
    ------
    UserError
        If the file is empty, or no such file.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.delimiter: str | None = None
        self.encoding: str | None = None
        # The formats need no zone: times that have one are UTC.
        self._connection = duckdb.connect(str(folder / "orders file.duckdb"))
        self._connection.execute("set TimeZone = 'UTC'")
        try:
            self._open(path, folder)
        except duckdb.Error as error:
            raise UserError(f"{path} cannot be read. DuckDB says: {_first_line(error)}") from None
        self.rows = self._query("select count(*) from file")[0][0]
        if not self.rows:
            raise UserError(f"{path} has no rows below the names of its columns.")
        self._query(f"create table head as from file limit {SAMPLED_ROWS}")

    def _open(self, path: Path, folder: Path) -> None:
        if path.suffix == ".csv":
            self._open_csv(path, folder)
            return
        stored = path
        if path.suffix == ".xlsx":
            stored = folder / "sheet.parquet"
            write_as_parquet(str(path), stored)
        described = self._query(f"describe from read_parquet({literal(stored)})")
        self.columns = [row[0] for row in described if row[0]]
        types = {row[0]: row[1] for row in described}
        self.times = [n for n, type_ in types.items() if type_.startswith(("TIMESTAMP", "DATE"))]
        texts = ", ".join(f"{_as_text(name, types[name])} as {quoted(name)}" for name in types)
        self._query(f"create view file as select {texts} from read_parquet({literal(stored)})")

    def _open_csv(self, path: Path, folder: Path) -> None:
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty.")
        self.times = []
        self.encoding = _encoding_of(path)
        read_from = path
        if self.encoding != "utf-8":
            read_from = folder / "file.csv"
            write_as_utf8(str(path), self.encoding, read_from)
        with read_from.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            start = file.read(200_000)
        self.delimiter, header = delimiter_and_header(start)
        if len(header) < 2:
            raise UserError(
                f"{path} does not look like a table: its first line is "
                f"{start.splitlines()[0][:80]}. "
                "The first line must name the columns, with a comma, semicolon, tab or | between."
            )
        times = Counter(header)
        self.columns = [name for name in header if name and times[name] == 1]
        named = [
            name if name in self.columns else f"column {number}"
            for number, name in enumerate(header, start=1)
        ]
        declared = ", ".join(f"{literal(name)}: 'varchar'" for name in named)
        self._query(
            f"create view file as from read_csv({literal(read_from)}, auto_detect = false, "
            f"""header = true, delim = {literal(self.delimiter)}, quote = '"', escape = '"', """
            f"columns = {{{declared}}}, ignore_errors = true)"
        )

    def close(self) -> None:
        """Close what the file is read by."""
        self._connection.close()

    def _query(self, sql: str) -> list[tuple]:
        return self._connection.execute(sql).fetchall()

    def distinct(self, column: str, limit: int = 50_000) -> list[str]:
        """Return values of a column, each once, in an order that does not change."""
        name = quoted(column)
        return [
            value
            for (value,) in self._query(
                f"select {name} from file where trim({name}) != '' group by 1 "
                f"order by hash({name}), 1 limit {limit}"
            )
        ]

    def counts(self, column: str, limit: int = 1000) -> dict[str, int]:
        """Return the most frequent values of a column, with the number of their rows."""
        name = quoted(column)
        return dict(
            self._query(
                f"select {name}, count(*) from file where trim({name}) != '' group by 1 "
                f"order by 2 desc, 1 limit {limit}"
            )
        )

    def head(self, columns: Sequence[str]) -> list[tuple]:
        """Return the values of some columns in the first rows, blank ones as None."""
        names = ", ".join(f"nullif(trim({quoted(name)}), '')" for name in columns)
        return self._query(f"select {names} from head")

    def texts_of_head(self, column: str, limit: int = 2000) -> list[str]:
        """Return values of a column in the first rows, each once."""
        name = quoted(column)
        return [
            value
            for (value,) in self._query(
                f"select {name} from head where trim({name}) != '' group by 1 "
                f"order by hash({name}), 1 limit {limit}"
            )
        ]

    def differ_by_case_or_blanks(self, column: str) -> tuple[int, int]:
        """Count ids that are others' but for white space, and but for it and for case."""
        trimmed = f"trim(regexp_replace({quoted(column)}, '[\\s\\x{{00a0}}\\x{{202f}}]', ' ', 'g'))"
        plain = f"trim({quoted(column)})"
        return self._query(
            f"select count(distinct {plain}) - count(distinct {trimmed}), "
            f"count(distinct {plain}) - count(distinct lower({trimmed})) from file"
        )[0]

    def first_times(self, customer: str, time: str) -> list:
        """Return when each customer has the first row, sorted, and the last time of all.

        Parameters
        ----------
        customer : str
            The column of customers.
        time : str
            SQL of the time of a row.
        """
        first = self._query(
            f"select min({time}) as first from file where trim({quoted(customer)}) != '' "
            f"group by {quoted(customer)} having first is not null order by 1"
        )
        last = self._query(f"select max({time}) from file")
        return [*(value for (value,) in first), last[0][0]]


def find_orders_file(data: Path, name: str = "transactions") -> Path:
    """Find the file of orders that a user means.

    Parameters
    ----------
    data : Path
        A file, or a folder that holds one, or one of the given name.
    name : str
        Of the file, without its ending.

    Raises
    ------
    UserError
        If there is none, or several.
    """
    endings = ", ".join(ENDINGS)
    if data.is_file():
        if data.suffix not in ENDINGS:
            raise UserError(
                f"{data} is no {endings} file. Give a text file with delimiters the ending .csv, "
                "and save anything else as one of them."
            )
        return data
    if not data.is_dir():
        raise UserError(f"There is no file or folder {data}. DATA names your file of orders.")
    for ending in ENDINGS:
        if (data / f"{name}{ending}").is_file():
            return data / f"{name}{ending}"
    names = sorted(found for found in names_in_folder(str(data)) if found.endswith(ENDINGS))
    if not names:
        raise UserError(f"The folder {data} has no {endings} file. DATA names your file of orders.")
    if len(names) > 1:
        raise UserError(
            f"The folder {data} has {len(names)} files: {', '.join(names)}. Name the one with the "
            f"orders, for example DATA={data / names[0]}."
        )
    return data / names[0]


def delimiter_and_header(start: str) -> tuple[str, list[str]]:
    """Tell the delimiter of a CSV file, and the names of its columns.

    Parameters
    ----------
    start : str
        What the file begins with.

    Returns
    -------
    str
        The one of `DELIMITERS` that splits most of the first rows into as many columns as the
        first line has, and into most of them.
    list of str
        The names in the first line.
    """
    found = {}
    for delimiter in DELIMITERS:
        # The last row may be cut off.
        rows = list(islice(csv.reader(io.StringIO(start), delimiter=delimiter), 50))
        rows = [row for row in rows if row][:49] or [[""]]
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        found[delimiter] = (len(rows[0]) > 1 and alike > 0.5, alike * len(rows[0]), rows[0])
    delimiter = max(found, key=lambda each: found[each][:2])
    return delimiter, [name.strip('"') for name in found[delimiter][2]]


def _encoding_of(path: Path) -> str:
    """Tell the encoding of a text file from all of it.

    Raises
    ------
    UserError
        If it is that of no text.
    """
    likely = likely_encoding(str(path))
    if likely is None:
        raise UserError(
            f"{path} is no text. Save it as CSV, or give it the ending that it should have "
            f"({', '.join(ENDINGS)}; encodings: {', '.join(ENCODINGS)})."
        )
    if likely == "utf-8":
        sound, broken = lines_beyond_ascii(str(path))
        return "windows-1252" if broken and not sound else "utf-8"
    return likely


def _as_text(name: str, type_: str) -> str:
    """Write SQL for a stored value as a CSV file would have it."""
    text = f"cast({quoted(name)} as varchar)"
    if type_ in ("DOUBLE", "FLOAT"):
        # Of a whole number no decimal.
        return f"regexp_replace({text}, '\\.0$', '')"
    return text


def _first_line(error: Exception) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", str(error).splitlines()[0])
