"""Scores of quantiles, by hand, against the interval score, and against the CRPS that they come near."""

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture
def panel(make_panel):
    return make_panel(np.random.default_rng(1).poisson(3, (2, 1, 12)))


@pytest.fixture
def actual(make_panel):
    """Two months more; one cell of them was not observed."""
    counts = np.random.default_rng(1).poisson(3, (2, 1, 14)).astype(float)
    counts[:, 0, 12:] = [[4, 9], [0, np.nan]]
    return make_panel(counts)


def test_by_hand(panel, actual):
    values = np.array([1.0, 2, 4, 6, 8])[:, None, None, None] * np.ones((1, 2, 1, 2))
    told = fc.QuantileForecast.from_quantiles(panel, values, LEVELS, model="theirs")
    scores = fc.quantile_scores(told, actual)
    assert scores["observed"].tolist() == [4, 9, 0]
    assert scores["predicted"].tolist() == [4, 4, 4]
    # Bracher et al. (2021): half the error of the median and α/2 times each interval score, over the number of
    # intervals and a half.
    by_hand = ((4, 4.0, 7.0), (9, 4 + 4 * 3.0, 7 + 20 * 1.0), (0, 4 + 4 * 2.0, 7 + 20 * 1.0))
    for row, (observed, fifty, ninety) in enumerate(by_hand):
        assert scores["interval_score_50"][row] == pytest.approx(fifty)
        assert scores["interval_score_90"][row] == pytest.approx(ninety)
        expected = (abs(observed - 4) / 2 + 0.25 * fifty + 0.05 * ninety) / 2.5
        assert scores["wis"][row] == pytest.approx(expected)
    assert scores["inside_90"].tolist() == [True, False, False]
    errors = np.log(10) - np.log1p([1.0, 2, 4, 6, 8])
    pinball = [max(level * error, (level - 1) * error) for level, error in zip(LEVELS, errors, strict=True)]
    assert scores["wis_log"][1] == pytest.approx(2 * np.mean(pinball))


def test_dense_levels_come_near_the_crps(panel, actual):
    """Of 4,000 draws at 199 levels: what lies between is about the width of a level."""
    draws = np.random.default_rng(3).negative_binomial(2, 0.2, (4000, 2, 1, 2))
    forecast = fc.Forecast.from_draws(panel, draws, model="ours", seed=1)
    dense = fc.quantile_scores(fc.QuantileForecast.of(forecast, np.arange(1, 200) / 200), actual)
    exact = fc.score(forecast, actual)
    np.testing.assert_allclose(dense["wis"], exact["crps"], rtol=0.03)
    np.testing.assert_allclose(dense["wis_log"], exact["crps_log"], rtol=0.03)
    for name in ("inside_90", "interval_score_90", "predicted"):
        np.testing.assert_array_equal(dense[name], exact[name])
    # Joint draws are taken at the levels of hubs.
    assert fc.quantile_scores(forecast, actual).equals(fc.quantile_scores(fc.QuantileForecast.of(forecast), actual))


def test_sums_of_joint_draws_are_scored_as_one_series(panel, make_panel):
    draws = np.random.default_rng(3).negative_binomial(2, 0.2, (300, 2, 1, 2))
    forecast = fc.Forecast.from_draws(panel, draws, model="ours", seed=1)
    complete = make_panel(np.full((2, 1, 14), 5.0))
    scores = fc.quantile_scores(forecast.aggregate("total", tactics=True), complete)
    assert scores["observed"].tolist() == [10, 10]


def test_another_panel_is_refused(panel):
    draws = np.ones((5, 2, 1, 2), np.int64)
    forecast = fc.Forecast.from_draws(panel, draws, model="ours", seed=1)
    with pytest.raises(InputError, match="holds no observed cell"):
        fc.quantile_scores(forecast, panel)
    with pytest.raises(InputError, match="wrong type"):
        fc.quantile_scores(draws, panel)
