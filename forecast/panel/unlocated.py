"""Records that lack a province or a kind: what share of the attacks has both, and so counts in a cell."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.panel.calendar import period_start, periods_per_year
from forecast.panel.delay import intraclass

__all__ = [
    "enough_kinds",
    "located_share",
    "missing_attacks",
    "missing_part",
    "typed_notes",
    "typed_share",
    "unlocated_notes",
]

Array = npt.NDArray[np.float64]
# Kinds are learned from where at least a fifth of a province's records has one; provinces of fewer records do not tell.
_LEAST_TYPED, _FEWEST_RECORDS = 0.2, 10
# How many provinces a note names.
_NAMED = 3


def located_share(
    located: pd.DataFrame,
    unlocated: pd.DataFrame,
    country: npt.NDArray[np.object_],
    tactics: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
) -> Array:
    """Share of the attacks of each cell's country, tactic and period whose province is known.

    Places are taken to be unknown by chance, alike in all provinces of a country. Of n attacks of a tactic in a period
    L are placed, and their share is (a m + L) / (a + n), with the mean m of the year around the period and a beta
    distribution's concentration a by which shares scatter about such means: with many attacks it is what was counted,
    so that counts over shares add up to all attacks; with few it is the mean. The mean of a tactic is found likewise,
    of its attacks in that year and the mean of all tactics. Both concentrations are moment estimates.

    Parameters
    ----------
    located, unlocated : DataFrame
        Attacks by `date`, with columns country, tactic and attacks. Those of unknown tactic, unless the grid has that,
        are of each tactic in proportion to the country's others.
    country : array of str
        Of each province of the grid.
    tactics, periods, freq
        Of the grid.

    Returns
    -------
    array
        (province, tactic, period), above 0; 1 in countries where every place is known.
    """
    share = np.ones((len(country), len(tactics), len(periods)))
    if unlocated.empty:
        return share
    around = int(periods_per_year(freq) / 2)
    for name in unlocated[names.COUNTRY].astype(str).unique():
        tables = [table[table[names.COUNTRY].astype(str) == name] for table in (located, unlocated)]
        mix = _mix(pd.concat(tables), tactics)
        placed, nowhere = (
            _counted(table, names.TACTIC, tactics, periods, freq)
            + mix[:, None] * _counted(table, names.TACTIC, [names.UNKNOWN], periods, freq)
            for table in tables
        )
        share[country.astype(str) == name] = _shrunk(placed, placed + nowhere, around)
    return share


def typed_share(
    located: pd.DataFrame,
    country: npt.NDArray[np.object_],
    provinces: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
) -> Array:
    """Share of the attacks of each province and period whose tactic is known.

    Tactics are taken to be unknown by chance, all alike. The share is that of `located_share`, with provinces of a
    country for tactics.

    Parameters
    ----------
    located : DataFrame
        Attacks by `date`, with columns province, tactic and attacks.
    country : array of str
        Of each province of the grid.
    provinces, periods, freq
        Of the grid.

    Returns
    -------
    array
        (province, period), above 0; 1 in provinces where every tactic is known.
    """
    share = np.ones((len(country), len(periods)))
    untyped = located[names.TACTIC] == names.UNKNOWN
    around = int(periods_per_year(freq) / 2)
    typed, every = (_counted(table, names.PROVINCE, provinces, periods, freq) for table in (located[~untyped], located))
    lacking = np.asarray((typed < every).any(axis=1))
    for name in np.unique(country[lacking].astype(str)):
        here = country.astype(str) == name
        share[here] = _shrunk(typed[here], every[here], around)
    return np.where(lacking[:, None], share, 1.0)


def enough_kinds(table: pd.DataFrame) -> bool:
    """Whether records with a tactic tell of which tactics those without one are: in every province enough have one."""
    typed = table[names.TACTIC] != names.UNKNOWN
    groups = typed.groupby(table[names.PROVINCE].astype(str))
    return bool(typed.any() and (groups.mean()[groups.size() >= _FEWEST_RECORDS] >= _LEAST_TYPED).all())


def missing_attacks(dataset: xr.Dataset, share: str) -> xr.DataArray:
    """Attacks of each cell of a panel's dataset that lack a province ('located'), or are placed and lack a tactic."""
    typed, located = (dataset.get(name, xr.ones_like(dataset[names.EXPOSURE])) for name in (names.TYPED, names.LOCATED))
    placed = dataset[names.ATTACKS] / typed
    return placed * (1 - typed) if share == names.TYPED else placed / located * (1 - located)


