"""Statistics of checks, against the same written out."""

import numpy as np
import pytest

from forecast.evaluation.discrepancy import discrepancies


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (3, 4, 2, 15)).astype(float)
    observed = rng.random((4, 2, 15)) > 0.2
    before = np.where(rng.random((4, 2, 15)) > 0.1, rng.poisson(2.0, (4, 2, 15)), np.nan)
    return counts, observed, before


@pytest.mark.parametrize(("over", "group"), [((0,), np.s_[:, 1]), ((1,), np.s_[2]), ((0, 1), np.s_[:])])
def test_statistics_are_those_of_the_observed_cells_of_a_group(case, over, group):
    counts, observed, before = case
    found = discrepancies(counts, observed, before, over)
    values = counts[1][group][observed[group]]
    position = {(0,): (1, 1), (1,): (1, 2), (0, 1): (1,)}[over]
    assert found["zeros"][position] == pytest.approx((values == 0).mean())
    assert found["maximum"][position] == values.max()
    assert found["variance_to_mean"][position] == pytest.approx(values.var() / values.mean())
    pairs = []
    for now, then, seen in zip(*(array[group].reshape(-1, 15) for array in (counts[1], before, observed)), strict=True):
        use = seen & ~np.isnan(then)
        pairs.append((now[use] - now[use].mean(), then[use] - then[use].mean()))
    one, other = (np.concatenate(part) for part in zip(*pairs, strict=True))
    assert found["autocorrelation"][position] == pytest.approx(one @ other / np.sqrt(one @ one * (other @ other)))


def test_without_an_attack_two_statistics_do_not_exist():
    found = discrepancies(np.zeros((2, 1, 1, 5)), np.ones((1, 1, 5), bool), np.zeros((1, 1, 5)), (0, 1))
    assert (found["zeros"] == 1).all()
    assert (found["maximum"] == 0).all()
    assert np.isnan(found["variance_to_mean"]).all()
    assert np.isnan(found["autocorrelation"]).all()


def test_a_series_that_repeats_itself_is_fully_correlated():
    counts = np.arange(10.0).reshape(1, 1, 1, 10)
    found = discrepancies(counts, np.ones((1, 1, 10), bool), counts[0] - 1, (0, 1))
    assert found["autocorrelation"].item() == pytest.approx(1)
