"""`predict`: one verb for every kind of fit."""

from collections.abc import Mapping
from functools import singledispatch
from types import MappingProxyType
from typing import Any

from forecast.errors import InputError
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future

__all__ = ["NO_FUTURES", "check_request", "predict"]

NO_FUTURES: Mapping[str, Future] = MappingProxyType({})
DEFAULT_DRAWS = 1000
# What is asked for by mistake: twenty years of weeks, and more draws than any quantile needs.
_MOST_PERIODS, _MOST_DRAWS = 1_200, 1_000_000


@singledispatch
def predict(
    fit: Any,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """Draw the periods after the data, jointly.

    Parameters
    ----------
    fit : Fit
        What `fit` gave; its type decides how it goes on.
    horizon : int
        How many periods, from 1.
    futures : mapping of str to Future
        What each covariate does after the data: `hold_last()`, `path(table)` or `oracle(panel)`; those that were
        measured with error also `project()` and `scenario(force, shift_sd)`. A model that uses a covariate refuses
        to guess. Covariates of the panel that the model does not use may stand there too.
    draws : int
        How many samples of the whole future.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    Forecast
        Joint draws of all provinces and tactics; provinces whose zone ended are left out, with a note.

    Raises
    ------
    InputError
        For a horizon that is not from 1 to 1,200, draws that are not from 1 to 1,000,000, a covariate without a future,
        or a future of no covariate.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.RecentMean(), panel, seed=1)
    >>> fc.predict(fitted, 6, seed=1).aggregate("total", tactics=True).quantiles([0.1, 0.5, 0.9]).shape
    (3, 1, 1, 6)
    """
    raise InputError("cannot be predicted from", found=type(fit).__name__, expected="what `fit` returns")


def check_request(covariates: list[str], horizon: int, futures: Mapping[str, Future], draws: int, seed: int) -> None:
    """Refuse what no model can do; `covariates` are those of the panel that was fitted."""
    for where, value, lowest in (("horizon", horizon, 1), ("draws", draws, 1), ("seed", seed, 0)):
        if value < lowest:
            raise InputError(f"is a whole number from {lowest}", where=where, found=value)
    for where, value, most in (("horizon", horizon, _MOST_PERIODS), ("draws", draws, _MOST_DRAWS)):
        if value > most:
            raise InputError(f"is at most {most:,}", where=where, found=f"{value:,}")
    unknown = sorted(set(futures) - set(covariates))
    if unknown:
        expected = covariates or "none: the panel has no covariates"
        raise InputError("are no covariates of the panel", where="futures", found=unknown, expected=expected)
