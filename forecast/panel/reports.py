"""`PublishedTotals`: published counts, each over a period, a zone, a set of its provinces and a tactic or all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.raw import read_raw
from forecast.events.values import LARGEST_COUNT
from forecast.files import sha256, write_csv
from forecast.ledger import Ledger
from forecast.panel.calendar import normalise_freq, parse_day, parse_days, period_end, period_start, unit_name
from forecast.panel.columns import check_columns, refuse_cells, refuse_future

__all__ = ["ALL", "APPROX", "AT_LEAST", "EXACT", "PublishedTotals", "read_published"]

EXACT, AT_LEAST, APPROX = "exact", "at_least", "approx"
# The tactic of a count of all tactics.
ALL = "all"
_NEEDED = (
    *("period_start", names.PERIOD_END, names.ZONE, "provinces", names.TACTIC, names.ATTACKS),
    *(names.DEFINITION, "bound", names.PUBLISHER),
)
_OPTIONAL = ("url", "reported")
_BETWEEN, _VIA = "|", " via "


@dataclass(frozen=True, repr=False)
class PublishedTotals:
    """Published counts and how they were cleaned.

    Attributes
    ----------
    table : DataFrame
        One row per published count, indexed by its row in the file: period_start and period_end (first and last day,
        whole periods), zone, provinces (their p-codes in order, joined by '|'), tactic ('all' where it is not split),
        attacks, definition (what was counted: recorded, confirmed, claimed, …), bound ('exact', 'at_least' or
        'approx'), publisher, url and reported (the day on which it was known, NaT where that is not told).
    freq : str
        Frequency of the periods, 'MS' or 'W-MON'.
    ledger : Ledger
        What cleaning dropped or changed.
    sources : tuple of dict
        The files: path, sha256, rows read.
    """

    table: pd.DataFrame
    freq: str = names.MONTHLY
    ledger: Ledger = field(default_factory=Ledger)
    sources: tuple[dict[str, Any], ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def from_frame(
        cls,
        table: pd.DataFrame,
        *,
        freq: str = names.MONTHLY,
        gazetteer: Gazetteer | None = None,
        publishers: Mapping[str, str] | None = None,
    ) -> "PublishedTotals":
        """Validate a table; see `read_published`."""
        numbered = table.set_axis(pd.RangeIndex(1, len(table) + 1))
        clean, ledger = _checked(numbered, "table of reports", freq, gazetteer, publishers)
        return cls(clean, normalise_freq(freq), ledger)

    @property
    def zones(self) -> list[str]:
        """The zones, in order."""
        return sorted(self.table[names.ZONE].unique())

    @property
    def publishers(self) -> list[str]:
        """The publishers, in order."""
        return sorted(self.table[names.PUBLISHER].unique())

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def known(self, day: str | pd.Timestamp) -> "PublishedTotals":
        """Those that were known at the end of a day: by their `reported` day, or else by their last day."""
        since = self.table["reported"].fillna(self.table[names.PERIOD_END])
        return replace(self, table=self.table[since <= parse_day(day)])

    def save(self, path: str | Path) -> None:
        """Write the table as CSV; `read_published` reads it again."""
        write_csv(path, self.table)

    def plot(self) -> Any:
        """Altair chart: totals per zone over time, a mark per published count, the colour by its definition."""
        from forecast.plots import alt

        table = self.table
        middle = table["period_start"] + (table[names.PERIOD_END] - table["period_start"]) / 2
        widest = table.groupby(names.ZONE)["provinces"].transform(lambda sets: max(sets, key=len))
        frame = table.assign(middle=middle)[(table["provinces"] == widest) & (table[names.TACTIC] == ALL)]
        shown = frame[["middle", names.ATTACKS, names.ZONE, names.DEFINITION, names.PUBLISHER, "bound"]]
        return (
            alt.Chart(shown, width=640, height=160)
            .mark_point(filled=True)
            .encode(x=alt.X("middle:T", title=None), y="attacks:Q", color="definition:N", shape="bound:N")
            .facet(row=alt.Row("zone:N", title=None))
            .resolve_scale(y="independent")
        )

    def __repr__(self) -> str:
        table = self.table
        span = f"{table['period_start'].min():%Y-%m-%d} to {table[names.PERIOD_END].max():%Y-%m-%d}"
        lines = [f"PublishedTotals: {len(table):,} published counts, {span}"]
        for zone, rows in table.groupby(names.ZONE):
            of = ", ".join(f"{number} {name}" for name, number in rows[names.DEFINITION].value_counts().items())
            lines.append(f"  {zone}: {of}; by {', '.join(sorted(rows[names.PUBLISHER].unique()))}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        head = escape(repr(self)).replace("\n", "<br>")
        return f"<p>{head}</p>{self.table.head(5).to_html(escape=True, index=False)}{self.ledger._repr_html_()}"


def read_published(
    path: str | Path,
    *,
    freq: str = names.MONTHLY,
    gazetteer: Gazetteer | None = None,
    publishers: Mapping[str, str] | None = None,
) -> PublishedTotals:
    """Read and validate a table of published counts.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON or xlsx with the columns period_start, period_end (days as 2019-03-06), zone, provinces (p-codes
        or names, joined by '|'), tactic ('all' where it is not split), attacks, definition, bound ('exact', 'at_least',
        'approx') and publisher, and perhaps url and reported. A month, province or tactic without a row is unknown.
    freq : {'MS', 'W'}
        Counts are over whole calendar months, or whole weeks from Monday to Sunday, one or several.
    gazetteer : Gazetteer, optional
        Gives the provinces; the shipped one by default, in which a zone's part of a province is named by the whole.
    publishers : mapping of str to str, optional
        Names that mean the same publisher, such as {'RIC': 'Rojava Information Center'}. 'A via B' is A in any case.

    Raises
    ------
    InputError
        For a missing column or label, an unknown province, a period that ends before it begins or holds part of a month
        only, a count that is no whole number from 0 to 10,000,000, and an unknown bound; the message names the file,
        row and column.
    """
    raw = read_raw(path)
    clean, ledger = _checked(raw.frame, raw.path, freq, gazetteer, publishers)
    source = {"path": raw.name, "sha256": sha256(raw.path), "rows": len(raw.frame)}
    return PublishedTotals(clean, normalise_freq(freq), raw.ledger + ledger, (source,))


# Validation ----------------------------------------------------------------------------------------------------------


def _checked(
    table: pd.DataFrame,
    source: str | Path,
    freq: str,
    gazetteer: Gazetteer | None,
    publishers: Mapping[str, str] | None,
) -> tuple[pd.DataFrame, Ledger]:
    """A clean copy, and what was noted; the index holds row numbers."""
    freq = normalise_freq(freq)
    check_columns(table, _NEEDED, source)
    left_out = [str(column) for column in table.columns if column not in (*_NEEDED, *_OPTIONAL)]
    ledger = Ledger().add("unused column", len(left_out), "noted", "is not part of the table", left_out)
    text = table.reindex(columns=[*_NEEDED, *_OPTIONAL])
    clean = pd.DataFrame(index=text.index)
    for column in ("period_start", names.PERIOD_END):
        clean[column] = parse_days(text[column])
        refuse_cells(text, source, column, clean[column].isna(), "a day such as 2019-03-06")
    refuse_future(text, source, clean["period_start"])
    first, last = clean["period_start"], clean[names.PERIOD_END]
    refuse_cells(text, source, names.PERIOD_END, last < first, "not before period_start")
    whole = "the first day of a {0}, for counts are over whole {0}s", "the last day of a {0}"
    unit = unit_name(freq)
    starts = pd.Series(period_start(pd.DatetimeIndex(first), freq), index=text.index)
    refuse_cells(text, source, "period_start", starts != first, whole[0].format(unit))
    begun = period_start(pd.DatetimeIndex(last), freq)
    ends = pd.Series(period_end(begun, freq), index=text.index)
    refuse_cells(text, source, names.PERIOD_END, ends != last, whole[1].format(unit))
    for column in (names.ZONE, names.TACTIC, names.DEFINITION, names.PUBLISHER):
        clean[column] = text[column].astype("string").fillna("").str.strip()
        refuse_cells(text, source, column, clean[column].eq(""), "a label")
    clean["provinces"] = _provinces(text, source, gazetteer or read_gazetteer())
    attacks = pd.to_numeric(text[names.ATTACKS], errors="coerce").astype(float)
    wrong = ~attacks.between(0, LARGEST_COUNT) | (attacks % 1 != 0)
    refuse_cells(text, source, names.ATTACKS, wrong, f"a whole number from 0 to {LARGEST_COUNT:,}")
    clean[names.ATTACKS] = attacks.astype(np.int64)
    clean["bound"] = text["bound"].astype("string").fillna("").str.strip()
    bounds = [EXACT, AT_LEAST, APPROX]
    refuse_cells(text, source, "bound", ~clean["bound"].isin(bounds), ", ".join(bounds))
    clean["reported"] = parse_days(text["reported"])
    blank = text["reported"].astype("string").fillna("").str.strip().eq("")
    refuse_cells(text, source, "reported", ~blank & clean["reported"].isna(), "a day such as 2019-03-06")
    clean["url"] = text["url"].astype("string").fillna("").str.strip()
    clean[names.PUBLISHER], merged = _publishers(clean[names.PUBLISHER], publishers or {})
    ledger = ledger.add("same publisher", len(merged), "changed", "a name that means another's counts", merged)
    labels = (names.ZONE, names.TACTIC, names.DEFINITION, names.PUBLISHER, "bound", "url")
    clean = clean.astype(dict.fromkeys(labels, str))
    return clean[[*_NEEDED, "reported", "url"]], ledger


def _provinces(text: pd.DataFrame, source: str | Path, gazetteer: Gazetteer) -> "pd.Series[str]":
    """P-codes in order, joined by '|'."""
    split = text["provinces"].astype("string").fillna("").str.split(_BETWEEN, regex=False).explode().str.strip()
    units = gazetteer.match(split.reset_index(drop=True)).set_axis(split.index)
    missing = units.isna()
    if missing.any():
        row, label = split.index[missing][0], str(split[missing].iloc[0])
        hint = f"Nearest names: {', '.join(gazetteer.suggest(label))}" if label else ""
        raise InputError(
            "unknown province", source=source, where=f"row {row}, column provinces", found=label or "nothing", hint=hint
        )
    # A part of a province is that of the row's zone.
    codes = units.str.split("@").str[0]
    return codes.groupby(level=0).agg(lambda codes_of_row: _BETWEEN.join(sorted(set(codes_of_row)))).reindex(text.index)


def _publishers(given: "pd.Series[str]", same: Mapping[str, str]) -> "tuple[pd.Series[str], Sequence[str]]":
    """One name per publisher, and which names were changed."""
    plain = given.str.split(_VIA, regex=False).str[0].str.strip()
    publisher = plain.replace(dict(same))
    return publisher, sorted(given[publisher != given].unique())
