"""Periods: calendar months ('MS') and weeks by their first day ('W-MON', 'W-SAT', …); covariates of the calendar."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError

__all__ = [
    "CALENDAR_COVARIATES",
    "normalise_freq",
    "parse_days",
    "period_end",
    "period_lengths",
    "period_range",
    "period_start",
    "periods_per_year",
    "ramadan_share",
    "unit_name",
]

# Weeks whose first day the data may choose.
_ANY_WEEK = ("W", "WEEK")
_ALIASES = {
    **{freq: freq for freq in names.FREQUENCIES},
    **dict.fromkeys(("M", "MONTH"), names.MONTHLY),
    **dict.fromkeys(_ANY_WEEK, names.WEEKLY),
}


def normalise_freq(freq: str) -> str:
    """'MS', or 'W-MON' to 'W-SUN', for any accepted spelling ('M', 'month'; 'W' and 'week' are weeks from Monday)."""
    try:
        return _ALIASES[freq.upper()]
    except (KeyError, AttributeError):
        raise InputError("unknown frequency", where="freq", found=freq, expected=sorted(_ALIASES)) from None


def freq_of_weeks(freq: str, first_days: pd.DatetimeIndex) -> str:
    """The frequency of data that come by the week, all of whose weeks begin on the same day of the week.

    Parameters
    ----------
    freq : str
        'W' and 'week' are weeks that begin as the data's do; any other is what the user asks for.
    first_days : DatetimeIndex
        First days of the data's weeks.

    Raises
    ------
    InputError
        For weeks that begin on another day than those that were asked for: their counts cannot be divided.
    """
    weekday, asked = first_days.day_of_week.unique(), normalise_freq(freq)
    if asked == names.MONTHLY or len(weekday) != 1:
        return asked
    theirs = names.WEEKS[weekday[0]]
    if freq.upper() in _ANY_WEEK or theirs == asked:
        return theirs
    hint = f"Set freq = '{theirs}', or 'W' for the weeks that the data have"
    raise InputError("the data's weeks begin on another day", where="freq", found=theirs, expected=asked, hint=hint)


def unit_name(freq: str) -> str:
    """'month' or 'week'."""
    return "month" if freq == names.MONTHLY else "week"


def parse_days(values: pd.Series) -> pd.Series:
    """Days (datetime64[ns]) of dates, or of text such as 2019-03-06 or 2019-03; NaT for all else.

    Other orders of day and month cannot be told apart, and years outside 1900 to 2200 are slips.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        days = pd.Series(values).dt.tz_localize(None)
    else:
        text = values.astype("string").str.strip().str.extract(r"^([0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)(?:[T ].*)?$")[0]
        days = pd.to_datetime(text, format="ISO8601", errors="coerce")
    days = days.where(days.between(pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")))
    return pd.Series(days.astype("datetime64[ns]"), name=values.name)


def parse_day(day: str | pd.Timestamp) -> pd.Timestamp:
    """One day; an InputError where it is none."""
    parsed = pd.to_datetime(str(day), errors="coerce")
    if pd.isna(parsed):
        raise InputError("is no day", where="day", found=day, expected="a day such as 2019-03-06")
    return parsed


def period_start(dates: "pd.Series[pd.Timestamp] | pd.DatetimeIndex", freq: str) -> pd.DatetimeIndex:
    """First day of the period that holds each date (NaT stays NaT)."""
    days = pd.DatetimeIndex(dates).normalize().as_unit("ns")
    if freq == names.MONTHLY:
        return days - pd.to_timedelta(days.day - 1, unit="D")
    return days - pd.to_timedelta((days.day_of_week - names.WEEKS.index(freq)) % 7, unit="D")


def period_end(starts: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    """Last day of each period, from its first."""
    if freq == names.MONTHLY:
        return pd.DatetimeIndex(starts + pd.offsets.MonthEnd(1)).as_unit("ns")
    return starts + pd.Timedelta(days=6)


def period_range(first: pd.Timestamp, periods: int, freq: str) -> pd.DatetimeIndex:
    """First days of `periods` consecutive periods, from the period that begins on `first`."""
    return pd.date_range(first, periods=periods, freq=freq, unit="ns")


def next_periods(last: pd.Timestamp, horizon: int, freq: str) -> pd.DatetimeIndex:
    """First days of the `horizon` periods that follow the one that begins on `last`."""
    return period_range(last, horizon + 1, freq)[1:]


def complete_periods(start: pd.Timestamp, end: pd.Timestamp, freq: str) -> pd.DatetimeIndex:
    """First days of the periods that lie wholly within the days `start` to `end` (inclusive)."""
    first = period_start(pd.DatetimeIndex([start]), freq)[0]
    candidates = pd.date_range(first, end, freq=freq, unit="ns")
    return candidates[(candidates >= start.normalize()) & (period_end(candidates, freq) <= end.normalize())]


def periods_per_year(freq: str) -> float:
    """12 for months, 52.18 for weeks."""
    return 12.0 if freq == names.MONTHLY else 365.25 / 7


def period_lengths(periods: pd.DatetimeIndex, freq: str) -> npt.NDArray[np.float64]:
    """Days of each period over those of a mean one: 0.92 to 1.02 for months, 1 for weeks."""
    days = np.asarray((period_end(periods, freq) - periods).days, dtype=float) + 1
    return days * periods_per_year(freq) / 365.25


def year_fraction(periods: pd.DatetimeIndex, freq: str) -> npt.NDArray[np.float64]:
    """Position of each period's middle in its year, from 0 to 1."""
    middle = periods + (period_end(periods, freq) - periods) / 2
    return np.asarray((middle.day_of_year - 0.5) / 365.25, dtype=float)


def ramadan_share(periods: pd.DatetimeIndex, freq: str) -> npt.NDArray[np.float64]:
    """Share of each period's days that lie in Ramadan, by the Umm al-Qura calendar (hijridate).

    Raises
    ------
    InputError
        For periods outside the years that this calendar is published for (1924-08-01 to 2077-11-16).
    """
    from hijridate import Gregorian, Hijri

    first, last = periods[0], period_end(periods, freq)[-1]
    try:
        years = [Gregorian(day.year, day.month, day.day).to_hijri().year for day in (first, last)]
    except OverflowError as error:
        found, expected = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}", "1924-08-01 to 2077-11-16"
        raise InputError("lie outside the Hijri calendar", where="ramadan", found=found, expected=expected) from error
    starts, ends = periods.values, period_end(periods, freq).values + np.timedelta64(1, "D")
    days = np.zeros(len(periods))
    for year in range(years[0], years[1] + 1):
        month = Hijri(year, 9, 1)
        begins = np.datetime64(month.to_gregorian().isoformat(), "ns")
        over = begins + np.timedelta64(month.month_length(), "D")
        shared = np.minimum(ends, over) - np.maximum(starts, begins)
        days += np.maximum(shared / np.timedelta64(1, "D"), 0.0)
    return np.asarray(days / ((ends - starts) / np.timedelta64(1, "D")))


# Covariates by name that every panel has, in the past and in the future: the share of each period (period).
CALENDAR_COVARIATES: dict[str, Callable[[pd.DatetimeIndex, str], npt.NDArray[np.float64]]] = {"ramadan": ramadan_share}
