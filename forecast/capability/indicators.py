"""`Indicators`: what was observed of partner forces, in one validated long table."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.raw import RawTable, read_raw
from forecast.files import sha256, write_csv
from forecast.ledger import Ledger
from forecast.panel.calendar import parse_day, parse_days
from forecast.panel.columns import check_columns, refuse_cells, refuse_future

__all__ = ["COUNT", "INDEX", "SHARE", "Indicators", "checked_indicators", "levels_of", "read_indicators"]

SHARE, COUNT, INDEX = "share", "count", "index"
_ORDINAL = r"ordinal 1[-–]([0-9]+)"
_MOST_LEVELS = 20
_SCALES = "share, count, index, or ordinal 1-k with k from 2 to 20"
_KEY = [names.FORCE, names.INDICATOR, "period_start", names.PERIOD_END]
_NEEDED = (*_KEY, names.VALUE, "scale")
_OPTIONAL = ("direction", "total", "reported", "source")


@dataclass(frozen=True, repr=False)
class Indicators:
    """Values of indicators by force and period, and how they were cleaned.

    Attributes
    ----------
    table : DataFrame
        The columns of `forecast.names.INDICATOR_COLUMNS`: force, indicator, period_start and period_end (first and last
        day), value, scale ('share' from 0 to 1, 'count' in the period, 'ordinal 1-k', 'index'), direction (1: more
        of it means more capability; -1: less; 0: not said, so that it is shown and not used), total (how many a
        share was taken of; NaN where that is not known), reported (the day on which the value was known; NaT where
        that is not told: it is then known from its last day) and source. A revised value has one row per version.
    ledger : Ledger
        What cleaning dropped or changed.
    sources : tuple of dict
        The files: path, sha256, rows read.
    simulated : bool
        True where the values are simulated; everything made from them says so.
    """

    table: pd.DataFrame
    ledger: Ledger = field(default_factory=Ledger)
    sources: tuple[dict[str, Any], ...] = ()
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def from_frame(cls, table: pd.DataFrame, *, simulated: bool = False) -> "Indicators":
        """Validate a table; see `read_indicators`."""
        clean, ledger = _checked(table.set_axis(pd.RangeIndex(1, len(table) + 1)), "table of indicators")
        return cls(clean, ledger, simulated=simulated)

    @property
    def forces(self) -> list[str]:
        """The forces, in order."""
        return sorted(self.table[names.FORCE].unique())

    @property
    def indicators(self) -> list[str]:
        """The indicators, in order."""
        return sorted(self.table[names.INDICATOR].unique())

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def known(self, day: str | pd.Timestamp | None = None) -> "Indicators":
        """One row per force, indicator and period: the newest version that was known on a day (by default, of all).

        Raises
        ------
        InputError
            Where the day is no date.
        """
        table = self.table
        if day is not None:
            table = table[_known_from(table) <= parse_day(day)]
        newest = table.assign(known=_known_from(table)).sort_values("known", kind="stable")
        kept = newest.drop(columns="known").drop_duplicates(_KEY, keep="last").sort_values(_KEY)
        return replace(self, table=kept.reset_index(drop=True))

    def with_direction(self, indicator: str, direction: int) -> "Indicators":
        """The same with a direction for one indicator: 1, -1, or 0 for one that is shown and not used.

        Raises
        ------
        InputError
            For an indicator that is not there, and another direction.
        """
        if indicator not in self.indicators:
            raise InputError("is not there", where="indicator", found=indicator, expected=self.indicators)
        if direction not in (-1, 0, 1):
            raise InputError("is no direction", where="direction", found=direction, expected="1, -1 or 0")
        table = self.table.copy()
        table.loc[table[names.INDICATOR] == indicator, "direction"] = direction
        return replace(self, table=table)

    def save(self, path: str | Path) -> None:
        """Write the table as CSV; `read_indicators` reads it again."""
        write_csv(path, self.table)

    def plot(self) -> Any:
        """Altair chart: one panel per indicator, one line per force; a value stands at the middle of its period."""
        from forecast.plots import alt

        table = self.known().table
        middle = table["period_start"] + (table[names.PERIOD_END] - table["period_start"]) / 2
        frame = table.assign(middle=middle)[["middle", names.VALUE, names.FORCE, names.INDICATOR]]
        title = "SIMULATED DATA" if self.simulated else ""
        chart = alt.Chart(frame, width=640, height=90).mark_line(point=True)
        encoded = chart.encode(x=alt.X("middle:T", title=None), y=alt.Y("value:Q", title=None), color="force:N")
        rows = encoded.facet(row=alt.Row("indicator:N", title=None), title=title)
        return rows.resolve_scale(y="independent")

    def __repr__(self) -> str:
        table = self.table
        label = " SIMULATED" if self.simulated else ""
        span = f"{table['period_start'].min():%Y-%m-%d} to {table[names.PERIOD_END].max():%Y-%m-%d}"
        head = f"Indicators: {len(table):,}{label} values of {len(self.indicators)}, {span}; {', '.join(self.forces)}"
        unused = sorted(table.loc[table["direction"] == 0, names.INDICATOR].unique())
        tail = f"\nshown and not used, as no direction is given: {', '.join(unused)}" if unused else ""
        return f"{head}{tail}"

    def _repr_html_(self) -> str:
        from html import escape

        head = escape(repr(self)).replace("\n", "<br>")
        return f"<p>{head}</p>{self.table.head(5).to_html(escape=True, index=False)}{self.ledger._repr_html_()}"


def read_indicators(paths: str | Path | Sequence[str | Path], *, simulated: bool = False) -> Indicators:
    """Read and validate tables of indicators.

    Parameters
    ----------
    paths : str, Path, or sequence of them
        CSV, TSV, JSON or xlsx files with the columns force, indicator, period_start, period_end, value and scale, and
        perhaps direction, total, reported and source; see `Indicators`. Days as 2019-03-06.
    simulated : bool
        Whether the values are simulated.

    Raises
    ------
    InputError
        For a missing column, a value that its scale does not have, a period that ends before it begins, an indicator
        with two scales or directions, and two values for one period without a `reported` day between them; the
        message names the file, the row and the column.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files:
        raise InputError("no file", where="paths", expected="at least one")
    raws = [read_raw(path) for path in files]
    parts = [checked_indicators(raw, raw.frame) for raw in raws]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    if len(files) > 1:
        _agree(table.set_axis(pd.RangeIndex(1, len(table) + 1)), "the files together")
    ledger = sum((part.ledger for part in parts), Ledger())
    sources = tuple(source for part in parts for source in part.sources)
    return Indicators(table, ledger, sources, simulated)


