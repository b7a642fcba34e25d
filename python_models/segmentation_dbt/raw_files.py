"""Raw files are read and checked, and put into the warehouse, all of them or none.

A line that does not split into the columns is rejected: it goes to the table `unreadable_lines` and
is counted. A value that does not fit its declared type, or would be changed by it, stops the load,
because it is seldom alone. The message names the file, the column, and the line of what cannot be
read at all. Columns may stand in any order; others than the declared ones are left out.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from segmentation_dbt.erasure import leave_out_erased_customers
from segmentation_dbt.faults import UserError
from segmentation_dbt.tables import RawTable, literal, quoted

# Times outside of these stop a load: 1900-01-01 and 9999-12-31 stand for "unknown" in many systems.
EARLIEST_TIME, LATEST_TIME = "1990-01-01", "2100-01-01"

# The file separator, which no text file has in its first line.
NO_DELIMITER = "\x1f"


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
) -> str:
    """Load the file of each raw table into a schema, in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse, without an open transaction.
    folder : str
        Holds a file for each table, NAME.csv or NAME.parquet; .csv counts where there are both.
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

    Returns
    -------
    str
        How many tables were loaded.

    Raises
    ------
    UserError
        If a file or a value is at fault; the warehouse is as it was then.
    """
    loader = _Loader(connection, source, schema, csv_format, max_unreadable_lines)
    files = find_files([RawTable(**table) for table in tables], folder, source)
    connection.begin()
    try:
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(
            f"create or replace table {schema}.unreadable_lines "
            "(file_name varchar, record_number bigint, reason varchar, record varchar)"
        )
        for table, path in files:
            loader.load(table, path)
        leave_out_erased_customers(
            connection, schema=schema, delimiter=csv_format.get("delimiter") or ",", **erasure
        )
        connection.commit()
    except (UserError, duckdb.Error) as error:
        with suppress(duckdb.TransactionException):  # some errors of DuckDB have ended it
            connection.rollback()
        if isinstance(error, UserError):
            # Control characters of a file are not for a terminal.
            raise UserError(re.sub(r"[\x00-\x1f\x7f]", "\ufffd", str(error))) from None
        raise
    return f"{len(files)} raw tables"


def find_files(
    tables: list[RawTable],
    folder: str,
    source: str,
    *,
    is_there: Callable[[str], bool] = os.path.isfile,
) -> list[tuple[RawTable, str | None]]:
    """Find the file of each table, by name; None where an optional table has none.

    Raises
    ------
    UserError
        If the file of a table is missing.
    """
    found, missing = [], []
    for table in sorted(tables, key=lambda table: table.name):
        paths = [f"{folder.rstrip('/')}/{table.name}{end}" for end in (".csv", ".parquet")]
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
            f"The data folder {folder} has no file {', '.join(missing)} (or .parquet). DATA of "
            f"make, or SEGMENTS_DATA of plain dbt, names the folder of the {what}"
        )
    return found


def check_header(path: str, types: dict[str, str], header: list[str], source: str) -> None:
    """Check that a file has each column once.

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
        )
    if missing:
        named = "in the published file" if source == "olist" else "the var transaction_columns says"
        raise UserError(
            f"{path} has no column {', '.join(missing)}. Its columns are: {', '.join(header)}. "
            f"They must be named as {named}."
        )
    for name in types:
        if header.count(name) > 1:
            raise UserError(f"{path} has more than one column {name}. Keep one of them.")


