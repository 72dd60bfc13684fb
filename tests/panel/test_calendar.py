"""Months and weeks: their first and last days, and which of them are complete."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InputError
from forecast.panel.calendar import (
    complete_periods,
    next_periods,
    normalise_freq,
    parse_days,
    period_end,
    period_lengths,
    period_range,
    period_start,
    periods_per_year,
    ramadan_share,
    year_fraction,
)

DAYS = st.datetimes(
    min_value=pd.Timestamp("1970-01-01").to_pydatetime(), max_value=pd.Timestamp("2100-01-01").to_pydatetime()
)


@given(DAYS, st.sampled_from(["MS", "W-MON"]))
def test_every_moment_lies_in_its_period(day, freq):
    start = period_start(pd.DatetimeIndex([day]), freq)
    end = period_end(start, freq)
    assert start[0] <= day < end[0] + pd.Timedelta(days=1)
    assert start[0].day == 1 if freq == "MS" else start[0].weekday() == 0
    assert period_start(end, freq)[0] == start[0]
    assert next_periods(start[0], 1, freq)[0] == end[0] + pd.Timedelta(days=1)


@given(DAYS, st.integers(0, 400), st.sampled_from(["MS", "W-MON"]))
def test_complete_periods_are_those_inside(day, length, freq):
    first = pd.Timestamp(day).normalize()
    last = first + pd.Timedelta(days=length)
    periods = complete_periods(first, last, freq)
    days = pd.date_range(first, last)
    counts = pd.Series(1, index=days).groupby(period_start(days, freq)).sum()
    whole = [
        start for start, n in counts.items() if n == (period_end(pd.DatetimeIndex([start]), freq)[0] - start).days + 1
    ]
    assert list(periods) == whole


def test_spellings():
    assert [normalise_freq(text) for text in ("m", "MS", "month", "W", "week")] == ["MS", "MS", "MS", "W-MON", "W-MON"]
    with pytest.raises(InputError, match="unknown frequency"):
        normalise_freq("daily")


def test_year():
    months = pd.date_range("2021-01-01", periods=12, freq="MS")
    assert np.all(np.diff(year_fraction(months, "MS")) > 0)
    assert periods_per_year("MS") == 12
    assert periods_per_year("W-MON") == pytest.approx(52.18, abs=0.01)


def test_lengths_of_periods():
    months = pd.date_range("2023-01", periods=48, freq="MS")
    lengths = period_lengths(months, "MS")
    assert lengths[1] / lengths[0] == pytest.approx(28 / 31)
    # Four years have the days of four mean years.
    assert lengths.mean() == pytest.approx(1.0)
    assert (period_lengths(pd.date_range("2023-01-02", periods=9, freq="W-MON"), "W-MON") == 1.0).all()


def test_days_of_text_are_iso_and_nothing_is_guessed():
    given = ["2020-03-01", "2020-03", " 2020-03-01T12:00Z ", "01/02/2020", "2020-13-01", "0020-03-01", "2020", None]
    days = parse_days(pd.Series(given, name="period"))
    assert (days.name, str(days.dtype)) == ("period", "datetime64[ns]")
    assert list(days[:3]) == [pd.Timestamp("2020-03-01")] * 3
    assert days[3:].isna().all()
    dates = pd.Series(pd.DatetimeIndex(["2020-03-01", "2250-01-01"]))
    assert parse_days(dates).isna().tolist() == [False, True]
    months = pd.Series(pd.period_range("2020-03", periods=1, freq="M"))
    assert parse_days(months)[0] == pd.Timestamp("2020-03-01")


def test_days_of_ramadan():
    """Ramadan 1444: 2023-03-23 to 2023-04-20 (Umm al-Qura calendar)."""
    months = period_range(pd.Timestamp("2023-01-01"), 12, "MS")
    share = ramadan_share(months, "MS")
    np.testing.assert_allclose(share, [0, 0, 9 / 31, 20 / 30, *[0] * 8])
    weeks = period_range(pd.Timestamp("2023-03-13"), 7, "W-MON")
    np.testing.assert_allclose(ramadan_share(weeks, "W-MON"), np.array([0, 4, 7, 7, 7, 4, 0]) / 7)


def test_two_ramadans_in_a_year_both_count():
    """In 2030 the month falls twice: in January and from the end of December."""
    share = ramadan_share(period_range(pd.Timestamp("2030-01-01"), 12, "MS"), "MS")
    assert share[0] > 0.5
    assert share[-1] > 0
    assert share[2:11].sum() == 0


def test_years_beyond_the_hijri_calendar_are_refused():
    with pytest.raises(InputError, match="Hijri calendar"):
        ramadan_share(period_range(pd.Timestamp("2080-01-01"), 3, "MS"), "MS")