def missing_part(dataset: xr.Dataset, share: str) -> float:
    """What part these are of all attacks."""
    missing = {name: float(missing_attacks(dataset, name).sum()) for name in (names.LOCATED, names.TYPED)}
    return missing[share] / max(float(dataset[names.ATTACKS].sum()) + sum(missing.values()), 1.0)


def unlocated_notes(dataset: xr.Dataset) -> list[str]:
    """What is told of attacks without a province, if there are any."""
    missing, part = missing_attacks(dataset, names.LOCATED), missing_part(dataset, names.LOCATED)
    if missing.sum() < 0.5:
        return []
    return [
        f"about {missing.sum():,.0f} attacks ({part:.0%}) have no province: they count in the totals of their "
        "countries, as if places were unknown by chance, alike in all provinces (unlocated = false leaves them out)"
    ]


def typed_notes(dataset: xr.Dataset) -> list[str]:
    """What is told of placed attacks whose kind is not known, if there are any, with the provinces of most of them."""
    missing, part = missing_attacks(dataset, names.TYPED), missing_part(dataset, names.TYPED)
    if missing.sum() < 0.5:
        return []
    by_province = missing.sum((names.TACTIC, names.PERIOD)).values
    labels = dataset[names.PROVINCE_NAME].values.astype(str)
    most = [at for at in np.argsort(-by_province, kind="stable")[:_NAMED] if by_province[at] > 0]
    most_in = ", ".join(f"{labels[at]} {by_province[at]:,.0f}" for at in most)
    return [
        f"about {missing.sum():,.0f} attacks ({part:.0%}) are of unknown kind (most in {most_in}): they count in "
        "the totals of their provinces, as if kinds were unknown by chance, all alike (untyped = false makes them one)"
    ]


def _mix(table: pd.DataFrame, tactics: list[str]) -> Array:
    """Of attacks of known tactic the share of each tactic of the grid; 0 where 'unknown' is one of these."""
    known = table[table[names.TACTIC] != names.UNKNOWN]
    sums = known.groupby(known[names.TACTIC].astype(str))[names.ATTACKS].sum().reindex(tactics, fill_value=0)
    whole = known[names.ATTACKS].sum()
    return np.asarray(sums / whole if whole and names.UNKNOWN not in tactics else sums * 0.0, dtype=float)


def _counted(table: pd.DataFrame, column: str, labels: list[str], periods: pd.DatetimeIndex, freq: str) -> Array:
    """Attacks over (label of the column, period)."""
    row = pd.Index(labels).get_indexer(pd.Index(table[column]))
    time = periods.get_indexer(period_start(pd.DatetimeIndex(table["date"]), freq))
    inside = (row >= 0) & (time >= 0)
    counts = np.zeros((len(labels), len(periods)))
    np.add.at(counts, (row[inside], time[inside]), table[names.ATTACKS].to_numpy(float)[inside])
    return counts


def _shrunk(part: Array, whole: Array, around: int) -> Array:
    """The share that `part` is of `whole` (row, period)."""
    overall = (part.sum() + 0.5) / (whole.sum() + 1)
    # As sure of the overall share as by one attack.
    of_all = (_moving(part.sum(axis=0), around) + overall) / (_moving(whole.sum(axis=0), around) + 1)
    rows = whole.sum(axis=1)
    expected = (whole * of_all).sum(axis=1) / np.maximum(rows, 1.0)
    near = (
        np.stack([_moving(counts, around) for counts in part]),
        np.stack([_moving(counts, around) for counts in whole]),
    )
    mean = _towards(np.broadcast_to(of_all, whole.shape), *near, intraclass(part.sum(axis=1), rows, expected))
    return _towards(mean, part, whole, intraclass(part.ravel(), whole.ravel(), mean.ravel()))


def _moving(counts: Array, around: int) -> Array:
    """Sums over so many periods before and after each."""
    return np.convolve(counts, np.ones(2 * around + 1))[around : around + len(counts)]


def _towards(mean: Array, part: Array, whole: Array, scatter: float) -> Array:
    """Shares whose beta distribution has a mean and an intraclass correlation, given what was counted."""
    if not scatter:
        return mean
    concentration = 1 / scatter - 1
    return np.asarray((concentration * mean + part) / (concentration + whole))
