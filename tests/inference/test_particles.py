"""The particle filter: its ratio is the exact density's to the Gaussian's, and its estimates are unbiased."""

import numpy as np
import pytest
from scipy.special import logsumexp

import forecast as fc
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights import particles

FAMILIES = (
    fc.Poisson(),
    fc.NegativeBinomial(),
    fc.NegativeBinomial(by=None),
    fc.ZeroInflatedNegativeBinomial(),
    fc.HurdleNegativeBinomial(),
)


def made(family, periods=20, provinces=3, mean=0.4):
    panel = fc.simulate_panel(provinces, 2, periods, seed=4, mean=mean).panel
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Walk(by="province"), fc.Walk(by="tactic")]
    return Marginal(fc.Model(terms, family).bind(panel))


def at(marginal, seed=1):
    """A best Gaussian beside the middle of the prior."""
    vector = 0.5 * np.random.default_rng(seed).standard_normal(marginal.hyperparameters.size)
    return marginal.best(vector, marginal.mode(vector).x)[0]


def log_joint(marginal, gaussian, x):
    """Exact, straight from its definition."""
    bound, field = marginal.bound, marginal.field
    mass = bound.model.family.log_mass(bound.counts, marginal.eta(gaussian.theta, x).T, gaussian.theta).sum(axis=1)
    dense = gaussian.prior.with_curvature(*field.curvature(np.zeros(len(bound.cells)))).to_dense()
    away = x - field.mean[:, None]
    log_prior = 0.5 * np.linalg.slogdet(dense)[1] - 0.5 * (away * (dense @ away)).sum(axis=0)
    return mass + log_prior + marginal.hyperparameters.log_prior(gaussian.vector)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_the_ratio_is_that_of_the_exact_density_to_the_gaussian(family):
    marginal = made(family)
    gaussian = at(marginal)
    filtered = marginal.particles
    path, log_weight, static = filtered._swept(gaussian, 50, np.random.default_rng(2), resample=False)[:3]
    x = gaussian.x[:, None] + marginal.field.join(path, static)
    precision = gaussian.prior.with_curvature(*gaussian.design.curvature(gaussian.weight)).to_dense()
    away = x - gaussian.x[:, None]
    log_gaussian = 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * (away * (precision @ away)).sum(axis=0)
    exact = log_joint(marginal, gaussian, x) - log_gaussian
    np.testing.assert_allclose(gaussian.constant + log_weight, exact, atol=1e-8)


def test_draws_have_the_gaussian_s_covariance():
    marginal = made(fc.Poisson(), periods=9)
    gaussian = at(marginal)
    count = 40_000
    path, _, static, _ = marginal.particles._swept(gaussian, count, np.random.default_rng(3), resample=False)
    x = marginal.field.join(path, static)
    precision = gaussian.prior.with_curvature(*gaussian.design.curvature(gaussian.weight)).to_dense()
    covariance = np.linalg.inv(precision)
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors of a correlation.
    np.testing.assert_allclose(x @ x.T / count / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=5 / count**0.5)


@pytest.mark.parametrize("skewed", [False, True], ids=["normal", "skewed"])
def test_the_estimate_is_unbiased_wherever_draws_are_resampled(skewed, monkeypatch):
    """Against plain importance sampling with many draws: of the integral, and of the mean of what matters most."""
    marginal = made(fc.Poisson(), mean=0.1)
    filtered = marginal.particles
    gaussian = at(marginal, seed=5)
    rng = np.random.default_rng(6)
    path, log_weight, static = marginal.particles._swept(gaussian, 100_000, rng, resample=False)[:3]
    plain = logsumexp(log_weight) - np.log(len(log_weight))
    share = np.exp(log_weight - logsumexp(log_weight))
    last = gaussian.design.of(marginal.field.join(path, static))[marginal.particles.stretches[0].cells[-1]]
    centre = share @ last
    spread = np.sqrt(share @ (last - centre) ** 2)
    monkeypatch.setattr(particles, "_ENOUGH", 1.0)
    if skewed:
        filtered = filtered.with_skewed(np.ones(marginal.field.static))
        assert len(filtered.skewed) == marginal.field.static
    runs = [filtered.draw(gaussian, 8, rng) for _ in range(3000)]
    weight = np.exp([run.log_weight - gaussian.constant - plain for run in runs])
    standard_error = weight.std() / np.sqrt(len(weight))
    assert standard_error < 0.05
    assert abs(weight.mean() - 1) < 4 * standard_error + 4 / np.sqrt(1 / (share**2).sum())
    cell = marginal.particles.stretches[0].cells[-1]
    means = np.array([gaussian.design.of(run.latents - gaussian.x[:, None])[cell].mean() for run in runs])
    error = 4 * spread / np.sqrt(weight.sum() ** 2 / (weight**2).sum())
    assert abs(weight @ means / weight.sum() - centre) < error


def test_more_particles_where_weights_vary_more():
    sizes = [
        marginal.particles.sized(at(marginal), np.random.default_rng(1)).size
        for marginal in (made(fc.Poisson(), mean=50.0), made(fc.Poisson(), periods=60, provinces=6, mean=0.03))
    ]
    assert sizes[0] == particles._FEWEST < sizes[1]


def test_a_model_without_paths_has_static_latents_only():
    panel = fc.simulate_panel(4, 2, 12, seed=3, mean=1.0).panel
    marginal = Marginal(fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson()).bind(panel))
    gaussian = at(marginal)
    found = marginal.particles.draw(gaussian, 5, np.random.default_rng(1))
    assert found.latents.shape == (marginal.field.size, 5)
    assert np.isfinite(found.log_weight)
