"""Baseline: statsmodels' negative binomial regression with a lag, continued by feeding it its own draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.baselines.common import (
    PHI_BOUNDS,
    Array,
    BaselineFit,
    numbers_fail_as_input,
    require_auto,
    start_drawing,
    tactic_means,
)
from forecast.baselines.design import Design, TrainingCells, stack, training_cells
from forecast.baselines.estimation import LARGEST_FEEDBACK, effects_without_attacks, feedback, maximum_likelihood
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.panel.calendar import next_periods
from forecast.panel.panel import Panel
from forecast.prediction.caps import cap_notes, mean_cap
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, future_covariates, oracles

__all__ = ["NegativeBinomialRegression", "RegressionFit"]

_LOG_ALPHA = "log_alpha"
# Slopes that are held at their bound may come out of the draws of the others a little above it.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class NegativeBinomialRegression:
    """Negative binomial regression (NB2) by maximum likelihood, the log of exposure as offset.

    Its terms: effects of provinces and of tactics, a yearly season (Fourier), a linear trend, log(1 + count) of past
    periods, and covariates, each standardised on the training panel. It is Poisson where the dispersion cannot be
    estimated; a note then says so. A province or tactic without an attack has no effect of its own: it is expected
    to have had half an attack in all. Draws carry the parameters' uncertainty (normal, from the information matrix).

    Parameters
    ----------
    harmonics : int
        Pairs of Fourier terms; left out, with a note, where the panel is shorter than two years.
    trend : bool
        A linear trend, on the log scale per year.
    lags : int
        How many past periods' counts enter.
    covariates : tuple of str, optional
        Covariates to use: all that the panel has by default. Each needs a future when predicting, but for 'ramadan',
        which the calendar gives.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.fit(fc.NegativeBinomialRegression(), panel, seed=1).model.name
    'regression'
    """

    harmonics: int = 2
    trend: bool = True
    lags: int = 1
    covariates: tuple[str, ...] | None = None
    name: ClassVar[str] = "regression"

    def __post_init__(self) -> None:
        for where, value in (("harmonics", self.harmonics), ("lags", self.lags)):
            if value < 0:
                raise InputError("is a whole number from 0", where=where, found=value)


@dataclass(frozen=True, repr=False)
class RegressionFit(BaselineFit):
    """Fit of `NegativeBinomialRegression`.

    Its `state` holds `estimate` (term) and `covariance` (term, other_term), the last term being log_alpha = −log(phi)
    unless the fit is Poisson; `fixed` (province, tactic), the effects set for those without an attack; `past` (lag,
    province, tactic), the counts on which the first step looks back; `converged`.
    """

    design: Design = field(kw_only=True)

    @property
    def diagnostics(self) -> pd.DataFrame:
        """Whether the optimiser converged, and what the positive slopes on past counts add up to (within the bound)."""
        converged = bool(self.state["converged"])
        slopes = float(feedback(self.state["term"].values.tolist(), self.state["estimate"].values))
        advice = "" if converged else "Use fewer harmonics, lags or covariates, or a longer panel"
        return pd.DataFrame(
            {
                "check": ["converged", "slopes_on_past_counts"],
                "value": [float(converged), slopes],
                "passed": [converged, slopes < LARGEST_FEEDBACK + _ROUNDING],
                "advice": [advice, ""],
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per term: term, estimate and standard_error, on the log scale."""
        errors = np.sqrt(np.diagonal(self.state["covariance"].values))
        return self.state["estimate"].to_dataframe().reset_index().assign(standard_error=errors)

    def plot(self) -> Any:
        """Altair chart of the estimates with their 95 % intervals, on the log scale."""
        from forecast.plots import alt

        reach = 1.96 * self.to_frame()["standard_error"]
        frame = self.to_frame().assign(
            lower=lambda table: table["estimate"] - reach, upper=lambda table: table["estimate"] + reach
        )
        base = alt.Chart(frame).encode(y=alt.Y("term:N", sort=None))
        return base.mark_rule().encode(x=alt.X("lower:Q", title="log scale"), x2="upper:Q") + base.mark_point().encode(
            x="estimate:Q"
        )


def regression_cells(model: NegativeBinomialRegression, panel: Panel) -> TrainingCells:
    """The cells that a regression learns from; an `InputError` where a panel has too few."""
    stand_in, _ = tactic_means(panel)
    covariates = panel.covariates if model.covariates is None else list(model.covariates)
    cells = training_cells(
        panel, covariates, stand_in.values, harmonics=model.harmonics, trend=model.trend, lags=model.lags
    )
    if cells.rows.sum() < 2 * len(cells.terms):
        raise InputError(
            "has too few cells for the regression",
            source="panel",
            found=f"{cells.rows.sum()} usable cells",
            expected=f"two for each of its {len(cells.terms)} terms",
            hint="Use fewer harmonics, lags or covariates, or a longer panel",
        )
    return cells


