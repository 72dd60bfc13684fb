"""Dispersion, draws, and means of past counts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from forecast.baselines.common import dispersion, means_before
from forecast.baselines.design import training_cells
from forecast.baselines.naive import Conflictology, Last, RecentMean
from forecast.baselines.smoothing import ExponentialSmoothing
from forecast.counts import draw_counts
from forecast.inference.dispatch import fit


def log_likelihood(counts, means, phi):
    return stats.nbinom.logpmf(counts, phi, phi / (phi + means)).sum()


def test_dispersion_is_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(1)
    means = rng.gamma(2, 2, 500)
    counts = draw_counts(rng, means, 1.5).astype(float)
    estimate = dispersion(counts, means)
    grid = estimate * np.exp(np.linspace(-1, 1, 201))
    values = [log_likelihood(counts, means, phi) for phi in grid]
    assert np.argmax(values) == 100


def test_counts_narrower_than_poisson_have_no_dispersion():
    assert dispersion(np.full(100, 3.0), np.full(100, 3.0)) == np.inf
    assert dispersion(np.zeros(100), np.full(100, 0.1)) == np.inf


@pytest.mark.parametrize("phi", [0.5, 3.0, np.inf])
def test_draws_have_the_moments_of_the_negative_binomial(phi):
    mu, number = 4.0, 200_000
    draws = draw_counts(np.random.default_rng(1), np.full(number, mu), phi)
    exact = stats.nbinom(phi, phi / (phi + mu)) if np.isfinite(phi) else stats.poisson(mu)
    _, variance, _, kurtosis = exact.stats("mvsk")
    # Four standard errors of a sample mean and of a sample variance.
    assert draws.mean() == pytest.approx(mu, abs=4 * np.sqrt(variance / number))
    assert draws.var() == pytest.approx(variance, abs=4 * variance * np.sqrt((kurtosis + 2) / number))


@settings(deadline=None)
@given(
    nps.arrays(float, st.tuples(st.integers(1, 3), st.just(2), st.integers(1, 9)), elements=st.integers(0, 9)),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_means_before_each_period_by_hand(counts, window, random):
    for cell in np.ndindex(counts.shape):
        if random.random() < 0.3:
            counts[cell] = np.nan
    means = means_before(counts, window)
    assert means.shape == (*counts.shape[:2], counts.shape[2] + 1)
    for row, column, time in np.ndindex(means.shape):
        past = counts[row, column, :time]
        past = past[~np.isnan(past)][-window:]
        last = time == counts.shape[2]
        expected = past.mean() if len(past) and (len(past) == window or last) else np.nan
        assert means[row, column, time] == pytest.approx(expected, nan_ok=True)


def test_what_is_known_in_part_counts_as_about_as_many_as_there_were(make_panel):
    counts = 2 * np.random.default_rng(3).poisson(4.0, (3, 2, 30))
    whole = make_panel(counts)
    half, coverage = counts.copy(), np.ones(counts.shape)
    half[..., -1] //= 2
    coverage[..., -1] = 0.5
    dims = whole.dataset["attacks"].dims
    late = replace(whole, dataset=whole.dataset.assign(attacks=(dims, half), coverage=(dims, coverage)))
    for model in (Last(), Conflictology(), RecentMean(), ExponentialSmoothing()):
        assert fit(model, late, seed=1).state.equals(fit(model, whole, seed=1).state)
    cells = [training_cells(panel, [], np.ones(2), harmonics=0, trend=False, lags=2) for panel in (late, whole)]
    np.testing.assert_array_equal(cells[0].past, cells[1].past)
    # What the regression is fitted to are the counts on record, in proportion to their share.
    np.testing.assert_array_equal(cells[0].counts[..., -1], half[..., -1])
