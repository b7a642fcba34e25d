"""Raw files are read and checked, and put into the warehouse, all of them or none.

A line that does not split into the columns is rejected: it goes to the table `unreadable_lines` and
is counted. A value that does not fit its declared type, or would be changed by it, stops the load,
because it is seldom alone. The message names the file, the column, and the line of what cannot be
read at all. Columns may stand in any order; others than the declared ones are left out. What has
not changed since the last load is not read again (segmentation_dbt/loads.py).
"""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from segmentation_dbt.erasure import has_erased_customers, leave_out_erased_customers
from segmentation_dbt.faults import UserError
from segmentation_dbt.formats import (
    Format,
    columns_of_expression,
    hint,
    number_of_text,
    time_of_text,
)
from segmentation_dbt.loads import (
    GROWN,
    SAME,
    Load,
    change_of,
    code_of_library,
    loads_in,
    rows_of,
    write_loads,
    write_what_is_new,
)
from segmentation_dbt.tables import BROKEN_KEYS, RawTable, literal, quoted
from segmentation_dbt.text_files import (
    in_another_encoding,
    likely_encoding,
    lines_beyond_ascii,
    write_as_utf8,
)
from segmentation_dbt.workbooks import write_as_parquet

# Times outside of these stop a load: 1900-01-01 and 9999-12-31 stand for "unknown" in many systems.
EARLIEST_TIME, LATEST_TIME = "1990-01-01", "2100-01-01"

# The file separator, which no text file has in its first line.
NO_DELIMITER = "\x1f"

# So many lines that are no UTF-8, in a file without one beyond ASCII that is, are no accident.
LINES_OF_ANOTHER_ENCODING = 5

ENDINGS = (".csv", ".parquet", ".xlsx")

# Stands for the type of a number of the file that is no declared column itself.
NUMBER = "number"


@dataclass(frozen=True)
class Amounts:
    """How money is written; None in place of it where every amount has two decimals.

    Attributes
    ----------
    divisor : int
        A power of ten by which amounts are divided.
    decimals : int
        That an amount may have, once it is divided.
    are_rounded : bool
        Whether finer ones are kept, because sums of them are rounded later.
    """

    divisor: int = 1
    decimals: int = 2
    are_rounded: bool = False


def names_in_folder(folder: str) -> list[str]:
    """Name the files of a folder; none where there is no such folder."""
    return [path.name for path in Path(folder).glob("*") if path.is_file()]


def load_raw_files(
    connection: duckdb.DuckDBPyConnection,
    *,
    folder: str,
    source: str,
    schema: str,
    tables: list[dict],
    csv_format: dict,
    max_unreadable_lines: int,
    erasure: dict,
    amounts: dict | None = None,
    time_zone: str | None = None,
    made_by: str = "",
) -> str:
    """Load the file of each raw table into a schema, in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse, without an open transaction.
    folder : str
        Holds a file for each table, NAME.csv, NAME.parquet or NAME.xlsx; the first of them counts.
        Where there is one table, it may hold one file of any name, or be that file.
    source : str
        The var `source`, for the advice in messages.
    schema : str
        Where the tables go.
    tables : list of dict
        What `segmentation_dbt.tables.RawTable` is made of.
    csv_format : dict
        The var `csv_format`.
    max_unreadable_lines : int
        Lines of a file that may be rejected.
    erasure : dict
        What finds the rows of erased customers; see `segmentation_dbt.erasure`.
    amounts : dict, optional
        What `Amounts` is made of.
    time_zone : str, optional
        IANA name of the zone that times with an offset are turned into; UTC by default.
    made_by : str
        Whatever decides what is made of the raw tables. Where it has changed, all of their rows
        are new.

    Returns
    -------
    str
        How many tables were loaded.

    Raises
    ------
    UserError
        If a file or a value is at fault; the warehouse is as it was then.
    """
    written = Format.of(csv_format)
    files = find_files([RawTable(**table) for table in tables], folder, source)
    set_time_zone(connection, time_zone)
    connection.begin()
    try:
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(
            f"create table if not exists {schema}.unreadable_lines "
            "(file_name varchar, record_number bigint, reason varchar, record varchar)"
        )
        before = {} if has_erased_customers(connection, schema) else loads_in(connection, schema)
        loads = {}
        with tempfile.TemporaryDirectory() as rewritten:
            loader = _Loader(
                connection,
                source=source,
                schema=schema,
                written=written,
                max_unreadable_lines=max_unreadable_lines,
                amounts=Amounts(**amounts) if amounts else None,
                rewritten=Path(rewritten),
            )
            read_by = {"csv_format": csv_format, "amounts": amounts, "time_zone": time_zone}
            read_by |= {"max_unreadable_lines": max_unreadable_lines, "code": code_of_library()}
            for table, path in files:
                how = json.dumps(read_by | asdict(table), default=str, sort_keys=True)
                loads[table.name] = loader.load_what_is_new(table, path, how, before)
        leave_out_erased_customers(
            connection, schema=schema, delimiter=written.delimiter, **erasure
        )
        write_loads(connection, schema, loads, made_by)
        connection.commit()
    except (UserError, duckdb.Error) as error:
        with suppress(duckdb.TransactionException):  # some errors of DuckDB have ended it
            connection.rollback()
        if isinstance(error, UserError):
            # Control characters of a file are not for a terminal.
            raise UserError(re.sub(r"[\x00-\x1f\x7f]", "\ufffd", str(error))) from None
        raise
    return f"{len(files)} raw tables"


