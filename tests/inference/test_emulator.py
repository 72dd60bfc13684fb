"""The emulator of a log density: as it was told to within its small noise, close between, normal far away."""

import numpy as np
import pytest

from forecast.inference.laplace import emulator
from forecast.inference.laplace.emulator import emulate


@pytest.fixture
def without_noise(monkeypatch):
    """What is told here is smooth enough for the kernels."""
    monkeypatch.setattr(emulator, "_NUGGET", 1e-6)


def skewed(z):
    bend = 0.15 * z[:, 0] ** 3 * np.exp(-0.05 * z[:, 0] ** 2) + 0.1 * z[:, 0] * z[:, 1] ** 2
    return 3.0 - 0.5 * (z**2).sum(axis=1) + bend * np.exp(-0.01 * (z**2).sum(axis=1))


def slopes(z, step=1e-5):
    return np.stack(
        [(skewed(z + step * unit) - skewed(z - step * unit)) / (2 * step) for unit in np.eye(z.shape[1])], 1
    )


def test_values_and_gradients_are_met_and_what_lies_between_is_close(without_noise):
    rng = np.random.default_rng(1)
    points = np.concatenate([np.zeros((1, 4)), 1.2 * np.eye(4), -1.2 * np.eye(4), rng.normal(size=(48, 4))])
    made = emulate(points, skewed(points), slopes(points))
    np.testing.assert_allclose(made(points), skewed(points), atol=1e-2)
    found = np.stack([(made(points + 1e-5 * u) - made(points - 1e-5 * u)) / 2e-5 for u in np.eye(4)], 1)
    np.testing.assert_allclose(found, slopes(points), atol=1e-2)
    fresh = rng.normal(size=(2000, 4))
    normal = 3.0 - 0.5 * (fresh**2).sum(axis=1)
    assert np.std(skewed(fresh) - made(fresh)) < 0.2 * np.std(skewed(fresh) - normal)


def test_the_dimensions_that_act_together_are_found(without_noise):
    rng = np.random.default_rng(2)
    points = np.concatenate([np.zeros((1, 4)), 1.2 * np.eye(4), -1.2 * np.eye(4), rng.normal(size=(12, 4))])
    made, plain = (emulate(points, skewed(points), slopes(points), choose=choose) for choose in (True, False))
    assert made.kernel[:2, 1].min() > made.kernel[2:, 1].max()
    fresh = rng.normal(size=(2000, 4))
    assert np.std(skewed(fresh) - made(fresh)) < np.std(skewed(fresh) - plain(fresh))


def test_what_the_kernels_cannot_follow_is_noise(monkeypatch):
    """A ripple in values and gradients does not swing the emulated density between the points and beyond them."""
    rng = np.random.default_rng(3)
    points = np.concatenate([np.zeros((1, 6)), 1.5 * np.eye(6), -1.5 * np.eye(6), rng.normal(size=(25, 6))])

    def rippled(z):
        return skewed(z) + 0.05 * np.sin(8 * z).sum(axis=1)

    fresh, errors = rng.normal(size=(2000, 6)), []
    for nugget in (emulator._NUGGET, 1e-6):
        monkeypatch.setattr(emulator, "_NUGGET", nugget)
        made = emulate(points, rippled(points), slopes(points) + 0.4 * np.cos(8 * points))
        errors.append(np.std(skewed(fresh) - made(fresh)))
    assert errors[0] < 0.5 * errors[1]


def test_far_away_it_is_the_normal_density_up_to_a_constant():
    points = np.concatenate([np.zeros((1, 2)), np.eye(2)])
    made = emulate(points, skewed(points), slopes(points))
    far = np.array([[300.0, -200.0], [-400.0, 100.0]])
    rest = made(far) + 0.5 * (far**2).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], rtol=1e-9)
    assert abs(rest[0] - made.level) < 1.0
