"""What the counts say of a covariate that was measured with error: by how much they pulled its path.

A rise in attacks that is read as a fall in capability is the misunderstanding to guard against.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.model.terms import Covariate
from forecast.panel.panel import Panel

if TYPE_CHECKING:
    from forecast.inference.bayesian import BayesianFit

__all__ = ["measured_paths", "path_given_counts", "pull_rows"]

Array = npt.NDArray[np.float64]
_MUCH = 1.0
_ADVICE = "The counts moved the path by more than its own SD: is a rise in attacks read as a fall in capability?"


def measured_paths(panel: Panel, name: str, errors: Array | None) -> Array:
    """Paths of a measured covariate over (sample, force, period), from draws of its error's latents (sample, latent).

    Without draws, one path: the mean.
    """
    measured = panel.measured(name)
    assert measured is not None
    if errors is None:
        return np.asarray(measured.mean[None])
    return np.asarray(measured.mean + np.einsum("ftc,sc->sft", measured.factor, errors))


def path_given_counts(fit: "BayesianFit") -> pd.DataFrame:
    """The path of a covariate that was measured with error, from its indicators alone and given the counts too.

    Parameters
    ----------
    fit : BayesianFit
        Of a model with a term on such a covariate.

    Returns
    -------
    DataFrame
        One row per force and period: force, period, mean and sd (of the indicators alone), mean_given_counts,
        sd_given_counts, and pull: by how many SDs the counts moved the mean.

    Raises
    ------
    InputError
        For a model without such a term.
    """
    panel, errors = fit.panel, fit.bound.errors
    if not errors:
        raise InputError("has no term on a covariate that was measured with error", where="model", found=str(fit.model))
    (latents,) = errors
    name = latents.removesuffix("_error")
    drawn = fit.posterior[latents].transpose(names.CHAIN, names.DRAW, ...).values
    paths, measured = measured_paths(panel, name, drawn.reshape(-1, drawn.shape[-1])), panel.measured(name)
    assert measured is not None
    sd = np.maximum(measured.sd, 1e-12)
    columns = {
        "mean": measured.mean,
        "sd": measured.sd,
        "mean_given_counts": paths.mean(axis=0),
        "sd_given_counts": paths.std(axis=0),
        "pull": (paths.mean(axis=0) - measured.mean) / sd,
    }
    labels = {
        names.FORCE: np.repeat(measured.forces, len(panel.periods)),
        names.PERIOD: np.tile(panel.periods, len(measured.forces)),
    }
    return pd.DataFrame({**labels, **{key: values.ravel() for key, values in columns.items()}})


def pull_rows(fit: "BayesianFit") -> list[pd.DataFrame]:
    """The row of the diagnostics, where there is such a term and counts can pull it (paths of a 'cut' they do not)."""
    cut = any(isinstance(term, Covariate) and term.propagate == "cut" for term in fit.bound.model.terms)
    if not fit.bound.errors or cut:
        return []
    largest = float(path_given_counts(fit)["pull"].abs().max())
    check = "largest pull of the counts on a measured path in SDs (decides nothing)"
    row = {"check": check, "value": largest, "passed": True, "advice": _ADVICE if largest > _MUCH else ""}
    return [pd.DataFrame([row])]
