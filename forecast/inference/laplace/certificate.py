"""The certificate of a fit by the fast engine: what its importance weights say, in three grades of what a reader needs.

Draws are taken by exact weights, so that the only error left is that of chance: as many draws count as the weights make
effective, provided that their tail is not too long (Pareto k, Vehtari et al. 2024). Forecasts depend on the
hyperparameters in part only, so that for the same weights more draws are effective for them.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast.inference.laplace.draws import Weighed
from forecast.inference.posterior.diagnostics import CERTIFIED, HYPERPARAMETERS, SLOPES
from forecast.inference.weights.pareto import effective_share, smoothed

__all__ = ["certified_share", "certify", "effective_ahead"]

Array = npt.NDArray[np.float64]
MAX_PARETO_K = 0.7
# Shares of draws that the tail's shape says nothing of: weights are as good as equal.
NEGLIGIBLE = 0.95
# Effective draws of 200 give distribution functions an error of 0.035 at most; of 100, means one of 0.1 SD and SDs one
# of 7 %. Of fewer draws than 500, so large a share has to be effective.
MIN_FORECASTS, MIN_OTHERS = 200, 100
MIN_SHARE = 0.4
MAX_MIRRORED = 0.01
_OTHERS = (SLOPES, "Slopes"), (HYPERPARAMETERS, "Hyperparameters")
# Levels at which distribution functions of forecasts are looked at, and the share of these that may be worse.
_LEVELS = 0.05, 0.25, 0.5, 0.75, 0.95
_WORSE = 0.05


def certify(drawn: Weighed, draws: int, mirrored: float | None = None) -> pd.DataFrame:
    """The table of checks: check, value, passed, advice (what to do where it failed, else '').

    Parameters
    ----------
    drawn : Weighed
        Draws with their weights.
    draws : int
        How many were asked for.
    mirrored : float, optional
        The share of a second mode (see `forecast.inference.mode.search.higher_of_both`), where there can be one.
    """
    weight, k = smoothed(drawn.log_weight)
    share = effective_share(weight)
    # The shape of a tail says nothing where weights are as good as equal.
    k = 0.0 if share > NEGLIGIBLE else k
    of_points, ahead = share * len(weight), effective_ahead(drawn)
    forecasts, rest = _needed(draws)
    error = 1 / np.sqrt(max(of_points, 1.0))
    off = f"may be off by {error:.2f} SDs in their means and by {50 * np.sqrt(2) * error:.0f} % in their SDs. "
    distribution = f"Distribution functions may be off by {0.5 / np.sqrt(max(ahead, 1.0)):.2f}"
    more = "Give it more time or draws, or sample it: engine='nuts'"
    long = f"A few draws hold most of the weight: no error can be told. {more}"
    usable = k <= MAX_PARETO_K
    others = usable and of_points >= rest
    rows = [
        (CERTIFIED, ahead, usable and ahead >= forecasts, f"{distribution}. {more}"),
        *((check, of_points, others, f"{what} {off}{more}") for check, what in _OTHERS),
        ("Pareto k of the weights", k, usable, long),
    ]
    if mirrored is not None:
        far = f"Slopes of the other sign serve the counts nearly as well. {more}"
        rows.append(("share of a second mode, slopes mirrored", mirrored, mirrored <= MAX_MIRRORED, far))
    table = pd.DataFrame(rows, columns=["check", "value", "passed", "advice"])
    table["passed"] = table["passed"].astype(bool)
    table["advice"] = table["advice"].where(~table["passed"], "")
    return table


def certified_share(drawn: Weighed, draws: int) -> float:
    """How far draws, of which so many were asked for, are on their way to pass in every grade: 1 where they do."""
    table = certify(drawn, draws)
    if table["passed"].all():
        return 1.0
    # The first two rows are forecasts and slopes; hyperparameters have the latter's number.
    return min(0.95, *(float(value) / need for value, need in zip(table["value"][:2], _needed(draws), strict=True)))


def _needed(draws: int) -> tuple[float, float]:
    """Effective draws that forecasts need, and all else, where so many were asked for."""
    return min(MIN_FORECASTS, MIN_SHARE * draws), min(MIN_OTHERS, MIN_SHARE * draws / 2)


def effective_ahead(drawn: Weighed) -> float:
    """Effective number of draws for distribution functions of expected counts in the last period.

    That number of independent draws whose error is that of the weighted ones, at all levels but the worst twentieth.
    """
    count = drawn.ahead.shape[1]
    weight = np.repeat(smoothed(drawn.log_weight)[0][:, None] / count, count, axis=1)
    flat, effective = weight.ravel(), []
    for values in np.moveaxis(drawn.ahead, 2, 0):
        order = np.argsort(values, axis=None)
        below = np.cumsum(flat[order])
        for level in _LEVELS:
            place = min(int(np.searchsorted(below, level)), len(order) - 1)
            under = np.zeros(len(order), dtype=bool)
            under[order[: place + 1]] = True
            error = (weight * (under.reshape(weight.shape) - below[place])).sum(axis=1)
            square = float((error**2).sum())
            effective.append(below[place] * (1 - below[place]) / square if square > 0 else np.inf)
    return float(min(np.quantile(effective, _WORSE), flat.size))