def checked_indicators(raw: RawTable, table: pd.DataFrame) -> Indicators:
    """Indicators that a file holds, from a table made of its rows and indexed by their numbers."""
    clean, ledger = _checked(table, raw.path)
    source = {"path": raw.name, "sha256": sha256(raw.path), "rows": len(raw.frame)}
    return Indicators(clean, raw.ledger + ledger, (source,))


def levels_of(scale: str) -> int:
    """How many levels an ordinal scale has; 0 for another scale."""
    return int(scale.rpartition("-")[2]) if scale.startswith("ordinal") else 0


def _known_from(table: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return table["reported"].fillna(table[names.PERIOD_END])


# Validation ----------------------------------------------------------------------------------------------------------


def _checked(table: pd.DataFrame, source: str | Path) -> tuple[pd.DataFrame, Ledger]:
    """A clean copy, and what was noted; the index holds row numbers."""
    check_columns(table, _NEEDED, source)
    known = [*_NEEDED, *(column for column in _OPTIONAL if column in table)]
    left_out = [str(column) for column in table.columns if column not in known]
    ledger = Ledger().add("unused column", len(left_out), "noted", "is not part of the table", left_out)
    text = table.reindex(columns=list(names.INDICATOR_COLUMNS))
    clean = pd.DataFrame(index=text.index)
    for column in (names.FORCE, names.INDICATOR):
        clean[column] = text[column].astype("string").str.strip()
        refuse_cells(text, source, column, clean[column].fillna("").eq(""), "a label")
    for column in ("period_start", names.PERIOD_END):
        clean[column] = parse_days(text[column])
        refuse_cells(text, source, column, clean[column].isna(), "a day such as 2019-03-06")
    refuse_future(text, source, clean["period_start"])
    refuse_cells(
        text, source, names.PERIOD_END, clean[names.PERIOD_END] < clean["period_start"], "not before period_start"
    )
    clean[names.VALUE] = pd.to_numeric(text[names.VALUE], errors="coerce").astype(float)
    refuse_cells(text, source, names.VALUE, ~np.isfinite(clean[names.VALUE]), "a number")
    clean["scale"], levels = _scales(text, source)
    for scale, wrong, expected in (
        (SHARE, ~clean[names.VALUE].between(0, 1), "a share from 0 to 1"),
        (COUNT, (clean[names.VALUE] < 0) | (clean[names.VALUE] % 1 != 0), "a whole number from 0"),
    ):
        refuse_cells(text, source, names.VALUE, wrong & (clean["scale"] == scale), expected)
    whole = clean[names.VALUE].between(1, levels.fillna(0)) & (clean[names.VALUE] % 1 == 0)
    refuse_cells(text, source, names.VALUE, levels.notna() & ~whole, "a whole number on the scale")
    blank = {column: text[column].astype("string").fillna("").str.strip().eq("") for column in _OPTIONAL}
    direction = pd.to_numeric(text["direction"], errors="coerce").where(~blank["direction"], 0)
    refuse_cells(text, source, "direction", ~direction.isin([-1, 0, 1]), "1, -1, or empty where none is given")
    clean["direction"] = direction.astype(int)
    total = pd.to_numeric(text["total"], errors="coerce").astype(float)
    known_total = (total > 0) & np.isfinite(total) & (clean["scale"] == SHARE)
    refuse_cells(text, source, "total", ~blank["total"] & ~known_total, "a number above 0, beside a share")
    clean["total"] = total
    clean["reported"] = parse_days(text["reported"])
    refuse_cells(text, source, "reported", ~blank["reported"] & clean["reported"].isna(), "a day such as 2019-03-06")
    early = clean["reported"] < clean["period_start"]
    refuse_cells(text, source, "reported", early, "not before period_start")
    clean["source"] = text["source"].astype("string").fillna("")
    for column in (names.FORCE, names.INDICATOR, "scale", "source"):
        clean[column] = clean[column].astype(str)
    _agree(clean, source)
    return clean[list(names.INDICATOR_COLUMNS)].reset_index(drop=True), ledger


def _scales(text: pd.DataFrame, source: str | Path) -> "tuple[pd.Series[str], pd.Series[float]]":
    """The scales as they are written here, and the levels of ordinal ones (NaN for others)."""
    given = text["scale"].astype("string").fillna("").str.strip().str.lower()
    levels = pd.to_numeric(given.str.extract(f"^{_ORDINAL}$")[0], errors="coerce").astype(float)
    ordinal = levels.between(2, _MOST_LEVELS)
    refuse_cells(text, source, "scale", ~(given.isin([SHARE, COUNT, INDEX]) | ordinal), _SCALES)
    return given.str.replace("–", "-", regex=False), levels


def _agree(table: pd.DataFrame, source: str | Path) -> None:
    """One scale and direction per indicator; one value per period, or one per day of report."""
    for column in ("scale", "direction"):
        first = table.groupby(names.INDICATOR)[column].transform("first")
        other = table[column] != first
        if other.any():
            where, name = f"row {other.index[other][0]}, column {column}", table[names.INDICATOR][other].iloc[0]
            problem, found = f"{name} has another {column} elsewhere", table[column][other].iloc[0]
            raise InputError(problem, source=source, where=where, found=found, expected=first[other].iloc[0])
    twice = table.assign(known=_known_from(table)).duplicated([*_KEY, "known"])
    if twice.any():
        row, (force, indicator, start, end) = twice.index[twice][0], table.loc[twice, _KEY].iloc[0]
        found, hint = f"{force}, {indicator}, {start:%Y-%m-%d} to {end:%Y-%m-%d}", "Give revisions a `reported` day"
        raise InputError("a value stands there twice", source=source, where=f"row {row}", found=found, hint=hint)
