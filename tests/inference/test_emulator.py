"""The emulator of a log density: as it was told to within its small noise, close between, normal far away."""

import numpy as np

from forecast.inference.laplace.emulator import emulate


def skewed(z):
    bend = 0.15 * z[:, 0] ** 3 * np.exp(-0.05 * z[:, 0] ** 2) + 0.1 * z[:, 0] * z[:, 1] ** 2
    return 3.0 - 0.5 * (z**2).sum(axis=1) + bend * np.exp(-0.01 * (z**2).sum(axis=1))


def slopes(z, step=1e-5):
    return np.stack(
        [(skewed(z + step * unit) - skewed(z - step * unit)) / (2 * step) for unit in np.eye(z.shape[1])], 1
    )


def test_values_and_gradients_are_met_and_what_lies_between_is_close():
    rng = np.random.default_rng(1)
    points = np.concatenate([np.zeros((1, 4)), 1.2 * np.eye(4), -1.2 * np.eye(4), rng.normal(size=(48, 4))])
    made = emulate(points, skewed(points), slopes(points))
    np.testing.assert_allclose(made(points), skewed(points), atol=1e-2)
    found = np.stack([(made(points + 1e-5 * u) - made(points - 1e-5 * u)) / 2e-5 for u in np.eye(4)], 1)
    np.testing.assert_allclose(found, slopes(points), atol=1e-2)
    fresh = rng.normal(size=(2000, 4))
    normal = 3.0 - 0.5 * (fresh**2).sum(axis=1)
    assert np.std(skewed(fresh) - made(fresh)) < 0.2 * np.std(skewed(fresh) - normal)


def test_the_dimensions_that_act_together_are_found():
    rng = np.random.default_rng(2)
    points = np.concatenate([np.zeros((1, 4)), 1.2 * np.eye(4), -1.2 * np.eye(4), rng.normal(size=(12, 4))])
    made, plain = (emulate(points, skewed(points), slopes(points), choose=choose) for choose in (True, False))
    assert made.kernel[:2, 1].min() > made.kernel[2:, 1].max()
    fresh = rng.normal(size=(2000, 4))
    assert np.std(skewed(fresh) - made(fresh)) < np.std(skewed(fresh) - plain(fresh))


def test_far_away_it_is_the_normal_density_up_to_a_constant():
    points = np.concatenate([np.zeros((1, 2)), np.eye(2)])
    made = emulate(points, skewed(points), slopes(points))
    far = np.array([[300.0, -200.0], [-400.0, 100.0]])
    rest = made(far) + 0.5 * (far**2).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], rtol=1e-9)
    assert abs(rest[0] - made.level) < 1.0
