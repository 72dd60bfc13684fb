"""Skill against a rival, with a test and an interval that hold their level where forecasts overlap and errors last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.scores import MEASURES, further_measures

__all__ = ["BOUNDS", "LEAST_ORIGINS", "MeanError", "long_run_error", "mean_error", "skill", "worst"]

Array = npt.NDArray[np.float64]
_KEYS = [names.ORIGIN, names.PROVINCE, names.TACTIC, names.PERIOD]
# Of what is 95 % sure.
BOUNDS = (0.025, 0.975)
# Of fewer origins nobody can tell how far neighbours share their errors: there is no test and no interval then.
LEAST_ORIGINS = 3
# Cosines of the long-run variance: a multiple of (number of periods)^(2/3), and the fewest (Lazarus et al. 2018).
_COSINES, _FEWEST = 0.4, 2


@dataclass(frozen=True)
class MeanError:
    """A mean with its error: (estimate − mean) / error has a t distribution with `degrees` degrees of freedom.

    All but the mean are NaN where there is too little to tell.
    """

    mean: float
    error: float
    degrees: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval."""
        lower, upper = self.mean + stats.t.ppf(BOUNDS, self.degrees) * self.error
        return float(lower), float(upper)

    @property
    def p_value(self) -> float:
        """Two-sided, of a mean of 0."""
        if self.error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.degrees))


def skill(
    scores: pd.DataFrame,
    baseline: str,
    measure: str = "crps_log",
    by: Sequence[str] = (),
) -> pd.DataFrame:
    """How much better than a baseline each model is, on the same cells, and how sure that is.

    Parameters
    ----------
    scores : DataFrame
        Of several models at several origins, all of one level (cells or sums): `Backtest.of`.
    baseline : str
        The model that the others are compared with.
    measure : str
        A score of which less is better.
    by : sequence of str
        Groups within which to compare: any of horizon, province, tactic, and of a backtest's scores state.

    Returns
    -------
    DataFrame
        The columns of `by`, model, n (cells), score, baseline (its mean score on the same cells), skill (1 − score /
        baseline), difference (score − baseline; below 0: better), lower and upper (95 %), p_value (Diebold & Mariano
        1995, two-sided) and origins. Bounds and p are NaN where there are fewer than 3 origins.

    Raises
    ------
    InputError
        For an unknown baseline, measure or group.

    Notes
    -----
    Differences are summed by target period, which all forecasts of it share, and the mean's error is the long-run
    standard deviation of these sums by cosines (`mean_error`; Müller 2007, Coroneo & Iacone 2020): few cosines, and a
    t distribution with as many degrees of freedom, hold the level in series as short as these. In simulations without a
    difference (`tests/statistical/skill_size.py`; errors that last as long as forecasts overlap, or that a model keeps
    over the origins) the interval leaves out 0, and p is below 0.05, in 8 to 10 % of backtests of 12 origins × 6
    periods, 7 to 9 % of 24 × 6, 4 to 5 % of 12 × 1 and 8 to 10 % of 39 × 8. Of the first, an interval by blocks of
    origins left out 0 in 38 to 44 %, and a test by autocovariances of the origins rejected in 15 to 23 %.

    Examples
    --------
    >>> import pandas as pd
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> past, models = panel.between(end="2017-09-30"), [fc.RecentMean(), fc.Last()]
    >>> forecasts = [fc.predict(fc.fit(model, past, seed=1), 3, seed=1) for model in models]
    >>> scores = pd.concat([fc.score(forecast, panel) for forecast in forecasts])
    >>> fc.skill(scores, "last")["model"].tolist()
    ['recent_mean']
    """
    allowed = [name for name in [*MEASURES, *further_measures(scores)] if not name.startswith("inside")]
    if measure not in allowed:
        raise InputError("is no score to compare by", where="measure", found=measure, expected=allowed)
    known = sorted(scores[names.MODEL].unique())
    if baseline not in known:
        raise InputError("is not among the models", where="baseline", found=baseline, expected=known)
    wrong = sorted(set(by) - ({names.HORIZON, names.PROVINCE, names.TACTIC, names.STATE} & set(scores)))
    if wrong:
        raise InputError("scores cannot be grouped by it", where="by", found=wrong)
    # A series has one state at an origin, whatever the model.
    keys = [*_KEYS, names.HORIZON, *([names.STATE] if names.STATE in by else [])]
    rival = scores[scores[names.MODEL] == baseline].set_index(keys)[measure].rename("baseline")
    rows = []
    for model in known:
        of_model = scores[scores[names.MODEL] == model].set_index(keys)[measure].rename("score")
        both = pd.concat([of_model, rival], axis=1, join="inner").dropna().reset_index()
        if model == baseline or both.empty:
            continue
        groups = both.groupby(list(by), sort=True) if by else [((), both)]
        for label, group in groups:
            rows.append((*label, model, *_compared(group)))
    columns = ["n", "score", "baseline", "skill", "difference", "lower", "upper", "p_value", "origins"]
    return pd.DataFrame(rows, columns=[*by, names.MODEL, *columns])


