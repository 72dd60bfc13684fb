"""Scores of quantiles: how forecasts of others, and ours at the same levels, are held against what happened."""

from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.recorded import completed_like, recorded
from forecast.evaluation.scores import interval_score
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.prediction.quantile_forecast import QuantileForecast

__all__ = ["quantile_scores"]


def quantile_scores(forecast: QuantileForecast | Forecast, actual: Panel) -> pd.DataFrame:
    """Score the quantiles of every observed cell.

    Parameters
    ----------
    forecast : QuantileForecast or Forecast
        Of joint draws, the quantiles that forecast hubs ask for are taken; for others, `QuantileForecast.of`. Scores
        of two forecasts compare where both have the same levels.
    actual : Panel
        What happened; as of `score`.

    Returns
    -------
    DataFrame
        One row per observed cell (or sum, of a forecast of sums): model, origin, horizon, province, tactic, period,
        observed, predicted (the median; NaN where it is not among the quantiles), wis (attacks; lower is better),
        wis_log (of log(1 + count)), and for each central interval of the quantiles `inside_90` and `interval_score_90`
        (for 0.9).

    Raises
    ------
    InputError
        Where the panel lacks the forecast's periods or labels.

    Notes
    -----
    wis is the mean over the levels of twice the quantile (pinball) score: with symmetric levels the weighted interval
    score of Bracher et al. (2021), which comes near the CRPS as levels become dense. Interval score: Gneiting & Raftery
    (2007).

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> len(fc.quantile_scores(forecast, panel))
    24
    """
    if isinstance(forecast, Forecast):
        thinned, counts = recorded(forecast, actual)
        told = QuantileForecast.of(thinned)
    else:
        # Quantiles cannot be thinned.
        told, counts = forecast, completed_like(forecast, actual)
    rows: tuple[Any, ...] = np.nonzero(counts.notnull().values)
    observed = counts.values[rows].astype(np.int64)
    values = told.dataset[names.QUANTILES].values[:, *rows]
    columns = {
        names.MODEL: told.model,
        names.ORIGIN: told.origin.as_unit("ns"),
        names.HORIZON: told.dataset[names.HORIZON].values[rows[2]],
        names.PROVINCE: np.array(told.provinces, dtype=object)[rows[0]],
        names.TACTIC: np.array(told.tactics, dtype=object)[rows[1]],
        names.PERIOD: told.periods[rows[2]],
        names.OBSERVED: observed,
        names.PREDICTED: told.median().values[rows] if 0.5 in told.levels else np.nan,
    }
    levels = np.array(told.levels)[:, None]
    for name, outcome, quantiles in (("wis", observed, values), ("wis_log", np.log1p(observed), np.log1p(values))):
        columns[name] = 2 * np.mean((levels - (outcome < quantiles)) * (outcome - quantiles), axis=0)
    for level in told.intervals:
        bounds = told.interval(level)
        lower, upper = (bounds[side].values[rows] for side in ("lower", "upper"))
        columns[f"inside_{100 * level:g}"] = (lower <= observed) & (observed <= upper)
        columns[f"interval_score_{100 * level:g}"] = interval_score(observed, lower, upper, 1 - level)
    return pd.DataFrame(columns)
