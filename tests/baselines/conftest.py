"""Panels with known truth for the baselines."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def gappy_panel(make_panel):
    """Counts of 6 × 3 series over 30 months with gaps: one cell never observed, one province and one tactic quiet."""
    rng = np.random.default_rng(3)
    counts = rng.negative_binomial(2, 0.5, (6, 3, 30)).astype(float)
    counts[4], counts[:, 2] = 0.0, 0.0
    counts[rng.random(counts.shape) < 0.1] = np.nan
    counts[0, 0], counts[1, 0, 2:] = np.nan, np.nan
    return make_panel(counts)
