"""The first sheet of a workbook becomes a Parquet file, in which cells keep their type."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation_dbt.faults import UserError


def write_as_parquet(path: str, target: Path, *, decimal_separator: str = ".") -> None:
    """Write the first sheet of a workbook as a Parquet file.

    Numbers of which every one of a column is whole become integers, so that the id 10001 is not
    10001.0. A column that holds texts beside numbers or times becomes text.

    Parameters
    ----------
    path : str
        The workbook, .xlsx. The first row that is not empty names the columns.
    target : Path
        The file to write.
    decimal_separator : str
        Of numbers that stand in a column of texts.

    Raises
    ------
    UserError
        If it is no workbook, or has no rows.
    """
    rows = _rows_of(path)
    if len(rows) < 2:
        raise UserError(f"{path}: the first sheet has no rows below the names of the columns.")
    names = ["" if cell is None else str(cell).strip() for cell in rows[0]]
    # Two columns of one name are told apart by Parquet's readers only where names differ.
    for number, name in enumerate(names):
        if not name:
            names[number] = f"column {number + 1}"
        elif name in names[:number]:
            raise UserError(f"{path} has more than one column {name}. Keep one of them.")
    columns = [
        typed_column([row[i] if i < len(row) else None for row in rows[1:]], decimal_separator)
        for i in range(len(names))
    ]
    pq.write_table(pa.table(columns, names=names), target)


def typed_column(cells: list, decimal_separator: str = ".") -> pa.Array:
    """Make a column of cells: whole numbers, numbers, times or texts.

    Parameters
    ----------
    cells : list
        As openpyxl reads them; None and blank texts are empty.
    decimal_separator : str
        Of numbers that stand in a column of texts.

    Returns
    -------
    pyarrow.Array
        Of type int64, double, timestamp or string.
    """
    cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    kinds = {_kind_of(cell) for cell in cells if cell is not None}
    if kinds == {"whole"}:
        return pa.array([None if cell is None else int(cell) for cell in cells], pa.int64())
    if kinds and kinds <= {"whole", "number"}:
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    if kinds == {"time"}:
        times = [None if cell is None else _as_time(cell) for cell in cells]
        return pa.array(times, pa.timestamp("us"))
    texts = [None if cell is None else _as_text(cell, decimal_separator) for cell in cells]
    return pa.array(texts, pa.string())


def _rows_of(path: str) -> list[tuple]:
    """Read the rows of the first sheet that are not empty."""
    import openpyxl  # a third of a second that only workbooks need

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise UserError(
            f"{path} is no workbook that can be read ({error}). Save it anew as .xlsx, or as "
            "CSV UTF-8."
        ) from None
    try:
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # some programs write wrong ones
        rows = sheet.iter_rows(values_only=True)
        return [row for row in rows if any(cell is not None for cell in row)]
    finally:
        workbook.close()


def _kind_of(cell: object) -> str:
    if isinstance(cell, bool):
        return "text"
    if isinstance(cell, int):
        return "whole" if abs(cell) < 2**63 else "number"
    if isinstance(cell, float):
        return "whole" if cell.is_integer() and abs(cell) < 2**53 else "number"
    return "time" if isinstance(cell, dt.date) else "text"


def _as_time(cell: dt.date) -> dt.datetime:
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=None)
    return dt.datetime(cell.year, cell.month, cell.day)


def _as_text(cell: object, decimal_separator: str) -> str:
    kind = _kind_of(cell)
    if kind == "whole":
        return str(int(cell))
    if kind == "number":
        return repr(cell).replace(".", decimal_separator)
    return _as_time(cell).isoformat(" ") if kind == "time" else str(cell)
