"""Dates as the sources write them, parsed by value, with the order of day and month decided by file."""

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast.errors import InputError
from forecast.events.columns import plain_name
from forecast.events.months import MONTHS
from forecast.events.raw import RawTable
from forecast.events.values import ascii_digits
from forecast.ledger import Ledger

__all__ = ["calendar_dates", "joined_dates", "month_ends", "parse_dates", "parse_spans"]

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
# One word or two (kanun al-thani); in any script, though digits are ASCII here.
_NAME = r"(?P<month>[^\d\s./,_-]{2,12}(?:[ -][^\d\s./,_-]{2,12}){0,2}?)\.?"
_DAYS = (
    rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}$",
    r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})$",
    rf"^(?P<day>\d{{1,2}})(?: de)?[ -]{_NAME},?(?: de)?[ -](?P<year>\d{{4}}|\d{{2}}){_CLOCK}$",
    rf"^{_NAME} (?P<day>\d{{1,2}}),? (?P<year>\d{{4}}){_CLOCK}$",
)
_TWO_NUMBERS = rf"^(?P<first>\d{{1,2}})[-/.](?P<second>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){_CLOCK}$"
# Without a day. A year has four digits here: May-25 may be a day.
_MONTHS = (
    r"^(?P<year>\d{4})[-/](?P<month>\d{1,2})$",
    r"^(?P<month>\d{1,2})[-/](?P<year>\d{4})$",
    rf"^{_NAME},?(?: de)?[ /-](?P<year>\d{{4}})$",
    rf"^(?P<year>\d{{4}})[ /-]{_NAME}$",
)
_ISO_WEEK = r"^(?P<year>\d{4})-?W(?P<week>\d{1,2})$"
# Days since the last of 1899, as spreadsheets count them, from 1970 to 2099.
_SERIAL, _SERIALS, _SERIAL_ZERO = r"^(\d{5})(?:\.\d+)?$", (25_569, 73_050), pd.Timestamp("1899-12-30")
_YEARS = (1900, 2200)
_EXPECTED = "dates such as 2019-03-06, 16 May 2025 or 30/12/20"

Integers = npt.NDArray[np.int64]


def parse_dates(
    raw: RawTable,
    column: str,
    ledger: Ledger,
    *,
    day_first: bool | None = None,
    default_day_first: bool | None = None,
) -> tuple[pd.Series, Ledger]:
    """Days (datetime64[ns]) of a column; NaT where it says nothing, or (with a ledger line) where it is no date.

    Every value is parsed by its own format. Where day and month are two numbers, a value with a part above 12
    decides for the whole file.

    Parameters
    ----------
    raw : RawTable
        The file.
    column : str
        The column of its frame.
    ledger : Ledger
        Gets a line where the order of day and month was decided or assumed, and where a text is no date.
    day_first : bool, optional
        The user's word on the order; it must agree with the file.
    default_day_first : bool, optional
        The source's habit, taken where no value decides; None refuses such a file.

    Raises
    ------
    InputError
        Where values of both orders stand in the file, where none decides, and where no value at all is a date.
    """
    first, _, ledger = _parsed(raw, column, ledger, day_first, default_day_first, spans=False)
    return first, ledger


def parse_spans(
    raw: RawTable, column: str, ledger: Ledger, *, day_first: bool | None = None
) -> tuple[pd.Series, pd.Series, Ledger]:
    """First and last day of a column of days, of months (2025-05, 05/2025, May 2025, mayo de 2025) or of ISO weeks.

    Months and weeks get a ledger line; the rest is as in `parse_dates`.
    """
    return _parsed(raw, column, ledger, day_first, None, spans=True)


def joined_dates(frame: pd.DataFrame) -> pd.Series:
    """Text of the dates that the columns year and month, also with a day, or year and (ISO) week give together."""
    parts = {name: frame[name].str.removesuffix(".0") for name in ("year", "month", "week", "day") if name in frame}
    if "month" not in parts:
        return parts["year"] + "-W" + parts["week"]
    months = parts["year"] + "-" + parts["month"]
    if "day" not in parts:
        return months
    named = parts["day"] + "-" + parts["month"] + "-" + parts["year"]
    days = (months + "-" + parts["day"]).where(parts["month"].str.isdecimal(), named)
    return days.fillna(months)


def _parsed(
    raw: RawTable, column: str, ledger: Ledger, day_first: bool | None, default: bool | None, *, spans: bool
) -> tuple[pd.Series, pd.Series, Ledger]:
    text = raw.frame[column]
    given = pd.Series(text.dropna().unique(), dtype="str")
    values = given.map(ascii_digits).astype("str")
    days = _serials(values) if len(values) else pd.Series(dtype="datetime64[ns]")
    ledger = _noted(
        raw, column, given[days.notna()], "dates of serial numbers", "days as spreadsheets count them", ledger
    )
    for pattern in _DAYS:
        days = days.fillna(_from_parts(_matched(values, pattern)))
    numbers = _matched(values[days.isna()], _TWO_NUMBERS).dropna()
    if len(numbers):
        order, why = _order(raw, column, given, numbers, day_first, default)
        parts = numbers.set_axis(["day", "month", "year"] if order else ["month", "day", "year"], axis="columns")
        days = days.fillna(_from_parts(parts))
        reason = f"read with the {'day' if order else 'month'} first ({why})"
        ledger = _noted(raw, column, given[numbers.index], "dates of two numbers", reason, ledger)
    ends = days
    for rule, long in (("dates without a day", _month_spans), ("dates of weeks", _week_spans)) if spans else ():
        first, last = long(values[days.isna()])
        days, ends = days.fillna(first), ends.fillna(last)
        reason = "stand for the whole month" if long is _month_spans else "ISO weeks, from Monday to Sunday"
        ledger = _noted(raw, column, given[first.index[first.notna()]], rule, reason, ledger)
    if len(values) and days.isna().all():
        raise _error(raw, column, "no row has a date that can be read", given[:3], expected=_EXPECTED)
    dates, until = (
        pd.to_datetime(text.map(dict(zip(given, column_days, strict=True)))).astype("datetime64[ns]")
        for column_days in (days, ends)
    )
    wrong = text[dates.isna() & text.notna()]
    shown = (f"row {row}: {value}" for row, value in wrong.items())
    return dates, until, ledger.add(f"{column} not a date", len(wrong), "changed", "taken as unknown", shown, raw.name)


