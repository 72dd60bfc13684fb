"""Scores of a forecast against what happened: one row per observed cell first, summaries second."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.metrics import Metric, crps
from forecast.evaluation.recorded import recorded
from forecast.files import read_csv
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = [
    "CELL",
    "IGNORANCE_BINS",
    "INTERVALS",
    "LEVEL",
    "MEASURES",
    "SCORE_COLUMNS",
    "THRESHOLDS",
    "further_measures",
    "interval_score",
    "mixture_log_score",
    "read_scores",
    "score",
    "score_table",
    "summarise",
    "views_scores",
]

# Levels of the central intervals that are scored, and of that whose width is told.
INTERVALS = (0.5, 0.8, 0.9, 0.95)
_SCORED = 0.9
_INSIDE = [f"inside_{100 * level:g}" for level in INTERVALS]
_NO_METRICS: Mapping[str, Metric] = MappingProxyType({})

# Draws of a forecast in VIEWS' challenge.
_VIEWS_DRAWS = 1000
_WIDTH = f"width_{100 * _SCORED:g}"
_INTERVAL_SCORES = [f"interval_score_{100 * level:g}" for level in INTERVALS]
# Counts whose exceedance is scored: any attack, more than 5, more than 25.
THRESHOLDS = (0, 5, 25)
_ABOVE = [f"above_{threshold}" for threshold in THRESHOLDS]
_BRIER = [f"brier_{threshold}" for threshold in THRESHOLDS]
MEASURES = ["crps", "crps_log", *_INSIDE, _WIDTH, *_INTERVAL_SCORES, "log_score", "ignorance", *_BRIER]
# Shares of the draws below and up to the observed count: a randomised PIT lies between them (Czado et al. 2009).
_PIT = ["pit_lower", "pit_upper"]
SCORE_COLUMNS = (
    *names.SCORE_KEYS,
    names.PERIOD,
    names.OBSERVED,
    names.PREDICTED,
    *MEASURES,
    *_PIT,
    *_ABOVE,
    names.DRAWS,
)

# The column that tells scores of cells from those of sums.
LEVEL, CELL = "level", "cell"
# Lower ends of the bins of VIEWS' ignorance score; each draw counts, and one more stands in every bin.
IGNORANCE_BINS = (0.0, 0.5, 2.5, 5.5, 10.5, 25.5, 50.5, 100.5, 250.5, 500.5, 1000.5)


def score(forecast: Forecast, actual: Panel, metrics: Mapping[str, Metric] = _NO_METRICS) -> pd.DataFrame:
    """Score every observed cell of a forecast.

    Parameters
    ----------
    forecast : Forecast
        A forecast, or what `aggregate` made of one: the same sums are then taken of the panel.
    actual : Panel
        What happened, in the newest vintage. Only its observed cells whose period is forecast count; a sum counts
        where all its cells were observed; there may be none, and the table is then empty. Where it holds a share of all
        attacks (`coverage`), each attack of the forecast counts with that chance.
    metrics : mapping of str to function
        Further scores, by the names of their columns, which come last: functions of the observed counts (count) and
        their draws (count, sample), in ascending order, that give a number per count. `fc.METRICS` holds the parts of
        both CRPS (dispersion, overprediction, underprediction) and the threshold-weighted CRPS of the upper tail.

    Returns
    -------
    DataFrame
        One row per cell: model, origin, horizon, province, tactic, period, observed (attacks), predicted (the median),
        crps (of the count, attacks), crps_log (of log(1 + count)), inside_50, inside_80, inside_90, inside_95 (whether
        the central interval, bounds included, holds the count), width_90, interval_score_50 to _95 (attacks), log_score
        (minus the log of the probability of the count, nats; NaN for a forecast without a mass function), ignorance
        (of binned counts, bits), brier_0, brier_5, brier_25 (squared error of the probability of more attacks than
        that), pit_lower and pit_upper (shares of draws below and up to the count: a randomised PIT lies between them),
        above_0, above_5, above_25 (those probabilities) and draws (how many samples were scored). Lower is better but
        for `inside`, `pit` and `above`. Both CRPS are the fair estimate from an ensemble.

    Raises
    ------
    InputError
        When the panel holds none of the periods, or lacks a province or tactic; for a metric that has the name of
        another column, or gives anything but a number per count.

    Notes
    -----
    Fair CRPS: Ferro (2014), computed in its form of probability weighted moments (Zamo & Naveau 2018), which is the
    same number in less time. Log scale: Bosse et al. (2023). Interval score: Gneiting & Raftery (2007). The mass
    function is the mean of the draws' own, each given its simulated past. Ignorance as VIEWS has it:
    −log2((k + 1) / (S + 11)) with k of S draws in the bin of the count, over `IGNORANCE_BINS`.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> scores = fc.score(forecast, panel)
    >>> len(scores) == 4 * 2 * 3
    True
    >>> bool((scores["crps"] >= 0).all())
    True
    """
    table, draws = _score_table(forecast, actual)
    observed = table[names.OBSERVED].to_numpy()
    for name, metric in metrics.items():
        if name in table:
            raise InputError("is the name of another column of scores", where="metrics", found=name)
        values = np.asarray(metric(observed, draws))
        if values.shape != observed.shape:
            expected = f"one number for each of {len(observed)} counts"
            raise InputError("gives something else", where=f"metrics[{name!r}]", found=values.shape, expected=expected)
        table[name] = values.astype(float)
    return table


def further_measures(scores: pd.DataFrame) -> list[str]:
    """Columns that `score` was asked for by `metrics`: all numbers beside the standard ones."""
    others = scores[[name for name in scores if name not in SCORE_COLUMNS and name != LEVEL]]
    return [str(name) for name in others.select_dtypes("number")]


def read_scores(path: str | Path) -> pd.DataFrame:
    """Scores with the column `level` that `write_csv` wrote; a ValueError says what is wrong with them."""
    # Those of a backtest have the states of their series.
    state = [names.STATE] if names.STATE in pd.read_csv(path, nrows=0) else []
    labels = (names.MODEL, names.PROVINCE, names.TACTIC, LEVEL, *state)
    table = read_csv(path, labels, (names.ORIGIN, names.PERIOD))
    absent = [column for column in SCORE_COLUMNS if column not in table]
    # A forecast without a mass function has no log score.
    blank = [str(column) for column in table if column != "log_score" and table[column].isna().any()]
    if absent or blank:
        raise ValueError(f"{', '.join(absent or blank)}: missing")
    return table


def score_table(
    forecast: Forecast,
    keys: Mapping[str, Any],
    observed: npt.NDArray[np.int64],
    draws: npt.NDArray[np.int64],
    log_score: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """The table of `score` for counts that a forecast has draws of.

    Parameters
    ----------
    forecast : Forecast
        Whose model and origin are told.
    keys : mapping of str to array
        Horizon, province, tactic and period of each count.
    observed : array of int
        Counts.
    draws : array of int
        One row per count, in ascending order.
    log_score : array
        Of each count.
    """
    origin = {names.MODEL: forecast.model, names.ORIGIN: forecast.origin.as_unit("ns")}
    of_draws = {**_measures(observed, draws), "log_score": log_score, names.DRAWS: draws.shape[1]}
    return pd.DataFrame({**origin, **keys, names.OBSERVED: observed, **of_draws})[list(SCORE_COLUMNS)]


def _score_table(forecast: Forecast, actual: Panel) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """The table of scores of observed cells, and the draws of each in ascending order (a row per cell)."""
    forecast, counts = recorded(forecast, actual)
    rows = np.nonzero(counts.notnull().values)
    draws = np.sort(np.moveaxis(forecast.draws.values, 0, -1)[rows], axis=1)
    observed = counts.values[rows].astype(np.int64)
    keys = {
        names.HORIZON: forecast.dataset[names.HORIZON].values[rows[2]],
        names.PROVINCE: np.array(forecast.provinces, dtype=object)[rows[0]],
        names.TACTIC: np.array(forecast.tactics, dtype=object)[rows[1]],
        names.PERIOD: forecast.periods[rows[2]],
    }
    return score_table(forecast, keys, observed, draws, _log_scores(forecast, observed, rows)), draws


def views_scores(forecast: Forecast, actual: Panel) -> pd.DataFrame:
    """Score every observed cell as VIEWS' prediction challenge does.

    Parameters
    ----------
    forecast, actual
        As of `score`. The challenge takes 1,000 draws.

    Returns
    -------
    DataFrame
        One row per cell: model, origin, horizon, province, tactic, period, observed, crps (E|X − y| − ½E|X − X'| over
        all pairs of draws, not the fair one), ignorance (as of `score`) and interval_score_90 (between quantiles that
        are interpolated).

    Raises
    ------
    InputError
        For another number of draws, with which ignorance is another score.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> past = panel.between(end="2017-09-30")
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), past, seed=1), 3, draws=1000, seed=1)
    >>> len(fc.views_scores(forecast, panel))
    24
    """
    size = forecast.draws.sizes[names.SAMPLE]
    if size != _VIEWS_DRAWS:
        hint = f"Predict with draws={_VIEWS_DRAWS}"
        problem = "VIEWS scores another number of draws"
        raise InputError(problem, where="draws", found=size, expected=_VIEWS_DRAWS, hint=hint)
    table, draws = _score_table(forecast, actual)
    observed = table[names.OBSERVED].to_numpy()
    lower, upper = np.quantile(draws, [(1 - _SCORED) / 2, (1 + _SCORED) / 2], axis=1)
    table["crps"] = crps(observed, draws, size**2)
    name = _INTERVAL_SCORES[INTERVALS.index(_SCORED)]
    table[name] = interval_score(observed, lower, upper, 1 - _SCORED)
    return table[[*names.SCORE_KEYS, names.PERIOD, names.OBSERVED, "crps", "ignorance", name]]


def summarise(scores: pd.DataFrame, by: Sequence[str] = (names.MODEL,)) -> pd.DataFrame:
    """Mean scores of groups of cells.

    Parameters
    ----------
    scores : DataFrame
        What `score` gave, of one or of several forecasts.
    by : sequence of str
        Columns that make the groups: any of model, origin, horizon, province, tactic, period, and of a backtest's
        scores state.

    Returns
    -------
    DataFrame
        The columns of `by`, `n` (cells), and the mean of each score, those of `metrics` last; `inside_90` is then the
        coverage, as a share. An inclusive interval of a count covers more often than its level by construction.

    Raises
    ------
    InputError
        For columns that are not there, and for forecasts with different numbers of draws, which are not comparable.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.summarise(fc.score(forecast, panel), by=["horizon"])["n"].tolist()
    [8, 8, 8]
    """
    keys = list(by)
    allowed = [*names.SCORE_KEYS, names.PERIOD, *([names.STATE] if names.STATE in scores else [])]
    wrong = [key for key in keys if key not in allowed]
    if wrong or not keys:
        raise InputError("scores cannot be grouped by it", where="by", found=wrong or "nothing", expected=allowed)
    missing = [column for column in SCORE_COLUMNS if column not in scores]
    if missing:
        raise InputError("is no table of scores: columns are missing", found=missing, expected="what `score` gave")
    numbers = sorted(scores[names.DRAWS].unique())
    if len(numbers) > 1:
        hint = "Predict every model with the same number of draws"
        raise InputError("forecasts with different numbers of draws", where=names.DRAWS, found=numbers, hint=hint)
    groups = scores.groupby(keys, sort=False, observed=True)
    means = groups[[*MEASURES, *further_measures(scores)]].mean()
    return groups.size().rename("n").to_frame().join(means).reset_index()


def _measures(observed: npt.NDArray[np.int64], draws: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """The point forecast and the scores of counts; `draws` has one row per count, in ascending order."""
    ends = [end for level in INTERVALS for end in ((1 - level) / 2, (1 + level) / 2)]
    median, *bounds = np.quantile(draws, [0.5, *ends], axis=1, method="inverted_cdf")
    measures: dict[str, npt.NDArray[Any]] = {names.PREDICTED: median.astype(np.int64)}
    for name, outcome, ensemble in (
        ("crps", observed.astype(float), draws.astype(float)),
        ("crps_log", np.log1p(observed), np.log1p(draws)),
    ):
        measures[name] = crps(outcome, ensemble)
    intervals = zip(INTERVALS, bounds[::2], bounds[1::2], _INSIDE, _INTERVAL_SCORES, strict=True)
    for level, lower, upper, inside, column in intervals:
        measures[inside] = (lower <= observed) & (observed <= upper)
        measures[column] = interval_score(observed, lower, upper, 1 - level)
        if level == _SCORED:
            measures[_WIDTH] = (upper - lower).astype(float)
    edges, size = np.array([*IGNORANCE_BINS, np.inf]), draws.shape[1]
    bin_of = np.searchsorted(edges, observed, side="right")
    # Counts are whole numbers, edges are not but for 0: whether ends belong to a bin does not matter.
    held = _up_to(draws, edges[bin_of]) - _up_to(draws, edges[bin_of - 1] - 0.25)
    measures["ignorance"] = -np.log2((held + 1) / (size + len(IGNORANCE_BINS)))
    for threshold, above, brier in zip(THRESHOLDS, _ABOVE, _BRIER, strict=True):
        measures[above] = 1 - _up_to(draws, np.full(len(draws), threshold)) / size
        measures[brier] = (measures[above] - (observed > threshold)) ** 2
    measures["pit_lower"], measures["pit_upper"] = (_up_to(draws, observed - gap) / size for gap in (0.5, 0.0))
    return measures


def interval_score(
    observed: npt.NDArray[Any], lower: npt.NDArray[Any], upper: npt.NDArray[Any], outside: float
) -> npt.NDArray[np.float64]:
    """Of central intervals that leave out so large a share (Gneiting & Raftery 2007)."""
    missed = np.maximum(lower - observed, 0) + np.maximum(observed - upper, 0)
    return np.asarray(upper - lower + 2 / outside * missed)


def _up_to(draws: npt.NDArray[np.int64], bound: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """How many draws of each cell are not above its bound."""
    return np.asarray((draws <= bound[:, None]).sum(axis=1))


def _log_scores(forecast: Forecast, observed: npt.NDArray[np.int64], rows: tuple[Any, ...]) -> npt.NDArray[np.float64]:
    """Minus the log of the mixture's mass at each observed cell."""
    dataset = forecast.dataset
    if not dataset.attrs["family"] or not len(observed):
        return np.full(len(observed), np.nan)
    mu = dataset[names.MU].transpose(*names.DRAW_DIMS).values[(slice(None), *rows)]
    if names.PHI not in dataset:
        return mixture_log_score(observed, mu)
    phi = np.broadcast_to(dataset[names.PHI].values, (len(mu), dataset.sizes[names.TACTIC]))[:, rows[1]]
    return mixture_log_score(observed, mu, phi)


def mixture_log_score(
    observed: npt.NDArray[np.int64], mu: npt.NDArray[np.float64], phi: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Minus the log of the mean mass at each count of draws with mean mu and dispersion phi (sample, count).

    Poisson without a dispersion.
    """
    mu = np.maximum(mu, 1e-300)
    log_mass = special.xlogy(observed, mu) - mu - special.gammaln(observed + 1)
    if phi is not None:
        log_mass = special.gammaln(observed + phi) - special.gammaln(phi) - special.gammaln(observed + 1)
        log_mass += special.xlogy(observed, mu / (mu + phi)) - phi * np.log1p(mu / phi)
    return np.asarray(np.log(len(mu)) - special.logsumexp(log_mass, axis=0))
