"""The whitened posterior: its gradient, and its value against priors and likelihood with a Jacobian by differences."""

import numpy as np
import pytest

import forecast as fc
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.likelihood.counts import pointwise
from forecast.inference.nuts.whitened import Whitened
from forecast.inference.posterior.labels import eta
from forecast.model.latents import Direct

TERMS = [
    [fc.Pooled("province"), fc.Pooled("province", "tactic")],
    [fc.Walk(by="province"), fc.Walk(by="tactic", damping=1)],
    [fc.Shock(), fc.Walk(by="tactic")],
    [fc.Season(1, by="tactic")],
    [fc.Step("2016-01-01", by="province")],
    [fc.Spatial()],
    [fc.Covariate("capability", by="tactic")],
    [fc.Covariate("measured")],
    [fc.Covariate("measured", by="tactic", lag=1), fc.Walk(by="province")],
    [fc.Excitation(lags=2)],
    [fc.Spillover()],
]
FAMILIES = [
    fc.Poisson(),
    fc.NegativeBinomial(by=None),
    fc.ZeroInflatedNegativeBinomial(),
    fc.HurdleNegativeBinomial(),
]
CASES = [(terms, fc.NegativeBinomial()) for terms in TERMS] + [(TERMS[0], family) for family in FAMILIES]


@pytest.fixture(scope="module")
def panel(with_measured):
    return with_measured(fc.simulate_panel(4, 2, 14, seed=3, capability_slope=-0.2))


def whitened(panel, terms, family):
    return Whitened(fc.Model([fc.Intercept(), *terms], family).bind(panel))


@pytest.mark.parametrize(("terms", "family"), CASES, ids=lambda x: str(x)[:40])
def test_the_gradient_is_exact(panel, terms, family):
    """Against differences of fourth order, along each hyperparameter and along random directions."""
    density = whitened(panel, terms, family)
    rng, step = np.random.default_rng(1), 1e-3
    point = 0.5 * rng.normal(size=density.size)
    gradient = density(point)[1]
    count = density.marginal.hyperparameters.size
    for direction in [*np.eye(density.size)[:count], *rng.normal(size=(3, density.size))]:
        value = [density(point + k * step * direction)[0] for k in (-2, -1, 1, 2)]
        differences = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * step)
        np.testing.assert_allclose(gradient @ direction, differences, rtol=1e-6, atol=1e-6)


def free_numbers(density, point):
    """Hyperparameters and latents as one vector, less what is fixed (the first period of random walks)."""
    drawn, bound = density.draws(point), density.bound
    direct = [block.name for block in bound.blocks if isinstance(block.prior, Direct)]
    names = [*bound.hyperparameters, *bound.model.family.parameters(), *direct]
    parts = [np.ravel(drawn[name]) for name in names]
    for block in bound.blocks:
        if block.name not in direct:
            parts.append(np.ravel(drawn[block.name])[block.prior.free(block.shape)])
    return np.concatenate(parts)


def log_posterior(density, point, log_prior):
    """Priors of everything and the likelihood, by SciPy and dense matrices."""
    drawn, bound = density.draws(point), density.bound
    total = log_prior(bound, drawn)
    for block in bound.blocks:
        if isinstance(block.prior, Direct):
            total += float(np.sum(block.prior.prior.frozen().logpdf(drawn[block.name])))
            continue
        free = np.ravel(drawn[block.name] - getattr(block.prior, "mean", 0.0))[block.prior.free(block.shape)]
        precision = block.prior.precision(block.shape, drawn).toarray()
        total += 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * free @ precision @ free
    samples = {name: value[None] for name, value in drawn.items()}
    return total + pointwise(bound, eta(bound, samples), samples).sum()


def log_jacobian(density, point, step=1e-5):
    """Log of the determinant of the map from coordinates to hyperparameters and latents, by central differences."""
    columns = []
    for unit in np.eye(density.size):
        ends = [free_numbers(density, point + sign * step * unit) for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    matrix = np.stack(columns, axis=1)
    # Coordinates of what is fixed move nothing, and have the identity's place in the map.
    idle = np.flatnonzero(~matrix.any(axis=0))
    return np.linalg.slogdet(np.delete(matrix, idle, axis=1))[1], point[idle]


@pytest.mark.parametrize(("terms", "family"), CASES, ids=lambda x: str(x)[:40])
def test_the_density_is_the_posterior_in_other_coordinates(panel, terms, family, log_prior):
    """Differences between points; the Jacobian by differences is exact to about 1e-8 per coordinate."""
    density, rng = whitened(panel, terms, family), np.random.default_rng(2)
    ours, expected = [], []
    for point in 0.5 * rng.normal(size=(3, density.size)):
        jacobian, idle = log_jacobian(density, point)
        ours.append(density(point)[0])
        expected.append(log_posterior(density, point, log_prior) + jacobian - 0.5 * idle @ idle)
    np.testing.assert_allclose(np.diff(ours), np.diff(expected), atol=1e-4)


def test_what_overflows_is_refused_and_does_not_stop_the_sampler(panel):
    density = whitened(panel, TERMS[0], fc.NegativeBinomial())
    value, gradient = density(np.full(density.size, 1e6))
    assert value == -np.inf
    assert not gradient.any()


def test_without_a_mode_the_coordinates_are_those_of_the_prior(panel, monkeypatch):
    """A sampler then starts from non-centred latents; the density is the same function of the parameters."""

    def fails(marginal):
        raise NotPositiveDefinite("no mode")

    assert whitened(panel, TERMS[0], fc.NegativeBinomial()).pilot.weight.all()
    monkeypatch.setattr("forecast.inference.nuts.whitened.climb", fails)
    density = whitened(panel, TERMS[0], fc.NegativeBinomial())
    assert not density.pilot.weight.any()
    drawn, point = density.draws(np.zeros(density.size)), np.zeros(density.size)
    np.testing.assert_allclose(drawn["level_province"], 0.0)
    value, gradient = density(point)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
