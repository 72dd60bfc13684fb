"""The search for the hyperparameters' mode, and what it begins with."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.machine import one_thread
from forecast.inference.mode.information import information
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import TOLERANCE, climb, heavier_of_both, updated


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


def test_curvature_does_not_explode_where_the_density_hardly_bends():
    """Along a step the gradient changed by a thousandth of what was expected, by nothing, or the other way."""
    inverse, step = np.diag([1.0, 0.5, 0.1]), np.array([0.5, -0.3, 0.1])
    expected = np.linalg.solve(inverse, step)
    for share in (1e-3, 0.0, -2.0):
        found = updated(inverse, step, share * expected)
        assert np.linalg.eigvalsh(found).min() > 0
        # Five times the variance along the step, as if the gradient had changed by a fifth.
        assert np.allclose(found @ expected, 5 * step)
        assert found.trace() < 5 * inverse.trace()
    # A change that is not too small is taken as it is.
    np.testing.assert_allclose(updated(inverse, step, 0.5 * expected) @ (0.5 * expected), step)


def test_the_search_from_walks_ends_at_a_mode(shared_data):
    """On this panel the density hardly bends between two points on the way: the search ended there, 300 SDs wide."""
    places = fc.read_gazetteer().select(["Syria"])
    events = fc.read_events(shared_data / "ucdp_ged_syria_2016_2019.csv.gz", source="ucdp", gazetteer=places)
    panel = fc.build_panel(events, freq="W", gazetteer=places, seed=1)
    marginal = Marginal(fc.quick_model().bind(panel.between(end="2019-09-15")))
    with one_thread():
        heavier, other = heavier_of_both(marginal, climb(marginal))
    for found in (heavier,) if other is None else (heavier, other):
        assert found.decrement < TOLERANCE
        # The prior's are 1.
        assert np.diag(found.covariance).max() < 1.5


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
