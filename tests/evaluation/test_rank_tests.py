"""Ranks among draws: a test that holds its level whatever depends on what, and evidence of many forecasts in a row."""

import numpy as np
import pytest

from forecast.evaluation.rank_tests import DOUBT, combined, distances, evidence, rank_bounds, rank_p_values

UNKNOWN = (0.0, 1.0)


def _p_values(rng, replicates, draws, shift=1.0):
    """p-values of a forecast whose series share a shock and a walk, each of what came and of draws that are right."""
    found = []
    for _ in range(replicates):
        path = np.cumsum(rng.normal(0, 0.5, (draws + 1, 1, 3)), axis=-1) + rng.normal(0, 0.5, (draws + 1, 8, 1))
        path[0, 0] += np.log(shift)
        pool = rng.poisson(np.exp(path))
        cells = [distances(pool[..., period]) for period in range(3)]
        totals = [distances(pool[..., period].sum(axis=1, keepdims=True)) for period in range(3)]
        statistics = [np.mean([far.mean(axis=1) for far in level], axis=0) for level in (cells, totals)]
        statistics.append(distances(pool.sum(axis=-1)).max(axis=1))
        found.append([rank_p_values(values)[0] for values in (*statistics, combined(statistics))])
    return np.array(found)


def test_the_test_holds_its_level_where_cells_and_periods_depend_on_each_other():
    replicates = 300
    found = _p_values(np.random.default_rng(2), replicates, draws=99)
    for level in (0.05, 0.2, 0.5):
        shares, error = (found <= level).mean(axis=0), np.sqrt(level * (1 - level) / replicates)
        assert (shares < level + 3.5 * error).all()
        # Sums have hardly any ties, and meet the level; the largest of few small counts ties, and stays below it.
        assert (shares[:2] > level - 3.5 * error).all()
    strange = _p_values(np.random.default_rng(3), 20, draws=99, shift=20.0)
    assert (strange[:, 3] <= 0.05).mean() > 0.7


def test_p_values_of_all_draws_in_turn_are_uniform_at_most():
    pool = np.random.default_rng(4).poisson(0.3, (200, 5))
    values = rank_p_values(combined([distances(pool).mean(axis=1), distances(pool).max(axis=1)]))
    for level in (0.01, 0.05, 0.1, 0.5):
        assert (values <= level).mean() <= level


def test_a_count_beyond_all_draws_is_the_further_off_the_larger_it_is():
    pool = np.array([[30], *[[count] for count in range(10)]])
    nearer = pool.copy()
    nearer[0] = 12
    assert distances(pool)[0] > distances(nearer)[0] > np.log(11 / 2)
    np.testing.assert_allclose(distances(pool)[0], np.log(11 / 2) + np.log(31 / 10), atol=1e-8)
    low = np.array([[0], *[[count] for count in range(9, 19)]])
    np.testing.assert_allclose(distances(low)[0], np.log(11 / 2) + np.log(10), atol=1e-8)
    assert (distances(np.zeros((5, 1), int)) == 0).all()


def test_bounds_are_shares_of_all_that_lie_further_off_and_so_far_off():
    assert rank_bounds(np.array([2.0, 1.0, 2.0 + 1e-12, 3.0, 0.0])) == (1 / 5, 3 / 5)
    assert rank_bounds(-np.array([2.0, 1.0, 2.0, 3.0, 0.0])) == (2 / 5, 4 / 5)


def _ranks(size):
    return [(rank / size, (rank + 1) / size) for rank in range(size)]


@pytest.mark.parametrize("tied", [False, True])
def test_bets_are_fair(tied):
    """Over all ranks that are equally likely a stake stays what it is, with and without ties."""
    sixth = 1 / 6
    ranks = [(0.0, sixth), *[(sixth, 5 * sixth)] * 4, (5 * sixth, 1.0)] if tied else _ranks(6)
    won = [evidence(np.array([miss]), np.array([total]))[-1] for miss in ranks for total in ranks]
    assert np.mean(won) == pytest.approx(1.0)
    assert max(won) > 1.5
    # And so it does after any first bet.
    first = evidence(np.array([ranks[0]]), np.array([ranks[1]]))[-1]
    then = [evidence(np.array([ranks[0], now]), np.array([ranks[1], now]))[-1] for now in ranks]
    assert np.mean(then) == pytest.approx(first)


def test_ties_pay_the_mean_of_what_they_would_in_any_order():
    apart = [evidence(np.array([miss]), np.array([UNKNOWN]))[-1] for miss in _ranks(6)[1:5]]
    tied = evidence(np.array([(1 / 6, 5 / 6)]), np.array([UNKNOWN]))[-1]
    assert tied == pytest.approx(np.mean(apart))


def test_small_misses_that_point_one_way_add_up_and_those_that_alternate_do_not():
    number = 24
    misses = np.array([(0.3, 0.301)] * number)
    high, low = (0.85, 0.851), (0.149, 0.15)
    one_way = evidence(misses, np.array([high] * number))
    assert (one_way[0] < 2, one_way[-1] > DOUBT) == (True, True)
    np.testing.assert_allclose(one_way, evidence(misses, np.array([low] * number)))
    assert evidence(misses, np.array([high, low] * (number // 2)))[-1] < DOUBT / 4
    # What is not known bets nothing.
    assert evidence(np.array([UNKNOWN] * 3), np.array([UNKNOWN] * 3)).tolist() == pytest.approx([1.0] * 3)
