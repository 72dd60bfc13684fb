"""Pareto-smoothed weights are those of ArviZ, and equal weights stay equal."""

import numpy as np
import pytest

from forecast.inference.posterior.backend import import_arviz
from forecast.inference.weights.pareto import effective_share, resampled, smoothed


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 2.0, 3.0])
def test_as_arviz(spread):
    log_weight = spread * np.random.default_rng(1).standard_normal(400)
    weight, k = smoothed(log_weight)
    expected, k_expected = import_arviz().psislw(log_weight)
    np.testing.assert_allclose(np.log(weight), expected, atol=1e-10)
    np.testing.assert_allclose(k, k_expected)


def test_equal_weights():
    weight, k = smoothed(np.full(50, 3.0))
    np.testing.assert_allclose(weight, 1 / 50)
    assert k == 0.0
    assert effective_share(weight) == pytest.approx(1.0)


def test_one_weight_that_holds_all():
    assert effective_share(np.array([1.0, 0.0, 0.0, 0.0])) == 0.25


def test_resampled_as_often_as_the_weights_say():
    weight = np.array([0.5, 0.3, 0.15, 0.05])
    chosen = resampled(weight, 1000, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(chosen), 1000 * weight, atol=1.0)
    assert (np.diff(chosen) != 0).any()
    # Equal weights: each once.
    assert len(np.unique(resampled(np.full(300, 1 / 300), 300, np.random.default_rng(2)))) == 300
