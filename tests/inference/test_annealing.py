"""Annealed draws: their mean weight is unbiased however few the temperatures, and draws by the weights are exact."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights import annealing


@pytest.fixture(scope="module")
def sparse():
    """A Gaussian for one latent and a few attacks in twelve periods, and the exact log density with its gradient."""
    panel = fc.simulate_panel(1, 1, 12, seed=2, mean=0.3).panel
    made = Marginal(fc.Model([fc.Intercept(-1.0, 1.5)], fc.Poisson()).bind(panel))
    gaussian, _ = made.best(np.zeros(0), made.mode(np.zeros(0)).x)
    total = panel.attacks.values.sum()

    def log_joint(x):
        log = total * x[0] - 12 * np.exp(x[0]) - 0.5 * ((x[0] + 1.0) / 1.5) ** 2
        return log, total - 12 * np.exp(x) - (x + 1.0) / 1.5**2

    return gaussian, log_joint


@pytest.fixture(scope="module")
def exact(sparse):
    """Log of the integral, mean and SD of the latent, by quadrature."""
    grid = np.linspace(-14, 8, 8001)
    log, _ = sparse[1](grid[None])
    mass = np.exp(log - log.max())
    share = mass / mass.sum()
    mean = share @ grid
    area = np.log(mass.sum() * (grid[1] - grid[0])) + log.max() - 0.5 * np.log(2 * np.pi)
    return area, mean, np.sqrt(share @ (grid - mean) ** 2)


@pytest.mark.parametrize("temperatures", [1, 2, 6])
def test_the_mean_weight_is_the_integral_and_weighted_draws_are_exact(sparse, exact, temperatures):
    count = 40_000
    latents, log_weight = annealing._annealed(*sparse, count, temperatures, np.random.default_rng(1))
    weight = np.exp(log_weight - exact[0])
    assert abs(weight.mean() - 1) < 4 * weight.std() / np.sqrt(count)
    share = weight / weight.sum()
    mean = share @ latents[0]
    # Four standard errors of as many draws as are effective.
    error = 4 / np.sqrt(1 / (share**2).sum())
    assert abs(mean - exact[1]) < error * exact[2]
    assert abs(np.sqrt(share @ (latents[0] - mean) ** 2) / exact[2] - 1) < error


def test_temperatures_take_the_variance_of_weights_down(sparse):
    spread = [annealing._annealed(*sparse, 20_000, number, np.random.default_rng(2))[1].var() for number in (1, 3, 9)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


def test_temperatures_by_the_variance():
    assert annealing.temperatures_for(np.zeros(10)) == 1
    assert annealing.temperatures_for(np.array([-3.0, 3.0])) == 18
    assert annealing.temperatures_for(np.array([-300.0, 300.0])) == 40


def test_draws_have_one_weight(sparse, exact):
    found = annealing.anneal(*sparse, 500, np.random.default_rng(3))
    assert found.latents.shape == (1, 500)
    assert abs(found.log_weight - exact[0]) < 0.2
    assert abs(found.latents.mean() - exact[1]) < 0.2 * exact[2]
