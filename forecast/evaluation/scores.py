"""Scores of a forecast against what happened: one row per observed cell first, summaries second."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["INTERVALS", "SCORE_COLUMNS", "score", "summarise"]

# Levels of the central intervals that are judged; the last is also scored.
INTERVALS = (0.5, 0.8, 0.9)
_SCORED = INTERVALS[-1]
_INSIDE = [f"inside_{100 * level:g}" for level in INTERVALS]
_WIDTH = f"width_{100 * _SCORED:g}"
_INTERVAL_SCORE = f"interval_score_{100 * _SCORED:g}"
_MEASURES = ["crps", "crps_log", *_INSIDE, _WIDTH, _INTERVAL_SCORE]
SCORE_COLUMNS = (*names.SCORE_KEYS, names.PERIOD, names.OBSERVED, names.PREDICTED, *_MEASURES, names.DRAWS)


def score(forecast: Forecast, actual: Panel) -> pd.DataFrame:
    """Score every observed cell of a forecast.

    Parameters
    ----------
    forecast : Forecast
        A forecast, or what `aggregate` made of one: the same sums are then taken of the panel.
    actual : Panel
        What happened, in the newest vintage. Only its observed cells whose period is forecast count; a sum counts
        where all its cells were observed; there may be none, and the table is then empty.

    Returns
    -------
    DataFrame
        One row per cell: model, origin, horizon, province, tactic, period, observed (attacks), predicted (the median),
        crps (of the count, attacks), crps_log (of log(1 + count)), inside_50, inside_80, inside_90 (whether the
        central interval, bounds included, holds the count), width_90, interval_score_90 (attacks) and draws (how
        many samples were scored). Lower is better but for `inside`. Both CRPS are the fair estimate from an ensemble.

    Raises
    ------
    InputError
        When the panel holds none of the periods, or lacks a province or tactic.

    Notes
    -----
    Fair CRPS: Ferro (2014), computed in its form of probability weighted moments (Zamo & Naveau 2018), which is the
    same number in less time. Log scale: Bosse et al. (2023). Interval score: Gneiting & Raftery (2007).
    """
    counts = _counts_like(forecast, actual)
    rows = np.nonzero(counts.notnull().values)
    observed = counts.values[rows].astype(np.int64)
    draws = np.sort(np.moveaxis(forecast.draws.values, 0, -1)[rows], axis=1)
    table = pd.DataFrame(
        {
            names.MODEL: forecast.model,
            names.ORIGIN: forecast.origin.as_unit("ns"),
            names.HORIZON: forecast.dataset[names.HORIZON].values[rows[2]],
            names.PROVINCE: np.array(forecast.provinces, dtype=object)[rows[0]],
            names.TACTIC: np.array(forecast.tactics, dtype=object)[rows[1]],
            names.PERIOD: forecast.periods[rows[2]],
            names.OBSERVED: observed,
            **_measures(observed, draws),
            names.DRAWS: draws.shape[1],
        }
    )
    return table[list(SCORE_COLUMNS)]


def summarise(scores: pd.DataFrame, by: Sequence[str] = (names.MODEL,)) -> pd.DataFrame:
    """Mean scores of groups of cells.

    Parameters
    ----------
    scores : DataFrame
        What `score` gave, of one or of several forecasts.
    by : sequence of str
        Columns that make the groups: any of model, origin, horizon, province, tactic, period.

    Returns
    -------
    DataFrame
        The columns of `by`, `n` (cells), and the mean of each score; `inside_90` is then the coverage, as a share. An
        inclusive interval of a count covers more often than its level by construction.

    Raises
    ------
    InputError
        For columns that are not there, and for forecasts with different numbers of draws, which are not comparable.
    """
    keys = list(by)
    allowed = [*names.SCORE_KEYS, names.PERIOD]
    wrong = [key for key in keys if key not in allowed]
    if wrong or not keys:
        raise InputError("scores cannot be grouped by it", where="by", found=wrong or "nothing", expected=allowed)
    missing = [column for column in SCORE_COLUMNS if column not in scores]
    if missing:
        raise InputError("is no table of scores: columns are missing", found=missing, expected="what `score` gave")
    numbers = sorted(scores[names.DRAWS].unique())
    if len(numbers) > 1:
        hint = "Predict every model with the same number of draws"
        raise InputError("forecasts with different numbers of draws", where=names.DRAWS, found=numbers, hint=hint)
    groups = scores.groupby(keys, sort=False, observed=True)
    return groups.size().rename("n").to_frame().join(groups[_MEASURES].mean()).reset_index()


def _measures(observed: npt.NDArray[np.int64], draws: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """The point forecast and the scores of cells; `draws` has one row per cell, in ascending order."""
    import scoringrules

    ends = [end for level in INTERVALS for end in ((1 - level) / 2, (1 + level) / 2)]
    median, *bounds = np.quantile(draws, [0.5, *ends], axis=1, method="inverted_cdf")
    measures: dict[str, npt.NDArray[Any]] = {names.PREDICTED: median.astype(np.int64)}
    for name, outcome, ensemble in (
        ("crps", observed.astype(float), draws.astype(float)),
        ("crps_log", np.log1p(observed), np.log1p(draws)),
    ):
        measures[name] = scoringrules.crps_ensemble(
            outcome, ensemble, estimator="pwm", sorted_ensemble=True, backend="numpy"
        )
    for lower, upper, inside in zip(bounds[::2], bounds[1::2], _INSIDE, strict=True):
        measures[inside] = (lower <= observed) & (observed <= upper)
    measures[_WIDTH] = (upper - lower).astype(float)
    measures[_INTERVAL_SCORE] = scoringrules.interval_score(observed, lower, upper, 1 - _SCORED, backend="numpy")
    return measures


def _counts_like(forecast: Forecast, actual: Panel) -> xr.DataArray:
    """Observed counts on the forecast's labels, dims (province, tactic, period); NaN where there is none to score."""
    if actual.freq != forecast.freq:
        raise InputError("has another frequency", where="actual", found=actual.freq, expected=forecast.freq)
    attacks = actual.attacks.reindex({names.PERIOD: forecast.periods}).drop_vars(names.PERIOD_END)
    if attacks.isnull().all():
        raise InputError(
            "holds no observed cell of the forecast's periods",
            where="actual",
            found=f"to {actual.origin:%Y-%m-%d}",
            expected=f"from {forecast.periods[0]:%Y-%m-%d} on",
        )
    for dim, groups in forecast.members.items():
        wanted = sorted({key for keys in groups.values() for key in keys})
        missing = [key for key in wanted if key not in attacks[dim].values]
        if missing:
            raise InputError(f"lacks a {dim} of the forecast", where="actual", found=missing)
        sums = [attacks.sel({dim: keys}).sum(dim, skipna=False) for keys in groups.values()]
        labels = pd.Index(list(groups), name=dim)
        attacks = xr.concat(sums, labels, coords="minimal", compat="override", join="override")
    return attacks.transpose(*names.CELL_DIMS)
