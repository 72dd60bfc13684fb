"""Coordinates in which a density is about normal: there and back, and normal along the axes."""

import numpy as np
import pytest

from forecast.inference.laplace.coordinates import Axis, Coordinates, whitening


def gamma_like(z):
    """Log density with a long right tail, its mode at 0, and its slope: of log sigma, say."""
    return -(np.exp(-z) - 1 + z), np.exp(-z) - 1


def axis(*places):
    profile = [(place, -gamma_like(place)[0], gamma_like(place)[1]) for place in places]
    return Axis.of(profile, 0.3)


def test_there_and_back():
    made, z = axis(-1.5, 1.5, 4.0), np.linspace(-8, 12, 400)
    s, slope = made.bend(z)
    np.testing.assert_allclose(made.straighten(s), z, atol=1e-8)
    assert (slope > 0).all()
    np.testing.assert_allclose(np.gradient(s, z)[2:-2], slope[2:-2], atol=0.05)


def test_between_the_knots_of_an_axis_the_density_is_normal():
    made, z = axis(-1.5, 1.5, 4.0), np.linspace(-1.5, 4, 50)
    s, _ = made.bend(z)
    before = np.abs(gamma_like(z)[0] + 0.5 * z**2).max()
    assert np.abs(gamma_like(z)[0] + 0.5 * s**2).max() < 0.1 < before


def test_beyond_the_knots_the_log_density_is_a_parabola():
    made = axis(-1.5, 1.5, 4.0)
    fall, slope = -gamma_like(4.0)[0], -gamma_like(4.0)[1]
    out = np.array([0.0, 1.0, 3.0])
    s, _ = made.bend(4.0 + out)
    assert 0.5 * s[0] ** 2 == pytest.approx(fall, rel=0.02)
    # Its curvature is that of a linear s, or the least where that is more.
    linear = s[0] + made.slope[-1] * out
    assert made.slope[-1] >= made.least
    np.testing.assert_allclose(s, linear, rtol=1e-6)
    steep = Axis.of([(-1.5, 1.0, 1.3), (4.0, fall, -slope)], 0.9)
    expected = fall + s[0] * steep.slope[-1] * out + 0.5 * (0.9 * out) ** 2
    np.testing.assert_allclose(0.5 * steep.bend(4.0 + out)[0] ** 2, expected, rtol=0.02)


def test_one_side_stands_for_both_and_bends_are_bounded():
    made = Axis.of([(1.5, 0.5 * 1.5**2, -1.5)], 0.3)
    np.testing.assert_allclose(made.bend(np.array([-2.0, 2.0]))[0], [-2.0, 2.0], atol=1e-6)
    flat = Axis.of([(-1.5, 1.0, 1.3), (1.5, 0.01, -0.01)], 0.3)
    slopes = flat.bend(np.linspace(-3, 3, 50))[1]
    assert slopes.min() >= 0.3
    assert slopes.max() <= 2.5


def test_vectors_and_whitened_points():
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]])
    root = whitening(covariance)
    np.testing.assert_allclose(root @ root.T, covariance)
    made = Coordinates(np.array([1.0, -1.0]), root, (axis(-1.5, 1.5), axis(-1.5, 1.5)))
    z = np.random.default_rng(1).standard_normal((20, 2))
    np.testing.assert_allclose(made.whitened(made.vectors(z)), z, atol=1e-10)
    np.testing.assert_allclose(made.straighten(made.bend(z)[0]), z, atol=1e-8)


@pytest.mark.parametrize("dims", [0])
def test_without_dimensions(dims):
    made = Coordinates(np.zeros(dims), np.zeros((dims, dims)), ())
    z = np.zeros((3, dims))
    assert made.bend(z)[0].shape == made.straighten(z).shape == (3, dims)
