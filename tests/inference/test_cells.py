"""One pass over cells does what jets and the family's own log mass do."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.likelihood import cells
from forecast.inference.likelihood.jets import cell_terms
from forecast.model.families import Counts

RNG = np.random.default_rng(1)
COUNTS = Counts.of(RNG.poisson(2.0, 60), RNG.integers(0, 3, 60))
ETA, VARIANCE = RNG.normal(0, 2, 60), RNG.uniform(0.01, 0.5, 60)
CASES = {
    "poisson": (fc.Poisson(), {}),
    "by tactic": (fc.NegativeBinomial(), {"log_phi": np.array([-1.0, 0.5, 3.0])}),
    "shared": (fc.NegativeBinomial(by=None), {"log_phi": np.array(0.7)}),
    "zero-inflated": (
        fc.ZeroInflatedNegativeBinomial(),
        {"log_phi": np.array([-1.0, 0.5, 3.0]), "logit_pi": np.array([-2.0, 0.0, 1.0])},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_expectations_are_those_of_a_quadrature_of_jets(case):
    family, theta = CASES[case]
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    eta = ETA + nodes[:, None] * np.sqrt(VARIANCE)
    right = cell_terms(family, COUNTS, eta, theta, order=2, parameters=True)
    found = cells.expected_terms(family, COUNTS, ETA, VARIANCE, theta, parameters=True)
    # Seven nodes miss a part in a thousand.
    np.testing.assert_allclose(found.value, weights @ right.value, rtol=2e-3, atol=2e-3)
    for own, exact in zip(found.eta, right.eta, strict=True):
        np.testing.assert_allclose(own, weights @ exact, rtol=2e-3, atol=2e-3)
    assert set(found.parameters) == set(right.parameters)
    for name, parts in found.parameters.items():
        np.testing.assert_allclose(parts, weights @ right.parameters[name], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("case", CASES)
def test_without_variance_expectations_are_the_terms_themselves(case):
    family, theta = CASES[case]
    right = cell_terms(family, COUNTS, ETA, theta, order=2, parameters=True)
    found = cells.expected_terms(family, COUNTS, ETA, np.zeros(60), theta, parameters=True)
    np.testing.assert_allclose(found.value, right.value, rtol=1e-12, atol=1e-12)
    for own, exact in zip(found.eta, right.eta, strict=True):
        np.testing.assert_allclose(own, exact, rtol=1e-10, atol=1e-12)
    for name, parts in found.parameters.items():
        np.testing.assert_allclose(parts, right.parameters[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_sums_for_draws_are_those_of_the_log_mass(case):
    family, theta = CASES[case]
    d = RNG.normal(0, 1, (60, 5))
    right = family.log_mass(COUNTS, (ETA[:, None] + d).T, theta).sum(axis=1)
    np.testing.assert_allclose(cells.log_mass_of_draws(family, COUNTS, ETA, d, theta), right, rtol=1e-12)
