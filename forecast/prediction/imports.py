"""Draws and quantiles of others, from the tables in which forecast hubs and VIEWS exchange them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import next_periods, period_end
from forecast.panel.columns import check_columns
from forecast.panel.panel import Panel
from forecast.prediction.exports import VIEWS_FIRST_YEAR, check_months

__all__ = ["hub_draws", "hub_quantiles", "views_draws"]

_HUB = ["location", names.TACTIC, "target_end_date", "output_type", "output_type_id", names.VALUE]
_VIEWS = ["month_id", names.PROVINCE, names.TACTIC, "draw", "outcome"]


def views_draws(table: pd.DataFrame, panel: Panel) -> npt.NDArray[np.int64]:
    """Draws in VIEWS' columns (month_id, province, tactic, draw, outcome) over (sample, province, tactic, period)."""
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
    return _counts(cells, panel, names.PROVINCE, "draw", "outcome")


def hub_draws(table: pd.DataFrame, panel: Panel, target: str) -> npt.NDArray[np.int64]:
    """Samples in the hubverse's columns, as joint draws over (sample, province, tactic, period)."""
    hint = "QuantileForecast.from_hub reads quantiles, which cannot be summed"
    return _counts(_hub_cells(table, panel, target, "sample", hint), panel, "location", "output_type_id", names.VALUE)


def hub_quantiles(
    table: pd.DataFrame, panel: Panel, target: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quantiles in the hubverse's columns: levels, and values over (quantile, province, tactic, period)."""
    cells = _hub_cells(table, panel, target, "quantile", "Forecast.from_hub reads samples")
    levels = pd.to_numeric(cells["output_type_id"], errors="coerce")
    values, known = _array(cells.assign(output_type_id=levels), panel, "location", "output_type_id", names.VALUE)
    return known.astype(float), values


def _hub_cells(table: pd.DataFrame, panel: Panel, target: str, kind: str, hint: str) -> pd.DataFrame:
    """The rows of one target and output type, with the column `period`."""
    check_columns(table, _HUB, "table of a hub")
    if "target" in table:
        table = table[table["target"] == target]
    rows = table[table["output_type"] == kind]
    if rows.empty:
        there = list(table["output_type"].unique())
        found = there or f"no rows of the target {target}"
        raise InputError(
            f"holds no {kind}s", where="output_type", found=found, expected=kind, hint=hint if there else ""
        )
    ends = pd.to_datetime(rows["target_end_date"], errors="coerce")
    periods = next_periods(panel.periods[-1], len(ends.unique()), panel.freq)
    of = dict(zip(period_end(periods, panel.freq), periods, strict=True))
    wrong = sorted(rows.loc[~ends.isin(list(of)), "target_end_date"].astype(str).unique())
    if wrong:
        expected = f"last days of the periods from {periods[0]:%Y-%m-%d} on"
        raise InputError("are not the periods after the panel", where="target_end_date", found=wrong, expected=expected)
    return rows.assign(**{names.PERIOD: ends.map(of)})


def _counts(cells: pd.DataFrame, panel: Panel, unit: str, draw: str, value: str) -> npt.NDArray[np.int64]:
    values, _ = _array(cells, panel, unit, draw, value)
    if not np.equal(values, np.rint(values)).all() or values.min() < 0:
        raise InputError("counts are whole numbers from 0", where=value)
    return values.astype(np.int64)


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
    return values.reshape([len(labels_of_dim) for labels_of_dim in labels]), np.asarray(labels[0])
