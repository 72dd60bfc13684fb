"""Two modes of the hyperparameters: levels of provinces, or walks of provinces that hardly return to 0."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.inference.laplace.draws import draw_jointly
from forecast.inference.laplace.exploration import explore
from forecast.inference.machine import one_thread
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import climb, heavier_of_both
from forecast.inference.weights.pareto import effective_share, smoothed


@pytest.fixture(scope="module")
def marginal():
    """Fourteen provinces by week, of which four have attacks, falling in number."""
    rng, weeks = np.random.default_rng(2), pd.date_range("2021-01-04", periods=100, freq="W-MON")
    mean = 0.2 * np.array([1, 2, 3, 1] + 10 * [0])[:, None] * np.exp(-np.arange(100) / 100)
    rows = [
        {"province": f"p{province:02d}", "tactic": "ied", "period": week, "attacks": count}
        for province, counts in enumerate(rng.poisson(mean))
        for week, count in zip(weeks, counts, strict=True)
    ]
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Walk(by="province")]
    panel = fc.Panel.from_frame(pd.DataFrame(rows), freq="W")
    return Marginal(fc.Model(terms, fc.Poisson()).bind(panel))


@pytest.fixture(scope="module")
def peaks(marginal):
    with one_thread():
        return heavier_of_both(marginal, climb(marginal))


def test_both_are_found_the_heavier_first(marginal, peaks):
    heavier, other = peaks
    assert other is not None
    assert heavier.is_apart(other)
    assert heavier.log_mass > other.log_mass
    level, half_life = (
        marginal.hyperparameters.slices[f"{name}_province"].start for name in ("sigma_level", "half_life_walk")
    )
    one, two = sorted((heavier.gaussian.vector, other.gaussian.vector), key=lambda vector: vector[level])
    assert one[half_life] > two[half_life] + 1


def test_a_model_that_has_levels_only_has_one_mode(marginal):
    bound = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson()).bind(marginal.bound.panel)
    peak = climb(Marginal(bound))
    assert heavier_of_both(Marginal(bound), peak) == (peak, None)


def test_the_mixture_has_the_density_that_is_said(marginal, peaks):
    """Weighted by it, draws are those of a normal density about either mode."""
    with one_thread():
        made = explore(marginal, *peaks)
        assert made.other is not None
        z, mixture = made.draw_mixture(20_000, np.random.default_rng(1), ((0.8, 0.7), (0.5, 0.3)))
        vectors = made.coordinates.vectors(z)
        for peak in peaks:
            root = 0.5 * np.linalg.cholesky(peak.covariance)
            square = (np.linalg.solve(root, (vectors - peak.gaussian.vector).T) ** 2).sum(axis=0)
            turned = np.linalg.slogdet(made.evaluator.root)[1] - np.linalg.slogdet(root)[1]
            weight = np.exp(-0.5 * square + turned - mixture.log_density(z))
            assert weight.mean() == pytest.approx(1, abs=4 * weight.std() / len(weight) ** 0.5 + 0.02)


def test_draws_do_not_depend_on_which_mode_is_the_first(marginal, peaks):
    """Nor on the emulators: exact weights give both modes their shares."""
    found = []
    with one_thread():
        for order in (peaks, peaks[::-1]):
            drawn = draw_jointly(explore(marginal, *order), 4000, np.random.default_rng(3))
            effective = effective_share(smoothed(drawn.log_weight)[0]) * len(drawn.log_weight)
            assert effective > 100
            found.append((drawn.vectors.mean(axis=0), drawn.vectors.std(axis=0), effective))
    (one, sd, first), (two, _, second) = found
    np.testing.assert_array_less(np.abs(one - two) / sd, 4 * np.sqrt(1 / first + 1 / second))


def test_each_mode_s_emulator_is_told_of_the_draws_near_it(marginal, peaks):
    with one_thread():
        made = explore(marginal, *peaks)
        z = made.draw_mixture(40, np.random.default_rng(4))[0]
        points = [point for point in map(made.evaluator.at, z) if point is not None]
        told = made.with_draws(points, np.array([point.value for point in points]))
    nearer = made.nearer_other(np.stack([point.z for point in points]))[0]
    assert 0 < nearer.sum() < len(nearer)
    assert len(told.emulator.points) == len(made.emulator.points) + (~nearer).sum()
    assert len(told.other.emulator.points) == len(made.other.emulator.points) + nearer.sum()
    # What the other is told is true in its own coordinates.
    index = int(np.flatnonzero(nearer)[0])
    own = told.other.drawn[0]
    np.testing.assert_allclose(
        made.other.coordinates.vectors(own.z[None])[0], made.coordinates.vectors(points[index].z[None])[0], atol=1e-8
    )
    slopes = (
        np.linalg.solve(each.evaluator.root.T, point.gradient)
        for each, point in ((made, points[index]), (made.other, own))
    )
    np.testing.assert_allclose(*slopes, rtol=1e-8)


def test_nothing_is_learned_of_draws_without_an_estimate(marginal, peaks):
    with one_thread():
        made = explore(marginal, peaks[0])
        points = [made.evaluator.at(z) for z in made.draw_mixture(6, np.random.default_rng(5))[0]]
    values = np.array([point.value for point in points])
    with_all = made.with_draws(points, np.where(np.arange(6) == 2, -np.inf, values))
    without = made.with_draws([*points[:2], *points[3:]], np.delete(values, 2))
    at = made.coordinates.bend(np.stack([point.z for point in points]))[0]
    np.testing.assert_array_equal(with_all.emulator(at), without.emulator(at))
    assert made.with_draws(points, np.full(6, -np.inf)) is made