def worst(
    scores: pd.DataFrame, model: str, baseline: str, by: str, measure: str = "crps_log", number: int = 5
) -> pd.DataFrame:
    """Where a model does worst against a baseline.

    Parameters
    ----------
    scores : DataFrame
        As of `skill`.
    model, baseline : str
        Which is compared with which, on the same cells.
    by : str
        province, tactic, origin, period or horizon.
    measure : str
        A score of which less is better.
    number : int
        How many places or times are shown.

    Returns
    -------
    DataFrame
        The column `by`, n (cells), observed (their mean count), score, baseline and difference (mean score of the model
        less that of the baseline), the largest first.
    """
    keys = [*_KEYS, names.HORIZON]
    if by not in keys:
        raise InputError("scores cannot be grouped by it", where="by", found=by, expected=keys)
    of_model, rival = (scores[scores[names.MODEL] == name].set_index(keys) for name in (model, baseline))
    if of_model.empty or rival.empty:
        missing = model if of_model.empty else baseline
        raise InputError("is not among the models", found=missing, expected=sorted(scores[names.MODEL].unique()))
    both = of_model[[names.OBSERVED, measure]].join(rival[measure].rename("baseline"), how="inner").reset_index()
    groups = both.rename(columns={measure: "score"}).groupby(by)
    table = groups[[names.OBSERVED, "score", "baseline"]].mean()
    table.insert(0, "n", groups.size())
    table["difference"] = table["score"] - table["baseline"]
    return table.sort_values("difference", ascending=False, kind="stable").head(number).reset_index()


def mean_error(values: "pd.Series[Any]", origins: "pd.Series[Any]", periods: "pd.Series[Any]") -> MeanError:
    """The mean of values of forecasts, and its error where neighbours depend on each other.

    Parameters
    ----------
    values, origins, periods : Series
        Of each forecast count: the value, from where it was forecast, and the target period.

    Returns
    -------
    MeanError
        The error by `long_run_error` of the sums by target period; NaN where there are fewer than 3 origins or periods.
    """
    of_periods = values.groupby(periods).agg(["sum", "size"])
    total, size = of_periods["sum"].to_numpy(float), of_periods["size"].to_numpy(float)
    if min(origins.nunique(), len(total)) < LEAST_ORIGINS:
        return MeanError(float(values.mean()), np.nan, np.nan)
    error, degrees = long_run_error(total, size)
    return MeanError(float(total.sum() / size.sum()), float(error), degrees)


def long_run_error(total: Array, size: Array) -> tuple[Array, int]:
    """Error of a mean of dependent sums, by the orthonormal series of cosines.

    Parameters
    ----------
    total, size : array
        Over (…, period), in order: the sum of each period, and of how many values.

    Returns
    -------
    array
        The error of the mean, over the leading axes.
    int
        Degrees of freedom: as many as cosines.
    """
    number = total.shape[-1]
    mean = total.sum(axis=-1, keepdims=True) / size.sum(axis=-1, keepdims=True)
    apart = total - mean * size
    # Equal values leave rounding only.
    apart = np.where(np.abs(apart) < 1e-12 * np.abs(total).max(initial=0.0), 0.0, apart)
    degrees = min(max(_FEWEST, int(_COSINES * number ** (2 / 3))), number - 1)
    angles = np.pi * np.arange(1, degrees + 1)[:, None] * (np.arange(number) + 0.5) / number
    weights = apart @ (np.sqrt(2 / number) * np.cos(angles)).T
    return np.sqrt(number * (weights**2).mean(axis=-1)) / size.sum(axis=-1), degrees


def _compared(group: pd.DataFrame) -> tuple[float, ...]:
    score, rival = float(group["score"].mean()), float(group["baseline"].mean())
    difference = mean_error(group["score"] - group["baseline"], group[names.ORIGIN], group[names.PERIOD])
    skill_score = 1 - score / rival if rival else float("nan")
    origins = group[names.ORIGIN].nunique()
    return len(group), score, rival, skill_score, score - rival, *difference.bounds, difference.p_value, origins
