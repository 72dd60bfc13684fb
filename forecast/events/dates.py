"""Dates as the sources write them, parsed by value, with the order of day and month decided by file."""

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast.errors import InputError
from forecast.events.raw import RawTable
from forecast.ledger import Ledger

__all__ = ["calendar_dates", "month_ends", "parse_dates"]

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_FORMATS = (
    rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}$",
    r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})$",
    r"^(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]{3,9})\.?,?[ -](?P<year>\d{4}|\d{2})$",
    r"^(?P<month>[A-Za-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})$",
)
_TWO_NUMBERS = rf"^(?P<first>\d{{1,2}})[-/.](?P<second>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){_CLOCK}$"
_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTHS = {name[:length]: str(number) for number, name in enumerate(_MONTH_NAMES, 1) for length in (3, len(name))}
_MONTHS["sept"] = "9"
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
    text = raw.frame[column]
    values = pd.Series(text.dropna().unique(), dtype="str")
    days = pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    for pattern in _FORMATS:
        parts = values.str.extract(re.compile(pattern, re.ASCII))
        days = days.fillna(_from_parts(parts))
    numbers = values[days.isna()].str.extract(re.compile(_TWO_NUMBERS, re.ASCII)).dropna()
    if len(numbers):
        order, why = _order(raw, column, values, numbers, day_first, default_day_first)
        parts = numbers.set_axis(["day", "month", "year"] if order else ["month", "day", "year"], axis="columns")
        days = days.fillna(_from_parts(parts))
        touched = values[numbers.index]
        reason = f"{column}: read with the {'day' if order else 'month'} first ({why})"
        rows = int(text.isin(touched).sum())
        ledger = ledger.add("dates of two numbers", rows, "noted", reason, touched, raw.name)
    if len(values) and days.isna().all():
        raise _error(raw, column, "no row has a date that can be read", values[:3], expected=_EXPECTED)
    lookup = dict(zip(values, days, strict=True))
    dates = pd.to_datetime(text.map(lookup)).astype("datetime64[ns]")
    wrong = text[dates.isna() & text.notna()]
    shown = (f"row {row}: {value}" for row, value in wrong.items())
    return dates, ledger.add(f"{column} not a date", len(wrong), "changed", "taken as unknown", shown, raw.name)


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
        found = values[first.index[(high > 12) & (low <= 12)]]
        if len(found):
            proofs[order] = f"{found.iloc[0]} in row {text.index[text == found.iloc[0]][0]}"
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
    month = parts["month"].str.lower()
    month = month.map(_MONTHS).fillna(month.where(month.str.isdecimal(), "0"))
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
