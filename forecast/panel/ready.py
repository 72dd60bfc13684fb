"""Ready counts: a tidy table with one row per cell, checked and laid out as a panel's dataset."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.ledger import Ledger
from forecast.panel.breaks import with_told_breaks
from forecast.panel.calendar import freq_of_weeks, parse_days, period_start
from forecast.panel.columns import check_columns, refuse_cells
from forecast.panel.grid import LARGEST_COUNT, grid_dataset, ordered_tactics, places_of

__all__ = ["checked_counts", "dataset_from_counts"]


def dataset_from_counts(
    table: pd.DataFrame, *, freq: str, missing: Literal["gap", "zero"], gazetteer: Gazetteer | None
) -> tuple[xr.Dataset, Ledger]:
    """The dataset and the ledger of `Panel.from_frame`, which documents it."""
    table, freq, ledger = checked_counts(table, freq)
    provinces = list(dict.fromkeys(table[names.PROVINCE]))
    tactics = ordered_tactics(table[names.TACTIC])
    first, last = table[names.PERIOD].min(), table[names.PERIOD].max()
    periods = pd.date_range(first, last, freq=freq, unit="ns")
    labels = (pd.Index(provinces), pd.Index(tactics), periods)
    keys = [index.get_indexer(pd.Index(table[dim])) for index, dim in zip(labels, names.CELL_DIMS, strict=True)]
    shape = (len(provinces), len(tactics), len(periods))
    counts, observed = np.zeros(shape, np.int64), np.full(shape, missing == "zero")
    size = np.ones(shape)
    counts[tuple(keys)] = table[names.ATTACKS].fillna(0).astype(np.int64)
    observed[tuple(keys)] = table[names.ATTACKS].notna()
    if names.EXPOSURE in table:
        size[tuple(keys)] = table[names.EXPOSURE].fillna(1.0)
    places = places_of(provinces, gazetteer)
    if names.COUNTRY in table:
        places[names.COUNTRY] = table.drop_duplicates(names.PROVINCE)[names.COUNTRY].fillna("").to_list()
    provenance: dict[str, Any] = {"sources": [], "notes": []}
    dataset = grid_dataset(counts, observed, size, places, tactics, periods, freq, None, provenance)
    return with_told_breaks(dataset, ledger)


def checked_counts(table: pd.DataFrame, freq: str, source: Path | None = None) -> tuple[pd.DataFrame, str, Ledger]:
    """A copy of ready counts with parsed columns, and its frequency; an InputError where it is no table of counts.

    With `source`, the index holds the row numbers of that file. Weeks begin as those of the table do, where `freq` does
    not say on which day.
    """
    name = "table of counts" if source is None else source
    needed = [*names.CELL_DIMS, names.ATTACKS]
    check_columns(table, needed, name)
    kept = [*needed, *(column for column in (names.COUNTRY, names.EXPOSURE) if column in table)]
    left_out = [str(column) for column in table.columns if column not in kept]
    clean = table[kept].set_axis(pd.RangeIndex(1, len(table) + 1) if source is None else table.index)
    days = parse_days(clean[names.PERIOD])
    counts = pd.to_numeric(clean[names.ATTACKS], errors="coerce")
    empty = clean[names.ATTACKS].isna() | clean[names.ATTACKS].astype(str).str.strip().eq("")
    whole = counts.between(0, LARGEST_COUNT) & (counts % 1 == 0)
    given = clean.get(names.EXPOSURE, pd.Series(1.0, index=clean.index))
    size = pd.to_numeric(given, errors="coerce")
    for column, bad, expected in (
        (names.PERIOD, days.isna(), "a day such as 2019-03-06, or a month such as 2019-03"),
        (names.ATTACKS, ~empty & ~whole, f"a whole number from 0 to {LARGEST_COUNT:,}, or empty for a gap"),
        (names.EXPOSURE, given.notna() & ~((size > 0) & np.isfinite(size)), "a number above 0"),
        (names.PROVINCE, clean[names.PROVINCE].isna(), "a label"),
        (names.TACTIC, clean[names.TACTIC].isna(), "a label"),
    ):
        refuse_cells(clean, name, column, bad, expected)
    freq = freq_of_weeks(freq, pd.DatetimeIndex(days))
    if freq != names.MONTHLY and days.nunique() > 1 and (days.dt.day == 1).all():
        hint = "Set freq = 'MS'"
        raise InputError("are months, not weeks", source=name, where=f"column {names.PERIOD}", found=freq, hint=hint)
    clean[names.PERIOD] = period_start(pd.DatetimeIndex(days), freq)
    clean[names.ATTACKS] = counts.where(~empty)
    for column in (names.PROVINCE, names.TACTIC):
        clean[column] = clean[column].astype(str)
    if names.EXPOSURE in clean:
        clean[names.EXPOSURE] = size
    twice = clean.duplicated(list(names.CELL_DIMS))
    if twice.any():
        place, tactic, period = clean.loc[twice, list(names.CELL_DIMS)].iloc[0]
        cell, where = f"{place}, {tactic}, {period:%Y-%m-%d}", f"row {twice.index[twice][0]}"
        hint = "Set freq = 'W' where periods are weeks" if freq == names.MONTHLY and (days.dt.day != 1).any() else ""
        raise InputError("a cell stands there twice", source=name, where=where, found=cell, hint=hint)
    reason = "is not part of a panel; attach covariates by name"
    return clean, freq, Ledger().add("unused column", len(left_out), "noted", reason, left_out)