@fit.register
@numbers_fail_as_input
def fit_regression(
    model: NegativeBinomialRegression,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> RegressionFit:
    """Fit `NegativeBinomialRegression`; see `fit`."""
    require_auto(engine)
    cells = regression_cells(model, panel)
    estimate = maximum_likelihood(cells)
    fixed, empty = effects_without_attacks(cells, estimate)
    state = {
        "estimate": ("term", estimate.values),
        "covariance": (("term", "other_term"), estimate.covariance),
        "fixed": ((names.PROVINCE, names.TACTIC), fixed),
        "past": (("lag", names.PROVINCE, names.TACTIC), cells.past),
        "converged": estimate.converged,
    }
    terms = [*cells.terms, _LOG_ALPHA][: len(estimate.values)]
    labels = {"term": terms, names.PROVINCE: panel.provinces, names.TACTIC: panel.tactics}
    notes = (*cells.notes, *empty, *estimate.notes)
    return RegressionFit(model, panel, seed, notes, xr.Dataset(state, labels), design=cells.design)


@predict.register
@numbers_fail_as_input
def predict_regression(
    fit: RegressionFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Simulate period after period, each one's counts being the next one's lag; see `predict`.

    Exposure is `Panel.exposure_ahead`. Expected counts above 100 times the largest count of the panel are
    cut to that, with a note.
    """
    rng, shape = start_drawing(fit, horizon, futures, draws, seed)
    periods = next_periods(fit.panel.periods[-1], horizon, fit.panel.freq)
    covariates = future_covariates(fit.panel, list(fit.design.constants), futures, periods)
    values = _parameter_draws(fit, draws, rng)
    slopes = dict(zip(fit.state["term"].values.tolist(), values.T, strict=True))
    phi = np.exp(-slopes.pop(_LOG_ALPHA)).clip(*PHI_BOUNDS) if _LOG_ALPHA in slopes else None
    static = _static_part(fit, periods, {name: array.values for name, array in covariates.items()}, slopes)

    past = np.broadcast_to(fit.state["past"].values[:, None], (fit.design.lags, *shape[:3]))
    counts, mu, cut, cap = np.empty(shape, np.int64), np.empty(shape), 0, mean_cap(fit.panel)
    for step in range(horizon):
        eta = static[..., step]
        for term, column in fit.design.lag_columns(past).items():
            eta = eta + slopes.get(term, np.zeros(draws))[:, None, None] * column
        cut += int((eta > np.log(cap)).sum())
        mu[..., step] = np.exp(np.minimum(eta, np.log(cap)))
        counts[..., step] = draw_counts(rng, mu[..., step], np.inf if phi is None else phi[:, None, None])
        past = np.concatenate([counts[None, ..., step], past])[: fit.design.lags]
    return Forecast.from_draws(
        fit.panel,
        counts,
        model=fit.model.name,
        seed=seed,
        mu=mu,
        phi=None if phi is None else np.repeat(phi[:, None], shape[2], axis=1),
        oracle=oracles(covariates, futures),
        notes=(*fit.notes, *cap_notes(cut, counts.size, cap)),
        cut=cut / counts.size,
    )


def _parameter_draws(fit: RegressionFit, draws: int, rng: np.random.Generator) -> Array:
    """Draws of the terms (sample, term): normal, given that the slopes on past counts stay within their bound."""
    terms = fit.state["term"].values.tolist()
    estimate, covariance = fit.state["estimate"].values, fit.state["covariance"].values
    values = rng.multivariate_normal(estimate, covariance, draws, method="eigh")
    while (outside := feedback(terms, values) > LARGEST_FEEDBACK + _ROUNDING).any():
        values[outside] = rng.multivariate_normal(estimate, covariance, int(outside.sum()), method="eigh")
    return values


def _static_part(
    fit: RegressionFit, periods: pd.DatetimeIndex, covariates: Mapping[str, Array], slopes: Mapping[str, Array]
) -> Array:
    """The linear predictor without its lags, over (sample, province, tactic, period)."""
    columns = fit.design.static_columns(periods, covariates)
    terms = tuple(term for term in slopes if term in columns)
    shape = (len(fit.panel.provinces), len(fit.panel.tactics), len(periods))
    effects = stack(columns, terms, shape) @ np.stack([slopes[term] for term in terms])
    offset = fit.state["fixed"].values[:, :, None] + np.log(fit.panel.exposure_ahead(len(periods)))
    total: Array = np.moveaxis(effects, -1, 0) + offset
    return total
