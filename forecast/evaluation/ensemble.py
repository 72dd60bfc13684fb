"""Pools in a backtest: one weight vector for all horizons, learned at each origin from the outcomes known then."""

from collections.abc import Sequence

import pandas as pd

from forecast import names
from forecast.evaluation.pool import pool
from forecast.evaluation.rolling import Backtest, add_forecasts
from forecast.evaluation.weights import Distances, distances, pool_weights
from forecast.panel.panel import Panel

__all__ = ["ENSEMBLE", "ensemble"]

ENSEMBLE = "ensemble"
# Rivals that are no members by default: their paths are always 0, far too narrow, or the same few past counts.
_LEFT_OUT = ("zero", "last", "conflictology", "conflictology_panel")


def ensemble(
    done: Backtest, actual: Panel, models: Sequence[str] | None = None, *, draws: int = 1000, seed: int
) -> tuple[Backtest, pd.DataFrame]:
    """A backtest with the pool of its models, the weights at each origin learned from outcomes known then.

    Parameters
    ----------
    done : Backtest
        With its folder.
    actual : Panel
        What happened.
    models : sequence of str, optional
        Which models. By default all that have a forecast at every origin, but not the rivals zero, last and
        conflictology: a pool's samples are whole paths, and where some are of no attack at all, or of a few past
        counts again, sums are wrong however good cells are.
    draws, seed : int
        As of `pool`.

    Returns
    -------
    Backtest
        With the scores of the model 'ensemble' beside the others'.
    DataFrame
        The weights: origin, model, weight. Equal ones at the first origin, whose past holds no outcome.
    """
    failed = set(done.failures[names.MODEL])
    there = [str(model) for model in done.scores[names.MODEL].unique() if model not in failed]
    chosen = [model for model in there if model not in _LEFT_OUT] or there if models is None else list(models)
    before: list[Distances] = []
    pools, rows = [], []
    for number, origin in enumerate(done.origins):
        forecasts = {model: done.forecast(model, origin) for model in chosen}
        weights = pool_weights(before, origin) if before else dict.fromkeys(forecasts, 1 / len(forecasts))
        rows += [(origin, model, weight) for model, weight in weights.items()]
        pools.append(pool(forecasts, weights, name=ENSEMBLE, draws=draws, seed=seed + number))
        before.append(distances(forecasts, actual))
    return add_forecasts(done, pools, actual), pd.DataFrame(rows, columns=[names.ORIGIN, names.MODEL, "weight"])