def set_time_zone(connection: duckdb.DuckDBPyConnection, time_zone: str | None) -> None:
    """Let DuckDB turn times with an offset into times of a zone, in this connection alone.

    Raises
    ------
    UserError
        If DuckDB does not know the zone.
    """
    if time_zone:
        try:
            connection.execute(f"set TimeZone = {literal(time_zone)}")
        except duckdb.Error:
            raise UserError(
                f"time_zone is {time_zone}, which DuckDB does not know; give a name such as "
                "Europe/Berlin."
            ) from None


def find_files(
    tables: list[RawTable],
    folder: str,
    source: str,
    *,
    is_there: Callable[[str], bool] = os.path.isfile,
    names_in: Callable[[str], Iterable[str]] = names_in_folder,
) -> list[tuple[RawTable, str | None]]:
    """Find the file of each table, by name; None where an optional table has none.

    Where there is one table, the only file of the folder is its file, and so is a file that is
    given in place of a folder.

    Raises
    ------
    UserError
        If the file of a table is missing.
    """
    if len(tables) == 1 and source != "olist":
        path = _only_file(tables[0], folder, is_there, names_in)
        if path is not None:
            return [(tables[0], path)]
    found, missing = [], []
    for table in sorted(tables, key=lambda table: table.name):
        endings = ENDINGS[:2] if source == "olist" else ENDINGS
        paths = [f"{folder.rstrip('/')}/{table.name}{end}" for end in endings]
        path = next(filter(is_there, paths), None)
        if path is None and not table.is_optional:
            missing.append(f"{table.name}.csv")
        found.append((table, path))
    if missing:
        what = (
            "nine Olist files; make demo-data makes synthetic ones in data/demo."
            if source == "olist"
            else f"raw files of the source {source}."
        )
        raise UserError(
            f"The data folder {folder} has no file {', '.join(missing)} "
            f"(or {' or '.join(endings[1:])}). DATA of "
            f"make, or SEGMENTS_DATA of plain dbt, names the folder of the {what}"
        )
    return found


