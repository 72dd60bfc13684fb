"""Laplace's marginal likelihood, and the bound of the best Gaussian: gradients, latents, and values where known."""

import numpy as np
import pytest
from dense_algebra import to_dense
from scipy import integrate, stats

import forecast as fc
from forecast.inference.mode.hyperparameters import Hyperparameters
from forecast.inference.mode.marginal import Marginal

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
    fc.NegativeBinomial(),
    fc.NegativeBinomial(by=None),
    # Weights below 0 are cut, and the bound is not stationary in these: under wider priors 11 of 240 are cut at this
    # test's point, which puts the gradient .004 off (3 here).
    fc.ZeroInflatedNegativeBinomial(log_phi=fc.Normal(1.0, 1.0), correlation=0.0),
    fc.HurdleNegativeBinomial(),
]


@pytest.fixture(scope="module")
def panel(with_measured):
    return with_measured(fc.simulate_panel(5, 2, 24, seed=3, capability_slope=-0.2))


def marginal(panel, terms, family):
    return Marginal(fc.Model([fc.Intercept(), *terms], family).bind(panel))


CASES = [(terms, fc.NegativeBinomial()) for terms in TERMS] + [(TERMS[0], family) for family in FAMILIES]


def test_latents_are_at_their_mode(panel):
    made = marginal(panel, [fc.Pooled("province"), fc.Walk(by="province")], fc.NegativeBinomial())
    mode = made.mode(np.zeros(made.hyperparameters.size))
    _, top, gradient = made._objective(mode.theta, mode.prior, mode.x)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert made._objective(mode.theta, mode.prior, mode.x + 1e-3 * rng.normal(size=mode.x.shape))[1] < top


def test_the_value_is_nearly_the_integral():
    """One latent: quadrature over it, less what the next order of Laplace's expansion says is missing."""
    panel = fc.simulate_panel(1, 1, 40, seed=2).panel
    made = Marginal(fc.Model([fc.Intercept()], fc.NegativeBinomial()).bind(panel))
    for phi in (-0.5, 0.0, 0.5):
        mode = made.mode(np.array([phi]))
        top = made._objective(mode.theta, mode.prior, mode.x)[1]

        def density(x, mode=mode, top=top):
            return np.exp(made._objective(mode.theta, mode.prior, np.array([x]))[1] - top)

        area = integrate.quad(density, mode.x[0] - 2, mode.x[0] + 2, epsabs=1e-12)[0]
        exact = np.log(area) + top - 0.5 * phi**2 - 0.5 * np.log(2 * np.pi)
        _, second, third = made.terms(mode.theta, mode.x, 3).eta
        below, above = (made.terms(mode.theta, mode.x + step, 3).eta[2].sum() for step in (-1e-4, 1e-4))
        information = 0.25 - second.sum()
        missing = (above - below) / 2e-4 / (8 * information**2) + 5 * third.sum() ** 2 / (24 * information**3)
        assert abs(missing) > 1e-3
        np.testing.assert_allclose(exact - mode.value, missing, rtol=0.1)


@pytest.mark.parametrize(
    "prior",
    [fc.Normal(1, 2), fc.HalfNormal(0.3), fc.LogNormal(24, 1), fc.Beta(0.5, 0.5), fc.TruncatedNormal(0.1, 0.3, -1, 1)],
    ids=lambda prior: type(prior).__name__,
)
def test_standard_normal_numbers_give_the_priors_quantiles(prior):
    z = np.linspace(-4, 4, 17)
    np.testing.assert_allclose(prior.quantile(z), prior.frozen().ppf(stats.norm.cdf(z)), rtol=1e-6, atol=1e-9)
    both = Hyperparameters({"a": prior}, {"a": ()})
    step = 1e-4
    for number in z[2:-2]:
        found = both.jacobian(np.array([number]))[0, 0]
        ends = prior.quantile(np.array([number - step, number + step]))
        np.testing.assert_allclose(found, (ends[1] - ends[0]) / (2 * step), rtol=1e-5)


# The best Gaussian --------------------------------------------------------------------------------------------


@pytest.fixture
def exactly(monkeypatch):
    """Searches go on until nothing is left."""
    for name in ("_ONE_STEP", "_SETTLED", "_SAME"):
        monkeypatch.setattr(f"forecast.inference.mode.marginal.{name}", 1e-14)
    monkeypatch.setattr("forecast.inference.mode.marginal._PASSES", 100)


@pytest.mark.usefixtures("exactly")
@pytest.mark.parametrize(("terms", "family"), CASES, ids=lambda x: str(x)[:40])
def test_the_gradient_of_the_bound_is_exact(panel, terms, family):
    """Against differences of fourth order."""
    made = marginal(panel, terms, family)
    rng = np.random.default_rng(1)
    vector = 0.3 * rng.normal(size=made.hyperparameters.size) - 0.3
    found, bound = made.best(vector, made.mode(vector).x)
    exact, step = bound.gradient, 0.01
    for place, unit in enumerate(step * np.eye(len(vector))):
        value = [made.best(vector + k * unit, found.x)[0].value for k in (-2, -1, 1, 2)]
        differences = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * step)
        np.testing.assert_allclose(exact[place], differences, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("exactly")
def test_mean_and_precision_reproduce_themselves(panel):
    made = marginal(panel, [fc.Pooled("province"), fc.Walk(by="province")], fc.NegativeBinomial())
    vector = np.zeros(made.hyperparameters.size)
    found, bound = made.best(vector, made.mode(vector).x)
    field, variance = made.field, bound.variance
    expected = made.expected(found.theta, found.x, variance)
    dense = to_dense(found.prior.with_curvature(*found.design.curvature(-expected.eta[1])))
    assert found.factor.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], abs=1e-6)
    covariance = np.linalg.inv(dense)
    np.testing.assert_allclose(np.diag(field.design @ covariance @ field.design.T), variance, rtol=1e-5)
    _, gradient = made._log_joint(expected, found.prior, found.design, found.x)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-5)


def test_the_bound_is_below_and_close_to_the_density_where_counts_are_sparse():
    """One latent and few attacks: the exact density by quadrature, between the bound and a little above it."""
    panel = fc.simulate_panel(1, 1, 12, seed=2, mean=0.3).panel
    made = Marginal(fc.Model([fc.Intercept()], fc.Poisson()).bind(panel))
    found, _ = made.best(np.zeros(0), made.mode(np.zeros(0)).x)
    grid = np.linspace(-12, 8, 4001)
    log = made.bound.model.family.log_mass(made.bound.counts, made.eta({}, grid[None]).T, {}).sum(axis=1)
    sd = found.prior.corner[0, 0] ** -0.5
    log = log - np.log(sd) - 0.5 * ((grid - made.field.mean[0]) / sd) ** 2
    exact = np.log(np.exp(log).sum() * (grid[1] - grid[0])) - 0.5 * np.log(2 * np.pi)
    assert exact - 0.1 < found.value < exact


def test_a_variance_that_is_kept_costs_little(panel):
    """The bound is stationary in it: a tenth off changes the value by less than a hundredth."""
    made = marginal(panel, [fc.Pooled("province"), fc.Walk(by="province")], fc.NegativeBinomial())
    vector = np.zeros(made.hyperparameters.size)
    found, bound = made.best(vector, made.mode(vector).x)
    for factor in (0.9, 1.1):
        kept = made.gaussian(vector, found.x, factor * bound.variance)
        assert abs(kept.value - found.value) < 0.05
