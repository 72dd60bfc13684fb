"""Scores of all cells of a period together: of paths, not of cells one by one."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.evaluation.recorded import recorded
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["ENERGY_COLUMNS", "energy_score", "variogram_score"]

# Random orders of the draws in which neighbours are compared, for the energy score.
_ORDERS = 20
ENERGY_COLUMNS = (names.MODEL, names.ORIGIN, names.HORIZON, names.PERIOD, "cells", "energy")


def energy_score(forecast: Forecast, actual: Panel) -> pd.DataFrame:
    """Score the cells of each period together, as one vector: what they have in common counts too.

    Parameters
    ----------
    forecast, actual
        As of `score`.

    Returns
    -------
    DataFrame
        One row per period with an observed cell: model, origin, horizon, period, cells (how many were observed) and
        energy (attacks; lower is better).

    Notes
    -----
    Gneiting & Raftery (2007). The mean distance between draws is that of neighbours in some random orders: all pairs
    would take a thousand times as long.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.energy_score(forecast, panel)["cells"].tolist()
    [8, 8, 8]
    """
    import scoringrules

    rng = np.random.default_rng(0)
    orders = [rng.permutation(forecast.draws.sizes[names.SAMPLE]) for _ in range(_ORDERS)]
    rows = []
    for ahead, period, seen, draws in _periods(forecast, actual):
        values = [scoringrules.es_ensemble(seen, draws[order], estimator="akr", backend="numpy") for order in orders]
        value = float(np.mean(values))
        rows.append((forecast.model, forecast.origin.as_unit("ns"), ahead + 1, period, len(seen), value))
    return pd.DataFrame(rows, columns=list(ENERGY_COLUMNS))


def _periods(
    forecast: Forecast, actual: Panel
) -> Iterator[tuple[int, pd.Timestamp, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Each period with an observed cell: number, first day, the counts seen and their draws (sample, cell)."""
    forecast, counts = recorded(forecast, actual)
    for ahead, period in enumerate(forecast.periods):
        seen = counts.values[..., ahead]
        there = np.isfinite(seen)
        if there.any():
            yield ahead, period, seen[there], forecast.draws.values[:, there, ahead].astype(float)


def variogram_score(forecast: Forecast, actual: Panel, order: float = 0.5) -> pd.DataFrame:
    """Score how the cells of each period differ from each other: unlike the energy score, it sees correlations well.

    Parameters
    ----------
    forecast, actual
        As of `score`.
    order : float
        Of the variogram.

    Returns
    -------
    DataFrame
        One row per period with an observed cell: model, origin, horizon, period, cells (how many were observed) and
        variogram (attacks to the power of twice the order, summed over all ordered pairs of cells; lower is better).

    Notes
    -----
    Scheuerer & Hamill (2015), all weights 1. One cell after the other is held against all, so that memory stays linear
    in the cells.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.variogram_score(forecast, panel)["cells"].tolist()
    [8, 8, 8]
    """
    rows = []
    for ahead, period, seen, draws in _periods(forecast, actual):
        value = 0.0
        for cell, count in enumerate(seen):
            expected = (np.abs(draws - draws[:, [cell]]) ** order).mean(axis=0)
            value += float(np.square(expected - np.abs(seen - count) ** order).sum())
        rows.append((forecast.model, forecast.origin.as_unit("ns"), ahead + 1, period, len(seen), value))
    return pd.DataFrame(rows, columns=[*ENERGY_COLUMNS[:-1], "variogram"])
