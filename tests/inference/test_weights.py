"""Weights of latents: unbiased whatever the Gaussian and however few the temperatures, and exact draws by them."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.certificate import certify
from forecast.inference.diagnostics import CERTIFIED, failed_checks
from forecast.inference.draws import JointDraws, pair_weights, point_weights
from forecast.inference.marginal import Marginal
from forecast.inference.weights import temperatures_for, weigh


@pytest.fixture(scope="module")
def sparse():
    """One latent and two attacks in twelve periods, and a Gaussian that is too narrow for it, from many counts."""
    panel = fc.simulate_panel(1, 1, 12, seed=2, mean=0.3).panel
    made = Marginal(fc.Model([fc.Intercept()], fc.Poisson()).bind(panel))
    return made, made.gaussian(np.zeros(0), made.mode(np.zeros(0)).x + 0.0)


@pytest.fixture(scope="module")
def exact(sparse):
    """Log of the integral, mean and SD of the latent, by quadrature."""
    grid = np.linspace(-14, 8, 8001)
    log, _ = sparse[0].log_joint(sparse[1], grid[None])
    mass = np.exp(log - log.max())
    share = mass / mass.sum()
    mean = share @ grid
    area = np.log(mass.sum() * (grid[1] - grid[0])) + log.max() - 0.5 * np.log(2 * np.pi)
    return area, mean, np.sqrt(share @ (grid - mean) ** 2)


@pytest.mark.parametrize("temperatures", [1, 2, 6])
def test_the_mean_weight_is_the_integral_and_weighted_draws_are_exact(sparse, exact, temperatures):
    count = 40_000
    found = weigh(*sparse, count, temperatures, np.random.default_rng(1))
    weight = np.exp(found.log_weight - exact[0])
    assert abs(weight.mean() - 1) < 4 * weight.std() / np.sqrt(count)
    share = weight / weight.sum()
    mean = share @ found.latents[0]
    # Four standard errors of as many draws as are effective.
    error = 4 / np.sqrt(1 / (share**2).sum())
    assert abs(mean - exact[1]) < error * exact[2]
    assert abs(np.sqrt(share @ (found.latents[0] - mean) ** 2) / exact[2] - 1) < error


def test_temperatures_take_the_variance_of_weights_down(sparse):
    spread = [weigh(*sparse, 20_000, number, np.random.default_rng(2)).log_weight.var() for number in (1, 3, 9)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


def test_temperatures_by_the_variance():
    assert temperatures_for(np.zeros(10)) == 1
    assert temperatures_for(np.array([-3.0, 3.0])) == 18
    assert temperatures_for(np.array([-300.0, 300.0])) == 40


# The certificate ---------------------------------------------------------------------------------------------


def drawn(log_weight, rng):
    """Draws whose forecasts depend on the hyperparameters in part."""
    points, count = log_weight.shape
    ahead = 0.5 * rng.standard_normal((points, 1, 5)) + rng.standard_normal((points, count, 5))
    empty = np.zeros((0, 0))
    return JointDraws(empty, empty, log_weight, ahead, None)


def test_equal_weights_pass_in_every_grade():
    rng = np.random.default_rng(1)
    table = certify(drawn(np.zeros((500, 4)), rng), 1000).set_index("check")
    assert table["passed"].all()
    assert table.loc["hyperparameters: effective draws", "value"] == pytest.approx(500)
    # Latents of their own make more draws count for forecasts than there are hyperparameters.
    assert table.loc[CERTIFIED, "value"] > 700


def test_weights_of_another_posterior_are_refused():
    """Draws of N(0, 1) in 14 dimensions for a posterior that lies 0.7 SDs away in each."""
    rng = np.random.default_rng(2)
    z = rng.standard_normal((500, 14))
    log_weight = np.repeat((0.7 * z - 0.245).sum(axis=1)[:, None], 4, axis=1)
    table = certify(drawn(log_weight, rng), 1000).set_index("check")
    assert not table["passed"].any()
    assert "may be off by" in table.loc[CERTIFIED, "advice"]


def test_a_weight_that_is_left_out_is_seen():
    """Hyperparameters that were drawn from a density three times too narrow, as if they had no weights."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((500, 6)) / 3
    log_weight = (-0.5 * z**2 + 4.5 * z**2).sum(axis=1)[:, None] + np.zeros((1, 4))
    assert not certify(drawn(log_weight, rng), 1000)["passed"].all()


def test_a_grade_that_fails_says_by_how_much():
    rng = np.random.default_rng(4)
    log_weight = np.full((500, 4), -50.0)
    log_weight[:120] = 0.0
    table = certify(drawn(log_weight, rng), 1000).set_index("check")
    assert table.loc["slopes and contrasts: effective draws", "passed"]
    assert not table.loc["hyperparameters: effective draws", "passed"]
    assert "0.09 SDs" in table.loc["hyperparameters: effective draws", "advice"]
    # A report stands on the grade of forecasts.
    assert failed_checks(table.reset_index(), "m") == ""
    table.loc[CERTIFIED, "passed"] = False
    assert CERTIFIED in failed_checks(table.reset_index(), "m")


def test_pair_weights_add_up_to_those_of_the_hyperparameters():
    log_weight = np.random.default_rng(5).normal(size=(50, 3))
    weight = pair_weights(log_weight)
    assert weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(point_weights(log_weight), np.log(np.exp(log_weight).mean(axis=1)))