def _only_file(
    table: RawTable,
    folder: str,
    is_there: Callable[[str], bool],
    names_in: Callable[[str], Iterable[str]],
) -> str | None:
    """Find the file of a table that is alone; None where none has the name or stands alone.

    Raises
    ------
    UserError
        If there are several, none of them of the table's name.
    """
    if folder.endswith(ENDINGS) and is_there(folder):
        return folder
    folder = folder.rstrip("/")
    named = [f"{folder}/{table.name}{end}" for end in ENDINGS]
    path = next(filter(is_there, named), None)
    if path is not None:
        return path
    names = sorted(name for name in names_in(folder) if name.endswith(ENDINGS))
    if len(names) > 1:
        raise UserError(
            f"The data folder {folder} has no file {table.name}.csv (or "
            f"{' or '.join(ENDINGS[1:])}), and more than one other: {', '.join(names)}. Name the "
            f"file itself, DATA={folder}/{names[0]}; SEGMENTS_DATA of plain dbt may name one too."
        )
    return f"{folder}/{names[0]}" if names else None


def check_header(
    path: str,
    types: dict[str, str],
    header: list[str],
    source: str,
    *,
    encoded_in: str | None = None,
) -> None:
    """Check that a file has each column once.

    Parameters
    ----------
    path : str
        The file.
    types : dict of str to str
        By column that it has to have, its type.
    header : list of str
        The columns that it has.
    source : str
        The var `source`, for the advice in messages.
    encoded_in : str, optional
        The encoding that the file likely has, where it is another than the vars say.

    Raises
    ------
    UserError
        If it has not; the message says what the file begins with, or which columns it has.
    """
    missing = [name for name in types if name not in header]
    if len(missing) == len(types) and path.endswith(".csv"):
        begins = (
            f"Its first readable line is: {','.join(header)[:80]}"
            if any(header)
            else "Its first line is empty or cannot be read"
        )
        where = "" if source == "olist" else " (vars transaction_columns and csv_format, delimiter)"
        raise UserError(
            f"{path} does not begin with the names of its columns. {begins}. It must be UTF-8 "
            f"text, and the line {','.join(types)} the first{where}."
            f"{_hint_of_encoding(encoded_in)}"
        )
    if missing:
        named = "in the published file" if source == "olist" else "the var transaction_columns says"
        raise UserError(
            f"{path} has no column {', '.join(missing)}. Its columns are: {', '.join(header)}. "
            f"They must be named as {named}.{_hint_of_encoding(encoded_in)}"
        )
    for name in types:
        if header.count(name) > 1:
            raise UserError(f"{path} has more than one column {name}. Keep one of them.")


def check_ids(path: str, table: RawTable, stored: dict[str, str]) -> None:
    """Check that no id is stored as a number with decimals.

    Parameters
    ----------
    path : str
        The file.
    table : RawTable
        What the file holds; its ids are the columns of type string whose name ends in `_id`.
    stored : dict of str to str
        By column of the file, the type that it is stored as.

    Raises
    ------
    UserError
        If one is; the message names the column.
    """
    for name, type_ in table.columns.items():
        column = table.file_column(name)
        if type_ != "string" or not name.endswith("_id") or column is None:
            continue
        if BROKEN_KEYS.fullmatch(stored[column]):
            raise UserError(
                f"{path}, column {column}: ids are stored as numbers with decimals "
                f"({stored[column]}), so that 10001 becomes 10001.0, another customer, and long "
                "ids are rounded. Write the column as text, or as whole numbers (pandas: "
                'astype("Int64")).'
            )


def _hint_of_encoding(encoded_in: str | None) -> str:
    looks = f" The file looks like {encoded_in}: csv_format: {{encoding: {encoded_in}}}."
    return looks if encoded_in else ""