def _noted(raw: RawTable, column: str, values: pd.Series, rule: str, reason: str, ledger: Ledger) -> Ledger:
    rows = int(raw.frame[column].isin(values).sum())
    return ledger.add(rule, rows, "noted", f"{column}: {reason}", values, raw.name)


def _matched(values: pd.Series, pattern: str) -> pd.DataFrame:
    return values.str.extract(re.compile(pattern, re.ASCII))


def _serials(values: pd.Series) -> pd.Series:
    """Days of serial numbers; NaT throughout unless every value is one."""
    numbers = values.str.extract(_SERIAL)[0].astype("float64")
    if not numbers.between(*_SERIALS).all():
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    return (_SERIAL_ZERO + pd.to_timedelta(numbers, unit="D")).astype("datetime64[ns]")


def _month_spans(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    first = pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    for pattern in _MONTHS:
        first = first.fillna(_from_parts(_matched(values, pattern).assign(day="1")))
    return first, pd.Series(month_ends(first.to_numpy()), index=first.index)


def _week_spans(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    parts = _matched(values, _ISO_WEEK)
    text = parts["year"] + "-" + parts["week"].str.zfill(2) + "-1"
    first = pd.to_datetime(text, format="%G-%V-%u", errors="coerce").astype("datetime64[ns]")
    first = first.where(first.dt.year.between(*_YEARS))
    return first, first + pd.Timedelta(days=6)


def _order(
    raw: RawTable,
    column: str,
    values: pd.Series,
    numbers: pd.DataFrame,
    day_first: bool | None,
    default: bool | None,
) -> tuple[bool, str]:
    """Whether the day comes first in this file, and why."""
    text = raw.frame[column]
    first, second = numbers["first"].astype(int), numbers["second"].astype(int)
    proofs = {}
    for order, high, low in ((True, first, second), (False, second, first)):
        decisive = values[first.index[(high > 12) & (low <= 12)]]
        if len(decisive):
            proofs[order] = f"{decisive.iloc[0]} in row {text.index[text == decisive.iloc[0]][0]}"
    if len(proofs) == 2:
        problem = "dates with the day first and with the month first stand in one file"
        raise _error(raw, column, problem, proofs.values(), hint="Write them all as 2019-03-06")
    if day_first is not None:
        if (not day_first) in proofs:
            problem = "a date contradicts the option day_first"
            raise _error(raw, column, problem, proofs.values(), hint="Leave the option out")
        return day_first, "as the option day_first says"
    if proofs:
        order, proof = next(iter(proofs.items()))
        return order, f"{proof} allows nothing else"
    if default is None:
        hint = "Write them as 2019-03-06, or set day_first"
        problem = "day and month cannot be told apart"
        raise _error(raw, column, problem, values[numbers.index][:3], hint=hint)
    return default, "the source's habit; no value decides"


def _error(
    raw: RawTable,
    column: str,
    problem: str,
    found: Iterable[str],
    *,
    expected: str | None = None,
    hint: str = "",
) -> InputError:
    where = raw.where(column)
    return InputError(problem, source=raw.path, where=where, found=list(found), expected=expected, hint=hint)


def _from_parts(parts: pd.DataFrame) -> pd.Series:
    parts = parts.dropna()
    number = {name: str(MONTHS.get(plain_name(name), 0)) for name in parts["month"].unique() if not name.isdecimal()}
    month = parts["month"].map(lambda name: number.get(name, name))
    year = parts["year"].astype("int64")
    # Two digits: the sources begin in the twentieth century (POSIX: 69 to 99 are 1969 to 1999).
    year = year.where(parts["year"].str.len() == 4, year + np.where(year < 69, 2000, 1900))
    days = calendar_dates(_integers(year), _integers(month), _integers(parts["day"]))
    return pd.Series(days, index=parts.index)


def _integers(numbers: pd.Series) -> Integers:
    return numbers.to_numpy().astype(np.int64)


def calendar_dates(year: Integers, month: Integers, day: Integers) -> npt.NDArray[np.datetime64]:
    """Days (datetime64[ns]) of year, month and day; NaT where the calendar has no such day between 1900 and 2200."""
    fits = (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(fits, (year - 1970) * 12 + month - 1, 0)).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(fits, day - 1, 0)
    fits &= days.astype("datetime64[M]") == months
    return np.where(fits, days.astype("datetime64[ns]"), np.datetime64("NaT", "ns"))


def month_ends(starts: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Last day of the month of each day (datetime64[ns])."""
    following = starts.astype("datetime64[M]") + 1
    ends: npt.NDArray[np.datetime64] = (following.astype("datetime64[D]") - 1).astype("datetime64[ns]")
    return ends
