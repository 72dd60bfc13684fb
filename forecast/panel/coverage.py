"""Coverage: which days the records of events cover, country by country."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.countries import country_key
from forecast.panel.calendar import parse_day, period_start

__all__ = ["covered_days", "covered_since", "late_start", "silences"]

# Days without any record between two records. What is longer than the first is said; what is longer than the second is
# taken for a slip of the year, and refused.
_SAID_SILENCE, _REFUSED_SILENCE = pd.Timedelta(days=2 * 365), pd.Timedelta(days=5 * 365)
# Chance below which a quiet beginning is no chance, and the periods that it lasts at least.
_UNLIKELY, _SHORTEST_START = 1e-3, 3


def covered_days(
    known: pd.DataFrame,
    everything: pd.DataFrame,
    start: str | dt.date | None,
    end: str | dt.date | None,
    as_of: str | pd.Timestamp | None,
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day that the data cover, as far as they were known on the day `as_of`.

    Parameters
    ----------
    known, everything : DataFrame
        Events: those known on that day, and all.
    start, end : day, optional
        What the user states; otherwise the first day with a record, and the last one. Where most rows are sums over
        several days (weekly or monthly numbers), the data reach to the end of the last row, or to yesterday.
    as_of : day, optional
        Nothing later is covered.

    Raises
    ------
    InputError
        Where the data end before they start, and, where no `start` is stated, for five years without a record.
    """
    first = known["date"].min() if start is None else pd.Timestamp(start)
    last = _last_day(everything) if end is None else pd.Timestamp(end)
    if as_of is not None:
        last = min(last, pd.Timestamp(as_of))
    if last < first:
        raise InputError("the data end before they start", where=f"{first:%Y-%m-%d} to {last:%Y-%m-%d}")
    if start is None:
        _refuse_slips(known)
    return first.normalize(), last.normalize()


def _last_day(events: pd.DataFrame) -> pd.Timestamp:
    if (events["date_end"] > events["date"]).mean() <= 0.5:
        # Of single events a few go on after the last day on which any began.
        return pd.Timestamp(events["date"].max())
    yesterday = pd.Timestamp.now().normalize() - pd.Timedelta(days=1)
    return pd.Timestamp(max(events["date"].max(), min(events["date_end"].max(), yesterday)))


def _refuse_slips(events: pd.DataFrame) -> None:
    for before, after in _gaps(events["date"], _REFUSED_SILENCE):
        count = int((events["date"] <= before).sum())
        years = (after - before).days / 365.25
        raise InputError(
            f"no record for {years:.0f} years",
            where=f"{before:%Y-%m-%d} to {after:%Y-%m-%d}",
            found=f"{count} records before, {len(events) - count} after it",
            expected=f"at most {_REFUSED_SILENCE.days // 365} years between two records",
            hint="Correct the date, or state the first day that the data cover (start)",
        )


def silences(events: pd.DataFrame) -> list[str]:
    """Notes on long times without any record: calm, a gap, or a slip of the year."""
    return [
        f"no record lies between {before:%Y-%m-%d} and {after:%Y-%m-%d}: check the dates, or name it in gaps where "
        "nothing was recorded"
        for before, after in _gaps(events["date"], _SAID_SILENCE)
    ]