class _Loader:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        source: str,
        schema: str,
        written: Format,
        max_unreadable_lines: int,
        amounts: Amounts | None,
        rewritten: Path,
    ) -> None:
        self.connection = connection
        self.source = source
        self.schema = schema
        self.written = written
        self.max_unreadable_lines = max_unreadable_lines
        self.amounts = amounts
        self.rewritten = rewritten

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def load_what_is_new(
        self, table: RawTable, path: str | None, how: str, loads: dict[str, Load]
    ) -> Load:
        """Load a table, or what its file has more than at its last load."""
        before = loads.get(table.name)
        if before and before.read_by != how:
            before = None
        change, state = change_of(path, before.state if before else None)
        if change == SAME:
            return before
        if change == GROWN and self._append(table, path, before):
            rows = rows_of(self.connection, self.schema, table.name)
            return replace(before, state=state, rows=rows)
        self.connection.execute(
            f"delete from {self.schema}.unreadable_lines where file_name = ?", [table.name]
        )
        self.load(table, path)
        rows = rows_of(self.connection, self.schema, table.name)
        return Load(state, how, rows, first_new_row=None)

    def _append(self, table: RawTable, path: str, before: Load) -> bool:
        """Read what follows the bytes of the last load, where every line of it is sound.

        Where one is not, or the file is not read as it stands, nothing is done: the whole file then
        tells which line it is.
        """
        is_as_it_stands = path.endswith(".csv") and self.written.encoding == "utf-8"
        if not is_as_it_stands or table.computed():
            return False
        new = replace(table, name=f"new rows of {table.name}")
        piece = self.rewritten / f"{table.name}.csv"
        write_what_is_new(path, before.state.length, piece)
        try:
            self._load_csv(new, str(piece))
            is_sound = not self.rows(
                f"select 1 from {self.schema}.unreadable_lines "
                f"where file_name = {literal(new.name)}"
            )
        except UserError:
            is_sound = False
        if is_sound:
            self.connection.execute(f"insert into {self._named(table)} from {self._named(new)}")
        for left in (self._named(new), "reject_errors", "reject_scans", "rejected_records"):
            self.connection.execute(f"drop table if exists {left}")
        self.connection.execute(
            f"delete from {self.schema}.unreadable_lines where file_name = ?", [new.name]
        )
        return is_sound

    def load(self, table: RawTable, path: str | None) -> None:
        """Load a table whole."""
        if path is None:
            columns = ", ".join(f"{quoted(n)} {t}" for n, t in table.columns.items())
            self.connection.execute(f"create or replace table {self._named(table)} ({columns})")
        elif path.endswith(".csv"):
            self._load_csv(table, path)
        elif path.endswith(".parquet"):
            self._load_parquet(table, path, read_from=path)
        else:
            target = self.rewritten / f"{table.name}.parquet"
            write_as_parquet(path, target, decimal_separator=self.written.decimal_separator)
            self._load_parquet(table, path, read_from=str(target))

    def _named(self, table: RawTable) -> str:
        return f"{self.schema}.{quoted(table.name)}"

    # -- CSV --------------------------------------------------------------------------------------

    def _load_csv(self, table: RawTable, path: str) -> None:
        read_from = path
        if self.written.encoding != "utf-8":
            read_from = str(self.rewritten / f"{table.name}.csv")
            write_as_utf8(path, self.written.encoding, Path(read_from))
        types = table.file_types()
        header = self._header_of(read_from)
        other = self._other_encoding(path, are_found=all(name in header for name in types))
        check_header(path, types, header, self.source, encoded_in=other)
        used = self._columns_of_expressions(table, header)
        # Undeclared columns are read under names of ours: theirs may be empty, or there twice.
        named = types.keys() | used
        read_as = [n if n in named else f"column {i}" for i, n in enumerate(header, start=1)]
        to_read = {n: self._type_to_read(types.get(n, "string")) for n in read_as}
        file = self._read_csv(read_from, to_read)
        texts = [n for n, type_ in types.items() if to_read[n] == "varchar" and type_ != "string"]
        values = {name: self._value_of_text(quoted(name), types[name]) for name in texts}
        for name in self._numbers_among(file, [name for name in used if name not in types]):
            types = types | {name: NUMBER}
            values[name] = number_of_text(quoted(name), self.written)
        # A column that nobody asks for is not parsed, and DuckDB then names a wrong one where a
        # time is no time: so each is asked for here and dropped below.
        others = [name for name in read_as if name not in table.file_types()]
        computed = table.computed()
        checks = [f"{self._first_misfit(types, values, computed)} as misfit"]
        checks += [f"{quoted(name)} is null as {quoted(name)}" for name in others]
        try:
            self.connection.execute(
                f"create or replace table {self._named(table)} as "
                f"select {self._casts(table)}, {', '.join(checks)} "
                f"from {_with_values(file, values, computed)}"
            )
        except (duckdb.BinderException, duckdb.ConversionException) as error:
            if not computed:
                raise
            raise UserError(_no_expression(computed, error)) from None
        if self.rows("select count(*) from reject_errors")[0][0]:
            self._reject_unreadable_lines(table, path, read_from)
        self.connection.execute("drop table reject_errors")
        self.connection.execute("drop table reject_scans")
        self._check_misfits(table, path, types)
        for name in ["misfit", *others]:
            self.connection.execute(f"alter table {self._named(table)} drop column {quoted(name)}")

    def _read_csv(self, path: str, columns: dict[str, str], rejects: str = "store_rejects") -> str:
        options = [
            f"delim = {literal(self.written.delimiter)}",
            f"decimal_separator = {literal(self.written.decimal_separator)}",
        ]
        if self.written.timestamp_format and not self.written.has_written_times:
            options.append(f"timestampformat = {literal(self.written.timestamp_format)}")
        declared = ", ".join(
            f"{literal(name)}: {literal(type_)}" for name, type_ in columns.items()
        )
        return (
            f"read_csv({_only(path)}, auto_detect = false, header = true, "
            f"""quote = '"', escape = '"', {", ".join(options)}, """
            f"columns = {{{declared}}}, {rejects} = true)"
        )

    def _other_encoding(self, path: str, *, are_found: bool) -> str | None:
        """Guess in which other encoding a file is whose columns are not all found."""
        likely = None if are_found else likely_encoding(path)
        return likely if likely != self.written.encoding else None

    def _columns_of_expressions(self, table: RawTable, header: list[str]) -> list[str]:
        used = {
            column: None
            for name, sql in table.computed().items()
            for column in columns_of_expression(
                self.connection, f"transaction_columns, {name}, sql", sql, header
            )
        }
        return [*used]

    def _numbers_among(self, file: str, names: list[str]) -> list[str]:
        """Name the columns of which most values are numbers; the others are texts."""
        if not names:
            return []
        file = file.replace("store_rejects = true)", "ignore_errors = true)")
        counts = ", ".join(
            f"2 * count({number_of_text(quoted(name), self.written)}) > count({quoted(name)})"
            for name in names
        )
        are_numbers = self.rows(f"select {counts} from {file}")[0]
        return [name for name, is_number in zip(names, are_numbers, strict=True) if is_number]

    def _header_of(self, path: str) -> list[str]:
        """Read the names in the first readable line, without a look at the lines after it."""
        lines = self.rows(
            f"select coalesce(line, '') from read_csv({_only(path)}, auto_detect = false, "
            f"header = false, delim = {literal(NO_DELIMITER)}, quote = '', escape = '', "
            "columns = {'line': 'varchar'}, ignore_errors = true, strict_mode = false) limit 1"
        )
        line = lines[0][0].rstrip("\r") if lines else ""
        delimiter = re.escape(self.written.delimiter)
        fields = re.findall(f'(?:^|{delimiter})("(?:[^"]|"")*"|[^{delimiter}]*)', line)
        return [name.strip('"') for name in fields]

    def _reject_unreadable_lines(self, table: RawTable, path: str, read_from: str) -> None:
        """Sort out what DuckDB could not read.

        A value that does not fit its type, or a quote that does not end, stops the load; a record
        that does not split into the columns is rejected.
        """
        self.connection.execute(
            r"""
            create or replace temporary table rejected_records as
            with records as (
                select
                    line as record_number,
                    min(position) as position,
                    arg_min(column_name, position) as column_name,
                    trim(any_value(csv_line), e'\r\n') as record,
                    lower(arg_min(error_type, position) filter (where error_type != 'CAST'))
                        as reason,
                    arg_min(error_message, position) as message
                from (
                    -- Times have no position of their own.
                    select *, coalesce(byte_position, line_byte_position) as position
                    from reject_errors
                )
                group by line
            )
            select
                *,
                regexp_extract(message, 'Could not convert string "(.*)" to ', 1, 's') as value,
                case
                    when reason is null then 'misfit'
                    when reason = 'unquoted value' and contains(record, chr(10)) then 'open quote'
                    else 'unreadable'
                end as fault
            from records
            """
        )
        for position, column, value, fault in self.rows(
            "select position, column_name, value, fault from rejected_records "
            "where fault != 'unreadable' order by position limit 1"
        ):
            what = (
                f"{self._is_no(value, table.file_types()[column])}. {CORRECT_IT}"
                if fault == "misfit"
                else "the quote does not end. Close it: the lines after it cannot be told apart."
            )
            raise UserError(
                f"{path}, line {self._line_at(read_from, position)}, column {column}: {what}"
            )
        self._check_encoding(path)
        rejected, first = self.rows("select count(*), min(position) from rejected_records")[0]
        has_readable_lines = bool(self.rows(f"select 1 from {self._named(table)} limit 1"))
        if rejected > self.max_unreadable_lines or not has_readable_lines:
            allowed = (
                f"; {self.max_unreadable_lines} are allowed (max_unreadable_lines)"
                if has_readable_lines
                else ", and none that can"
            )
            raise UserError(
                f"{path} has {rejected} lines that cannot be read, the first is line "
                f"{self._line_at(read_from, first)}{allowed}. Check that the file is UTF-8 text "
                "with commas and double quotes."
            )
        self.connection.execute(
            f"insert into {self.schema}.unreadable_lines select {literal(table.name)}, "
            "record_number, reason, record from rejected_records order by record_number"
        )
        self.connection.execute("drop table rejected_records")

    def _check_encoding(self, path: str) -> None:
        """Stop where lines cannot be read because all of the file is in another encoding."""
        if self.written.encoding == "utf-8" and self.rows(
            "select 1 from rejected_records where reason like '%encod%' limit 1"
        ):
            sound, broken = lines_beyond_ascii(path)
            if not sound and broken >= LINES_OF_ANOTHER_ENCODING:
                raise UserError(in_another_encoding(path, "utf-8"))

    def _line_at(self, path: str, position: int) -> int:
        """Count the line that a byte stands on.

        DuckDB counts records instead, and one with a line break inside quotes spans several lines.
        """
        with Path(path).open("rb") as file:
            return file.read(position - 1).count(b"\n") + 1

    def _check_misfits(self, table: RawTable, path: str, types: dict[str, str]) -> None:
        for column, value, number in self.rows(
            "select misfit.column_name, misfit.value, "
            "count(*) over (partition by misfit.column_name) "
            f"from {self._named(table)} where misfit is not null order by 1, 2 limit 1"
        ):
            others = f" (one of {number} such values)" if number > 1 else ""
            raise UserError(
                f"{path}, column {column}: {self._is_no(value, types.get(column))}{others}. "
                f"{CORRECT_IT}"
            )

    # -- Parquet ----------------------------------------------------------------------------------

    def _load_parquet(self, table: RawTable, path: str, *, read_from: str) -> None:
        file = f"read_parquet({_only(read_from)}, file_row_number = true)"
        stored = {row[0]: row[1] for row in self.rows(f"describe from {file}")}
        header = [name for name in stored if name != "file_row_number"]
        types = table.file_types()
        check_header(path, types, header, self.source)
        check_ids(path, table, stored)
        used = self._columns_of_expressions(table, header)
        values = {
            name: self._value_of_stored(quoted(name), type_, stored[name])
            for name, type_ in types.items()
        }
        texts = [name for name in used if name not in types and stored[name] == "VARCHAR"]
        for name in self._numbers_among(file, texts):
            types = types | {name: NUMBER}
            values[name] = number_of_text(quoted(name), self.written)
        computed = table.computed()
        read = _with_values(file, values, computed)
        try:
            for column, row, value in self.rows(
                "select misfit.column_name, file_row_number + 1, misfit.value from ("
                f"select file_row_number, {self._first_misfit(types, values, computed)} as misfit "
                f"from {read}) where misfit is not null order by file_row_number limit 1"
            ):
                raise UserError(
                    f"{path}, row {row}, column {column}: {self._is_no(value, types.get(column))}. "
                    f"{CORRECT_IT}"
                )
            self.connection.execute(
                f"create or replace table {self._named(table)} as "
                f"select {self._casts(table)} from {read}"
            )
        except (duckdb.BinderException, duckdb.ConversionException) as error:
            if not computed:
                raise
            raise UserError(_no_expression(computed, error)) from None

    def _value_of_stored(self, column: str, type_: str, stored: str) -> str:
        """Read a stored column as its declared type; an empty text is unknown, as in CSV."""
        if type_ == "string":
            return f"nullif(cast({column} as varchar), '')"
        if stored == "VARCHAR":
            return self._value_of_text(column, type_)
        if type_ == "timestamp" and self.written.has_written_times:
            is_time = stored.startswith(("TIMESTAMP", "DATE"))
            text = f"cast({column} as varchar)"
            return (
                f"cast({column} as timestamp)"
                if is_time
                else time_of_text(text, self.written.timestamp_format)
            )
        return f"try_cast({column} as {self._type_to_read(type_)})"

    # -- values -----------------------------------------------------------------------------------

    def _first_misfit(
        self, types: dict[str, str], values: dict[str, str], computed: dict[str, str]
    ) -> str:
        """Select the first column of a row whose value does not fit, with the value."""
        cases = []
        for name, type_ in types.items():
            if type_ != "string":
                text = _text_of(name) if name in values else _as_text(quoted(name), type_)
                given = _text_of(name) if name in values else quoted(name)
                cases.append((name, given, self._fits(quoted(name), type_), text))
        for name, sql in computed.items():
            fits = self._fits(_computed(name), "decimal(18, 6)")
            cases.append((sql, _text_of(name), fits, _text_of(name)))
        conditions = [
            f"when {given} is not null and not coalesce({fits}, false) "
            f"then {{'column_name': {literal(name)}, 'value': {text}}}"
            for name, given, fits, text in cases
        ]
        return f"case {' '.join(conditions)} end" if conditions else "null"

    def _value_of_text(self, column: str, type_: str) -> str:
        """Read a text as its declared type; null where it does not fit."""
        if type_ == "timestamp":
            return time_of_text(column, self.written.timestamp_format)
        return number_of_text(column, self.written)

    def _casts(self, table: RawTable) -> str:
        """Select the declared columns, from those of the file; null where the file has none."""
        casts = []
        for name, type_ in table.columns.items():
            file_column = table.file_column(name)
            value = quoted(file_column) if file_column else "null"
            value = _computed(name) if name in table.computed() else value
            if value != "null":
                value = self._divided(value, type_)
            casts.append(f"try_cast({value} as {type_}) as {quoted(name)}")
        return ", ".join(casts)

    def _divided(self, value: str, type_: str) -> str:
        """Divide an amount, exactly: a power of ten has a decimal for its reciprocal."""
        if not type_.startswith("decimal") or self.amounts is None or self.amounts.divisor == 1:
            return value
        return f"({value} * {1 / self.amounts.divisor:.6f})"

    def _type_to_read(self, type_: str) -> str:
        """Name the type in which values are read, so that no cast changes them unseen.

        4.5 is not rounded to an integer, and a time with an offset becomes UTC, or the shop's time.
        """
        if type_ == "timestamp":
            if self.written.has_written_times:
                return "varchar"
            # A format of its own is for times without an offset.
            return "timestamp" if self.written.timestamp_format else "timestamptz"
        if type_ == "string":
            return type_
        if self.written.has_written_numbers:
            return "varchar"
        return "double" if type_ == "double" else "decimal(18, 6)"

    def _fits(self, value: str, type_: str) -> str:
        """Whether a value, as it is read, can be kept in its declared type."""
        if type_ == NUMBER:
            return f"{value} is not null"
        if type_ == "timestamp":
            return (
                f"({value} >= timestamp {literal(EARLIEST_TIME)} "
                f"and {value} < timestamp {literal(LATEST_TIME)})"
            )
        if type_ == "double":
            return f"isfinite(cast({value} as double))"
        if type_.startswith("decimal") and self.amounts is not None:
            value = self._divided(value, type_)
            is_fine = f" and {value} = round({value}, {self.amounts.decimals})"
            return f"(abs({value}) < 1e10{'' if self.amounts.are_rounded else is_fine})"
        return f"coalesce(try_cast({value} as {type_}) = {value}, false)"

    def _is_no(self, value: str, type_: str | None) -> str:
        """Say that a value does not fit, and what would; a computed amount has no type."""
        time = self.written.timestamp_format or "2018-01-31 18:05:00"
        words = {
            "integer": "whole number",
            "double": "number",
            NUMBER: "number",
            "timestamp": f"time from {EARLIEST_TIME} to {LATEST_TIME}, written as {time}",
        }
        told = f'"{value}" is no {words.get(type_) or self._amount_in_words()}'
        if type_ not in words and _is_finer(value, self.amounts):
            return f"{told} (round_amounts: true rounds the sum of an order)"
        advice = hint(value, type_ or "", self.written) if self.source != "olist" else ""
        return told + (f".{advice}".rstrip(".") if advice else "")

    def _amount_in_words(self) -> str:
        decimals = self.amounts.decimals if self.amounts else 2
        if decimals == 2:
            return "amount in whole cents below 10,000,000,000"
        return f"amount of {decimals} decimals at most, below 10,000,000,000"


