"""Draws of the latents, province by province: their ratio is the exact density's to the Gaussian's, and their estimates
are unbiased, with factors of both kinds.
"""

from functools import cached_property

import numpy as np
import pytest
from dense_algebra import to_dense
from scipy.special import logsumexp

import forecast as fc
from forecast.inference.gaussian.field import Field
from forecast.inference.gaussian.nested import NestedFactor
from forecast.inference.gaussian.nesting import Nesting
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights import by_province
from forecast.inference.weights.by_province import ByProvince

FAMILIES = (
    fc.Poisson(),
    fc.NegativeBinomial(),
    fc.NegativeBinomial(by=None),
    fc.ZeroInflatedNegativeBinomial(),
    fc.HurdleNegativeBinomial(),
)
LEVELS = fc.Intercept(), fc.Pooled("province")
TERMS = {
    "walks of provinces": (*LEVELS, fc.Walk(by="province"), fc.Walk(by="tactic")),
    "walks of series": (*LEVELS, fc.Walk(by=("province", "tactic")), fc.Walk(by="tactic")),
    "spatial": (fc.Intercept(), fc.Spatial(), fc.Walk(by="tactic")),
    "no paths": LEVELS,
    "nothing shared": (fc.Walk(by=("province", "tactic")),),
}


def nesting_of(field):
    both = field.design, field.transposed
    return Nesting.of(field._owners, field._whole, both, field.bound.cells, field.bound.grid)


@pytest.fixture
def made(monkeypatch):
    """A marginal density; with factors along the hierarchy where there can be."""

    def of(terms, family, nested=False, provinces=3, periods=20, mean=0.4):
        def nesting(self):
            return nesting_of(self) if nested else None

        chosen = cached_property(nesting)
        chosen.__set_name__(Field, "nesting")
        monkeypatch.setattr(Field, "nesting", chosen)
        panel = fc.simulate_panel(provinces, 2, periods, seed=4, mean=mean).panel
        return Marginal(fc.Model(list(terms), family).bind(panel))

    return of


def at(marginal, seed=1):
    """A best Gaussian beside the middle of the prior."""
    vector = 0.5 * np.random.default_rng(seed).standard_normal(marginal.hyperparameters.size)
    return marginal.best(vector, marginal.mode(vector).x)[0]


def log_joint(marginal, gaussian, x):
    """Exact, straight from its definition."""
    bound, field = marginal.bound, marginal.field
    mass = bound.model.family.log_mass(bound.counts, marginal.eta(gaussian.theta, x).T, gaussian.theta).sum(axis=1)
    dense = to_dense(gaussian.prior.with_curvature(*field.curvature(np.zeros(len(bound.cells)))))
    away = x - field.mean[:, None]
    log_prior = 0.5 * np.linalg.slogdet(dense)[1] - 0.5 * (away * (dense @ away)).sum(axis=0)
    return mass + log_prior + marginal.hyperparameters.log_prior(gaussian.vector)


def precision_of(gaussian):
    return to_dense(gaussian.prior.with_curvature(*gaussian.design.curvature(gaussian.weight)))


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_the_ratio_is_that_of_the_exact_density_to_the_gaussian(made, terms, family):
    marginal = made(terms, family)
    gaussian = at(marginal)
    x, log_weight = marginal.by_province._weighed(gaussian, 3, np.random.default_rng(2))
    away = x.reshape(len(x), -1)
    precision = precision_of(gaussian)
    log_gaussian = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * (away * (precision @ away)).sum(axis=0)
    exact = log_joint(marginal, gaussian, gaussian.x[:, None] + away) - log_gaussian
    np.testing.assert_allclose(gaussian.constant + log_weight.sum(axis=0).ravel(), exact, atol=1e-8)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_draws_have_the_gaussian_s_covariance(made, terms, size, monkeypatch):
    marginal = made(terms, fc.Poisson(), periods=7)
    gaussian = at(marginal)
    count = 20_000
    monkeypatch.setattr(by_province, "_SHARED", count)
    x = marginal.by_province._drawn(gaussian, size, np.random.default_rng(3))
    covariance = np.linalg.inv(precision_of(gaussian))
    sd = np.sqrt(np.diag(covariance))
    for each in range(size):
        found = x[..., each] @ x[..., each].T / count / np.outer(sd, sd)
        # Five standard errors of a correlation.
        np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5 / count**0.5)
    if size > 1:
        # Provinces are drawn anew, what they share is not.
        own = np.concatenate([group.place for group in marginal.field.provinces.values()] or [np.zeros(0, dtype=int)])
        same = (x[..., 0] == x[..., 1]).all(axis=1)
        assert not same[own].any()
        assert np.delete(same, own).all()


@pytest.mark.parametrize("nested", [False, True], ids=["by period", "nested"])
def test_the_estimate_is_unbiased(made, nested, monkeypatch):
    """Against plain importance sampling with many draws: of the integral, and of the mean of what matters most."""
    terms = (*TERMS["walks of provinces"], fc.Walk(by=("province", "tactic")))
    marginal = made(terms, fc.Poisson(), nested, mean=0.1)
    gaussian = at(marginal, seed=5)
    assert isinstance(gaussian.factor, NestedFactor) == nested
    rng = np.random.default_rng(6)
    with monkeypatch.context() as patched:
        patched.setattr(by_province, "_SHARED", 50_000)
        x, log_weight = marginal.by_province._weighed(gaussian, 1, rng)
    log_weight = log_weight.sum(axis=0).ravel()
    plain = logsumexp(log_weight) - np.log(len(log_weight))
    share = np.exp(log_weight - logsumexp(log_weight))
    last = gaussian.design.of(x[..., 0])[-1]
    centre = share @ last
    spread = np.sqrt(share @ (last - centre) ** 2)
    sampler = ByProvince(marginal.field, marginal.by_province.provinces, 4)
    runs = [sampler.draw(gaussian, 8, rng) for _ in range(1500)]
    weight = np.exp([run.log_weight - gaussian.constant - plain for run in runs])
    standard_error = weight.std() / np.sqrt(len(weight))
    assert standard_error < 0.05
    assert abs(weight.mean() - 1) < 4 * standard_error + 4 / np.sqrt(1 / (share**2).sum())
    means = np.array([gaussian.design.of(run.latents - gaussian.x[:, None])[-1].mean() for run in runs])
    error = 4 * spread / np.sqrt(weight.sum() ** 2 / (weight**2).sum())
    assert abs(weight @ means / weight.sum() - centre) < error


def test_more_draws_where_weights_vary_more(made):
    sizes = [
        marginal.by_province.sized(marginal.scatter(at(marginal), np.random.default_rng(1))).size
        for marginal in (
            made(TERMS["walks of provinces"], fc.Poisson(), mean=50.0),
            made(TERMS["walks of series"], fc.Poisson(), periods=60, provinces=20, mean=0.03),
        )
    ]
    assert sizes[0] == 1 < sizes[1]