def _gaps(dates: pd.Series, longest: pd.Timedelta) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Pairs of consecutive days with records that lie further apart."""
    days = pd.DatetimeIndex(np.sort(dates.unique()))
    wide = np.flatnonzero(np.diff(days.values) > longest.to_timedelta64())
    return [(days[int(at)], days[int(at) + 1]) for at in wide]


# Beginnings ----------------------------------------------------------------------------------------------------------


def late_start(counts: npt.NDArray[np.int64]) -> int:
    """Periods at the beginning of a series in which nothing was recorded, where that cannot be chance; else 0.

    Chance is that of as many zeros before the first count, were periods with and without counts in any order.
    """
    counted = counts > 0
    if not counted.any():
        return 0
    quiet, total, some = int(counted.argmax()), len(counts), int(counted.sum())
    if quiet < _SHORTEST_START:
        return 0
    rest = total - quiet
    # Log of C(rest, some) / C(total, some).
    chance = gammaln(rest + 1) - gammaln(rest - some + 1) - gammaln(total + 1) + gammaln(total - some + 1)
    return quiet if chance < np.log(_UNLIKELY) else 0


def covered_since(
    events: pd.DataFrame,
    places: pd.DataFrame,
    country_of: pd.Series,
    periods: pd.DatetimeIndex,
    freq: str,
    stated: Mapping[str, str | dt.date],
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which units were covered in which periods, by when coverage of them or of their country began.

    Parameters
    ----------
    events : DataFrame
        All events, of any actor and target.
    places : DataFrame
        The panel's units, indexed by unit key.
    country_of : Series
        Country of each unit of the gazetteer.
    periods : DatetimeIndex
        First days.
    freq : str
        Their frequency.
    stated : mapping of str to day
        First covered day of countries and units. Where a country is not among them, ACLED's records begin where ACLED
        says; and a country without any record in its first periods, where that is no chance, is covered from its first.

    Returns
    -------
    array of bool, list of str
        (unit, period), and notes.

    Raises
    ------
    InputError
        For what is neither a country nor a unit of the panel, and for what is no day.
    """
    country = places[names.COUNTRY].astype(str)
    keys = country.map(country_key)
    days = {name: parse_day(str(day)) for name, day in stated.items()}
    unknown = [name for name in days if name not in places.index and country_key(name) not in set(keys)]
    if unknown:
        problem, expected = "is no country or province of the panel", [*country.unique(), *places.index]
        raise InputError(problem, where="covered_from", found=unknown, expected=expected)
    home = events[names.PROVINCE].astype(str).map(country_of)
    covered, notes = np.ones((len(places), len(periods)), dtype=bool), []
    by_country = {country_key(name): day for name, day in days.items() if name not in places.index}
    known = _acled_starts() if (events["source"].astype(str).str.startswith("acled")).any() else {}
    for key, name in dict(zip(keys, country, strict=True)).items():
        rows = events[home == name]
        first, why = by_country.get(key), "as stated"
        if first is None:
            first, why = _first_day(rows, periods, freq, known.get(key))
        uncovered = periods < (periods[0] if first is None else first)
        if uncovered.any():
            covered[(keys == key).to_numpy()[:, None] & uncovered] = False
            notes.append(f"{name} is not observed before {first:%Y-%m-%d} ({why})")
    for unit, day in days.items():
        if unit not in places.index:
            continue
        covered[places.index == unit] = periods >= day
        if day > periods[0]:
            notes.append(f"{places[names.PROVINCE_NAME][unit]} is not observed before {day:%Y-%m-%d} (as stated)")
    return covered, notes


def _first_day(
    rows: pd.DataFrame, periods: pd.DatetimeIndex, freq: str, known: pd.Timestamp | None
) -> tuple[pd.Timestamp | None, str]:
    """When the coverage of a country begins, and how that is known; None for the beginning of the panel."""
    if known is not None and not (rows["date"] < known).any():
        return known, "ACLED's coverage of it begins then"
    time = periods.get_indexer(period_start(pd.DatetimeIndex(rows["date"]), freq))
    quiet = late_start(np.bincount(time[time >= 0], minlength=len(periods)))
    why = "no record of the whole country before; if it was covered and calm, say so by covered_from"
    return (periods[quiet] if quiet else None), why


def _acled_starts() -> dict[str, pd.Timestamp]:
    table = pd.read_csv(data_path("acled_coverage.csv"), parse_dates=["start"], keep_default_na=False)
    return dict(zip(table[names.COUNTRY], table["start"], strict=True))
