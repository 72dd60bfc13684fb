"""Forecasts of others, from the tables in which forecast hubs and VIEWS exchange them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import next_periods, period_end
from forecast.panel.columns import check_columns
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.prediction.exports import VIEWS_FIRST_YEAR, check_months

__all__ = ["from_hub", "from_views"]

_HUB = ["location", names.TACTIC, "target_end_date", "output_type", "output_type_id", names.VALUE]
_VIEWS = ["month_id", names.PROVINCE, names.TACTIC, "draw", "outcome"]


def from_views(table: pd.DataFrame, panel: Panel, model: str) -> Forecast:
    """Draws in VIEWS' columns: month_id, province, tactic, draw, outcome."""
    check_columns(table, _VIEWS, "table of draws")
    check_months(panel.freq)
    months = pd.to_numeric(table["month_id"], errors="coerce").to_numpy(float) - 1
    if not np.isfinite(months).all():
        raise InputError(
            "is no whole number", where="month_id", found=list(table["month_id"][~np.isfinite(months)])[:3]
        )
    years, month = np.divmod(months.astype(int), 12)
    periods = pd.to_datetime({"year": years + VIEWS_FIRST_YEAR, "month": month + 1, "day": 1})
    cells = table.assign(**{names.PERIOD: periods.to_numpy()})
    return _from_draws(cells, panel, model, names.PROVINCE, "draw", "outcome")


def from_hub(table: pd.DataFrame, panel: Panel, model: str, target: str, draws: int, seed: int) -> Forecast:
    """Model output in the hubverse's columns, samples or quantiles."""
    check_columns(table, _HUB, "table of a hub")
    if "target" in table:
        table = table[table["target"] == target]
    kinds = [kind for kind in ("sample", "quantile") if (table["output_type"] == kind).any()]
    if not kinds:
        found = list(table["output_type"].unique()) or f"no rows of the target {target}"
        raise InputError(
            "holds no forecast distribution", where="output_type", found=found, expected="sample, quantile"
        )
    ends = pd.to_datetime(table["target_end_date"], errors="coerce")
    periods = next_periods(panel.periods[-1], len(ends.unique()), panel.freq)
    of = dict(zip(period_end(periods, panel.freq), periods, strict=True))
    wrong = sorted(table.loc[~ends.isin(list(of)), "target_end_date"].astype(str).unique())
    if wrong:
        expected = f"last days of the periods from {periods[0]:%Y-%m-%d} on"
        raise InputError("are not the periods after the panel", where="target_end_date", found=wrong, expected=expected)
    cells = table.assign(**{names.PERIOD: ends.map(of)})[table["output_type"] == kinds[0]]
    if kinds[0] == "sample":
        return _from_draws(cells, panel, model, "location", "output_type_id", names.VALUE)
    return _from_quantiles(cells, panel, model, draws, seed)


def _from_draws(cells: pd.DataFrame, panel: Panel, model: str, unit: str, draw: str, value: str) -> Forecast:
    values, _ = _array(cells, panel, unit, draw, value)
    if not np.equal(values, np.rint(values)).all() or values.min() < 0:
        raise InputError("counts are whole numbers from 0", where=value)
    return Forecast.from_draws(panel, values.astype(np.int64), model=model, seed=0)


def _from_quantiles(cells: pd.DataFrame, panel: Panel, model: str, draws: int, seed: int) -> Forecast:
    levels = pd.to_numeric(cells["output_type_id"], errors="coerce")
    values, known = _array(cells.assign(output_type_id=levels), panel, "location", "output_type_id", names.VALUE)
    if not ((known > 0) & (known < 1)).all():
        raise InputError("levels lie between 0 and 1", where="output_type_id", found=known.tolist())
    if (np.diff(values, axis=0) < 0).any() or values.min() < 0:
        raise InputError("quantiles rise with their level, from 0", where=names.VALUE)
    rng = np.random.default_rng(seed)
    wanted = (np.arange(draws) + 0.5) / draws
    # Cells are taken to be independent, for marginal quantiles say nothing of it.
    flat = values.reshape(len(known), -1)
    drawn = [np.rint(rng.permutation(np.interp(wanted, known, column))) for column in flat.T]
    made = np.stack(drawn, axis=1).reshape(draws, *values.shape[1:]).astype(np.int64)
    note = f"drawn from {len(known)} quantiles per cell, nothing beyond the outer ones, cells taken as independent"
    return Forecast.from_draws(panel, made, model=model, seed=seed, notes=[note])


def _array(
    cells: pd.DataFrame, panel: Panel, unit: str, draw: str, value: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    """Values over (draw, province, tactic, period) in the panel's order, and the labels of the draws."""
    keys = [draw, unit, names.TACTIC, names.PERIOD]
    labels = (np.sort(cells[draw].unique()), panel.provinces, panel.tactics, sorted(cells[names.PERIOD].unique()))
    for key, known in ((unit, labels[1]), (names.TACTIC, labels[2])):
        strange = sorted(set(cells[key].astype(str)) - set(known))
        if strange:
            raise InputError("is not in the panel", where=key, found=strange[:5], expected=known[:5])
    expected = next_periods(panel.periods[-1], len(labels[3]), panel.freq)
    if not expected.equals(pd.DatetimeIndex(labels[3])):
        found = f"{labels[3][0]:%Y-%m-%d} to {labels[3][-1]:%Y-%m-%d}"
        raise InputError("are not those after the panel", where="periods", found=found, expected=f"from {expected[0]}")
    if cells.duplicated(keys).any():
        raise InputError("the same cell stands there twice", where=value, found=cells[cells.duplicated(keys)].index[0])
    series = pd.to_numeric(cells.set_index(keys)[value], errors="coerce")
    values = series.reindex(pd.MultiIndex.from_product(labels)).to_numpy(float)
    missing = int(np.isnan(values).sum())
    if missing:
        raise InputError("cells are missing or no numbers", where=value, found=f"{missing:,} of {len(values):,}")
    return values.reshape([len(each) for each in labels]), np.asarray(labels[0])
