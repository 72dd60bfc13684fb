"""Counts around their means: the right distribution, and twins where only means differ."""

import numpy as np
import pytest
from scipy import stats

from forecast.counts import draw_counts, draw_coupled


@pytest.mark.parametrize("draw", [draw_counts, draw_coupled])
@pytest.mark.parametrize(("mean", "phi"), [(0.2, 0.5), (3.0, 2.0), (3.0, np.inf), (80.0, 4.0), (80.0, np.inf)])
def test_counts_have_their_distribution(draw, mean, phi):
    drawn = draw(np.random.default_rng(1), np.full(40_000, mean), phi)
    law = stats.poisson(mean) if np.isinf(phi) else stats.nbinom(phi, phi / (phi + mean))
    for level in (0.1, 0.5, 0.9, 0.99):
        at = law.ppf(level)
        share, wanted = (drawn <= at).mean(), law.cdf(at)
        assert abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / drawn.size) + 1e-9


def test_coupled_counts_are_twins():
    """Equal means give equal counts, larger ones no smaller counts, whatever stands beside them."""
    mean = np.random.default_rng(2).gamma(1.0, 20.0, (50, 40))
    other = mean * np.where(np.arange(40) % 2, 1.3, 1.0)
    one, two = (draw_coupled(np.random.default_rng(3), expected, 2.0) for expected in (mean, other))
    np.testing.assert_array_equal(one[:, ::2], two[:, ::2])
    assert (two >= one).all()
    assert (two > one).mean() > 0.2
