"""Comma-, semicolon- and tab-separated text as columns of text, fast where it is clean and exact where it is not."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from forecast.errors import InputError
from forecast.events.limits import MAX_CELL_CHARACTERS, MAX_HEADER_BYTES
from forecast.events.opening import RawFile
from forecast.ledger import Ledger

__all__ = ["delimiter_of", "read_delimited", "unique_header"]

_DELIMITERS = (",", ";", "\t")
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
# Characters outside ASCII as UTF-8 writes them: in text of Windows-1252 such pairs do not occur.
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Bytes that are no UTF-8, as `surrogateescape` carries them.
_FOREIGN = re.compile("[\udc80-\udcff]+")
_BLOCK_BYTES = 4 * 2**20
_CHUNK_ROWS = 50_000
_END = "\0"

Pick = Callable[[list[str]], Mapping[str, str]]
# Numbers of rows, or texts such as SHEET!7.
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class _Layout:
    """How a file is written, and which of its columns are wanted under which names."""

    file: RawFile
    encoding: str
    errors: str  # what becomes of bytes that are not of the encoding, as `codecs` names it
    delimiter: str
    header: list[str]
    above: int  # blank rows above the header
    chosen: Mapping[str, str]

    @property
    def first_row(self) -> int:
        return self.above + 2


@dataclass(frozen=True)
class _Flaws:
    """Numbers of the rows that end before the header does, and of those with bytes that are not UTF-8."""

    short: list[int]
    foreign: list[int]


def read_delimited(file: RawFile, pick: Pick) -> tuple[pa.Table, Rows, Ledger]:
    """Text columns that `pick` chooses from the header, the row number of each row, and what had to be noted."""
    # A process-wide setting of the module: its own limit ends the reading of polygons and long notes.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))
    for encoding in _ENCODINGS:
        try:
            layout = _layout(file, encoding, pick)
            table, flaws = _load(layout)
        except UnicodeDecodeError:
            if encoding != "utf-8" or not _holds_utf8(file):
                continue
            layout = _layout(file, encoding, pick, errors="surrogateescape")
            table, flaws = _exact(layout)
        rows = np.arange(layout.first_row, layout.first_row + table.num_rows)
        return table, rows, _noted(layout, table.num_rows, flaws)
    raise AssertionError("Latin-1 decodes every byte")


def _holds_utf8(file: RawFile) -> bool:
    """Whether a file with bytes that are no UTF-8 is UTF-8 all the same, but for these bytes."""
    with file.open() as stream, io.BufferedReader(stream) as lines:
        return any(_UTF8.search(line) for line in lines)


def delimiter_of(file: RawFile) -> str:
    """The sign between the fields of a text file."""
    return _layout(file, "latin-1", lambda header: {}).delimiter


def _layout(file: RawFile, encoding: str, pick: Pick, errors: str = "strict") -> _Layout:
    with file.open() as stream:
        head = io.BufferedReader(stream).read(MAX_HEADER_BYTES)
    cut = len(head) == MAX_HEADER_BYTES
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)(errors)
    lines = list(io.StringIO(decoder.decode(head, final=not cut), newline=""))
    header: list[str] = []
    delimiter, above, last_line = ",", 0, 0
    for candidate in _DELIMITERS:
        # The last line can stand in no file: a quotation that is not closed swallows it too.
        reader = csv.reader([*lines, _END], delimiter=candidate)
        for blank, fields in enumerate(reader):
            if any(field.strip() for field in fields):
                if len(fields) > len(header):
                    header, delimiter, above, last_line = fields, candidate, blank, reader.line_num
                break
    if not header or header == [_END]:
        raise InputError("has no header", source=file.path, hint="The first row must hold the column names")
    if cut and last_line >= len(lines):
        hint = "Close the double quote in it, if one is open, or leave out what is no column"
        expected = f"its end within {MAX_HEADER_BYTES:,} bytes"
        raise InputError("is too long", source=file.path, where="header", expected=expected, hint=hint)
    if header[-1].endswith(_END):
        raise _unclosed(file, above + 1)
    header = unique_header(file, [_from_windows(name) for name in header])
    chosen = pick([name for name in header if not name.startswith("\0")])
    return _Layout(file, encoding, errors, delimiter, header, above, dict(chosen))


def _from_windows(text: str) -> str:
    """Text in which bytes that are no UTF-8 were escaped, with these read as Windows-1252, or else Latin-1."""
    return _FOREIGN.sub(lambda match: _decoded(match[0].encode("ascii", "surrogateescape")), text)


def _decoded(windows: bytes) -> str:
    try:
        return windows.decode("cp1252")
    except UnicodeDecodeError:
        return windows.decode("latin-1")


def _load(layout: _Layout) -> tuple[pa.Table, _Flaws]:
    try:
        return _fast(layout), _Flaws([], [])
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "not UTF-8") from error
    return _exact(layout)


def _fast(layout: _Layout) -> pa.Table:
    """Arrow's parser: several threads, only the columns that are needed, an error for any row that is not clean."""
    with layout.file.open() as stream:
        table = pa.csv.read_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=pa.csv.ReadOptions(
                column_names=layout.header,
                skip_rows_after_names=layout.above + 1,
                block_size=_BLOCK_BYTES,
                encoding="utf8" if layout.encoding == "utf-8" else layout.encoding,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(layout.chosen.values()),
                column_types={name: pa.string() for name in layout.chosen.values()},
                strings_can_be_null=False,
            ),
        )
        if stream.quotes % 2:
            # A quotation that is never closed swallows the rows after it, and the parser does not mind.
            raise pa.ArrowInvalid("a double quote without its partner")
    if stream.lines > layout.above + 1 + table.num_rows:
        # Cells that span lines; or two quotations that are never closed, the first of which ends where the next begins.
        for _ in _records(layout, strict=True):
            pass
    return table.rename_columns(list(layout.chosen))


