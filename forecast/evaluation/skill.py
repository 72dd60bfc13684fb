"""Skill against a rival, with a test and an interval that know that forecasts of neighbouring origins overlap."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.scores import MEASURES

__all__ = ["BOUNDS", "bootstrapped", "skill", "worst"]

Array = npt.NDArray[np.float64]
_KEYS = [names.ORIGIN, names.PROVINCE, names.TACTIC, names.PERIOD]
# Of what is 95 % sure.
BOUNDS = (0.025, 0.975)


def skill(
    scores: pd.DataFrame,
    baseline: str,
    measure: str = "crps_log",
    by: Sequence[str] = (),
    *,
    resamples: int = 2000,
    seed: int = 0,
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
        Groups within which to compare: any of horizon, province, tactic.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        The columns of `by`, model, n (cells), score, baseline (its mean score on the same cells), skill (1 − score /
        baseline), difference (score − baseline; below 0: better), lower and upper (95 %, moving blocks of origins as
        long as the horizon), p_value (Diebold & Mariano 1995, two-sided, with the autocovariances that overlap gives
        and the correction for short series of Harvey, Leybourne & Newbold 1997) and origins.

    Raises
    ------
    InputError
        For an unknown baseline, measure or group.

    Notes
    -----
    Short series say less than they seem to. In simulations without a difference, with errors that last as long as
    forecasts overlap, p is below 0.05 in 10 % of series of 60 origins × 4 periods and the interval misses 0 in 14 %; in
    37 × 8 it is 12 and 21 %.
    """
    if measure not in MEASURES or measure.startswith("inside"):
        allowed = [name for name in MEASURES if not name.startswith("inside")]
        raise InputError("is no score to compare by", where="measure", found=measure, expected=allowed)
    known = sorted(scores[names.MODEL].unique())
    if baseline not in known:
        raise InputError("is not among the models", where="baseline", found=baseline, expected=known)
    wrong = sorted(set(by) - {names.HORIZON, names.PROVINCE, names.TACTIC})
    if wrong:
        raise InputError("scores cannot be grouped by it", where="by", found=wrong)
    keys = [*_KEYS, names.HORIZON]
    theirs = scores[scores[names.MODEL] == baseline].set_index(keys)[measure].rename("theirs")
    rows = []
    for model in known:
        own = scores[scores[names.MODEL] == model].set_index(keys)[measure].rename("own")
        both = pd.concat([own, theirs], axis=1, join="inner").dropna().reset_index()
        if model == baseline or both.empty:
            continue
        groups = both.groupby(list(by), sort=True) if by else [((), both)]
        for label, group in groups:
            rows.append((*label, model, *_compared(group, resamples, seed)))
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
    own, theirs = (scores[scores[names.MODEL] == name].set_index(keys) for name in (model, baseline))
    if own.empty or theirs.empty:
        found = model if own.empty else baseline
        raise InputError("is not among the models", found=found, expected=sorted(scores[names.MODEL].unique()))
    both = own[[names.OBSERVED, measure]].join(theirs[measure].rename("baseline"), how="inner").reset_index()
    groups = both.rename(columns={measure: "score"}).groupby(by)
    table = groups[[names.OBSERVED, "score", "baseline"]].mean()
    table.insert(0, "n", groups.size())
    table["difference"] = table["score"] - table["baseline"]
    return table.sort_values("difference", ascending=False, kind="stable").head(number).reset_index()


def _compared(group: pd.DataFrame, resamples: int, seed: int) -> tuple[float, ...]:
    own, theirs = float(group["own"].mean()), float(group["theirs"].mean())
    by_origin = (group["own"] - group["theirs"]).groupby(group[names.ORIGIN]).agg(["sum", "size"])
    total, size = by_origin["sum"].to_numpy(), by_origin["size"].to_numpy(float)
    overlap = int(group[names.HORIZON].max())
    lower, upper = bootstrapped(total, size, overlap, resamples, seed)
    number = len(total)
    p_value = _diebold_mariano(total / size, overlap) if number > 2 else float("nan")
    better = 1 - own / theirs if theirs else float("nan")
    return len(group), own, theirs, better, own - theirs, lower, upper, p_value, number


def _diebold_mariano(differences: Array, overlap: int) -> float:
    """Two-sided p-value of the mean, by the autocovariances of as many neighbours as forecasts overlap."""
    import statsmodels.api as sm

    number = len(differences)
    if np.ptp(differences) == 0:
        return 1.0 if not differences.any() else 0.0
    model = sm.OLS(differences, np.ones(number))
    lags = min(overlap - 1, number - 2)
    variance = -1.0
    for kernel in ("uniform", "bartlett"):
        # The first can come out below 0.
        if not variance > 0:
            variance = float(model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": kernel}).cov_params()[0, 0])
    small = (number + 1 - 2 * overlap + overlap * (overlap - 1) / number) / number
    statistic = abs(differences.mean()) / np.sqrt(variance) * np.sqrt(max(small, 1.0 / number))
    return float(2 * stats.t.sf(statistic, number - 1))


def bootstrapped(total: Array, size: Array, block: int, resamples: int, seed: int) -> tuple[float, float]:
    """Bounds (95 %) of a mean over origins, by blocks of consecutive ones (circular, Politis & Romano 1992).

    Parameters
    ----------
    total, size : array
        Per origin: the sum, and of how many cells.
    block : int
        How many origins a block holds: as many as forecasts overlap.
    """
    rng, number = np.random.default_rng(seed), len(total)
    block = min(block, number)
    starts = rng.integers(number, size=(resamples, -(-number // block)))
    chosen = ((starts[..., None] + np.arange(block)) % number).reshape(resamples, -1)[:, :number]
    lower, upper = np.quantile(total[chosen].sum(axis=1) / size[chosen].sum(axis=1), BOUNDS)
    return float(lower), float(upper)
