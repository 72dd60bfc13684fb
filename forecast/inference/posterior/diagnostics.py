"""Checks of a sampled posterior: did the chains mix, and do they say enough. A failed check has consequences."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.inference.posterior.backend import import_arviz

if TYPE_CHECKING:
    from forecast.inference.posterior.bayesian import BayesianFit

__all__ = [
    "CERTIFIED",
    "HYPERPARAMETERS",
    "OTHER_GRADES",
    "SLOPES",
    "add_pareto_k",
    "failed_checks",
    "pointwise_of",
    "sampling_table",
]

MAX_R_HAT = 1.01
MIN_ESS = 400
MIN_E_BFMI = 0.3
MAX_TREE_DEPTH_SHARE = 0.01
# The grades of a certificate: that which a forecast, and a report of it, stands on, and the others.
CERTIFIED = "forecasts: effective draws"
OTHER_GRADES = SLOPES, HYPERPARAMETERS = "slopes and contrasts: effective draws", "hyperparameters: effective draws"
_LONGER = "Draw longer (NutsOptions(draws=..., tune=...)), or simplify the model"
# Rows of eta that are held at once, so that memory stays small on a large panel.
_AT_ONCE = 50
# Draws from which Pareto k is estimated.
_K_DRAWS = 1000


def sampling_table(posterior: Any, sample_stats: Any) -> pd.DataFrame:
    """Checks of draws (Vehtari et al. 2021; Betancourt 2016).

    Parameters
    ----------
    posterior : xarray.Dataset
        (chain, draw, …).
    sample_stats : xarray.Dataset or None
        Of the sampler: divergences, energy, tree depth, as far as it holds them.

    Returns
    -------
    DataFrame
        check, value, passed, advice (what to do where it failed, else '').
    """
    r_hat, bulk, tail = _mixing(posterior)
    rows = [
        ("largest R-hat", r_hat, r_hat <= MAX_R_HAT, f"The chains disagree. {_LONGER}"),
        ("smallest bulk ESS", bulk, bulk >= MIN_ESS, f"Too few independent draws for means. {_LONGER}"),
        ("smallest tail ESS", tail, tail >= MIN_ESS, f"Too few independent draws for intervals. {_LONGER}"),
    ]
    if sample_stats is not None and "diverging" in sample_stats:
        value = float(sample_stats["diverging"].sum())
        advice = "The sampler missed part of the posterior. Raise NutsOptions(target_accept=...), or tighten priors"
        rows.append(("divergences", value, value == 0, advice))
    if sample_stats is not None and "energy" in sample_stats:
        energy = sample_stats["energy"].transpose("chain", "draw").values
        value = float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)))
        advice = "Heavy tails are badly explored. Draw longer, or tighten the priors of standard deviations"
        rows.append(("smallest E-BFMI", value, value >= MIN_E_BFMI, advice))
    reached = [name for name in ("maxdepth_reached", "reached_max_treedepth") if name in (sample_stats or {})]
    if reached:
        value = float(sample_stats[reached[0]].mean())
        advice = "Slow, not wrong: raise NutsOptions(max_depth=...), or simplify the model"
        rows.append(("share at the largest tree depth", value, value <= MAX_TREE_DEPTH_SHARE, advice))
    table = pd.DataFrame(rows, columns=["check", "value", "passed", "advice"])
    table["passed"] = table["passed"].astype(bool)
    table["advice"] = table["advice"].where(~table["passed"], "")
    return table


def failed_checks(diagnostics: pd.DataFrame, model: str) -> str:
    """What the fit of a model failed of its checks, and what to do; '' where it passed, or none were made.

    Grades of slopes and of hyperparameters decide nothing: a forecast stands on its own.
    """
    failed = diagnostics.loc[~diagnostics["passed"].astype(bool)] if len(diagnostics) else diagnostics
    failed = failed.loc[~failed["check"].isin(OTHER_GRADES)] if len(failed) else failed
    told = "; ".join(f"{row['check']} = {row['value']:g}: {row['advice']}" for _, row in failed.iterrows())
    return f"the fit of {model} failed its checks: {told}" if told else ""


def add_pareto_k(fit: "BayesianFit") -> pd.DataFrame:
    """The table of checks with the largest Pareto k of PSIS-LOO (Vehtari, Gelman & Gabry 2017), which decides nothing.

    A model with a latent per cell always has large k: each count decides its own latent.
    """
    arviz = import_arviz()

    from forecast.inference.likelihood.counts import OBSERVATION

    log_weight = -fit.log_likelihood(_K_DRAWS).stack(sample=("chain", "draw")).transpose(OBSERVATION, "sample")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="arviz")
        _, k = arviz.psislw(log_weight.values)
    row = {"check": "largest Pareto k (decides nothing)", "value": float(np.max(k)), "passed": True, "advice": ""}
    return pd.concat([fit.diagnostics, pd.DataFrame([row])], ignore_index=True)


def pointwise_of(fit: "BayesianFit", draws: int | None = None) -> xr.DataArray:
    """Pointwise log likelihood; see `BayesianFit.log_likelihood`."""
    from forecast.inference.likelihood.counts import OBSERVATION, pointwise
    from forecast.inference.posterior.labels import eta, posterior_names

    bound, posterior = fit.bound, fit.posterior[posterior_names(fit.bound)]
    held = posterior.sizes[names.CHAIN] * posterior.sizes[names.DRAW]
    every = 1 if draws is None else -(-held // draws)
    posterior = posterior.isel({names.DRAW: slice(None, None, every)}).transpose(names.CHAIN, names.DRAW, ...)
    values = {str(name): array.values.reshape(-1, *array.shape[2:]) for name, array in posterior.data_vars.items()}
    parts = []
    for first in range(0, posterior.sizes[names.CHAIN] * posterior.sizes[names.DRAW], _AT_ONCE):
        some = {name: array[first : first + _AT_ONCE] for name, array in values.items()}
        parts.append(pointwise(bound, eta(bound, some), some))
    coords = {names.CHAIN: posterior[names.CHAIN], names.DRAW: posterior[names.DRAW], OBSERVATION: bound.rows}
    shape = (posterior.sizes[names.CHAIN], posterior.sizes[names.DRAW], -1)
    return xr.DataArray(np.concatenate(parts).reshape(shape), coords, tuple(coords), names.ATTACKS)


def _mixing(posterior: Any) -> tuple[float, float, float]:
    """Largest rank-normalised R-hat, smallest bulk and smallest tail ESS of all numbers that vary."""
    arviz = import_arviz()

    flat = {}
    for name, variable in posterior.data_vars.items():
        values = variable.transpose("chain", "draw", ...).values
        values = values.reshape(*values.shape[:2], -1)
        # A random walk is 0 in its first period, in every draw.
        flat[name] = values[..., values.std(axis=(0, 1)) > 0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="arviz")
        r_hat = [value.values.ravel() for value in arviz.rhat(flat, method="rank").data_vars.values()]
        ess = {
            method: [value.values.ravel() for value in arviz.ess(flat, method=method).data_vars.values()]
            for method in ("bulk", "tail")
        }
    # Where chains do not move, the statistics are not numbers: the worst then counts.
    worst = np.concatenate(r_hat)
    bulk, tail = (float(np.nan_to_num(np.concatenate(ess[method]), nan=0.0).min()) for method in ("bulk", "tail"))
    return float(np.nan_to_num(worst, nan=np.inf).max()), bulk, tail
