"""`predict` for Bayesian fits, and predictions in ArviZ's form."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.model.blocks import error_name
from forecast.model.families import Family, NegativeBinomial, Poisson
from forecast.panel.calendar import next_periods
from forecast.prediction.caps import cap_notes, mean_cap
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, check_request, predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, future_covariates, oracles
from forecast.prediction.nowcast import nowcast_draws
from forecast.prediction.recursion import last_rates, simulate_ahead

__all__ = ["drawn_ahead", "predict_bayesian", "with_predictions"]

Array = npt.NDArray[np.float64]


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

    Paths run on with new innovations, and terms that look back on past counts see the simulated ones. A province that
    was never observed, a gap in the panel, has levels drawn from the distribution of the others'. Exposure is
    `Panel.exposure_ahead`. Expected counts above 100 times the largest count of the panel are cut to that, with
    a note. `mu` and `phi` stand beside the draws of Poisson and negative binomial models.
    """
    panel, family = fit.panel, fit.model.family
    values, covariates, rng = drawn_ahead(fit, horizon, futures, draws, seed)
    cap = mean_cap(panel)
    simulated = simulate_ahead(fit.bound, values, horizon, futures=covariates, cap=cap, rng=rng)
    nowcast = nowcast_draws(fit, values, np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2]))
    cut = simulated.cut[:, ~panel.ended]
    return Forecast.from_draws(
        panel,
        simulated.counts,
        model=fit.model.name,
        seed=seed,
        mu=np.exp(simulated.log_mu) if type(family) in (Poisson, NegativeBinomial) else None,
        phi=_dispersion(family, values, len(panel.tactics)),
        oracle=oracles(covariates, futures),
        notes=(*fit.notes, *_gap_notes(fit), *cap_notes(int(cut.sum()), cut.size, cap)),
        cut=float(cut.mean()),
        nowcast=nowcast,
    )


def drawn_ahead(
    fit: BayesianFit, horizon: int, futures: Mapping[str, Future], draws: int, seed: int
) -> tuple[dict[str, Array], dict[str, Array], np.random.Generator]:
    """What a forecast is simulated from: joint draws of the posterior, futures of the covariates, and randomness.

    Futures that differ in their policies only share all random numbers.
    """
    panel = fit.panel
    check_request(panel.covariates, horizon, futures, draws, seed)
    periods = next_periods(panel.periods[-1], horizon, panel.freq)
    values = posterior_draws(fit, draws, seed)
    of_counts, of_paths = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    past = _measured_past(fit, values, draws)
    covariates = future_covariates(panel, fit.model.covariates, futures, periods, past, of_paths)
    return values, {name: array.values for name, array in covariates.items()}, of_counts


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
    panel = fit.panel.without_ended()
    if forecast.origin != panel.origin or forecast.provinces != panel.provinces:
        expected = f"provinces of the panel, from {panel.origin:%Y-%m-%d} on"
        raise InputError("is not of this fit", where="forecast", found=repr(forecast), expected=expected)
    kept = [name for name in (names.DRAWS, names.MU) if name in forecast.dataset]
    drawn = forecast.dataset[kept].rename({names.DRAWS: names.ATTACKS})
    return fit.with_group("predictions", drawn.drop_vars(names.HISTORY_PERIOD, errors="ignore"))


def _measured_past(fit: BayesianFit, values: Mapping[str, Array], draws: int) -> dict[str, Array]:
    """Paths of the covariates that were measured with error, in the panel's periods: (sample, force, period)."""
    known = {name: fit.panel.measured(name) for name in fit.model.covariates}
    paths = {
        name: measured.paths(values.get(error_name(name))) for name, measured in known.items() if measured is not None
    }
    return {name: np.broadcast_to(path, (draws, *path.shape[1:])) for name, path in paths.items()}


def _dispersion(family: Family, values: Mapping[str, Array], tactics: int) -> Array | None:
    """phi over (sample, tactic), of a negative binomial model."""
    if type(family) is not NegativeBinomial:
        return None
    log_phi = values["log_phi"].reshape(len(values["log_phi"]), -1)
    return np.exp(np.broadcast_to(log_phi, (len(log_phi), tactics)))


def _gap_notes(fit: BayesianFit) -> tuple[str, ...]:
    """The note that says on how many unobserved counts the first period looks back."""
    gaps = int(np.isnan(last_rates(fit.bound, fit.bound.grid[2])).sum())
    note = f"{gaps:,} of the last counts, on which the forecast looks back, were not observed: they count as the mean"
    return (note,) if gaps else ()
