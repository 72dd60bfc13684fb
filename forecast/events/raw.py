"""Any raw file as a table of text columns: the options of the readers, the table, and the one way to load it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.errors import InputError
from forecast.events.delimited import read_delimited
from forecast.events.opening import open_raw
from forecast.events.records import read_records
from forecast.events.workbook import read_workbook
from forecast.files import readable_name
from forecast.ledger import Ledger

__all__ = ["RawTable", "ReadOptions", "read_raw"]

# How the sources write that they do not know (in any column).
_MISSING = pa.array(["", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "<NA>"])


@dataclass(frozen=True)
class ReadOptions:
    """What a user may ask of a reader; each reader refuses an option that it has no use for.

    Attributes
    ----------
    columns : mapping of str to str
        Source `plain`: our column name to the file's ({'date': 'Day', 'tactic': 'type'}).
    sheet : str, tuple of str or None
        Sheet of an xlsx workbook, or several that are read as one table ('*': all that have the columns that are
        needed); None takes the only one that has them.
    tactic_by : str
        Source `ucdp`: 'type_of_violence' (also '') or 'dyad' stands where other sources have a tactic.
    keep_non_attacks : bool
        ACLED: keep protests, riots and strategic developments, which are no attacks.
    keep_doubtful : bool
        Source `gtd`: keep incidents that the coders doubt to be terrorism.
    day_first : bool or None
        How dates such as 03/04/20 are meant; None lets each file decide.
    today : date or None
        Events that begin later are dropped; None means the day on which the file is read.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    sheet: str | tuple[str, ...] | None = None
    tactic_by: str = ""
    keep_non_attacks: bool = False
    keep_doubtful: bool = True
    day_first: bool | None = None
    today: dt.date | None = None

    def refuse(self, source: str, *unused: str) -> None:
        """Raise an InputError where an option is set that `source` has no use for."""
        defaults = ReadOptions()
        for name in unused:
            value = getattr(self, name)
            if value != getattr(defaults, name):
                raise InputError(f"the source {source} does not know this option", where=name, found=str(value))


@dataclass(frozen=True, repr=False)
class RawTable:
    """A file's rows as text.

    Attributes
    ----------
    frame : DataFrame
        Columns of dtype str, without surrounding space, NA where the cell says nothing. The index is the row
        number in the file, whose header is row 1 (of JSON records: their position, from 1).
    path : Path
        The file.
    ledger : Ledger
        What loading already had to note.
    columns : mapping of str to str
        Name of each column in the file, which the user knows it by.
    """

    frame: pd.DataFrame
    path: Path
    ledger: Ledger
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the file, as the ledger gives it."""
        return readable_name(self.path)

    def where(self, column: str, row: object | None = None) -> str:
        """A column (and row) in the file's own terms, for messages."""
        place = f"column {self.columns.get(column, column)}"
        return place if row is None else f"row {row}, {place}"


def read_raw(
    path: str | Path,
    *,
    sheet: str | Sequence[str] | None = None,
    pick: Callable[[list[str]], Mapping[str, str]] | None = None,
) -> RawTable:
    """Load a CSV, TSV, JSON or xlsx file, or one of them in gz or zip, as text columns.

    Parameters
    ----------
    path : str or Path
        The file; its content decides how it is read. Delimiters are comma, semicolon or tab; text is UTF-8 with
        or without byte order mark, else Windows-1252 or Latin-1 (noted in the ledger).
    sheet : str or sequence of str, optional
        Sheet of an xlsx workbook, several, or '*' for all that `pick` accepts; without it the only one that `pick`
        accepts, or the first where there is no `pick`. In several, a row is numbered as SHEET!7.
    pick : callable, optional
        Gets the file's column names and returns {name in the frame: name in the file} for the columns to load,
        or raises where they do not fit. Without it all columns are loaded under their own names.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        For a missing, empty, damaged or binary file, one without rows, an unknown sheet, duplicate column names,
        rows with too many fields, an unclosed quotation, and what `open_raw` refuses.
    """
    file = open_raw(path)
    columns: dict[str, str] = {}

    def choose(header: list[str]) -> Mapping[str, str]:
        columns.clear()
        columns.update(pick(header) if pick else {name: name for name in header})
        return columns

    if file.kind == "xlsx":
        table, rows, ledger = read_workbook(file, choose, sheet, search=pick is not None)
    elif file.kind == "json":
        table, rows, ledger = read_records(file, choose)
    else:
        table, rows, ledger = read_delimited(file, choose)
    frame = _tidied(table).to_pandas()
    frame.index = pd.Index(rows, name="row")
    blank = frame.isna().all(axis="columns")
    ledger = ledger.add(
        "blank rows", int(blank.sum()), "excluded", "no cell that is needed holds anything", source=file.name
    )
    frame = frame[~blank] if blank.any() else frame
    if frame.empty:
        raise InputError("holds a header and no rows", source=file.path, hint="Download or export it again")
    return RawTable(frame.astype("str"), file.path, ledger, columns)


def _tidied(table: pa.Table) -> pa.Table:
    """Cells without surrounding space, null where they hold nothing or say that nothing is known."""
    columns = []
    for column in table.columns:
        text = pc.utf8_trim_whitespace(column)
        columns.append(pc.if_else(pc.is_in(text, value_set=_MISSING), pa.scalar(None, pa.string()), text))
    return pa.table(columns, names=table.column_names)
