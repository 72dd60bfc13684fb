"""Baseline: statsmodels' simple exponential smoothing per cell, with counts drawn around its level."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from forecast import names
from forecast.baselines.common import (
    PHI_BOUNDS,
    Array,
    BaselineFit,
    dispersion,
    numbers_fail_as_input,
    require_auto,
    start_drawing,
    tactic_means,
)
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.panel.panel import Panel
from forecast.prediction.caps import cap_notes, mean_cap
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future

__all__ = ["ExponentialSmoothing", "SmoothingFit"]

# Fewer observed counts than this say nothing about a cell's smoothing weight.
_SHORTEST = 4
# The weight of a cell that has none of its own, where no other cell has one either.
_DEFAULT_WEIGHT = 0.3


@dataclass(frozen=True)
class ExponentialSmoothing:
    """Simple exponential smoothing of each cell, the weight and first level by least squares (Hyndman et al. 2008).

    Counts are negative binomial around the level, with one dispersion per tactic by maximum likelihood of the
    one-step-ahead errors in sample. Each draw moves its own level on with its own counts, so that uncertainty grows
    with the horizon and a draw is one path.

    Parameters
    ----------
    floor : float
        Lowest expected count, so that no cell is held for impossible.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.fit(fc.ExponentialSmoothing(), panel, seed=1).model.name
    'smoothing'
    """

    floor: float = 0.05
    name: ClassVar[str] = "smoothing"

    def __post_init__(self) -> None:
        if not self.floor > 0:
            raise InputError("is a number above 0", where="floor", found=self.floor)


class SmoothingFit(BaselineFit):
    """Fit of `ExponentialSmoothing`: `level` (attacks) and `weight` over (province, tactic), `phi` over (tactic)."""


@fit.register
@numbers_fail_as_input
def fit_smoothing(
    model: ExponentialSmoothing,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> SmoothingFit:
    """Fit `ExponentialSmoothing`; see `fit`.

    Periods in which a cell was not observed are skipped: its level stays as it was.
    """
    require_auto(engine)
    stand_in, notes = tactic_means(panel)
    attacks = panel.completed.values
    before = np.full((*attacks.shape[:2], attacks.shape[2] + 1), np.nan)
    weight = np.full(attacks.shape[:2], np.nan)
    for cell in np.ndindex(*attacks.shape[:2]):
        seen = ~np.isnan(attacks[cell])
        weight[cell], before[cell][np.append(seen, True)] = _smooth(attacks[cell][seen])
    short = np.isnan(weight)
    pooled = float(np.median(weight[~short])) if not short.all() else _DEFAULT_WEIGHT
    never = np.isnan(before[..., -1])
    if (short & ~never).any():
        which = f"{int((short & ~never).sum())} cells without an attack or with fewer than {_SHORTEST} counts"
        notes += (f"{which} take the median smoothing weight of the others, {pooled:.2f}",)
    if np.isnan(attacks).any():
        notes += (f"{int(np.isnan(attacks).sum())} cells not observed are skipped: the level stays as it was",)
    level = np.where(never, stand_in.values, before[..., -1])
    state = {
        "level": ((names.PROVINCE, names.TACTIC), level),
        "weight": ((names.PROVINCE, names.TACTIC), np.where(short, pooled, weight)),
        names.PHI: (names.TACTIC, _dispersions(attacks, np.maximum(before[..., :-1], model.floor))),
    }
    labels = {names.PROVINCE: panel.provinces, names.TACTIC: panel.tactics}
    return SmoothingFit(model, panel, seed, notes, xr.Dataset(state, labels))


@predict.register
@numbers_fail_as_input
def predict_smoothing(
    fit: SmoothingFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Simulate period after period, each draw's counts moving its level on; see `predict`.

    Expected counts above 100 times the largest count of the panel are cut to that, with a note.
    """
    rng, shape = start_drawing(fit, horizon, futures, draws, seed)
    level = np.broadcast_to(fit.state["level"].values, shape[:3])
    weight, phi = fit.state["weight"].values, fit.state[names.PHI].values
    counts, mu, cut, cap = np.empty(shape, np.int64), np.empty(shape), 0, mean_cap(fit.panel)
    for step in range(horizon):
        cut += int((level > cap).sum())
        mu[..., step] = np.clip(level, fit.model.floor, cap)
        counts[..., step] = draw_counts(rng, mu[..., step], phi)
        level = level + weight * (counts[..., step] - level)
    phis = np.minimum(phi, PHI_BOUNDS[1]) if np.isfinite(phi).any() else None
    return Forecast.from_draws(
        fit.panel,
        counts,
        model=fit.model.name,
        seed=seed,
        mu=mu,
        phi=phis,
        notes=(*fit.notes, *cap_notes(cut, counts.size, cap)),
        cut=cut / counts.size,
    )


def _smooth(counts: Array) -> tuple[float, Array]:
    """The weight (NaN where there are too few counts), and the level before each count and after the last."""
    if len(counts) < _SHORTEST:
        running = np.concatenate([[np.nan], counts.cumsum() / np.arange(1, len(counts) + 1)])
        return np.nan, running
    if not counts.any():
        return np.nan, np.zeros(len(counts) + 1)
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = SimpleExpSmoothing(counts, initialization_method="estimated").fit()
    return float(result.params["smoothing_level"]), np.append(result.fittedvalues, result.forecast(1))


def _dispersions(attacks: Array, means: Array) -> Array:
    """Dispersion of each tactic; a tactic without an attack takes that of all."""
    used = ~np.isnan(attacks) & ~np.isnan(means)
    overall = dispersion(attacks[used], means[used])
    phi = []
    for column in range(attacks.shape[1]):
        counts, expected = attacks[:, column][used[:, column]], means[:, column][used[:, column]]
        phi.append(dispersion(counts, expected) if counts.any() else overall)
    return np.array(phi)
