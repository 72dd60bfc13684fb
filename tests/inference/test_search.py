"""The search for the hyperparameters' mode, and what it begins with."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.mode.information import information
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import climb


@pytest.fixture(scope="module")
def marginal():
    panel = fc.simulate_panel(8, 3, 40, seed=1).panel
    return Marginal(fc.quick_model().bind(panel))


@pytest.fixture(scope="module")
def peak(marginal):
    return climb(marginal)


def test_few_gradients_lead_to_the_mode(marginal, peak):
    assert peak.evaluations <= 10
    assert peak.decrement < 0.005
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(peak.covariance)
    for _ in range(10):
        step = root @ rng.standard_normal(len(root))
        assert marginal.mode(peak.mode.vector + step, peak.mode.x).value < peak.mode.value


def test_another_start_leads_to_the_same_mode(marginal, peak):
    other = climb(marginal, np.full(len(peak.mode.vector), 0.5))
    assert abs(other.mode.value - peak.mode.value) < 0.01


def test_a_start_at_the_mode_costs_one_gradient(marginal, peak):
    assert climb(marginal, peak.mode.vector, peak.mode.x, peak.covariance).evaluations == 1


def test_slopes_that_go_together_are_searched_together():
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Walk(by="tactic"), fc.Excitation(lags=2), fc.Spillover()]
    marginal = Marginal(fc.Model(terms, fc.Poisson()).bind(fc.simulate_panel(8, 3, 48, seed=1, mean=2.0).panel))
    found = climb(marginal)
    assert found.evaluations <= 10
    assert found.decrement < 0.005
    assert (np.abs(np.log(ratio_of_deviations(marginal, found)[-3:])) < 0.1).all()


def test_information_is_close_to_the_curvature(marginal, peak):
    """Within a third: a start, not an answer."""
    assert (np.abs(np.log(ratio_of_deviations(marginal, peak))) < np.log(4 / 3)).all()
    assert np.linalg.eigvalsh(information(marginal, peak.mode, peak.slopes).matrix).min() >= 1 - 1e-9


def ratio_of_deviations(marginal, peak):
    """SDs of the hyperparameters by average information over those by differences of gradients."""
    known = information(marginal, peak.mode, peak.slopes)
    size, step = len(peak.mode.vector), 0.05
    hessian = np.empty((size, size))
    for place, unit in enumerate(step * np.eye(size)):
        ends = [
            marginal.slopes(marginal.mode(peak.mode.vector + sign * unit, peak.mode.x)).gradient for sign in (1, -1)
        ]
        hessian[place] = -(ends[0] - ends[1]) / (2 * step)
    return np.sqrt(np.diag(np.linalg.inv(known.matrix)) / np.diag(np.linalg.inv(0.5 * (hessian + hessian.T))))


def test_the_tangent_is_how_the_latents_mode_moves(marginal, peak):
    known = information(marginal, peak.mode, peak.slopes)
    step = 1e-3
    for place, unit in enumerate(step * np.eye(len(peak.mode.vector))):
        ends = [marginal.mode(peak.mode.vector + sign * unit, peak.mode.x).x for sign in (1, -1)]
        found = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(known.tangent[:, place], found, atol=2e-3 * max(1.0, np.abs(found).max()))


def test_a_mode_from_a_near_start_has_the_same_value(marginal, peak):
    """With one factor, and its log determinant corrected: to within what the emulator could not tell."""
    vector = peak.mode.vector + 0.3 * np.sqrt(np.diag(peak.covariance))
    exact = marginal.mode(vector, peak.mode.x)
    start = peak.mode.x + peak.tangent @ (vector - peak.mode.vector)
    assert abs(marginal.mode(vector, start, peak.slopes.variance).value - exact.value) < 0.02
