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
    period_end,
    period_start,
    periods_per_year,
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
