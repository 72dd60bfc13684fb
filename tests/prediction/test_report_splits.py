"""Counts that belong together: they agree in every draw, whatever is split, and have the moments of the likelihood."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.prediction.report_splits import Split, dispersion_within, draw_within, splits_of

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
    return share, [Split(0, first, is_complete), Split(0, (last,), False), Split(1, second, False)]


@settings(max_examples=40, deadline=None)
@given(family=families(), concentration=st.sampled_from([1e-5, 0.5, 20.0, np.inf]), seed=st.integers(0, 10))
def test_parts_never_exceed_their_whole_and_add_up_where_they_are_all(family, concentration, seed):
    share, splits = family
    rng = np.random.default_rng(seed)
    counts = rng.poisson(20.0, (SAMPLES, len(share)))
    shares = np.tile(share, (SAMPLES, 1))
    drawn = draw_within(rng, counts, splits, shares, np.full(shares.shape, concentration))
    np.testing.assert_array_equal(drawn[:, 0], counts[:, 0])
    assert (drawn >= 0).all()
    for split in splits:
        parts = drawn[:, split.rows].sum(axis=1)
        assert (parts <= drawn[:, split.whole]).all()
        assert not split.is_complete or (parts == drawn[:, split.whole]).all()


@pytest.mark.parametrize("concentration", [2.0, 30.0, np.inf])
def test_draws_have_the_moments_of_a_dirichlet_multinomial(concentration):
    samples, total, size = 40_000, 30.0, 5.0
    share = np.array([1.0, 0.5, 0.3, 0.2])
    rng = np.random.default_rng(1)
    counts = np.zeros((samples, 4), dtype=np.int64)
    counts[:, 0] = rng.negative_binomial(size, size / (size + total), samples)
    splits = [Split(0, (1, 2, 3), True)]
    shares, about = np.tile(share, (samples, 1)), np.full((samples, 4), concentration)
    drawn = draw_within(rng, counts, splits, shares, about)
    # Standard errors are below 1 % of each.
    np.testing.assert_allclose(drawn.mean(axis=0), total * share, rtol=0.03)
    inner = dispersion_within(np.full((1, 4), size), splits, shares[:1], about[:1])[0]
    np.testing.assert_allclose(drawn.var(axis=0), total * share + (total * share) ** 2 / inner, rtol=0.05)
    one = drawn[(counts[:, 0] >= 25) & (counts[:, 0] <= 35)]
    fraction = one[:, 1:] / one[:, :1]
    mean = (1 / one[:, 0]).mean()
    inflated = mean if np.isinf(concentration) else (1 + concentration * mean) / (1 + concentration)
    np.testing.assert_allclose(fraction.var(axis=0), share[1:] * (1 - share[1:]) * inflated, rtol=0.06)


def test_splits_by_province_and_by_tactic_and_subsets_are_apart():
    kinds = ["total", "part", "part", "part", "subset", "part"]
    table = pd.DataFrame({"kind": kinds, "tactic": ["all", "all", "all", "ied", "all", "all"]})
    found = splits_of(table, np.array([-1, 0, 0, 0, 0, 1]), np.array([6, 4, 2, 3, 6, 2]))
    assert found == [Split(0, (1, 2), True), Split(0, (3,), False), Split(0, (4,), False), Split(1, (5,), False)]
