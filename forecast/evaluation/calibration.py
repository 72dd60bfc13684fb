"""Calibration: whether what was said to happen with a probability happened that often."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.scores import INTERVALS, THRESHOLDS
from forecast.evaluation.skill import BOUNDS, mean_error

__all__ = ["coverage", "pit", "pit_table", "reliability"]

Array = npt.NDArray[np.float64]


def pit(scores: pd.DataFrame, *, seed: int) -> Array:
    """Randomised PIT of every row of a table of scores: uniform where forecasts are calibrated (Czado et al. 2009)."""
    lower, upper = scores["pit_lower"].to_numpy(), scores["pit_upper"].to_numpy()
    return np.asarray(lower + np.random.default_rng(seed).random(len(scores)) * (upper - lower))


def pit_table(scores: pd.DataFrame, by: Sequence[str] = (names.MODEL,), *, bins: int = 10, seed: int) -> pd.DataFrame:
    """Histogram of the PIT of groups of forecasts.

    Returns
    -------
    DataFrame
        The columns of `by`, bin (its lower end), share of the PITs in it (1 / bins where calibrated), with the bounds
        within which 95 % of shares of as many independent PITs lie (`lower`, `upper`; forecasts of one origin are not
        independent, so that more lie outside), and `inside_90`: the share of all PITs of the group from 0.05 to 0.95.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> len(fc.pit_table(fc.score(forecast, panel), seed=1)) > 0
    True
    """
    rows = []
    for label, group in scores.assign(pit=pit(scores, seed=seed)).groupby(list(by), sort=True):
        pits = group["pit"].to_numpy()
        counts, edges = np.histogram(pits, bins=bins, range=(0, 1))
        bounds = stats.binom.ppf(BOUNDS, len(pits), 1 / bins) / len(pits)
        inside = float(((pits >= 0.05) & (pits <= 0.95)).mean())
        rows += [(*label, edges[at], counts[at] / len(pits), *bounds, inside) for at in range(bins)]
    return pd.DataFrame(rows, columns=[*by, "bin", "share", "lower", "upper", "inside_90"])


def coverage(
    scores: pd.DataFrame,
    by: Sequence[str] = (names.MODEL,),
    *,
    levels: Sequence[float] = INTERVALS,
    seed: int,
) -> pd.DataFrame:
    """Share of outcomes in central intervals, by the randomised PIT: an interval of whole numbers covers too often.

    Parameters
    ----------
    scores : DataFrame
        Of one level (cells or sums): `Backtest.of`.
    by : sequence of str
        Groups: any of model, horizon, province, tactic.
    levels : sequence of float
        Of the intervals.
    seed : int
        Of the PIT.

    Returns
    -------
    DataFrame
        The columns of `by`, nominal (the level), n (outcomes), share, lower and upper (95 %, see `mean_error`;
        NaN where there are fewer than 3 origins): a forecast whose nominal level lies outside is not calibrated.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.coverage(fc.score(forecast, panel), seed=1)["nominal"].tolist()
    [0.5, 0.8, 0.9, 0.95]
    """
    table = scores.assign(pit=pit(scores, seed=seed))
    rows = []
    for label, group in table.groupby(list(by), sort=True):
        for level in levels:
            inside = ((group["pit"] - 0.5).abs() <= level / 2).astype(float)
            share = mean_error(inside, group[names.ORIGIN], group[names.PERIOD])
            rows.append((*label, level, len(group), share.mean, *np.clip(share.bounds, 0.0, 1.0)))
    return pd.DataFrame(rows, columns=[*by, "nominal", "n", "share", "lower", "upper"])


def reliability(
    scores: pd.DataFrame, threshold: int = 0, by: Sequence[str] = (names.MODEL,), *, bins: int = 10
) -> pd.DataFrame:
    """How often more than `threshold` attacks came, where that was given a probability.

    Parameters
    ----------
    scores : DataFrame
        What `score` gave.
    threshold : int
        One of those that `score` looks at: 0, 5 or 25.
    by : sequence of str
        Columns that make the groups.
    bins : int
        Of the probability, of equal width; empty ones are left out.

    Returns
    -------
    DataFrame
        The columns of `by`, bin (its lower end), n (cells), predicted (the mean probability), happened (the share of
        cells with more), lower and upper (where 95 % of shares of as many independent cells lie if the probability
        is right).

    Raises
    ------
    InputError
        For another threshold.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> "n" in fc.reliability(fc.score(forecast, panel))
    True
    """
    if threshold not in THRESHOLDS:
        raise InputError("is not looked at", where="threshold", found=threshold, expected=list(THRESHOLDS))
    predicted = scores[f"above_{threshold}"]
    cells = scores[list(by)].assign(
        predicted=predicted,
        happened=scores[names.OBSERVED] > threshold,
        bin=np.minimum(np.floor(predicted * bins), bins - 1) / bins,
    )
    table = (
        cells.groupby([*by, "bin"], sort=True)
        .agg(n=("happened", "size"), predicted=("predicted", "mean"), happened=("happened", "mean"))
        .reset_index()
    )
    for name, bound in zip(("lower", "upper"), BOUNDS, strict=True):
        table[name] = stats.binom.ppf(bound, table["n"], table["predicted"]) / table["n"]
    return table
