"""Does the model reproduce what it was fitted to: posterior predictive checks, residuals, and leave-one-out scores."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import stats

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.discrepancy import STATISTICS, discrepancies
from forecast.inference.likelihood.counts import OBSERVATION
from forecast.inference.posterior.backend import import_arviz
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.inference.posterior.labels import eta, posterior_names

__all__ = ["check_fit", "compare", "loo", "posterior_predictive", "quantile_residuals"]

Array = npt.NDArray[np.float64]
_DRAWS = 500


def posterior_predictive(fit: BayesianFit, draws: int = _DRAWS, *, seed: int) -> xr.DataArray:
    """Counts that the fitted model would have given in the sample.

    Terms that look back on past counts see the observed ones, so that each draw is one step ahead. The first periods,
    on which the model conditions, are left out. Keep them with `fit.with_group("posterior_predictive", …)`.

    Parameters
    ----------
    fit : BayesianFit
        A fitted model.
    draws : int
        How many.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    DataArray
        Int64, dims (sample, province, tactic, period).

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.quick_model(), panel, seed=1)
    >>> fc.posterior_predictive(fitted, seed=1).sizes["province"]
    4
    """
    bound, family = fit.bound, fit.model.family
    start = fit.model.lags
    values = posterior_draws(fit, draws, seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    log_mu = (eta(bound, values) + bound.log_exposure)[..., start:]
    theta = {name: values[name] for name in family.parameters()}
    counts = np.empty(log_mu.shape, np.int64)
    for period in range(log_mu.shape[-1]):
        counts[..., period] = family.draw(rng, log_mu[..., period], theta)
    cells = fit.panel.attacks.isel({names.PERIOD: slice(start, None)})
    coords = {dim: cells[dim] for dim in names.CELL_DIMS}
    return xr.DataArray(counts, coords, names.DRAW_DIMS, names.ATTACKS)


def check_fit(fit: BayesianFit, draws: int = _DRAWS, *, seed: int) -> pd.DataFrame:
    """Hold statistics of the data against those of counts drawn from the fitted model.

    Parameters
    ----------
    fit : BayesianFit
        A fitted model.
    draws : int
        How many replicates.
    seed : int
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        One row per statistic (zeros: their share; maximum; variance_to_mean; autocorrelation: at lag 1) and per
        tactic, per province and for all cells. Columns: statistic, by ('all', 'tactic' or 'province'), label,
        observed, median, lower and upper (90 % of the replicates lie between them), tail (share of the replicates on
        the side of the observed value that has fewer of them, ties included; small: the model does not reproduce it).
        A statistic that does not exist (no attack) is NaN.

    Raises
    ------
    InputError
        For a fit to published counts alone: no cell was observed.

    Notes
    -----
    The replicates' autocorrelation is their correlation with the observed counts one period before, since each
    replicate is drawn one step ahead of those.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.quick_model(), panel, seed=1)
    >>> fc.check_fit(fitted, seed=1).columns.tolist()[:2]
    ['statistic', 'by']
    """
    _require_cells(fit)
    replicates = posterior_predictive(fit, draws, seed=seed).values.astype(float)
    attacks = fit.panel.attacks.values
    before = np.concatenate([np.full((*attacks.shape[:2], 1), np.nan), attacks[..., :-1]], axis=-1)
    attacks, before = attacks[..., fit.model.lags :], before[..., fit.model.lags :]
    observed = ~np.isnan(attacks)
    panel, parts = fit.panel, []
    for by, over, labels in (
        ("all", (0, 1), [""]),
        (names.TACTIC, (0,), panel.tactics),
        (names.PROVINCE, (1,), panel.provinces),
    ):
        replicated = discrepancies(replicates, observed, before, over)
        seen = discrepancies(attacks[None], observed, before, over)
        for statistic in STATISTICS:
            table = _against(seen[statistic].reshape(-1), replicated[statistic].reshape(draws, -1))
            parts.append(table.assign(statistic=statistic, by=by, label=labels))
    columns = ["statistic", "by", "label", names.OBSERVED, "median", "lower", "upper", "tail"]
    return pd.concat(parts, ignore_index=True)[columns]


def quantile_residuals(fit: BayesianFit, draws: int = 1000, *, seed: int) -> pd.DataFrame:
    """Randomised quantile residuals (Dunn & Smyth 1996): standard normal where the model is right.

    An observation's residual is the normal quantile of its rank among replicates of it, ties (and its own place)
    broken at random.

    Parameters
    ----------
    fit : BayesianFit
        A fitted model.
    draws : int
        How many replicates; beyond about ±3 a thousand of them say no more than that an observation is extreme.
    seed : int
        The same seed gives the same residuals.

    Returns
    -------
    DataFrame
        One row per observation: province, tactic, period, observed (attacks), residual.

    Raises
    ------
    InputError
        For a fit to published counts alone: no cell was observed.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.quick_model(), panel, seed=1)
    >>> fc.quantile_residuals(fitted, seed=1).shape
    (288, 5)
    """
    _require_cells(fit)
    replicates = posterior_predictive(fit, draws, seed=seed).values
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    cells = fit.panel.attacks.isel({names.PERIOD: slice(fit.model.lags, None)})
    table = cells.reset_coords(drop=True).to_series().rename(names.OBSERVED).reset_index()
    counts = cells.values
    below, ties = (replicates < counts).sum(axis=0), (replicates == counts).sum(axis=0)
    rank = (below + rng.random(counts.shape) * (ties + 1)) / (draws + 1)
    table["residual"] = stats.norm.ppf(rank).ravel()
    return table[table[names.OBSERVED].notna()].reset_index(drop=True)


def loo(fit: BayesianFit, draws: int = 1000) -> Any:
    """Leave-one-out expected log score by Pareto-smoothed importance sampling (Vehtari et al. 2017), by ArviZ.

    Leaving out one cell of a model with a latent per cell changes that latent much: Pareto k is then large and the
    score only rough. It decides nothing here; scores of forecasts (`score`) do.

    Parameters
    ----------
    fit : BayesianFit
        A fitted model.
    draws : int
        At most so many draws of the posterior.

    Returns
    -------
    arviz.ELPDData
        With the pointwise scores (`loo_i`) and Pareto k.
    """
    return _loo(fit, fit.log_likelihood(draws))


def compare(fits: Mapping[str, BayesianFit], draws: int = 1000) -> pd.DataFrame:
    """Rank fits by `loo`, on the observations that all of them were fitted to.

    Parameters
    ----------
    fits : mapping of str to BayesianFit
        At least two, of the same panel; models with lags condition on their first periods, which are then left out for
        all.
    draws : int
        At most so many draws of each posterior.

    Returns
    -------
    DataFrame
        ArviZ's table, one row per model, the best first, with a column `observations`.

    Raises
    ------
    InputError
        For fewer than two fits, or fits of different data.
    """
    if len(fits) < 2:
        raise InputError("compares at least two fits", where="fits", found=len(fits))
    first, *others = fits.values()
    if not all(first.panel.attacks.identical(other.panel.attacks) for other in others):
        raise InputError("are of different data", where="fits", found=list(fits), expected="one panel for all")
    masses = {name: fit.log_likelihood(draws) for name, fit in fits.items()}
    common = sorted(set.intersection(*(set(mass[OBSERVATION].values.tolist()) for mass in masses.values())))
    scores = {name: _loo(fits[name], mass.sel({OBSERVATION: common})) for name, mass in masses.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table: pd.DataFrame = import_arviz().compare(scores)
    return table.assign(observations=len(common)).rename_axis(names.MODEL)


# Parts ------------------------------------------------------------------------------------------------------


def _require_cells(fit: BayesianFit) -> None:
    """An InputError where the counts of no cell were observed."""
    if not fit.panel.attacks.notnull().any():
        hint = "fitted_published says what the fit makes of what was published"
        raise InputError("no cell was observed: the fit is to published counts alone", where="fit", hint=hint)


def _against(seen: Array, replicated: Array) -> pd.DataFrame:
    """Each observed statistic beside its replicates, which have the sample axis first."""
    table = pd.DataFrame({names.OBSERVED: seen})
    for row, values in enumerate(replicated.T):
        values = values[~np.isnan(values)]
        if np.isnan(seen[row]) or not len(values):
            continue
        bounds = np.quantile(values, [0.5, 0.05, 0.95], method="inverted_cdf")
        tail = min((values >= seen[row]).mean(), (values <= seen[row]).mean())
        table.loc[row, ["median", "lower", "upper", "tail"]] = [*bounds, tail]
    return table.reindex(columns=[names.OBSERVED, "median", "lower", "upper", "tail"])


def _loo(fit: BayesianFit, mass: xr.DataArray) -> Any:
    """ArviZ's PSIS-LOO; its warnings about Pareto k are left to the table, which holds the numbers."""
    arviz = import_arviz()
    # ArviZ takes the chains' efficiency from the posterior; paths, thousands of numbers, are not needed for it.
    posterior = fit.posterior.sel({names.DRAW: mass[names.DRAW].values})
    few = [name for name in posterior_names(fit.bound) if names.PERIOD not in posterior[name].dims]
    idata = arviz.InferenceData(posterior=posterior[few], log_likelihood=mass.to_dataset())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return arviz.loo(idata, pointwise=True)
