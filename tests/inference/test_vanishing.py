"""Plateaus: where a standard deviation is as good as 0 the density is the prior's, and is drawn from on purpose."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

import forecast as fc
from forecast.inference.laplace.exploration import explore
from forecast.inference.laplace.vanishing import _AT, _FROM, Vanishing
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import climb


def test_the_density_is_that_of_the_draws():
    """Its integral is 1, by importance draws from a normal one that is wider; and its draws lie where it is."""
    rng = np.random.default_rng(1)
    root = np.array([[0.6, 0.0], [0.3, 0.4]])
    plateau = Vanishing(1, np.array([0.5, -1.0]), root, 0.1, None)
    wide, centre = 1.5, np.array([0.5, -1.4, -1.0])
    vectors = centre + wide * rng.standard_normal((400_000, 3))
    log_wide = -0.5 * (((vectors - centre) / wide) ** 2).sum(axis=1) - 3 * np.log(wide)
    weight = np.exp(plateau.log_density(vectors) - log_wide)
    assert abs(weight.mean() - 1) < 4 * weight.std() / np.sqrt(len(weight))
    drawn = plateau.draw(50_000, rng)
    assert (drawn[:, 1] < _FROM).all()
    share = weight / weight.sum()
    np.testing.assert_allclose(drawn.mean(axis=0), share @ vectors, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(vectors.T, aweights=share), atol=0.03)


@pytest.fixture(scope="module")
def made():
    """Levels of provinces that levels of provinces and tactics could do without."""
    panel = fc.simulate_panel(8, 3, 48, seed=1, capability_slope=-0.3).panel
    marginal = Marginal(fc.quick_model().bind(panel))
    return explore(marginal, climb(marginal))


def test_there_is_a_plateau_that_the_emulator_does_not_know(made):
    fallen, missed = [], []
    for each in made.vanishing:
        vector = made.coordinates.vectors(each.point.z)
        assert vector[each.element] == pytest.approx(_AT)
        further = vector.copy()
        further[each.element] = _AT - 1
        beside = made.evaluator.at(made.evaluator.whitened(further), each.point.x)
        # But for the prior.
        fallen.append(each.point.value - beside.value - 0.5 * ((_AT - 1) ** 2 - _AT**2))
        missed.append(beside.value - made.emulated(beside.z[None])[0])
    assert min(np.abs(fallen)) < 0.2
    assert max(missed) > 3


def test_a_mixture_with_plateaus_has_the_density_that_is_said(made):
    rng = np.random.default_rng(2)
    # Along the axes alone the emulator may have tails that its proposals do not reach.
    made = made.with_points([made.evaluator.at(z) for z in replace(made, vanishing=()).draw_mixture(24, rng)[0]])
    z, mixture = made.draw_mixture(20_000, rng, ((1.0, 1.0),))
    for each in made.vanishing:
        there = made.coordinates.vectors(z)[:, each.element] < _FROM
        assert there.mean() >= 0.02
    plain = replace(made, vanishing=()).draw_mixture(20_000, rng)[0]
    weight = special.softmax(made.emulated(z) - mixture.log_density(z))
    np.testing.assert_allclose(weight @ z, plain.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.sqrt(weight @ z**2), np.sqrt((plain**2).mean(axis=0)), atol=0.1)


def test_however_many_plateaus_there_are_half_of_the_draws_are_of_the_density_itself(made):
    z, mixture = replace(made, vanishing=made.vanishing * 40).draw_mixture(400, np.random.default_rng(3))
    assert len(z) == 400
    assert sum(np.exp(level) for _, level in mixture.plateaus) == pytest.approx(0.5)
    assert np.isfinite(mixture.log_density(z)).all()
