"""The gate of forecasts: what is beyond all that was seen is found, at the right total and horizon; rare ones pass."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.sanity import LIMITS, SMALLEST_RECORD, excessive
from forecast.prediction.draws import Forecast


def forecast_of(panel, cells):
    """The same number in every draw of a cell: (province, tactic, period)."""
    cells = np.asarray(cells, np.int64)
    return Forecast.from_draws(panel, np.repeat(cells[None], 200, axis=0), model="made", seed=1)


@pytest.fixture
def panel(make_panel):
    """Two provinces in two countries; the largest totals are 10 (A), 20 (B) and 28 of both."""
    return make_panel([[[10, 8, 2]], [[5, 20, 1]]])


def test_medians_over_twice_the_record_are_found(panel):
    assert fc.implausible(forecast_of(panel, [[[10, 20]], [[20, 36]]]), panel) == ()
    (whole,) = fc.implausible(forecast_of(panel, [[[10, 20]], [[20, 37]]]), panel)
    assert (whole.where, whole.level, whole.horizon, whole.quantile) == ("all provinces together", 0.5, 2, 57)
    assert (whole.largest, whole.times, whole.unit, whole.period) == (28, 2.0, "month", pd.Timestamp("2020-05-01"))
    assert str(whole).startswith(
        "The forecast is not plausible: for all provinces together in May 2020 its median is 57 attacks, and the most "
        "ever seen in a month is 28."
    )


def test_a_country_is_found_by_itself(panel):
    (found,) = fc.implausible(forecast_of(panel, [[[21, 0]], [[0, 0]]]), panel)
    assert (found.where, found.quantile, found.largest) == ("A", 21, 10)


def test_the_tail_is_found_where_the_median_is_well(panel):
    draws = np.zeros((200, 2, 1, 1), np.int64)
    draws[:2, 1] = 1_000_000
    assert fc.implausible(Forecast.from_draws(panel, draws, model="made", seed=1), panel) == ()
    draws = np.where(np.arange(200)[:, None, None, None] < 3, np.array([0, 141])[None, :, None, None], 0)
    found = fc.implausible(Forecast.from_draws(panel, draws, model="made", seed=1), panel)
    assert [(finding.where, finding.level, finding.quantile) for finding in found] == [
        ("all provinces together", 0.99, 141),
        ("B", 0.99, 141),
    ]


def test_paths_beyond_the_limit_are_found_by_each_total(panel):
    draws = np.zeros((200, 2, 1, 2), np.int64)
    # 140 is the limit of both, 50 and 100 those of the countries.
    draws[0, :, 0, 1], draws[1, :, 0, 0], draws[2, 0, 0, 1], draws[3, 1, 0, 1] = (50, 90), (41, 100), 51, 101
    forecast = Forecast.from_draws(panel, draws, model="made", seed=1)
    assert np.flatnonzero(excessive(forecast, panel)).tolist() == [1, 2, 3]


def test_rare_attacks_count_as_a_record_of_three(make_panel):
    nothing = make_panel(np.zeros((1, 1, 24)))
    assert fc.implausible(forecast_of(nothing, [[[6, 6]]]), nothing) == ()
    assert len(fc.implausible(forecast_of(nothing, [[[7, 0]]]), nothing)) == 1


def test_right_forecasts_of_rare_attacks_pass(make_panel):
    """Totals of mean 0.01 to 1: of right forecasts hardly one in a hundred fails; without the floor a third would."""
    rng, failed, without = np.random.default_rng(1), [], []
    for number in range(60):
        counts = rng.poisson([0.01, 0.05, 0.2, 1.0][number % 4] * rng.gamma(1.0, size=12))
        panel = make_panel(counts[None, None])
        rate = rng.gamma(0.5 + counts.sum(), 1 / 12, size=(300, 1, 1, 1))
        draws = rng.poisson(rate * rng.gamma(1.0, size=(300, 1, 1, 6)))
        failed.append(bool(fc.implausible(Forecast.from_draws(panel, draws, model="right", seed=1), panel)))
        tails = np.quantile(draws, list(LIMITS), axis=0).max(axis=(1, 2, 3))
        without.append((tails > np.array(list(LIMITS.values())) * counts.max()).any())
    assert SMALLEST_RECORD == 3
    assert sum(failed) <= 1
    assert np.mean(without) > 0.2


def test_gaps_and_later_periods_are_no_record(make_panel):
    panel = make_panel([[[4, np.nan, 6, 500]], [[3, 7, np.nan, 500]]], countries=("A", "A"))
    forecast = forecast_of(panel.between(end=pd.Timestamp("2020-03-31")), [[[25]], [[0]]])
    (found,) = fc.implausible(forecast, panel)
    # A gap counts as the mean of its series: 5 + 7 in February.
    assert (found.where, found.largest) == ("all provinces together", 12)


def test_other_provinces_are_refused(panel, make_panel):
    other = make_panel(np.ones((3, 1, 3)))
    with pytest.raises(InputError, match="lacks a province of the forecast"):
        fc.implausible(forecast_of(other, np.ones((3, 1, 1))), panel)


def test_a_regression_that_runs_away_is_found(make_panel):
    """Attacks set in late and stay at ten a month; the regression's trend takes that for growth that goes on."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(0.05, (6, 1, 60))
    for row in range(6):
        counts[row, :, 40 + row :] = rng.negative_binomial(10.0, 0.5, 20 - row)
    panel = make_panel(counts)
    forecast = fc.predict(fc.fit(fc.NegativeBinomialRegression(), panel, seed=1), 6, draws=300, seed=1)
    found = {(finding.where, finding.level) for finding in fc.implausible(forecast, panel)}
    assert ("all provinces together", 0.5) in found
    steady = fc.predict(fc.fit(fc.RecentMean(), panel, seed=1), 6, draws=300, seed=1)
    assert fc.implausible(steady, panel) == ()
