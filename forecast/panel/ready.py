"""Ready counts: a tidy table with one row per cell, checked and laid out as a panel's dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.dates import parse_spans
from forecast.events.places import Gazetteer
from forecast.events.plain import DATE_PARTS, date_columns, match_columns, named_columns, with_dates
from forecast.events.raw import RawTable, read_raw
from forecast.events.values import LARGEST_COUNT, amounts, refuse_totals
from forecast.ledger import Ledger
from forecast.panel.breaks import with_told_breaks
from forecast.panel.calendar import freq_of_weeks, normalise_freq, period_start
from forecast.panel.columns import check_columns, refuse_cells
from forecast.panel.grid import grid_dataset, ordered_tactics, places_of

__all__ = ["checked_counts", "dataset_from_counts", "read_counts"]

_NEEDED = (*names.CELL_DIMS, names.ATTACKS)
_KEPT = (*_NEEDED, names.COUNTRY, names.EXPOSURE, names.COVERAGE)


def dataset_from_counts(
    table: pd.DataFrame, *, freq: str, missing: Literal["gap", "zero"], gazetteer: Gazetteer | None, days: bool
) -> tuple[xr.Dataset, Ledger]:
    """The dataset and the ledger of `Panel.from_frame`, which documents it."""
    table, freq, ledger = checked_counts(_as_raw(table), freq)
    provinces = list(dict.fromkeys(table[names.PROVINCE]))
    tactics = ordered_tactics(table[names.TACTIC])
    first, last = table[names.PERIOD].min(), table[names.PERIOD].max()
    periods = pd.date_range(first, last, freq=freq, unit="ns")
    labels = (pd.Index(provinces), pd.Index(tactics), periods)
    keys = [index.get_indexer(pd.Index(table[dim])) for index, dim in zip(labels, names.CELL_DIMS, strict=True)]
    shape = (len(provinces), len(tactics), len(periods))
    counts, observed = np.zeros(shape, np.int64), np.full(shape, missing == "zero")
    counts[tuple(keys)] = table[names.ATTACKS].fillna(0).astype(np.int64)
    observed[tuple(keys)] = table[names.ATTACKS].notna()
    size = np.ones(shape)
    if names.EXPOSURE in table and table[names.EXPOSURE].notna().any():
        # What it is given by may know of days already.
        days = False
        size = np.full(shape, np.nan)
        size[tuple(keys)] = table[names.EXPOSURE]
        blank = np.zeros(shape, bool)
        blank[tuple(keys)] = table[names.EXPOSURE].isna()
        size = _carried(size)
        unknown = observed & (blank | np.isnan(size))
        reason = "the exposure is unknown, where others have one; not observed"
        ledger = ledger.add("cells without an exposure", int(unknown.sum()), "changed", reason)
        observed &= ~unknown
        size = np.where(np.isnan(size), np.nanmean(size), size)
    places = places_of(provinces, gazetteer)
    if names.COUNTRY in table:
        places[names.COUNTRY] = table.drop_duplicates(names.PROVINCE)[names.COUNTRY].fillna("").to_list()
    provenance: dict[str, Any] = {"sources": [], "notes": []}
    dataset = grid_dataset(counts, observed, size, places, tactics, periods, freq, None, provenance, days=days)
    if names.COVERAGE in table and table[names.COVERAGE].notna().any():
        coverage = np.ones(shape)
        coverage[tuple(keys)] = table[names.COVERAGE].fillna(1.0)
        dataset = dataset.assign({names.COVERAGE: (names.CELL_DIMS, coverage)})
    return with_told_breaks(dataset, ledger)


def read_counts(file: Path, columns: Mapping[str, str], sheet: str | Sequence[str] | None = None) -> RawTable:
    """A file of ready counts, its columns by a mapping, by our names, or by common ones (`plain.SYNONYMS`)."""
    raw = read_raw(file, sheet=sheet, pick=lambda header: _columns(header, columns, file))
    return named_columns(raw, columns)


def checked_counts(raw: RawTable, freq: str, day_first: bool | None = None) -> tuple[pd.DataFrame, str, Ledger]:
    """Ready counts with parsed columns, their frequency, and what was noted; an InputError where they are none.

    `attacks` is NaN for a gap, which is what every cell is that holds no count. Weeks begin as those of the table do,
    where `freq` does not say on which day.
    """
    raw = with_dates(raw, names.PERIOD)
    frame, ledger, source = raw.frame, raw.ledger, raw.path
    kept = [column for column in _KEPT if column in frame]
    left_out = [column for column in frame if column not in kept]
    reason = "is not part of a panel; attach covariates by name"
    ledger = ledger.add("unused column", len(left_out), "noted", reason, left_out)
    clean = frame[kept].copy()
    first, last, ledger = _days(raw, ledger, day_first)
    attacks, ledger = _numbers(raw, names.ATTACKS, ledger, whole=True)
    size, ledger = _numbers(raw, names.EXPOSURE, ledger, whole=False)
    coverage, ledger = _numbers(raw, names.COVERAGE, ledger, whole=False)
    if names.EXPOSURE in frame and size.isna().all():
        written = _with_text(raw, names.EXPOSURE).frame[names.EXPOSURE].notna()
        refuse_cells(frame, source, names.EXPOSURE, written, "a number above 0")
    whole = attacks.between(0, LARGEST_COUNT) & (attacks % 1 == 0)
    too_long = (
        (last - first).dt.days > 6 if normalise_freq(freq) != names.MONTHLY else pd.Series(False, index=frame.index)
    )
    for column, bad, expected in (
        (names.PERIOD, first.isna(), "a day such as 2019-03-06, or a month such as 2019-03"),
        (names.PERIOD, too_long, "a day or a week, in a panel of weeks"),
        (names.ATTACKS, attacks.notna() & ~whole, f"a whole number from 0 to {LARGEST_COUNT:,}, or empty for a gap"),
        (names.EXPOSURE, size.notna() & ~((size > 0) & np.isfinite(size)), "a number above 0"),
        (names.COVERAGE, coverage.notna() & ~((coverage > 0) & (coverage <= 1)), "a share above 0, up to 1"),
        (names.PROVINCE, clean[names.PROVINCE].isna(), "a label"),
        (names.TACTIC, clean[names.TACTIC].isna(), "a label"),
    ):
        refuse_cells(frame, source, column, bad, expected)
    measures = (names.ATTACKS, names.EXPOSURE, names.COVERAGE)
    refuse_totals(raw, [column for column in kept if column not in measures], attacks.fillna(0))
    freq = freq_of_weeks(freq, pd.DatetimeIndex(first))
    if freq != names.MONTHLY and first.nunique() > 1 and (first.dt.day == 1).all():
        hint = "Set freq = 'MS'"
        raise InputError("are months, not weeks", source=source, where=f"column {names.PERIOD}", found=freq, hint=hint)
    clean[names.PERIOD] = period_start(pd.DatetimeIndex(first), freq)
    clean[names.ATTACKS] = attacks
    for column in (names.PROVINCE, names.TACTIC):
        clean[column] = clean[column].astype(str)
    if names.EXPOSURE in clean:
        clean[names.EXPOSURE] = size
    if names.COVERAGE in clean:
        clean[names.COVERAGE] = coverage
    twice = clean.duplicated(list(names.CELL_DIMS))
    if twice.any():
        place, tactic, period = clean.loc[twice, list(names.CELL_DIMS)].iloc[0]
        cell, where = f"{place}, {tactic}, {period:%Y-%m-%d}", f"row {twice.index[twice][0]}"
        hint = "Set freq = 'W' where periods are weeks" if freq == names.MONTHLY and (first.dt.day != 1).any() else ""
        raise InputError("a cell stands there twice", source=source, where=where, found=cell, hint=hint)
    return clean, freq, ledger


def _as_raw(table: pd.DataFrame) -> RawTable:
    """A table in memory as if it came from a file, with rows numbered from 1; its values keep their types."""
    source = Path("table of counts")
    frame = table.set_axis([str(column) for column in table.columns], axis="columns")
    columns = _columns(list(frame.columns), {}, source)
    frame = frame[list(columns.values())].set_axis(list(columns), axis="columns")
    frame = frame.set_axis(pd.RangeIndex(1, len(table) + 1, name="row"))
    check_columns(frame, [], source)
    return named_columns(RawTable(frame, source, Ledger(), columns), {})


def _columns(header: list[str], mapping: Mapping[str, str], source: Path) -> dict[str, str]:
    """{our name: the table's} of ready counts, and those without use under their own names."""
    chosen = match_columns(header, [*_KEPT, "date", *DATE_PARTS], mapping, source)
    if "date" in chosen:
        chosen = {names.PERIOD: chosen["date"], **chosen}
        del chosen["date"]
    chosen = date_columns(chosen, names.PERIOD)
    dated = {names.PERIOD, *DATE_PARTS} & set(chosen)
    absent = [name for name in _NEEDED if name not in chosen and not (name == names.PERIOD and dated)]
    if absent:
        raise InputError("columns are missing", source=source, where=", ".join(absent), found=header)
    taken = {*chosen, *chosen.values()}
    return {**chosen, **{column: column for column in header if column not in taken}}


def _days(raw: RawTable, ledger: Ledger, day_first: bool | None) -> tuple[pd.Series, pd.Series, Ledger]:
    """First and last day that each period's text names."""
    days = raw.frame[names.PERIOD]
    if pd.api.types.is_datetime64_any_dtype(days):
        days = days.dt.tz_localize(None).astype("datetime64[ns]")
        return days, days, ledger
    return parse_spans(_with_text(raw, names.PERIOD), names.PERIOD, ledger, day_first=day_first)


def _numbers(raw: RawTable, column: str, ledger: Ledger, *, whole: bool) -> tuple[pd.Series, Ledger]:
    """A column as float64, NaN where a cell holds no number; NaN throughout where there is no such column."""
    if column not in raw.frame:
        return pd.Series(np.nan, index=raw.frame.index), ledger
    if pd.api.types.is_numeric_dtype(raw.frame[column]):
        return raw.frame[column].astype("float64"), ledger
    return amounts(_with_text(raw, column), column, ledger, whole=whole, unread="a gap: the cell is not observed")


def _with_text(raw: RawTable, column: str) -> RawTable:
    """The table with a column as text, in which blanks are missing."""
    values = raw.frame[column]
    text = values.astype("str").str.strip().where(values.notna())
    return replace(raw, frame=raw.frame.assign(**{column: text.mask(text.eq(""))}))


def _carried(size: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Exposure of cells without one: of the series' periods before and after, else of the province's other series."""
    series = pd.DataFrame(size.reshape(-1, size.shape[-1]).T).ffill().bfill().T.to_numpy().reshape(size.shape)
    of_province = np.broadcast_to(np.nanmax(series, axis=1, keepdims=True, initial=-np.inf), size.shape)
    return np.where(np.isnan(series) & np.isfinite(of_province), of_province, series)
