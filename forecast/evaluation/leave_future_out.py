"""Approximate leave-future-out: one-step scores from a few fits, by importance weights between them."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.rolling import origin_days
from forecast.inference.dispatch import fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.weights.pareto import smoothed
from forecast.model.families import Counts
from forecast.model.spec import Model
from forecast.panel.panel import Panel
from forecast.prediction.futures import hold_last
from forecast.prediction.recursion import added_ahead, fed_back
from forecast.prediction.simulation import drawn_ahead

__all__ = ["leave_future_out"]

Array = npt.NDArray[np.float64]


def leave_future_out(
    model: Model,
    panel: Panel,
    *,
    origins: int | Iterable[str | pd.Timestamp],
    threshold: float = 0.7,
    draws: int = 1000,
    seed: int,
    engine: str = "auto",
) -> pd.DataFrame:
    """Log scores one step ahead, origin after origin, with a new fit only where the last one no longer serves.

    A fit's joint draws, latents of later periods included, are weighted by the probability of what has come since.
    Where the weights' Pareto k is above the threshold the model is fitted anew. Models whose levels hold still need few
    fits; paths with new innovations in many series need one at nearly every origin, and `backtest` is then as fast.

    Parameters
    ----------
    model : Model
        Without covariates that were measured with error.
    panel : Panel
        All data; counts of single cells. Covariates are those of the last known period.
    origins : int or days
        As of `backtest`; consecutive ones.
    threshold : float
        Of Pareto k; with 0 or below every origin is fitted.
    draws, seed, engine
        As of `predict` and `fit`.

    Returns
    -------
    DataFrame
        One row per observed cell and origin: model, origin, horizon (1), province, tactic, period, observed, log_score
        (nats), pareto_k (of the weights at this origin) and refitted (whether the model was fitted to the data up to
        it).

    Raises
    ------
    InputError
        For a model with a covariate that was measured with error, or origins that are not consecutive.

    Notes
    -----
    Bürkner, Gabry & Vehtari (2020), with latents of later periods drawn from their prior given the fit.
    """
    days = origin_days(panel, origins)
    ends = [pd.Timestamp(day) for day in panel.dataset[names.PERIOD_END].values]
    first = ends.index(days[0])
    if days != ends[first : first + len(days)]:
        raise InputError("are not consecutive", where="origins", found=[f"{day:%Y-%m-%d}" for day in days])
    measured = [name for name in model.covariates if panel.measured(name) is not None]
    if measured:
        raise InputError("was measured with error: use `backtest`", where="covariates", found=measured)
    counts, tables = panel.outcomes.values, []
    ahead: _Ahead | None = None
    log_weight = np.zeros(draws)
    weight, k = smoothed(log_weight)
    for number, origin in enumerate(days):
        at = first + number + 1
        refitted = ahead is None or k > threshold
        if ahead is None or refitted:
            past = panel.between(end=origin)
            start = None if ahead is None else ahead.fit
            fitted = fit(model, past, engine=engine, start=start, seed=seed)
            assert isinstance(fitted, BayesianFit)
            ahead = _Ahead(fitted, panel, len(days) - number, draws, seed)
            log_weight = np.zeros(draws)
            weight, k = smoothed(log_weight)
        seen = np.nonzero(np.isfinite(counts[..., at]))
        mass = ahead.log_mass(at, seen)
        tables.append(
            pd.DataFrame(
                {
                    names.MODEL: model.name,
                    names.ORIGIN: origin,
                    names.HORIZON: 1,
                    names.PROVINCE: np.array(panel.provinces, dtype=object)[seen[0]],
                    names.TACTIC: np.array(panel.tactics, dtype=object)[seen[1]],
                    names.PERIOD: panel.periods[at],
                    names.OBSERVED: counts[..., at][seen].astype(np.int64),
                    "log_score": -special.logsumexp(mass + np.log(weight)[:, None], axis=0),
                    "pareto_k": k,
                    "refitted": refitted,
                }
            )
        )
        log_weight = log_weight + mass.sum(axis=1)
        weight, k = smoothed(log_weight)
    return pd.concat(tables, ignore_index=True)


class _Ahead:
    """Draws of a fit and of its latents' future, against what was then observed."""

    def __init__(self, fitted: BayesianFit, panel: Panel, horizon: int, draws: int, seed: int) -> None:
        self.fit, self.panel, self.start = fitted, panel, len(fitted.panel.periods)
        futures = {name: hold_last() for name in fitted.panel.covariates}
        self.values, _, rng = drawn_ahead(fitted, horizon, futures, draws, seed)
        known = {}
        for name in fitted.model.covariates:
            # At each origin that of the last known period; what the calendar gives is known ahead.
            first = self.start - (name in panel.covariates)
            known[name] = panel.covariate(name).values[..., first : first + horizon]
        self.static = np.zeros((draws, *fitted.bound.grid[:2], horizon))
        for _, added in added_ahead(fitted.bound, self.values, horizon, futures=known, rng=rng):
            self.static += added

    def log_mass(self, at: int, seen: tuple[npt.NDArray[np.intp], ...]) -> Array:
        """Log probability of each observed cell of a period given what came before, per sample."""
        bound, panel = self.fit.bound, self.panel
        coverage = (panel.recorded_exposure / panel.dataset[names.EXPOSURE]).values[..., at]
        exposure = panel.exposure_ahead(1, start=at)[..., 0] * coverage
        eta = self.static[..., at - self.start] + np.log(exposure)
        eta = eta + fed_back(bound, self.values, panel.rates.values[None, ..., :at])
        family = bound.model.family
        theta = {name: self.values[name] for name in family.parameters()}
        counts = Counts.of(panel.attacks.values[..., at][seen], seen[1])
        return np.stack(
            [
                family.log_mass(counts, eta[(sample, *seen)], {name: value[sample] for name, value in theta.items()})
                for sample in range(len(eta))
            ]
        )
