"""Months of forecasts watched together: right ones are seldom doubted, small misses that point one way are found."""

import numpy as np
import pytest

from forecast.evaluation.rank_tests import DOUBT, combined, distances, evidence, rank_bounds

MONTHS, DRAWS, CELLS = 36, 999, 6
LEVEL = 0.05


def chain(rng, shift=0.0):
    """Bounds of misses and totals of months, whose cells share a shock; what comes is shifted on the log scale."""
    misses, totals = [], []
    for _ in range(MONTHS):
        eta = np.log(8.0) + rng.normal(0, 0.15, (DRAWS + 1, 1)) + rng.normal(0, 0.3, (DRAWS + 1, CELLS))
        eta[0] += shift
        cells = rng.poisson(np.exp(eta))
        sums = cells.sum(axis=1, keepdims=True)
        of_cells, of_sums = distances(cells), distances(sums)
        misses.append(rank_bounds(combined([of_sums[:, 0], of_cells.mean(axis=1), of_cells.max(axis=1)])))
        totals.append(rank_bounds(-sums[:, 0].astype(float)))
    return np.array(misses), np.array(totals)


def doubted(rng, chains, shift=0.0):
    """Shares of chains that are doubted: by evidence, and by each month alone at the same level over all of them."""
    found = [chain(rng, shift) for _ in range(chains)]
    together = [evidence(misses, totals).max() >= DOUBT for misses, totals in found]
    alone = [misses[:, 1].min() <= LEVEL / MONTHS for misses, _ in found]
    return np.mean(together), np.mean(alone)


@pytest.mark.slow
def test_right_forecasts_are_doubted_in_one_chain_of_twenty_at_most(full):
    chains = 400 if full else 40
    share, _ = doubted(np.random.default_rng(1), chains)
    # 3.3 standard errors of a share at the level.
    assert share <= LEVEL + 3.3 * np.sqrt(LEVEL * (1 - LEVEL) / chains)


@pytest.mark.slow
@pytest.mark.parametrize("bias", [1.2, 0.8])
def test_a_bias_of_a_fifth_is_found_that_no_month_shows_alone(bias, full):
    together, alone = doubted(np.random.default_rng(2), 100 if full else 20, np.log(bias))
    assert together > 0.75
    assert together > alone + 0.4
