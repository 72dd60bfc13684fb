"""Derivatives of log masses, against differences taken with 80 digits."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import product

import numpy as np
import pytest

from forecast.inference.likelihood.jets import cell_terms
from forecast.model.families import (
    Counts,
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)

ETAS = [-30.0, -11.0, -2.5, 0.0, 1.7, 6.0, 15.0]
VALUES = [0, 1, 3, 60]
# One tactic each; phi from near 0 to nearly Poisson, shares of zeros from near 0 to near 1.
THETA = {
    "log_phi": np.array([-4.0, -0.5, 1.5, 10.0]),
    "logit_pi": np.array([-2.0, 14.0, -14.0, 0.5]),
    "hurdle_a": np.array([-1.0, 0.3, 1.2, 0.0]),
    "hurdle_b": np.array(0.7),
}
FAMILIES = [
    Poisson(),
    *(
        kind(by=by)
        for kind in (NegativeBinomial, ZeroInflatedNegativeBinomial, HurdleNegativeBinomial)
        for by in ("tactic", None)
    ),
]
STEP = Decimal("1e-12")
# Weights of eta − 2h … eta + 2h in central differences of orders 0 to 3; their error is of order h², here 1e-24.
DIFFERENCES = [(0, 0, 1, 0, 0), (0, -0.5, 0, 0.5, 0), (0, 1, -2, 1, 0), (-0.5, 1, 0, -1, 0.5)]


@lru_cache(maxsize=4096)
def choices(value: int, phi: Decimal) -> Decimal:
    """Log of Gamma(value + phi) / (Gamma(phi) value!), as a product."""
    total = Decimal(1)
    for k in range(value):
        total *= (phi + k) / (k + 1)
    return total.ln()


def log_mass(family, value, eta, theta):
    """The log mass in decimals, from its definition."""
    if isinstance(family, Poisson):
        return value * eta - eta.exp() - sum((Decimal(k).ln() for k in range(2, value + 1)), Decimal(0))
    phi = theta["log_phi"].exp()
    share = eta.exp() / (eta.exp() + phi)
    zero = phi * (1 - share).ln()
    count = choices(value, phi) + zero + (value * share.ln() if value else 0)
    if isinstance(family, ZeroInflatedNegativeBinomial):
        odds = theta["logit_pi"].exp()
        return ((odds if value == 0 else 0) / (1 + odds) + count.exp() / (1 + odds)).ln()
    if isinstance(family, HurdleNegativeBinomial):
        rate = (theta["hurdle_a"] + theta["hurdle_b"] * eta).exp()
        return -rate if value == 0 else (1 - (-rate).exp()).ln() + count - (1 - zero.exp()).ln()
    return count


def derivatives(family, value, eta, theta):
    """Log mass and its derivatives in eta, by differences."""
    masses = [log_mass(family, value, eta + k * STEP, theta) for k in range(-2, 3)]
    weighted = (sum(Decimal(w) * m for w, m in zip(weights, masses, strict=True)) for weights in DIFFERENCES)
    return [total / STEP**k for k, total in enumerate(weighted)]


def expected(family, value, eta, theta):
    """Derivatives of orders 0 to 3, and by parameter the slope."""
    with localcontext() as context:
        context.prec = 80
        eta, theta = Decimal(eta), {name: Decimal(float(number)) for name, number in theta.items()}
        slopes = {}
        for name in theta:
            up, down = (log_mass(family, value, eta, {**theta, name: theta[name] + sign * STEP}) for sign in (1, -1))
            slopes[name] = float((up - down) / (2 * STEP))
        return [float(number) for number in derivatives(family, value, eta, theta)], slopes


def own_theta(family, tactic=None):
    """The family's parameters, those of all tactics or of one; the third tactic's where they are shared."""
    theta = {}
    for name, (_, dims) in family.parameters().items():
        theta[name] = THETA[name] if dims or not THETA[name].ndim else THETA[name][2]
        if dims and tactic is not None:
            theta[name] = theta[name][tactic]
    return theta


def assert_right(family, cells):
    """Each cell of (value, tactic, eta), to 8 digits; those that log-gammas of phi and count lose are allowed for."""
    value, tactic, eta = (np.array(column) for column in zip(*cells, strict=True))
    terms = cell_terms(family, Counts.of(value, tactic), eta, own_theta(family), order=3, parameters=True)
    assert set(terms.parameters) == set(family.parameters())
    for cell, (own, which, at) in enumerate(cells):
        lost = 1e-14 * (100 + own + np.exp(own_theta(family, which).get("log_phi", 0.0)))
        right, slopes = expected(family, own, at, own_theta(family, which))
        ours = [terms.value[cell], *(each[cell] for each in terms.eta)]
        np.testing.assert_allclose(ours, right, rtol=1e-8, atol=lost, err_msg=f"{cells[cell]}")
        for name, slope in slopes.items():
            ours = terms.parameters[name][cell]
            np.testing.assert_allclose(ours, slope, rtol=1e-8, atol=lost, err_msg=f"{name} {cells[cell]}")


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_derivatives_are_those_of_80_digits(family):
    assert_right(family, list(product(VALUES, range(4), ETAS)))


@pytest.mark.parametrize("family", FAMILIES[1::2], ids=repr)
def test_derivatives_hold_for_large_counts(family):
    assert_right(family, list(product([100_000], range(4), [-2.5, 9.0, 11.5, 15.0])))


def test_orders_below_ask_for_less_and_agree():
    family, counts, eta = NegativeBinomial(), Counts.of([0, 4, 2], [0, 1, 3]), np.array([-1.0, 0.5, 3.0])
    whole = cell_terms(family, counts, eta, own_theta(family), order=3, parameters=True)
    for order in (1, 2):
        terms = cell_terms(family, counts, eta, own_theta(family), order=order)
        assert terms.parameters == {}
        assert len(terms.eta) == order
        np.testing.assert_allclose(terms.value, family.log_mass(counts, eta, own_theta(family)), rtol=1e-12)
        for one, other in zip(terms.eta, whole.eta, strict=False):
            np.testing.assert_allclose(one, other, rtol=1e-12)


@dataclass(frozen=True)
class Made(Poisson):
    """No family: its mass is whatever expression the test asks for."""

    expression: object = None

    def log_mass(self, counts, eta, theta, maths=None):
        return self.expression(eta, maths)


@pytest.mark.parametrize(
    ("expression", "exact"),
    [
        (lambda x, m: 1 / (2 + m.exp(x)), lambda x: 1 / (2 + x.exp())),
        (lambda x, m: x / (1.5 + x * x), lambda x: x / (Decimal("1.5") + x * x)),
        (lambda x, m: (3 - m.exp(-x)) ** 2.5, lambda x: (3 - (-x).exp()) ** Decimal("2.5")),
        (lambda x, m: m.softplus(x * x) * m.log(2 + x), lambda x: (1 + (x * x).exp()).ln() * (2 + x).ln()),
        (lambda x, m: m.logaddexp(x * x, 2.0 - x), lambda x: ((x * x).exp() + (2 - x).exp()).ln()),
        (lambda x, m: m.logaddexp(-1.0, m.log_sigmoid(x)), lambda x: (Decimal(-1).exp() + 1 / (1 + (-x).exp())).ln()),
        (lambda x, m: m.expm1(m.expm1(x)) - x * 0.25, lambda x: (x.exp() - 1).exp() - 1 - x / 4),
    ],
    ids=["reciprocal", "quotient", "power", "softplus", "logaddexp", "log_sigmoid", "expm1"],
)
def test_arithmetic_of_jets(expression, exact, monkeypatch):
    etas = np.array([-0.875, -0.25, 0.5, 1.75])
    terms = cell_terms(Made(expression=expression), Counts.of(etas * 0, [0] * 4), etas, {}, order=3)
    monkeypatch.setitem(globals(), "log_mass", lambda family, value, eta, theta: exact(eta))
    right = [expected(Poisson(), 0, eta, {})[0] for eta in etas]
    np.testing.assert_allclose(np.array([terms.value, *terms.eta]).T, right, rtol=1e-10, atol=1e-12)


def test_what_does_not_depend_on_eta_has_no_derivatives():
    terms = cell_terms(Made(expression=lambda x, m: 0 * x + m.log(7.0)), Counts.of([1, 2], [0, 0]), np.zeros(2), {})
    np.testing.assert_allclose(terms.value, np.log(7.0))
    np.testing.assert_array_equal(terms.eta, np.zeros((2, 2)))


def test_a_log_gamma_has_the_derivatives_of_its_recursion():
    """Γ(x + 3) = (x + 2)(x + 1)·x·Γ(x)."""
    etas = np.array([0.3, 1.0, 4.5])
    left, right = (
        cell_terms(Made(expression=expression), Counts.of(etas * 0, [0] * 3), etas, {}, order=3)
        for expression in (
            lambda x, m: m.gammaln(x + 3.0) - m.gammaln(x),
            lambda x, m: m.log(x + 2.0) + m.log(x + 1.0) + m.log(x),
        )
    )
    np.testing.assert_allclose([left.value, *left.eta], [right.value, *right.eta], rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_an_eta_far_out_gives_terms_that_are_not_finite_and_no_warning():
    terms = cell_terms(Poisson(), Counts.of([1], [0]), np.array([800.0]), {}, order=3)
    assert np.isneginf([terms.value, *terms.eta]).all()
