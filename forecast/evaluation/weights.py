"""Weights of pools, learned from forecasts of the past: one weight vector for all horizons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from forecast import names
from forecast.evaluation.recorded import recorded
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["Distances", "distances", "pool_weights"]

Array = npt.NDArray[np.float64]
# Equally spaced quantiles that stand for a distribution where distances are taken.
_QUANTILES = 60
# How strongly weights are held to equal ones, in CRPS of log over one origin.
_PENALTY = 0.1


@dataclass(frozen=True)
class Distances:
    """What a pool's CRPS of log(1 + count) is made of, summed over the observed cells of each horizon.

    Attributes
    ----------
    models : tuple of str
        Their names.
    to_outcome : array
        (horizon, model): mean distance of a model's draws to the outcome.
    between : array
        (horizon, model, model): mean distance of two models' draws.
    cells : array
        (horizon): how many cells were observed.
    ends : DatetimeIndex
        Last day of each horizon's period: the outcome is known from then on.
    """

    models: tuple[str, ...]
    to_outcome: Array
    between: Array
    cells: Array
    ends: pd.DatetimeIndex


def distances(forecasts: Mapping[str, Forecast], actual: Panel) -> Distances:
    """Of several models' forecasts of the same periods, and what happened."""
    models = tuple(forecasts)
    held = [recorded(forecasts[model], actual) for model in models]
    counts = np.log1p(held[0][1].values)
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    seen = np.isfinite(counts)
    quantiles = [np.log1p(np.quantile(forecast.draws.values, levels, axis=0)) for forecast, _ in held]
    horizon = counts.shape[2]
    to_outcome, between = np.zeros((horizon, len(models))), np.zeros((horizon, len(models), len(models)))
    for ahead in range(horizon):
        here = [values[:, seen[..., ahead], ahead] for values in quantiles]
        outcome = counts[..., ahead][seen[..., ahead]]
        for one, values in enumerate(here):
            to_outcome[ahead, one] = np.abs(values - outcome).mean(axis=0).sum()
            for other in range(one + 1):
                distance = _distance(values, here[other]).sum()
                between[ahead, one, other] = between[ahead, other, one] = distance
    ends = pd.DatetimeIndex(forecasts[models[0]].dataset[names.PERIOD_END].values)
    return Distances(models, to_outcome, between, seen.sum(axis=(0, 1)).astype(float), ends)


def _distance(first: Array, second: Array) -> Array:
    """Mean distance of one sample to another (sample, cell) per cell, without forming their pairs.

    The distances within the samples together are those within each and twice those between; sorted values give each.
    """
    within = [_within(values) for values in (np.concatenate([first, second]), first, second)]
    distance = (within[0] - within[1] - within[2]) / (2 * len(first) * len(second))
    return np.asarray(np.maximum(distance, 0.0), dtype=float)


def _within(values: Array) -> Array:
    """Sum of the distances of all ordered pairs of a sample (sample, cell), per cell."""
    size = len(values)
    return np.asarray(2 * (2.0 * np.arange(size) - size + 1) @ np.sort(values, axis=0), dtype=float)


def pool_weights(known: Sequence[Distances], until: pd.Timestamp | None = None) -> dict[str, float]:
    """Weights that minimise the mean CRPS of log(1 + count) of the pool; equal ones where nothing is known yet.

    Parameters
    ----------
    known : sequence of Distances
        Of earlier forecasts of the same models.
    until : Timestamp, optional
        Only outcomes of periods that ended by this day.

    Notes
    -----
    Equal weights are hard to beat from a short history. A penalty of 0.1 ‖w − equal‖² / origins is added: it is worth
    as much as one origin on which the equal pool is better than a single model by some 0.1.
    """
    models = known[0].models
    linear, square = np.zeros(len(models)), np.zeros((len(models),) * 2)
    cells, origins = 0.0, 0
    for earlier in known:
        there = np.ones(len(earlier.ends), dtype=bool) if until is None else np.asarray(earlier.ends <= until)
        linear += earlier.to_outcome[there].sum(axis=0)
        square += earlier.between[there].sum(axis=0)
        cells += float(earlier.cells[there].sum())
        origins += bool(there.any())
    equal = np.full(len(models), 1 / len(models))
    if not cells:
        return dict(zip(models, equal.tolist(), strict=True))
    linear, square = linear / cells, square / cells
    penalty = _PENALTY / origins

    def loss(w: Array) -> tuple[float, Array]:
        away = w - equal
        value = w @ linear - 0.5 * w @ square @ w + penalty * away @ away
        return float(value), linear - square @ w + 2 * penalty * away

    minimum = optimize.minimize(
        loss,
        equal,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(models),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-10},
    )
    weights = np.clip(minimum.x, 0.0, None)
    return dict(zip(models, (weights / weights.sum()).tolist(), strict=True))
