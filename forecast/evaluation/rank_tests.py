"""Tests of what came by its ranks among a forecast's joint draws: of one forecast, and of many in a row.

Cells of a period depend on each other, and so do the periods of one forecast. Its draws are joint: where the forecast
is right, what came is as good as one draw more, so that any statistic of what came may be ranked among the same
statistic of every draw. Such a test holds its level whatever the dependence (Monte Carlo test, Barnard 1963).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special, stats

__all__ = ["DOUBT", "combined", "distances", "evidence", "rank_bounds", "rank_p_values"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
# Sums of logs are compared as if they were exact: equal outcomes must not differ by rounding.
_DIGITS = 9
# Evidence at which forecasts in a row are doubted: where they are right, one such chain in twenty at most gets there.
DOUBT: Final = 20.0
# What evidence looks for: misses that lie so many standard deviations to one side, in normal scores of their ranks.
_SHIFTS = np.array([0.25, 0.5, 1.0, 2.0])


def distances(pool: Counts) -> Array:
    """How far off each count is among those of its column, see `verify`; rows (what came, draws) are treated alike."""
    size = len(pool)
    at_most = stats.rankdata(pool, method="max", axis=0) / size
    at_least = (size + 1 - stats.rankdata(pool, method="min", axis=0)) / size
    far = -np.log(np.minimum(1.0, 2 * np.minimum(at_most, at_least)))
    logs = np.log1p(pool)
    ends = np.partition(logs, (0, 1, size - 2, size - 1), axis=0)
    far += np.where(logs == ends[-1], logs - ends[-2], 0.0) + np.where(logs == ends[0], ends[1] - logs, 0.0)
    return np.asarray(far.round(_DIGITS))


def rank_p_values(values: Array) -> Array:
    """For each value the share of all that are as large or larger, itself included."""
    return np.asarray(stats.rankdata(-values.round(_DIGITS), method="max") / len(values))


def combined(statistics: Sequence[Array]) -> Array:
    """One statistic of several (each over what came and the draws): the larger, the smaller their smallest p-value."""
    return np.asarray(-np.min([rank_p_values(values) for values in statistics], axis=0))


def rank_bounds(values: Array) -> tuple[float, float]:
    """Shares of all values that are larger than the first, and that are as large or larger, itself included.

    Where the first is as good as any of the others, a number drawn evenly between the two is uniform from 0 to 1.
    """
    rounded = values.round(_DIGITS)
    return float((rounded > rounded[0]).mean()), float((rounded >= rounded[0]).mean())


def evidence(misses: Array, totals: Array) -> Array:
    """Evidence against forecasts in a row, each of periods after those of the one before, after each of them.

    Parameters
    ----------
    misses : array (forecasts, 2)
        `rank_bounds` of how far off what came was among the draws of each forecast.
    totals : array (forecasts, 2)
        Shares of the draws, and of what came as one more, whose total was lower, and at most as high; 0 and 1 where
        the total is not known.

    Returns
    -------
    array (forecasts,)
        What a stake of 1 would have become in fair bets against the forecasts. If they are right, it reaches `DOUBT`
        with probability 1 / `DOUBT` at most, however many forecasts follow (Ville 1939).

    Notes
    -----
    A bet pays the likelihood ratio of the ranks if normal scores lie some standard deviations to one side: of how far
    off outcomes were to the side of misses, of totals to either. Each bet's winnings are staked again; the evidence
    is the mean over shifts and sides, and so is an e-process as each of them is (Ramdas et al. 2023, Game-theoretic
    statistics and safe anytime-valid inference). Tied ranks have the mean of what they would pay in any order.
    """
    sides = np.stack([misses, totals, 1 - totals[:, ::-1]])[..., np.newaxis]
    lower, upper = sides[:, :, 0], sides[:, :, 1]
    shifted = [special.ndtr(special.ndtri(bound) + _SHIFTS) for bound in (lower, upper)]
    return np.asarray(np.cumprod((shifted[1] - shifted[0]) / (upper - lower), axis=1).mean(axis=(0, 2)))
