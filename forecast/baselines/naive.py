"""Baselines without parameters to speak of: zero, last, conflictology and recent mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from forecast import names
from forecast.baselines.common import (
    Array,
    BaselineFit,
    dispersion,
    means_before,
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
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future

__all__ = ["Conflictology", "Last", "RecentMean", "Zero"]

_PAST = "past"


@dataclass(frozen=True)
class Zero:
    """No attack anywhere, ever: the floor that every model has to beat.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> int(fc.predict(fc.fit(fc.Zero(), panel, seed=1), 2, seed=1).draws.sum())
    0
    """

    name: ClassVar[str] = "zero"


@dataclass(frozen=True)
class Last:
    """Poisson counts whose mean is the last observed count of each cell.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.predict(fc.fit(fc.Last(), panel, seed=1), 2, seed=1).periods.size
    2
    """

    name: ClassVar[str] = "last"


@dataclass(frozen=True)
class Conflictology:
    """The past as the forecast: the last observed periods drawn with replacement (Hegre et al. 2025).

    Parameters
    ----------
    window : int
        How many of the last observed periods are drawn from.
    whole_panel : bool
        Draw, per sample and period, one past period for all cells, which keeps the dependence between cells; else
        every cell draws its own.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.fit(fc.Conflictology(), panel, seed=1).model.name
    'conflictology'
    """

    window: int = 12
    whole_panel: bool = False

    def __post_init__(self) -> None:
        _require_window(self.window)

    @property
    def name(self) -> str:
        """Name in tables."""
        return "conflictology_panel" if self.whole_panel else "conflictology"


@dataclass(frozen=True)
class RecentMean:
    """Negative binomial counts around the mean of the last observed counts, cells independent.

    One dispersion for all cells, by maximum likelihood of every count given the mean of the `window` observed
    counts before it.

    Parameters
    ----------
    window : int
        How many of the last observed counts are averaged.
    floor : float
        Added to the mean, so that no cell is held for impossible.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.predict(fc.fit(fc.RecentMean(), panel, seed=1), 2, seed=1).draws.shape
    (1000, 4, 2, 2)
    """

    window: int = 4
    floor: float = 0.05
    name: ClassVar[str] = "recent_mean"

    def __post_init__(self) -> None:
        _require_window(self.window)
        if not self.floor > 0:
            raise InputError("is a number above 0", where="floor", found=self.floor)


class ZeroFit(BaselineFit):
    """Fit of `Zero`: nothing is estimated."""


class LastFit(BaselineFit):
    """Fit of `Last`: `mean` over (province, tactic), in attacks per period."""


class ConflictologyFit(BaselineFit):
    """Fit of `Conflictology`: `own`, each cell's last observed counts, and `whole`, the panel's last periods."""


class RecentMeanFit(BaselineFit):
    """Fit of `RecentMean`: `mean` over (province, tactic), in attacks per period, and `phi` (infinite: Poisson)."""


@fit.register
@numbers_fail_as_input
def fit_zero(
    model: Zero,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> ZeroFit:
    """Fit `Zero`; see `fit`."""
    require_auto(engine)
    return ZeroFit(model, panel, seed)


@fit.register
@numbers_fail_as_input
def fit_last(
    model: Last,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> LastFit:
    """Fit `Last`; see `fit`."""
    require_auto(engine)
    stand_in, notes = tactic_means(panel)
    mean = _by_series(panel, means_before(panel.completed.values, 1)[..., -1]).fillna(stand_in)
    return LastFit(model, panel, seed, notes, xr.Dataset({"mean": mean}))


@fit.register
@numbers_fail_as_input
def fit_conflictology(
    model: Conflictology,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> ConflictologyFit:
    """Fit `Conflictology`; see `fit`."""
    require_auto(engine)
    _, notes = tactic_means(panel)
    attacks = panel.completed
    past = _last_observed(attacks.values, model.window)
    state = {"own": _by_series(panel, past, _PAST)}
    length = past.shape[-1]
    if model.whole_panel:
        observed = attacks.notnull().any((names.PROVINCE, names.TACTIC)).values
        whole = attacks.values[:, :, np.flatnonzero(observed)[-model.window :]]
        state["whole"] = _by_series(panel, whole, "past_period")
        length = whole.shape[-1]
        gaps = int(np.isnan(whole).sum())
        if gaps:
            notes += (f"{gaps} of {whole.size} past cells were not observed: the cell's own past stands in",)
    if length < model.window:
        notes += (f"{length} past periods are drawn from where {model.window} were asked for",)
    return ConflictologyFit(model, panel, seed, notes, xr.Dataset(state))


@fit.register
@numbers_fail_as_input
def fit_recent_mean(
    model: RecentMean,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> RecentMeanFit:
    """Fit `RecentMean`; see `fit`."""
    require_auto(engine)
    stand_in, notes = tactic_means(panel)
    attacks = panel.completed.values
    before = means_before(attacks, model.window)
    mean = _by_series(panel, before[..., -1]).fillna(stand_in) + model.floor
    usable = ~np.isnan(before[..., :-1]) & ~np.isnan(attacks)
    phi = dispersion(attacks[usable], before[..., :-1][usable] + model.floor)
    if not usable.any():
        notes += (f"fewer than {model.window + 1} observed periods: no dispersion, the counts are Poisson",)
    return RecentMeanFit(model, panel, seed, notes, xr.Dataset({"mean": mean, names.PHI: phi}))


@predict.register
@numbers_fail_as_input
def predict_zero(
    fit: ZeroFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Zeros; see `predict`."""
    _, shape = start_drawing(fit, horizon, futures, draws, seed)
    return Forecast.from_draws(fit.panel, np.zeros(shape, np.int64), model=fit.model.name, seed=seed, notes=fit.notes)


