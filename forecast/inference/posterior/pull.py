"""What the counts say of a covariate that was measured with error: by how much they pulled its path.

A rise in attacks that is read as a fall in capability is the misunderstanding to guard against.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError

if TYPE_CHECKING:
    from forecast.inference.posterior.bayesian import BayesianFit

__all__ = ["path_given_counts", "pull_rows"]

_MUCH = 1.0
_ADVICE = "The counts moved the path by more than its own SD: is a rise in attacks read as a fall in capability?"


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
    (error,) = errors.values()
    drawn = fit.posterior[error.latents].transpose(names.CHAIN, names.DRAW, ...).values
    measured = panel.measured(error.covariate)
    assert measured is not None
    paths = measured.paths(drawn.reshape(-1, drawn.shape[-1]))
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
    """The row of the diagnostics, where there is such a term."""
    if not fit.bound.errors:
        return []
    largest = float(path_given_counts(fit)["pull"].abs().max())
    check = "largest pull of the counts on a measured path in SDs (decides nothing)"
    row = {"check": check, "value": largest, "passed": True, "advice": _ADVICE if largest > _MUCH else ""}
    return [pd.DataFrame([row])]
