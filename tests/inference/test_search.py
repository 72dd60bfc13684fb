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
        beside, _ = marginal.best(peak.gaussian.vector + step, peak.gaussian.x)
        assert beside.value < peak.gaussian.value


def test_another_start_leads_to_the_same_mode(marginal, peak):
    other = climb(marginal, np.full(len(peak.gaussian.vector), 0.5))
    assert abs(other.gaussian.value - peak.gaussian.value) < 0.01


def test_a_start_at_the_mode_costs_one_gradient(marginal, peak):
    assert climb(marginal, peak.gaussian.vector, peak.gaussian.x, peak.covariance).evaluations == 1


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
    assert np.linalg.eigvalsh(information(marginal, peak.gaussian, peak.bound).matrix).min() >= 1 - 1e-9


def ratio_of_deviations(marginal, peak):
    """SDs of the hyperparameters by average information over those by differences of gradients."""
    known = information(marginal, peak.gaussian, peak.bound)
    size, step = len(peak.gaussian.vector), 0.05
    hessian = np.empty((size, size))
    for place, unit in enumerate(step * np.eye(size)):
        ends = [marginal.best(peak.gaussian.vector + sign * unit, peak.gaussian.x)[1].gradient for sign in (1, -1)]
        hessian[place] = -(ends[0] - ends[1]) / (2 * step)
    return np.sqrt(np.diag(np.linalg.inv(known.matrix)) / np.diag(np.linalg.inv(0.5 * (hessian + hessian.T))))


def test_the_tangent_is_how_the_mean_of_the_latents_moves(marginal, peak, monkeypatch):
    """At given variances of eta, which move the mean in their turn."""
    monkeypatch.setattr("forecast.inference.mode.marginal._ONE_STEP", 1e-12)
    known, at = information(marginal, peak.gaussian, peak.bound), peak.gaussian
    step = 1e-3
    for place, unit in enumerate(step * np.eye(len(at.vector))):
        ends = [marginal.gaussian(at.vector + sign * unit, at.x, peak.bound.variance).x for sign in (1, -1)]
        found = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(known.tangent[:, place], found, atol=5e-3 * max(1.0, np.abs(found).max()))
