"""JSON records (pages of the UCDP interface, or a plain list) as columns of text."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa

from forecast.errors import InputError
from forecast.events.delimited import Pick, Rows
from forecast.events.opening import RawFile
from forecast.ledger import Ledger

__all__ = ["announced", "read_records"]

_EXPECTED = 'a list of records, {"Result": [records]}, or a list of such pages'
# Where a page keeps its records: UCDP's interface, then ACLED's.
_KEYS = ("Result", "data")


def read_records(file: RawFile, pick: Pick) -> tuple[pa.Table, Rows, Ledger]:
    """Text columns that `pick` chooses from the records' keys; a row's number is its position, from 1."""
    content = _parsed(file)
    pages = content if isinstance(content, list) and any(_is_page(page) for page in content) else [content]
    records = [record for page in pages for record in _page_records(file, page)]
    header = list(dict.fromkeys(key for record in records for key in record))
    if not records:
        raise InputError("holds no records", source=file.path, expected=_EXPECTED)
    chosen = dict(pick(header))
    columns = [[_text(record.get(name)) for record in records] for name in chosen.values()]
    try:
        table = pa.table([pa.array(column, pa.string()) for column in columns], names=list(chosen))
    except UnicodeEncodeError as error:
        raise InputError("holds text that is not valid Unicode", source=file.path, found=str(error)) from error
    return table, np.arange(1, len(records) + 1), _incomplete(file, pages, len(records))


def _parsed(file: RawFile) -> Any:
    try:
        with file.open() as stream:
            # Numbers stay as they are written: an id must not go through a float.
            return json.loads(
                io.BufferedReader(stream).read().decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str
            )
    except (ValueError, RecursionError) as error:
        raise InputError(
            "is not valid JSON", source=file.path, found=str(error), hint="Download or export it again"
        ) from error


def _is_page(page: object) -> bool:
    return isinstance(page, dict) and any(isinstance(page.get(key), list) for key in _KEYS)


def _page_records(file: RawFile, page: Any) -> list[dict[str, Any]]:
    records = next((page[key] for key in _KEYS if key in page), page) if isinstance(page, dict) else page
    if not isinstance(records, list):
        raise InputError("does not hold records", source=file.path, found=type(records).__name__, expected=_EXPECTED)
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError("is not a record", source=file.path, where=f"record {number}", expected=_EXPECTED)
    return records


def _text(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def announced(count: object) -> int:
    """A number of records or bytes as a server announces it; 0 where it is none, or implausibly large."""
    text = str(count)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _incomplete(file: RawFile, pages: list[Any], rows: int) -> Ledger:
    """A line where the interface counted more records than the file holds."""
    totals = [page.get("TotalCount") for page in pages if isinstance(page, dict)]
    total = max(map(announced, totals), default=0)
    reason = f"the interface counted {total:,} records, the file holds {rows:,}"
    return Ledger().add("records not in the file", max(total - rows, 0), "noted", reason, source=file.name)