CORRECT_IT = "Correct the value, or leave it empty if it is unknown."


def _only(path: str) -> str:
    """Quote the pattern of just this path: DuckDB takes *, ? and [ for wildcards."""
    return literal(re.sub(r"([*?[])", r"[\1]", str(path)))


def _with_values(file: str, values: dict[str, str], computed: dict[str, str]) -> str:
    """Select from a file with columns read by the SQL of `values`, and others computed of them.

    The text of a column that is read so stands beside it, for messages.
    """
    if values:
        read = ", ".join(f"{value} as {quoted(name)}" for name, value in values.items())
        texts = ", ".join(
            f"nullif(trim(cast(file.{quoted(name)} as varchar)), '') as {_text_of(name)}"
            for name in values
        )
        file = f"(select * replace ({read}), {texts} from {file} as file)"
    if computed:
        columns = ", ".join(
            f"try_cast(({sql}) as decimal(18, 6)) as {_computed(name)}, "
            f"cast(({sql}) as varchar) as {_text_of(name)}"
            for name, sql in computed.items()
        )
        file = f"(select *, {columns} from {file} as file)"
    return file


def _text_of(name: str) -> str:
    return quoted(f"text of {name}")


def _computed(name: str) -> str:
    return quoted(f"computed {name}")


def _no_expression(computed: dict[str, str], error: duckdb.Error) -> str:
    expressions = ", ".join(f'{name}: {{sql: "{sql}"}}' for name, sql in computed.items())
    return (
        f"transaction_columns, {expressions}, cannot be computed from the columns of the file. "
        f"DuckDB says: {str(error).splitlines()[0]}"
    )


def _is_finer(value: str, amounts: Amounts | None) -> bool:
    """Whether a text is an amount that has too many decimals, and no more than that is wrong."""
    if amounts is None or not re.fullmatch(r"-?\d{1,15}(\.\d+)?", value):
        return False
    amount = Decimal(value) / amounts.divisor
    return abs(amount) < 10**10 and amount != round(amount, amounts.decimals)


def _as_text(value: str, type_: str) -> str:
    """Write a value that is read as it looks in a file."""
    if type_ in ("timestamp", "double"):
        return f"cast(cast({value} as {type_}) as varchar)"
    return f"rtrim(rtrim(cast({value} as varchar), '0'), '.')"
