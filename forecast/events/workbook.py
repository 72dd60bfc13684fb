"""A sheet of an xlsx workbook as columns of text."""

import datetime as dt
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from forecast.errors import InputError
from forecast.events.delimited import Pick, Rows, unique_header
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


def read_workbook(file: RawFile, pick: Pick, sheet: str | None) -> tuple[pa.Table, Rows, Ledger]:
    """Text columns that `pick` chooses from the first row that is not blank, and the row number of each row."""
    with _opened(file) as book:
        rows = enumerate(_sheet(file, book, sheet).iter_rows(values_only=True), start=1)
        first = next((cells for _, cells in rows if any(cell is not None for cell in cells)), None)
        if first is None:
            raise InputError("the sheet is empty", source=file.path, where=sheet or book.sheetnames[0])
        header = unique_header(file, [_text(cell) for cell in first])
        chosen = dict(pick([name for name in header if not name.startswith("\0")]))
        places = [header.index(name) for name in chosen.values()]
        columns: list[list[str]] = [[] for _ in places]
        numbers = []
        for number, cells in rows:
            if not any(cell is not None for cell in cells):
                continue
            numbers.append(number)
            for column, place in zip(columns, places, strict=True):
                column.append(_text(cells[place]) if place < len(cells) else "")
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.table(arrays, names=list(chosen)), np.array(numbers, dtype=np.int64), Ledger()


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


def _sheet(file: RawFile, book: Any, name: str | None) -> Any:
    if not book.sheetnames:
        raise InputError("the workbook has no sheet", source=file.path)
    if name is not None and name not in book.sheetnames:
        raise InputError("no such sheet", source=file.path, where=f"sheet {name}", expected=book.sheetnames)
    sheet = book[name if name is not None else book.sheetnames[0]]
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
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    return str(cell)