class _Loader:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: str,
        schema: str,
        csv_format: dict,
        max_unreadable_lines: int,
    ) -> None:
        self.connection = connection
        self.source = source
        self.schema = schema
        self.delimiter = csv_format.get("delimiter") or ","
        self.decimal_separator = csv_format.get("decimal_separator") or "."
        self.timestamp_format = csv_format.get("timestamp_format")
        self.max_unreadable_lines = max_unreadable_lines

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def load(self, table: RawTable, path: str | None) -> None:
        if path is None:
            columns = ", ".join(f"{quoted(n)} {t}" for n, t in table.columns.items())
            self.connection.execute(f"create or replace table {self._named(table)} ({columns})")
        elif path.endswith(".csv"):
            self._load_csv(table, path)
        else:
            self._load_parquet(table, path)

    def _named(self, table: RawTable) -> str:
        return f"{self.schema}.{quoted(table.name)}"

    # -- CSV --------------------------------------------------------------------------------------

    def _load_csv(self, table: RawTable, path: str) -> None:
        types = table.file_types()
        header = self._header_of(path)
        check_header(path, types, header, self.source)
        # Undeclared columns are read under names of ours: theirs may be empty, or there twice.
        read_as = [n if n in types else f"column {i}" for i, n in enumerate(header, start=1)]
        columns = {n: self._type_to_read(types.get(n, "string")) for n in read_as}
        # A column that nobody asks for is not parsed, and DuckDB then names a wrong one where a
        # time is no time: so each is asked for here and dropped below.
        others = [name for name in read_as if name not in types]
        checks = [f"{self._first_misfit(types)} as misfit"]
        checks += [f"{quoted(name)} is null as {quoted(name)}" for name in others]
        declared = ", ".join(
            f"{literal(name)}: {literal(type_)}" for name, type_ in columns.items()
        )
        self.connection.execute(
            f"create or replace table {self._named(table)} as "
            f"select {_casts(table)}, {', '.join(checks)} "
            f"from read_csv({_only(path)}, auto_detect = false, header = true, "
            f"""quote = '"', escape = '"', {self._csv_options()}, """
            f"columns = {{{declared}}}, store_rejects = true)"
        )
        if self.rows("select count(*) from reject_errors")[0][0]:
            self._reject_unreadable_lines(table, path)
        self.connection.execute("drop table reject_errors")
        self.connection.execute("drop table reject_scans")
        self._check_misfits(table, path, types)
        for name in ["misfit", *others]:
            self.connection.execute(f"alter table {self._named(table)} drop column {quoted(name)}")

    def _csv_options(self) -> str:
        options = [
            f"delim = {literal(self.delimiter)}",
            f"decimal_separator = {literal(self.decimal_separator)}",
        ]
        if self.timestamp_format:
            options.append(f"timestampformat = {literal(self.timestamp_format)}")
        return ", ".join(options)

    def _header_of(self, path: str) -> list[str]:
        """Read the names in the first readable line, without a look at the lines after it."""
        lines = self.rows(
            f"select coalesce(line, '') from read_csv({_only(path)}, auto_detect = false, "
            f"header = false, delim = {literal(NO_DELIMITER)}, quote = '', escape = '', "
            "columns = {'line': 'varchar'}, ignore_errors = true, strict_mode = false) limit 1"
        )
        line = lines[0][0].rstrip("\r") if lines else ""
        delimiter = re.escape(self.delimiter)
        fields = re.findall(f'(?:^|{delimiter})("(?:[^"]|"")*"|[^{delimiter}]*)', line)
        return [name.strip('"') for name in fields]

    def _reject_unreadable_lines(self, table: RawTable, path: str) -> None:
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
                f"{path}, line {self._line_at(path, position)}, column {column}: {what}"
            )
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
                f"{self._line_at(path, first)}{allowed}. Check that the file is UTF-8 text with "
                "commas and double quotes."
            )
        self.connection.execute(
            f"insert into {self.schema}.unreadable_lines select {literal(table.name)}, "
            "record_number, reason, record from rejected_records order by record_number"
        )
        self.connection.execute("drop table rejected_records")

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
                f"{path}, column {column}: {self._is_no(value, types[column])}{others}. "
                f"{CORRECT_IT}"
            )

    # -- Parquet ----------------------------------------------------------------------------------

    def _load_parquet(self, table: RawTable, path: str) -> None:
        types = table.file_types()
        file = f"read_parquet({_only(path)}, file_row_number = true)"
        header = [row[0] for row in self.rows(f"describe from read_parquet({_only(path)})")]
        check_header(path, types, header, self.source)
        read = {
            name: f"try_cast({quoted(name)} as {self._type_to_read(type_)})"
            for name, type_ in types.items()
        }
        misfits = [
            f"select {literal(name)} as column_name, file_row_number + 1 as row_number, "
            f"cast({quoted(name)} as varchar) as value from {file} "
            f"where {quoted(name)} is not null "
            f"and not coalesce({self._fits(read[name], type_)}, false)"
            for name, type_ in types.items()
            if type_ != "string"
        ]
        if misfits:
            query = f"{' union all '.join(misfits)} order by row_number limit 1"
            for column, row, value in self.rows(query):
                raise UserError(
                    f"{path}, row {row}, column {column}: {self._is_no(value, types[column])}. "
                    f"{CORRECT_IT}"
                )
        # An empty text is unknown, as an empty field in CSV.
        values = [
            f"nullif({value}, '') as {quoted(name)}"
            if types[name] == "string"
            else f"{value} as {quoted(name)}"
            for name, value in read.items()
        ]
        self.connection.execute(
            f"create or replace table {self._named(table)} as "
            f"select {_casts(table)} from (select {', '.join(values)} from {file})"
        )

    # -- values -----------------------------------------------------------------------------------

    def _first_misfit(self, types: dict[str, str]) -> str:
        """Select the first column of a row whose value does not fit, with the value."""
        cases = [
            f"when {quoted(name)} is not null "
            f"and not coalesce({self._fits(quoted(name), type_)}, false) "
            f"then {{'column_name': {literal(name)}, 'value': {_as_text(quoted(name), type_)}}}"
            for name, type_ in types.items()
            if type_ != "string"
        ]
        return f"case {' '.join(cases)} end" if cases else "null"

    def _type_to_read(self, type_: str) -> str:
        """Name the type in which values are read, so that no cast changes them unseen.

        4.5 is not rounded to an integer, and a time with an offset becomes UTC.
        """
        if type_ == "timestamp":
            # A format of its own is for times without an offset.
            return "timestamp" if self.timestamp_format else "timestamptz"
        if type_ == "integer" or type_.startswith("decimal"):
            return "decimal(18, 6)"
        return type_

    def _fits(self, value: str, type_: str) -> str:
        """Whether a value, as it is read, can be kept in its declared type."""
        if type_ == "timestamp":
            return (
                f"({value} >= timestamp {literal(EARLIEST_TIME)} "
                f"and {value} < timestamp {literal(LATEST_TIME)})"
            )
        if type_ == "double":
            return f"isfinite({value})"
        return f"coalesce(try_cast({value} as {type_}) = {value}, false)"

    def _is_no(self, value: str, type_: str) -> str:
        """Say that a value does not fit, and what would."""
        time = self.timestamp_format or "2018-01-31 18:05:00"
        words = {
            "integer": "whole number",
            "double": "number",
            "timestamp": f"time from {EARLIEST_TIME} to {LATEST_TIME}, written as {time}",
        }
        return f'"{value}" is no {words.get(type_, "amount in whole cents below 10,000,000,000")}'


CORRECT_IT = "Correct the value, or leave it empty if it is unknown."


def _only(path: str) -> str:
    """Quote the pattern of just this path: DuckDB takes *, ? and [ for wildcards."""
    return literal(re.sub(r"([*?[])", r"[\1]", str(path)))


def _casts(table: RawTable) -> str:
    """Select the declared columns, from those of the file; null where the file has none."""
    return ", ".join(
        f"try_cast({quoted(file_column) if (file_column := table.file_column(name)) else 'null'} "
        f"as {type_}) as {quoted(name)}"
        for name, type_ in table.columns.items()
    )


def _as_text(value: str, type_: str) -> str:
    """Write a value that is read as it looks in a file."""
    if type_ in ("timestamp", "double"):
        return f"cast(cast({value} as {type_}) as varchar)"
    return f"rtrim(rtrim(cast({value} as varchar), '0'), '.')"
