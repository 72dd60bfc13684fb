"""The arrays of a forecast: labels of the periods after a panel, and what is read off joint draws."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import next_periods, normalise_freq, period_end, period_range
from forecast.panel.labels import Labelled
from forecast.panel.panel import Panel

__all__ = [
    "ALL_TACTICS",
    "HISTORY_LENGTH",
    "Ahead",
    "check_labels",
    "check_levels",
    "labels_after",
    "mean",
    "members",
    "quantiles",
]

# The label of the tactics where they were summed.
ALL_TACTICS = "all"
# How many past periods a forecast keeps: two years.
HISTORY_LENGTH = {names.MONTHLY: 24} | dict.fromkeys(names.WEEKS, 104)


class Ahead(Labelled):
    """What forecasts of draws and of quantiles have in common: from when and of which model they are, and of what."""

    @property
    def origin(self) -> pd.Timestamp:
        """Last day of the data."""
        return pd.Timestamp(self.dataset.attrs[names.ORIGIN])

    @property
    def model(self) -> str:
        """The model's name in tables; it ends in '(oracle)' where it was given what nobody could know."""
        return str(self.dataset.attrs[names.MODEL])

    @property
    def members(self) -> dict[str, dict[str, list[str]]]:
        """The panel's provinces and tactics that each label stands for: {'province': {label: provinces}, …}."""
        return members(self.dataset)


def labels_after(panel: Panel, horizon: int) -> xr.Dataset:
    """Coordinates of the periods after a panel, its `history` (completed counts), and attributes: freq and origin."""
    periods = next_periods(panel.periods[-1], horizon, panel.freq)
    coords: dict[str, Any] = {
        name: panel.dataset[name] for name in (names.PROVINCE, *names.PROVINCE_COORDS, names.TACTIC)
    }
    coords[names.PERIOD] = periods
    coords[names.PERIOD_END] = (names.PERIOD, period_end(periods, panel.freq))
    coords[names.HORIZON] = (names.PERIOD, np.arange(1, len(periods) + 1))
    last = panel.completed.isel({names.PERIOD: slice(-HISTORY_LENGTH[panel.freq], None)})
    history = last.drop_vars(names.PERIOD_END).rename({names.PERIOD: names.HISTORY_PERIOD}).astype(float)
    attrs = {"freq": panel.freq, names.ORIGIN: f"{panel.origin:%Y-%m-%d}"}
    return xr.Dataset({names.HISTORY: history}, coords, attrs)


def check_labels(dataset: xr.Dataset) -> None:
    """An InputError where a forecast's periods are not those after its history, counted from 1."""
    freq = normalise_freq(str(dataset.attrs.get("freq")))
    periods = pd.DatetimeIndex(dataset[names.PERIOD].values)
    first = next_periods(pd.Timestamp(dataset[names.HISTORY_PERIOD].values[-1]), 1, freq)[0]
    if not periods.equals(period_range(first, len(periods), freq)):
        raise InputError("periods follow the history", where=names.PERIOD, expected=f"from {first:%Y-%m-%d}")
    if not np.array_equal(dataset[names.HORIZON].values, np.arange(1, len(periods) + 1)):
        raise InputError("counts the periods from 1", where=names.HORIZON)


def check_levels(levels: Sequence[float], where: str) -> list[float]:
    """Levels as numbers; an InputError where one does not lie between 0 and 1, or there is none."""
    wrong = [level for level in levels if not 0 < level < 1]
    if wrong or not len(levels):
        raise InputError("levels lie between 0 and 1", where=where, found=wrong or "none", expected="such as 0.9")
    return [float(level) for level in levels]


def members(dataset: xr.Dataset) -> dict[str, dict[str, list[str]]]:
    """The panel's provinces and tactics that each label stands for: {'province': {label: provinces}, …}."""
    kept = json.loads(dataset.attrs.get("members", "{}"))
    labels = {dim: [str(key) for key in dataset[dim].values] for dim in (names.PROVINCE, names.TACTIC)}
    return {dim: kept.get(dim, {key: [key] for key in keys}) for dim, keys in labels.items()}


def quantiles(dataset: xr.Dataset, levels: Sequence[float]) -> xr.DataArray:
    """The smallest count that a share `level` of draws does not exceed: int64 (quantile, province, tactic, period)."""
    draws = dataset[names.DRAWS]
    values = np.quantile(draws.values, levels, axis=0, method="inverted_cdf")
    template = draws.isel({names.SAMPLE: 0}, drop=True)
    expanded = template.expand_dims({names.QUANTILE: list(levels)})
    return expanded.copy(data=values.astype(np.int64)).rename(names.QUANTILES)


def mean(dataset: xr.Dataset) -> xr.Dataset:
    """The `mean` of the draws and its Monte-Carlo standard error `mcse`, dims (province, tactic, period)."""
    draws = dataset[names.DRAWS]
    spread = draws.std(names.SAMPLE, ddof=1) / np.sqrt(dataset.sizes[names.SAMPLE])
    return xr.Dataset({"mean": draws.mean(names.SAMPLE), "mcse": spread})
