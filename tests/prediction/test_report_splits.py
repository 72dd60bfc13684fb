"""Counts that belong together: they agree in every draw, whatever is split, and have the moments of the likelihood."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.prediction.report_splits import Split, dispersion_within, draw_within, splits_of, turns_of

SAMPLES = 200


@st.composite
def families(draw):
    """A total, a split of it that may be complete, a split of its first part, and a subset: shares and splits."""
    outer, inner = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    is_complete = draw(st.booleans())
    weights = draw(st.lists(st.floats(1e-6, 1.0), min_size=outer + 1, max_size=outer + 1))
    weights = np.array(weights if not is_complete else [*weights[:-1], 0.0])
    within = np.array(draw(st.lists(st.floats(1e-6, 1.0), min_size=inner + 1, max_size=inner + 1)))
    share = np.concatenate([[1.0], (weights / weights.sum())[:-1], (within / within.sum())[:-1], [0.3]])
    first, second = tuple(range(1, outer + 1)), tuple(range(outer + 1, outer + inner + 1))
    last = outer + inner + 1
    return share, [Split(0, first, is_complete), Split(0, (last,), False, True), Split(1, second, False)]


@settings(max_examples=40, deadline=None)
@given(family=families(), psi=st.sampled_from([1e-6, 0.5, 20.0, np.inf]), seed=st.integers(0, 10))
def test_parts_never_exceed_their_whole_and_add_up_where_they_are_all(family, psi, seed):
    share, splits = family
    rng = np.random.default_rng(seed)
    counts = rng.poisson(20.0, (SAMPLES, len(share)))
    shares, one = np.tile(share, (SAMPLES, 1)), np.ones((SAMPLES, len(share)))
    # Every set of cells has the dispersion that one cell has.
    drawn = draw_within(rng, counts, splits, turns_of(splits, shares, 3.0 * one, psi * one, psi * one))
    np.testing.assert_array_equal(drawn[:, 0], counts[:, 0])
    assert (drawn >= 0).all()
    for split in splits:
        parts = drawn[:, split.rows].sum(axis=1)
        assert (parts <= drawn[:, split.whole]).all()
        assert not split.is_complete or (parts == drawn[:, split.whole]).all()


@pytest.mark.parametrize("phi", [3.0, 8.0])
def test_given_their_sum_draws_scatter_as_negative_binomial_cells_do(phi):
    """Against cells whose sum happens to be near 40: within 15 % of their SDs, above a multinomial's."""
    rng, mu = np.random.default_rng(2), np.array([25.0, 9.0, 6.0])
    cells = rng.negative_binomial(phi, phi / (phi + mu), (400_000, 3))
    total = cells.sum(axis=1)
    near = (total >= 38) & (total <= 42)
    cells, total = cells[near], total[near]
    share = np.tile([1.0, *mu / 40], (len(total), 1))
    size = np.tile([40**2 / (mu**2 / phi).sum(), phi, phi, phi], (len(total), 1))
    splits = [Split(0, (1, 2, 3), True)]
    counts = np.repeat(total[:, None], 4, axis=1)
    drawn = draw_within(rng, counts, splits, turns_of(splits, share, size, np.ones(share.shape), share))[:, 1:]
    np.testing.assert_allclose((drawn / total[:, None]).std(axis=0), (cells / total[:, None]).std(axis=0), rtol=0.15)
    np.testing.assert_allclose(drawn.mean(axis=0), cells.mean(axis=0), rtol=0.15)
    multinomial = np.sqrt(mu / 40 * (1 - mu / 40) / 40)
    assert ((drawn / total[:, None]).std(axis=0) > 1.1 * multinomial).all()


@pytest.mark.parametrize("psi", [0.1, 1.0, np.inf])
def test_dispersions_are_those_of_the_draws(psi):
    samples, size = 40_000, 5.0
    share = np.array([1.0, 0.5, 0.3, 0.2, 0.4])
    counts = np.zeros((samples, 5), dtype=np.int64)
    rng = np.random.default_rng(1)
    counts[:, 0] = rng.negative_binomial(size, size / (size + 30.0), samples)
    splits = [Split(0, (1, 2, 3), True), Split(0, (4,), False, True)]
    sizes, one = np.tile([size, 3.0, 3.0, 3.0, 3.0], (samples, 1)), np.ones((samples, 5))
    turns = turns_of(splits, np.tile(share, (samples, 1)), sizes, psi * one, 8.0 * one)
    drawn = draw_within(rng, counts, splits, turns)
    # Standard errors are below 1 % of each.
    np.testing.assert_allclose(drawn.mean(axis=0), 30 * share, rtol=0.03)
    by_itself = dispersion_within(sizes, splits, turns)[0]
    np.testing.assert_allclose(drawn.var(axis=0), 30 * share + (30 * share) ** 2 / by_itself, rtol=0.05)


def test_splits_by_province_and_by_tactic_and_subsets_are_apart():
    kinds = ["total", "part", "part", "part", "subset", "part"]
    table = pd.DataFrame({"kind": kinds, "tactic": ["all", "all", "all", "ied", "all", "all"]})
    splits = splits_of(table, np.array([-1, 0, 0, 0, 0, 1]), np.array([6, 4, 2, 3, 6, 2]))
    assert splits == [Split(0, (1, 2), True), Split(0, (3,), False), Split(0, (4,), False, True), Split(1, (5,), False)]
