"""`predict` for Bayesian fits, and predictions in ArviZ's form."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.errors import InputError
from forecast.inference.bayesian import BayesianFit, posterior_draws
from forecast.model.families import Family, NegativeBinomial, Poisson
from forecast.panel.calendar import next_periods
from forecast.prediction.caps import cap_notes, mean_cap
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, check_request, predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, future_covariates
from forecast.prediction.recursion import last_counts, simulate_ahead

__all__ = ["predict_bayesian", "with_predictions"]

Array = npt.NDArray[np.float64]
_PREDICTIONS = "predictions"


@predict.register
def predict_bayesian(
    fit: BayesianFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Simulate period after period from joint draws of the posterior; see `predict`.

    Paths run on with new innovations, and terms that look back on past counts see the simulated ones. Exposure stays
    as it was in the last period. Expected counts above 100 times the largest count of the panel are cut to that, with
    a note. `mu` and `phi` stand beside the draws of Poisson and negative binomial models.
    """
    panel, family = fit.panel, fit.model.family
    check_request(panel.covariates, horizon, futures, draws, seed)
    periods = next_periods(panel.periods[-1], horizon, panel.freq)
    covariates = future_covariates(panel, fit.bound.covariates, futures, periods)
    cap = mean_cap(panel)
    values = posterior_draws(fit, draws, seed)
    simulated = simulate_ahead(
        fit.bound,
        values,
        horizon,
        futures={name: array.values for name, array in covariates.items()},
        cap=cap,
        rng=np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0]),
    )
    return Forecast.from_draws(
        panel,
        simulated.counts,
        model=fit.model.name,
        seed=seed,
        mu=np.exp(simulated.log_mu) if type(family) in (Poisson, NegativeBinomial) else None,
        phi=_dispersion(family, values, len(panel.tactics)),
        oracle=[name for name in covariates if futures[name].knows_outcome],
        notes=(*fit.notes, *_gap_notes(fit), *cap_notes(int(simulated.cut.sum()), simulated.counts.size, cap)),
    )


def with_predictions(fit: BayesianFit, forecast: Forecast) -> BayesianFit:
    """The fit with a forecast in its `idata`, as group `predictions`; the fit that was given stays as it was.

    Parameters
    ----------
    fit : BayesianFit
        A fit.
    forecast : Forecast
        What `predict` made of it. Its draws are labelled as one chain.

    Returns
    -------
    BayesianFit
        Its group `predictions` holds `attacks` and, where the forecast has it, `mu`, over (chain, draw, province,
        tactic, period).

    Raises
    ------
    InputError
        For a forecast of other data, or a fit without draws.
    """
    if not fit.groups:
        raise InputError("has no posterior to add to", where="fit")
    if forecast.origin != fit.panel.origin or forecast.provinces != fit.panel.provinces:
        expected = f"provinces of the panel, from {fit.panel.origin:%Y-%m-%d} on"
        raise InputError("is not of this fit", where="forecast", found=repr(forecast), expected=expected)
    kept = [name for name in (names.DRAWS, names.MU) if name in forecast.dataset]
    drawn = forecast.dataset[kept].rename({names.DRAWS: names.ATTACKS, names.SAMPLE: names.DRAW})
    drawn = drawn.drop_vars(names.HISTORY_PERIOD, errors="ignore").expand_dims({names.CHAIN: [0]})
    drawn = drawn.assign_coords({names.DRAW: np.arange(drawn.sizes[names.DRAW])})
    return replace(fit, groups={**fit.datasets, _PREDICTIONS: drawn})


def _dispersion(family: Family, values: Mapping[str, Array], tactics: int) -> Array | None:
    """phi over (sample, tactic), of a negative binomial model."""
    if type(family) is not NegativeBinomial:
        return None
    log_phi = values["log_phi"].reshape(len(values["log_phi"]), -1)
    return np.exp(np.broadcast_to(log_phi, (len(log_phi), tactics)))


def _gap_notes(fit: BayesianFit) -> tuple[str, ...]:
    """The note that says on how many unobserved counts the first period looks back."""
    gaps = int(np.isnan(last_counts(fit.bound, fit.bound.grid[2])).sum())
    note = f"{gaps:,} of the last counts, on which the forecast looks back, were not observed: they count as the mean"
    return (note,) if gaps else ()
