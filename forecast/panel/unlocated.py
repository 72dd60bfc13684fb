"""Records without a province: what share of a country's attacks is placed, period by period."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.panel.calendar import period_start, periods_per_year
from forecast.panel.delay import intraclass

__all__ = ["located_share", "unlocated_notes", "unlocated_part"]

Array = npt.NDArray[np.float64]


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
    L are placed, and their share is (a m + L) / (a + n), with the mean m of all tactics in the year around the period
    and a beta distribution's concentration a by which shares scatter about such means (moment estimate): with many
    attacks it is what was counted, so that counts over shares add up to all attacks; with few it is the mean.

    Parameters
    ----------
    located, unlocated : DataFrame
        Attacks by `date`, with columns country, tactic and attacks.
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
        placed, nowhere = (
            _counted(table[table[names.COUNTRY].astype(str) == name], tactics, periods, freq)
            for table in (located, unlocated)
        )
        share[country.astype(str) == name] = _shrunk(placed, placed + nowhere, around)
    return share


def unlocated_part(counts: npt.NDArray[np.int64], located: Array) -> float:
    """Share of all attacks whose province is not known, of placed counts and the shares that they are."""
    return float(1.0 - counts.sum() / max((counts / located).sum(), 1.0))


def unlocated_notes(counts: npt.NDArray[np.int64], located: Array) -> list[str]:
    """What is told of attacks without a province, if there are any."""
    part = unlocated_part(counts, located)
    missing = (counts / located).sum() * part
    if missing < 0.5:
        return []
    return [
        f"about {missing:,.0f} attacks ({part:.0%}) have no province: they count in the totals of their countries, as "
        "if places were unknown by chance, alike in all provinces (unlocated = false leaves them out)"
    ]


def _counted(table: pd.DataFrame, tactics: list[str], periods: pd.DatetimeIndex, freq: str) -> Array:
    """Attacks over (tactic, period)."""
    kind = pd.Index(tactics).get_indexer(pd.Index(table[names.TACTIC]))
    time = periods.get_indexer(period_start(pd.DatetimeIndex(table["date"]), freq))
    inside = (kind >= 0) & (time >= 0)
    counts = np.zeros((len(tactics), len(periods)))
    np.add.at(counts, (kind[inside], time[inside]), table[names.ATTACKS].to_numpy(float)[inside])
    return counts


def _shrunk(placed: Array, whole: Array, around: int) -> Array:
    """The share of `whole` (tactic, period) that is placed."""
    window = np.ones(2 * around + 1)
    sums = [np.convolve(counts.sum(axis=0), window)[around : around + whole.shape[1]] for counts in (placed, whole)]
    overall = (placed.sum() + 0.5) / (whole.sum() + 1)
    # As sure of the overall share as by one attack.
    mean = np.broadcast_to((sums[0] + overall) / (sums[1] + 1), whole.shape)
    scatter = intraclass(placed.ravel(), whole.ravel(), mean.ravel())
    if not scatter:
        return mean
    concentration = 1 / scatter - 1
    return np.asarray((concentration * mean + placed) / (concentration + whole))
