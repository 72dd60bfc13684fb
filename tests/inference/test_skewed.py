"""Skewed numbers for static latents: weighed exactly, and close to the posterior where Gaussians are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp

import forecast as fc
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights.skewed import Skewed


@pytest.mark.parametrize(("information", "skewness"), [(0, 0), (0.5, 1), (0.9, 2), (0.99, -1.5), (1, 0.5), (0.3, -50)])
def test_weights_make_the_numbers_standard_normal(information, skewness):
    """On the side of the long tail: on the other the normal density falls more slowly, and weights vary without end."""
    count = 200_000
    skewed = Skewed(np.array([float(information)]), np.array([float(skewness)]))
    (z,), log_ratio = skewed.draw(count, np.random.default_rng(1))
    z = -z if skewness < 0 else z
    weight = np.exp(log_ratio) * (z < 1)
    density, below = stats.norm.pdf(1), stats.norm.cdf(1)
    for value, expected in ((np.ones(count), below), (z, -density), (z**2, below - density)):
        error = np.std(weight * value) / np.sqrt(count)
        assert abs((weight * value).mean() - expected) < 4 * error + 1e-4


def test_numbers_have_the_density_that_they_should():
    """Against its definition by quadrature."""
    information, skewness = 0.8, 1.3
    fine = np.linspace(-30, 10, 40_001)
    log_density = -0.5 * (1 - information) * fine**2
    log_density -= information / skewness**2 * (np.exp(skewness * fine - skewness**2 / 2) - skewness * fine)
    density = np.exp(log_density - log_density.max())
    z, _ = Skewed(np.array([information]), np.array([skewness])).draw(100_000, np.random.default_rng(2))
    below = np.interp(z[0], fine, np.cumsum(density) / density.sum())
    # Tables are linear in the log between nodes: that bends the distribution by less than chance here.
    assert stats.kstest(below, "uniform").statistic < 1.63 / np.sqrt(z.size) + 1e-3


def groups(sizes):
    """A panel of one period, a group of provinces for each count."""
    counts = np.concatenate([np.full(number, value) for value, number in sizes.items()])
    rows = [
        {"province": f"p{place:03d}", "tactic": "ied", "period": pd.Timestamp("2021-01-01"), "attacks": count}
        for place, count in enumerate(counts)
    ]
    return fc.Panel.from_frame(pd.DataFrame(rows), freq="MS")


@pytest.mark.parametrize("sigma", [0.6, 1.5, 3.0])
def test_provinces_without_attacks_against_quadrature(sigma):
    """The density of the standard deviation of levels, differences between two values of it, and its spread."""
    sizes = {0: 74, 1: 4, 4: 2}
    panel = groups(sizes)
    model = fc.Model([fc.Intercept(0.0, 2.0), fc.Pooled("province", sigma=fc.HalfNormal(3.0))], fc.Poisson())
    marginal, rng = Marginal(model.bind(panel)), np.random.default_rng(1)
    name = "sigma_level_province"
    prior = marginal.hyperparameters.priors[name].frozen()

    def exact(value):
        intercept, level = np.linspace(-14, 6, 401)[:, None], np.linspace(-9, 9, 601)
        weight = stats.norm.pdf(level) / stats.norm.pdf(level).sum()
        log = stats.norm.logpdf(intercept[:, 0], 0.0, 2.0)
        for count, number in sizes.items():
            log = log + number * np.log(stats.poisson.pmf(count, np.exp(intercept + value * level)) @ weight)
        return logsumexp(log) + np.log(intercept[1, 0] - intercept[0, 0])

    def estimated(value):
        vector = np.array([stats.norm.ppf(prior.cdf(value))])
        gaussian = marginal.best(vector)[0]
        particles = marginal.particles.with_skewed(marginal.gains(gaussian))
        log_weight = particles._swept(gaussian, 4000, rng, resample=False)[1]
        normal = marginal.particles._swept(gaussian, 4000, rng, resample=False)[1]
        log_prior = marginal.hyperparameters.log_prior(vector)
        total = gaussian.constant - log_prior + logsumexp(log_weight) - np.log(4000)
        return total, np.std(log_weight), np.std(normal)

    (base, *_), (found, spread, normal) = estimated(0.3), estimated(sigma)
    assert found - base == pytest.approx(exact(sigma) - exact(0.3), abs=0.1)
    assert spread < 1.0
    if sigma > 1:
        assert spread < 0.5 * normal