@predict.register
@numbers_fail_as_input
def predict_last(
    fit: LastFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Independent Poisson draws; see `predict`."""
    return _around_mean(fit, np.inf, horizon, futures, draws, seed)


@predict.register
@numbers_fail_as_input
def predict_recent_mean(
    fit: RecentMeanFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Independent negative binomial draws; see `predict`."""
    return _around_mean(fit, fit.state[names.PHI].item(), horizon, futures, draws, seed)


@predict.register
@numbers_fail_as_input
def predict_conflictology(
    fit: ConflictologyFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Draws of past counts; see `predict`."""
    rng, shape = start_drawing(fit, horizon, futures, draws, seed)
    past = fit.state["own"].values
    lengths = np.isfinite(past).sum(-1)[None, :, :, None]
    back = 1 + np.floor(rng.random(shape) * lengths).astype(np.intp)
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    values = past[rows[None, ..., None], columns[None, ..., None], -back]
    if fit.model.whole_panel:
        whole = fit.state["whole"].values
        chosen = rng.integers(whole.shape[-1], size=(draws, horizon))
        together = np.moveaxis(whole[:, :, chosen], 2, 0)
        values = np.where(np.isnan(together), values, together)
    return Forecast.from_draws(fit.panel, values.astype(np.int64), model=fit.model.name, seed=seed, notes=fit.notes)


def _around_mean(
    fit: BaselineFit, phi: float, horizon: int, futures: Mapping[str, Future], draws: int, seed: int
) -> Forecast:
    rng, shape = start_drawing(fit, horizon, futures, draws, seed)
    mu = np.broadcast_to(fit.state["mean"].values[None, :, :, None], shape).copy()
    counts = draw_counts(rng, mu, phi)
    phis = np.full(shape[2], phi) if np.isfinite(phi) else None
    return Forecast.from_draws(fit.panel, counts, model=fit.model.name, seed=seed, mu=mu, phi=phis, notes=fit.notes)


def _by_series(panel: Panel, values: Array, *extra: str) -> xr.DataArray:
    labels = {names.PROVINCE: panel.provinces, names.TACTIC: panel.tactics}
    return xr.DataArray(values, dims=(*labels, *extra), coords=labels)


def _last_observed(attacks: Array, window: int) -> Array:
    """The last observed counts of each series, oldest first, NaN in front where there are fewer than `window`.

    A series that was never observed gets evenly spaced quantiles of what its tactic's others have.
    """
    order = np.argsort(~np.isnan(attacks), axis=-1, kind="stable")
    last = np.take_along_axis(attacks, order, axis=-1)[..., -window:]
    filled = last.copy()
    for row, column in np.argwhere(np.isnan(last).all(-1)):
        pool = last[:, column][~np.isnan(last[:, column])]
        levels = (np.arange(last.shape[-1]) + 0.5) / last.shape[-1]
        filled[row, column] = np.quantile(pool, levels, method="inverted_cdf")
    return filled


def _require_window(window: int) -> None:
    if window < 1:
        raise InputError("is a number of periods from 1", where="window", found=window)