def _exact(layout: _Layout) -> tuple[pa.Table, _Flaws]:
    """Row by row: fills rows that end early, and names the row that cannot be read."""
    width = len(layout.header)
    places = [layout.header.index(name) for name in layout.chosen.values()]
    chunks: list[list[pa.Array]] = [[] for _ in places]
    columns: list[list[str]] = [[] for _ in places]
    flaws = _Flaws([], [])
    for number, fields in _records(layout):
        if len(fields) > width:
            raise InputError(
                "has too many fields",
                source=layout.file.path,
                where=f"row {number}",
                found=f"{len(fields)} fields",
                expected=f"{width}, as in the header",
                hint="A cell that holds the delimiter must stand in double quotes; export the file again",
            )
        if 0 < len(fields) < width:
            if "\n" in fields[-1]:
                raise _unclosed(layout.file, number)
            flaws.short.append(number)
        if layout.errors == "surrogateescape" and any(map(_FOREIGN.search, fields)):
            flaws.foreign.append(number)
            fields = [_from_windows(field) for field in fields]
        for column, place in zip(columns, places, strict=True):
            column.append(fields[place] if place < len(fields) else "")
        if len(columns[0]) >= _CHUNK_ROWS:
            _flush(columns, chunks)
    _flush(columns, chunks)
    return pa.table([pa.chunked_array(parts, pa.string()) for parts in chunks], names=list(layout.chosen)), flaws


def _flush(columns: list[list[str]], chunks: list[list[pa.Array]]) -> None:
    """Move the collected cells into Arrow's memory, which holds them in a tenth of the room."""
    for column, parts in zip(columns, chunks, strict=True):
        parts.append(pa.array(column, pa.string()))
        column.clear()


def _records(layout: _Layout, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Row number and fields of each row below the header; `strict` refuses text after a closing quote."""
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    with (
        layout.file.open() as stream,
        io.TextIOWrapper(
            io.BufferedReader(stream), encoding=encoding, newline="", errors="replace" if strict else layout.errors
        ) as text,
    ):
        # The last line can stand in no file: a quotation that is not closed swallows it too.
        reader = csv.reader(itertools.chain(text, [_END]), delimiter=layout.delimiter, strict=strict)
        number = 0
        try:
            for number, fields in enumerate(reader, start=1):
                if fields == [_END]:
                    return
                if fields and fields[-1].endswith(_END):
                    raise _unclosed(layout.file, number)
                if number >= layout.first_row:
                    yield number, fields
        except csv.Error as error:
            raise _unclosed(layout.file, number + 1, str(error)) from error


def _unclosed(file: RawFile, number: int, found: str = "the end of the file, or of a later cell") -> InputError:
    return InputError(
        "has a double quote that is not closed",
        source=file.path,
        where=f"row {number}",
        found=found,
        hint="Close it, or export the file again",
    )


def unique_header(file: RawFile, names: list[str]) -> list[str]:
    """Stripped column names; those without a name get one that no file can hold and `pick` never sees."""
    names = [name.strip() for name in names]
    duplicates = sorted({name for name in names if name and names.count(name) > 1})
    if duplicates:
        raise InputError(
            "holds columns of the same name",
            source=file.path,
            where="header",
            found=duplicates,
            hint="Rename or remove all but one of them",
        )
    return [name or f"\0{place}" for place, name in enumerate(names)]


def _noted(layout: _Layout, rows: int, flaws: _Flaws) -> Ledger:
    ledger, source = Ledger(), layout.file.name
    if layout.encoding != "utf-8":
        name = "Windows-1252" if layout.encoding == "cp1252" else "Latin-1"
        reason = f"the file is not UTF-8 and was read as {name}"
        ledger = ledger.add("encoding", rows, "noted", reason, source=source)
    ledger = ledger.add(
        "bytes that are not UTF-8",
        len(flaws.foreign),
        "changed",
        "the file is UTF-8 but for these rows, in which they were read as Windows-1252",
        [f"row {number}" for number in flaws.foreign],
        source,
    )
    return ledger.add(
        "rows that end early",
        len(flaws.short),
        "changed",
        "fewer fields than the header; the rest was taken as missing",
        [f"row {number}" for number in flaws.short],
        source,
    )
