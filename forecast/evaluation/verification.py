"""Verification: what an earlier forecast said of periods that have come since, against what came.

What came is tested by its ranks among the draws (`rank_tests`), since cells and periods depend on each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.evaluation.calibration import pit
from forecast.evaluation.rank_tests import combined, distances, rank_bounds, rank_p_values
from forecast.evaluation.recorded import counts_like, recorded
from forecast.evaluation.scores import CELL, LEVEL
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = [
    "ALARM",
    "COUNTRY",
    "LEVELS",
    "PROVINCE",
    "TACTIC",
    "TOTAL",
    "Verification",
    "matched",
    "revisions",
    "verify",
]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
TOTAL: Final = "total"
COUNTRY: Final = "country"
TACTIC: Final = "tactic"
PROVINCE: Final = "province"
# Groups of provinces of each level, and whether its tactics are summed.
_SUMS: Mapping[str, tuple[str | None, bool]] = {
    TOTAL: ("total", True),
    COUNTRY: (names.COUNTRY, True),
    TACTIC: ("total", False),
    PROVINCE: (None, True),
    CELL: (None, False),
}
LEVELS: Final = tuple(_SUMS)
# Below this p-value what came is more than chance: of forecasts that are right, one in twenty is doubted.
ALARM = 0.05
_INTERVALS = (0.5, 0.9)


@dataclass(frozen=True)
class Verification:
    """An earlier forecast against what came; made by `verify`.

    Attributes
    ----------
    forecast : Forecast
        The earlier one, of the provinces and tactics that the new data have too.
    outcomes : DataFrame
        One row per level ('total', 'country', 'tactic', 'province', 'cell'), series and period that has come: level,
        province, tactic, period, horizon, observed (attacks), median, lower_50, upper_50, lower_90, upper_90 (attacks,
        bounds included), inside_50, inside_90 and pit (randomised). Levels that repeat another are left out.
    series : DataFrame
        The same of the sum over all periods that have come: level, province, tactic, periods (how many), observed,
        median, the bounds, inside_50, inside_90, p_value (two-sided, of this series alone) and adjusted (the
        probability that any series of its level lies so far off, Westfall & Young 1993); the furthest off first within
        its level.
    levels : DataFrame
        level, outcomes (how many), inside_50, inside_90 (shares) and p_value (that outcomes of the level lie so far
        off, taken together).
    p_bounds : tuple of float
        Of a randomised p-value: shares of draws that would lie further off, and so far off or further (`p_value`).
    pit_bounds : tuple of float
        Of the randomised PIT of the total over all periods that have come: shares of the draws, and of what came as
        one more, that are lower, and at most as high; 0 and 1 where the total is not compared.
    revisions : DataFrame
        Counts up to the earlier origin that are others now: province, tactic, period, before, after.
    recent : tuple of float
        Attacks in the last twelve periods up to the earlier origin as recorded then, and by how many of them cells have
        changed since; NaN where the earlier data are not given.
    notes : tuple of str
        What could not be compared.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.verify(forecast, panel).outcomes["level"].unique().tolist()
    ['total', 'country', 'tactic', 'province', 'cell']
    """

    forecast: Forecast
    outcomes: pd.DataFrame
    series: pd.DataFrame
    levels: pd.DataFrame
    p_bounds: tuple[float, float]
    pit_bounds: tuple[float, float]
    revisions: pd.DataFrame
    recent: tuple[float, float]
    notes: tuple[str, ...] = ()

    @property
    def periods(self) -> pd.DatetimeIndex:
        """First days of the periods that have come."""
        return pd.DatetimeIndex(sorted(self.outcomes[names.PERIOD].unique()))

    @property
    def p_value(self) -> float:
        """Of the forecast as a whole: that the smallest p-value of levels and of their largest misses is so small."""
        return self.p_bounds[1]

    @property
    def is_off(self) -> bool:
        """True where what came is further off than chance explains, at the level `ALARM`."""
        return bool(self.p_value <= ALARM)

    @property
    def broken(self) -> pd.DataFrame:
        """Series that are too far off to be the worst of their level by chance, at the level `ALARM`."""
        return self.series[self.series["adjusted"] <= ALARM]

    def to_frame(self) -> pd.DataFrame:
        """The outcomes."""
        return self.outcomes


def verify(
    earlier: Forecast,
    actual: Panel,
    before: Panel | None = None,
    *,
    levels: Sequence[str] = LEVELS,
    seed: int = 0,
) -> Verification:
    """Hold an earlier forecast against a panel that now knows more.

    Parameters
    ----------
    earlier : Forecast
        As it was issued.
    actual : Panel
        What is known now. Provinces and tactics that only one of the two has are left out of all sums, with a note.
    before : Panel, optional
        The data that the earlier forecast was made from, for what was revised since.
    levels : sequence of str
        At which to look, of 'total', 'country', 'tactic', 'province' and 'cell'; by default at all.
    seed : int
        Of the randomised PIT.

    Returns
    -------
    Verification
        Without outcomes, and with p_value NaN, where none of the forecast's periods has come.

    Raises
    ------
    InputError
        Where the two cannot be compared: periods of another length, other attacks, or no province in common.

    Notes
    -----
    How far off an outcome is: minus the log of its two-sided tail probability among all draws and itself; one beyond
    all others by the log of how many times it is the next (of counts plus 1), as if tails fell like those of a Pareto
    distribution with index 1. Only power depends on that choice, not the level. Means of it over the outcomes of a
    level, and the largest of its series, are ranked among those of the draws, each taken in turn for what came; so is
    the smallest of these p-values. Ties make them larger, never smaller. Bounds are quantiles of the draws, inclusive.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> bool(0 < fc.verify(forecast, panel).p_value <= 1)
    True
    """
    issued, notes = matched(earlier, actual)
    tables: list[pd.DataFrame] = []
    sums: list[pd.DataFrame] = []
    rows, statistics = [], []
    p_bounds, pit_bounds = (0.0, float("nan")), (0.0, 1.0)
    come = bool(actual.outcomes.sel({names.PERIOD: actual.periods.isin(issued.periods)}).notnull().any())
    forecast = recorded(issued, actual)[0] if come else issued
    for level in _levels(forecast, levels) if come else ():
        by, tactics = _SUMS[level]
        summed = forecast.aggregate(by, tactics=tactics)
        counts = counts_like(summed, actual)
        if counts.isnull().all():
            notes = (*notes, f"level '{level}' is not compared: none of its sums was observed in all its parts")
            continue
        outcomes, mean = _outcomes(summed, counts, seed)
        series, largest = _series(summed, counts)
        p_value = float(rank_p_values(mean)[0])
        statistics += [mean, largest]
        if level == TOTAL:
            pit_bounds = rank_bounds(-_pool(summed, counts)[0][:, 0].astype(float))
        tables.append(outcomes.assign(**{LEVEL: level}))
        sums.append(series.assign(**{LEVEL: level}))
        inside = [float(outcomes[name].mean()) for name in ("inside_50", "inside_90")]
        rows.append((level, len(outcomes), *inside, p_value))
    if statistics:
        p_bounds = rank_bounds(combined(statistics))
    return Verification(
        issued,
        _together(tables, _OUTCOME_COLUMNS),
        _together(sums, _SERIES_COLUMNS),
        pd.DataFrame(rows, columns=[LEVEL, "outcomes", "inside_50", "inside_90", "p_value"]),
        p_bounds,
        pit_bounds,
        revisions(before, actual) if before is not None else pd.DataFrame(columns=_REVISION_COLUMNS),
        (float("nan"), float("nan")) if before is None else _recent_change(before, actual),
        notes,
    )


def matched(earlier: Forecast, actual: Panel) -> tuple[Forecast, tuple[str, ...]]:
    """The part of an earlier forecast that a panel can be held against, and what was left out.

    Raises
    ------
    InputError
        Where they have another frequency, count other attacks, or share no province or no tactic.
    """
    if actual.observations.is_published:
        hint = "`forecast watch` holds what publishers said against what a run expected of them"
        raise InputError("holds published totals, which are no counts of cells", where="actual", hint=hint)
    if actual.freq != earlier.freq:
        raise InputError("is by other periods than the new data", found=earlier.freq, expected=actual.freq)
    _check_same_attacks(earlier.provenance, actual.provenance)
    kept, notes = {}, []
    for dim, old, new in (
        (names.PROVINCE, earlier.provinces, actual.provinces),
        (names.TACTIC, earlier.tactics, actual.tactics),
    ):
        kept[dim] = [key for key in old if key in new]
        if not kept[dim]:
            raise InputError(f"has no {dim} in common with the new data", found=old, expected=new)
        for keys, which in (
            ([key for key in old if key not in new], "the earlier forecast has and the new data have not"),
            ([key for key in new if key not in old], "the new data have and the earlier forecast had not"),
        ):
            if keys:
                what = dim if len(keys) == 1 else dim.replace("province", "provinces").replace("tactic", "tactics")
                notes.append(f"left out of the comparison: {what} {', '.join(keys)}, which {which}")
    return Forecast(earlier.dataset.sel(kept)), tuple(notes)


def revisions(before: Panel, after: Panel) -> pd.DataFrame:
    """Counts of earlier data that are others now.

    Returns
    -------
    DataFrame
        province, tactic, period, before and after (attacks), of cells that both panels hold and observed and whose
        counts differ, in the order of the earlier panel.
    """
    old, new = xr.align(before.outcomes, after.outcomes, join="inner")
    changed = (old.notnull() & new.notnull() & (old != new)).values
    provinces, tactics, periods = np.nonzero(changed)
    labels = [old[dim].values[rows] for dim, rows in zip(names.CELL_DIMS, (provinces, tactics, periods), strict=True)]
    values = [array.values[changed].astype(np.int64) for array in (old, new)]
    return pd.DataFrame(dict(zip(_REVISION_COLUMNS, [*labels, *values], strict=True)))


# Parts ---------------------------------------------------------------------------------------------------------------

_BOUNDS = [f"{side}_{100 * level:g}" for level in _INTERVALS for side in ("lower", "upper")]
_INSIDE = [f"inside_{100 * level:g}" for level in _INTERVALS]
_FIGURES = [names.OBSERVED, "median", *_BOUNDS, *_INSIDE]
_OUTCOME_COLUMNS = [LEVEL, names.PROVINCE, names.TACTIC, names.PERIOD, names.HORIZON, *_FIGURES, "pit"]
_SERIES_COLUMNS = [LEVEL, names.PROVINCE, names.TACTIC, "periods", *_FIGURES, "p_value", "adjusted"]
_REVISION_COLUMNS = [names.PROVINCE, names.TACTIC, names.PERIOD, "before", "after"]
# How many last periods a revision is measured by.
_RECENT = 12


def _levels(forecast: Forecast, wanted: Sequence[str]) -> list[str]:
    """The wanted levels at which a forecast is looked at, without those that repeat another."""
    several_provinces, several_tactics = len(forecast.provinces) > 1, len(forecast.tactics) > 1
    differs = {
        TOTAL: True,
        COUNTRY: len(np.unique(forecast.dataset[names.COUNTRY].values.astype(str))) > 1,
        TACTIC: several_tactics,
        PROVINCE: several_provinces or TOTAL not in wanted,
        CELL: several_provinces and several_tactics,
    }
    return [level for level in _SUMS if level in wanted and differs[level]]


def _outcomes(forecast: Forecast, counts: xr.DataArray, seed: int) -> tuple[pd.DataFrame, Array]:
    """What came of each series and period, and how far off it and every draw are on average."""
    tables, far, number = [], 0.0, 0
    for ahead, period in enumerate(forecast.periods):
        seen = counts.values[..., ahead]
        there = np.isfinite(seen)
        if not there.any():
            continue
        pool = np.vstack([seen[there], forecast.draws.values[:, there, ahead]]).astype(np.int64)
        far, number = far + distances(pool).sum(axis=1), number + pool.shape[1]
        labels = _labels(forecast, there) | {names.PERIOD: period, names.HORIZON: ahead + 1}
        tables.append(pd.DataFrame(labels | _figures(pool)))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(pit=pit(table, seed=seed)), np.asarray(far) / number


def _series(forecast: Forecast, counts: xr.DataArray) -> tuple[pd.DataFrame, Array]:
    """What came of each series over all periods, and how far off the furthest is, among what came and in every draw."""
    pool, seen = _pool(forecast, counts)
    there = np.asarray(seen.any(axis=-1))
    far = distances(pool)
    largest = far.max(axis=1)
    alone = np.array([rank_p_values(column)[0] for column in far.T])
    adjusted = np.array([(largest >= distance).mean() for distance in far[0]])
    table = pd.DataFrame(
        _labels(forecast, there)
        | {"periods": seen.sum(axis=-1)[there]}
        | _figures(pool)
        | {"p_value": alone, "adjusted": adjusted}
    )
    return table.iloc[np.argsort(-far[0], kind="stable")], largest


def _pool(forecast: Forecast, counts: xr.DataArray) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """Sums over the periods that have come, of what came (first) and of every draw; and what was observed."""
    seen = np.isfinite(counts.values)
    there = seen.any(axis=-1)
    came = np.nansum(counts.values, axis=-1)[there]
    draws = np.where(seen, forecast.draws.values, 0).sum(axis=-1)[:, there]
    return np.vstack([came, draws]).astype(np.int64), seen


def _labels(forecast: Forecast, there: npt.NDArray[np.bool_]) -> dict[str, Any]:
    provinces, tactics = np.nonzero(there)
    return {
        names.PROVINCE: np.array(forecast.provinces, dtype=object)[provinces],
        names.TACTIC: np.array(forecast.tactics, dtype=object)[tactics],
    }


def _figures(pool: Counts) -> dict[str, Any]:
    """What was expected of each count, and what came: the first row of the pool, the others are draws."""
    came, draws = pool[0], pool[1:]
    ends = [0.5, *(end for level in _INTERVALS for end in ((1 - level) / 2, (1 + level) / 2))]
    median, *bounds = np.quantile(draws, ends, axis=0, method="inverted_cdf")
    inside = [(lower <= came) & (came <= upper) for lower, upper in zip(bounds[::2], bounds[1::2], strict=True)]
    shares = {"pit_lower": (draws < came).mean(axis=0), "pit_upper": (draws <= came).mean(axis=0)}
    return (
        dict(zip(_FIGURES, [came, median.astype(int), *(b.astype(int) for b in bounds), *inside], strict=True)) | shares
    )


def _together(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)[list(columns)] if tables else pd.DataFrame(columns=list(columns))


def _recent_change(before: Panel, after: Panel) -> tuple[float, float]:
    """Attacks of the last periods of the earlier data, and by how many their cells have changed."""
    old, new = xr.align(before.outcomes, after.outcomes, join="inner")
    old, new = (array.isel({names.PERIOD: slice(-_RECENT, None)}) for array in (old, new))
    return float(old.where(new.notnull()).sum()), float(np.abs(new - old).sum())


def _check_same_attacks(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """An InputError where two sets of data count other attacks."""
    kinds = [sorted({str(source.get("source", "")) for source in data.get("sources", ())}) for data in (old, new)]
    if all(kinds) and kinds[0] != kinds[1]:
        raise InputError("is of another source than the new data", found=kinds[0], expected=kinds[1])
    filters = [{key: value for key, value in data.get("filters", {}).items() if value} for data in (old, new)]
    if filters[0] != filters[1]:
        raise InputError("counts attacks of others than the new data", found=filters[0], expected=filters[1])
    if bool(old.get("simulated")) != bool(new.get("simulated")):
        raise InputError("cannot be compared: one of the two is of simulated data, the other of real data")
