"""The sheets of an xlsx workbook that hold the table as columns of text."""

import datetime as dt
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from forecast.errors import InputError
from forecast.events.delimited import Pick, Rows, unique_header
from forecast.events.limits import MAX_SHEET_CELLS, MAX_SHEET_ROWS
from forecast.events.opening import CheckedStream, RawFile
from forecast.ledger import Ledger

__all__ = ["read_workbook"]

# What openpyxl and the unpackers below it raise on damaged workbooks.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    SyntaxError,
)


def read_workbook(
    file: RawFile, pick: Pick, sheet: str | Sequence[str] | None, *, search: bool
) -> tuple[pa.Table, Rows, Ledger]:
    """Text columns that `pick` chooses from the first row that is not blank, and the row number of each row.

    With `search` the sheet is found by the columns that `pick` needs; '*' or names in `sheet` join several.
    """
    with _opened(file) as book:
        chosen, ledger = _chosen(file, book, pick, sheet, search)
        parts = [_read(file, _sheet(file, book, name), pick) for name in chosen]
    if len(parts) == 1:
        return (*parts[0], ledger)
    names = parts[0][0].column_names
    for name, (table, _) in zip(chosen, parts, strict=True):
        if set(table.column_names) != set(names):
            problem, found = f"has other columns than the sheet {chosen[0]}", table.column_names
            raise InputError(problem, source=file.path, where=f"sheet {name}", found=found, expected=names)
    rows = [f"{name}!{number}" for name, (_, numbers) in zip(chosen, parts, strict=True) for number in numbers]
    return pa.concat_tables([table.select(names) for table, _ in parts]), np.array(rows, dtype=object), ledger


def _chosen(
    file: RawFile, book: Any, pick: Pick, sheet: str | Sequence[str] | None, search: bool
) -> tuple[list[str], Ledger]:
    """Names of the sheets to read, and a ledger line where they were chosen by their columns."""
    if not book.sheetnames:
        raise InputError("the workbook has no sheet", source=file.path)
    if sheet is not None and sheet != "*":
        return [sheet] if isinstance(sheet, str) else list(sheet), Ledger()
    if len(book.sheetnames) == 1 or not (search or sheet == "*"):
        return book.sheetnames[:1], Ledger()
    fitting = _fitting(file, book, pick)
    if sheet is None and len(fitting) > 1:
        hint = f'Choose one (sheet = "{fitting[0]}"), or join them (sheet = "*", or a list of names)'
        raise InputError("several sheets hold such a table", source=file.path, where="sheet", found=fitting, hint=hint)
    reason = f"read by the columns that are needed; the workbook's sheets are {', '.join(book.sheetnames)}"
    return fitting, Ledger().add("sheets of the workbook", len(fitting), "noted", reason, fitting, file.name)


def _fitting(file: RawFile, book: Any, pick: Pick) -> list[str]:
    """The sheets whose header `pick` accepts; where there is none, what it says of the sheet with most columns."""
    fitting: list[str] = []
    width, name_of_widest, refusal = -1, "", InputError("no sheet can be read", source=file.path)
    for name in book.sheetnames:
        columns = 0
        try:
            header, _ = _header(file, _sheet(file, book, name))
            columns = len(header)
            pick([column for column in header if not column.startswith("\0")])
            fitting.append(name)
        except InputError as error:
            if columns > width:
                width, name_of_widest, refusal = columns, name, error
    if fitting:
        return fitting
    where = f"sheet {name_of_widest} (no sheet has the columns that are needed), {refusal.where}"
    raise refusal.again(source=file.path, where=where)


def _header(file: RawFile, sheet: Any) -> tuple[list[str], int]:
    """Column names of a sheet, from the first row that is not blank, and that row's number."""
    first, cells = next(_filled_rows(file, sheet), (0, ()))
    if not cells:
        raise InputError("the sheet is empty", source=file.path, where=sheet.title)
    return unique_header(file, [_text(cell) for cell in cells]), first


def _read(file: RawFile, sheet: Any, pick: Pick) -> tuple[pa.Table, Rows]:
    header, first = _header(file, sheet)
    chosen = dict(pick([name for name in header if not name.startswith("\0")]))
    places = [header.index(name) for name in chosen.values()]
    columns: list[list[str]] = [[] for _ in places]
    numbers = []
    for number, cells in _filled_rows(file, sheet, first + 1, max(places, default=0) + 1):
        numbers.append(number)
        for column, place in zip(columns, places, strict=True):
            column.append(_text(cells[place]) if place < len(cells) else "")
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.table(arrays, names=list(chosen)), np.array(numbers, dtype=np.int64)


def _filled_rows(
    file: RawFile, sheet: Any, start: int = 1, width: int | None = None
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Number and first `width` cells of the rows from `start` that are not blank, within the limits of a sheet."""
    # What a row claims as its number, openpyxl reaches through blank rows; each ends at the last cell, or at `width`.
    rows = sheet.iter_rows(min_row=start, max_row=MAX_SHEET_ROWS + 1, max_col=width, values_only=True)
    for number, cells in enumerate(rows, start=start):
        if number > MAX_SHEET_ROWS or number * len(cells) > MAX_SHEET_CELLS:
            raise InputError(
                "the sheet is too large",
                source=file.path,
                where=f"sheet {sheet.title}",
                found=f"a row after row {number - 1:,}, with cells up to column {len(cells):,}",
                expected=f"at most {MAX_SHEET_ROWS:,} rows, and {MAX_SHEET_CELLS:,} cells to the last column needed",
                hint="Delete the rows and columns beyond the table, or save the sheet as CSV",
            )
        if any(cell is not None for cell in cells):
            yield number, cells


@contextmanager
def _opened(file: RawFile) -> Iterator[Any]:
    # openpyxl costs a third of a second to import, and most files are no workbooks.
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        # openpyxl judges a path by its ending, but not an open file.
        with file.open() if file.packing else file.path.open("rb") as stream, warnings.catch_warnings():
            # Said of styles and form fields, which a table of text does without.
            warnings.simplefilter("ignore", UserWarning)
            source: Any = io.BytesIO(stream.readall()) if isinstance(stream, CheckedStream) else stream
            book = openpyxl.load_workbook(source, read_only=True, data_only=True)
            try:
                yield book
            finally:
                book.close()
    except InputError:
        raise
    except (*_DAMAGED, InvalidFileException) as error:
        raise InputError(
            "cannot be read as an xlsx workbook",
            source=file.path,
            found=str(error) or type(error).__name__,
            hint="Open it in a spreadsheet program and save it again as xlsx, or as CSV",
        ) from error


def _sheet(file: RawFile, book: Any, name: str) -> Any:
    if name not in book.sheetnames:
        raise InputError("no such sheet", source=file.path, where=f"sheet {name}", expected=book.sheetnames)
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        raise InputError("is a chart, not a table", source=file.path, where=f"sheet {sheet.title}")
    # Many writers declare a wrong size of the sheet, by which rows would be cut off.
    sheet.reset_dimensions()
    return sheet


def _text(cell: object) -> str:
    """A cell as a CSV export would show it: whole numbers without a point, dates as ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, float):
        text = str(cell)
        # A number has no thousands separator: 1.203 in text might be one.
        return f"{text}0" if text[-4:-3] == "." else text
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    return str(cell)
