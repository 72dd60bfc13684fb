"""Factors that go by series and provinces, against dense linear algebra; draws by them, against the particle filter."""

import numpy as np
import pytest
from scipy.special import logsumexp

import forecast as fc
from forecast.inference.gaussian import nested
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.gaussian.nested import NestedFactor, Nesting
from forecast.inference.gaussian.precision import prior_precision
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights.by_province import ByProvince
from forecast.inference.weights.particles import ParticleFilter

OWN = fc.Walk(by=("province", "tactic"))
MODELS = {
    "standard": fc.standard_model(),
    "own walks alone": fc.Model([OWN], fc.Poisson()),
    "with spatial effects, seasons and a walk that starts at 0": fc.Model(
        [
            *fc.quick_model().terms,
            fc.Spatial(),
            fc.Season(1, by="tactic"),
            fc.Walk(by=("province", "tactic"), damping=1),
        ],
        fc.Poisson(),
    ),
    "two walks of each series": fc.Model([*fc.quick_model().terms, OWN, fc.Shock(by=("province", "tactic"))]),
}


def with_gaps(panel):
    """Two cells of the panel not observed, and the whole of a series but its last periods."""
    dataset = panel.dataset.copy()
    observed = dataset["observed"].values.copy()
    observed[0, 0, 3] = observed[1, 1, 0] = False
    observed[2, 1, :-2] = False
    return fc.Panel(dataset.assign(observed=(dataset["observed"].dims, observed)))


def nesting_of(field):
    return Nesting.of(field.places, field._whole, field.bound.cells, field.bound.grid, field.width, field.static)


def factors(model, seed=1):
    """Nested, as a dense matrix, and what belongs to them."""
    marginal = Marginal(model.bind(with_gaps(fc.simulate_panel(4, 2, 13, seed=2).panel)))
    rng = np.random.default_rng(seed)
    theta = marginal.hyperparameters.constrained(0.5 * rng.standard_normal(marginal.hyperparameters.size))
    prior, design = prior_precision(marginal.field, theta), marginal.design(theta)
    weight = rng.gamma(0.5, size=len(marginal.bound.cells))
    factor = nesting_of(marginal.field).factorise((prior.diagonal, prior.beside, prior.corner), weight)
    plain = prior.with_curvature(*design.curvature(weight))
    return factor, plain, design, rng


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_everything_is_as_in_dense_algebra(model):
    factor, plain, design, rng = factors(model)
    dense, field = plain.to_dense(), design.field
    inverse = np.linalg.inv(dense)
    np.testing.assert_allclose(factor.log_determinant, np.linalg.slogdet(dense)[1], rtol=1e-10)
    np.testing.assert_allclose(field.join(*factor.solve(*field.split(np.eye(len(dense))))), inverse, atol=1e-9)
    right = rng.standard_normal(len(dense))
    np.testing.assert_allclose(field.join(*factor.solve(*field.split(right))), inverse @ right, atol=1e-9)
    spread, other = factor.spread(), design.spread(plain.factorise())
    np.testing.assert_allclose(spread.diagonal, other.diagonal, atol=1e-9)
    np.testing.assert_allclose(spread.beside, other.beside, atol=1e-9)
    np.testing.assert_allclose(spread.variance, other.variance, atol=1e-9)
    in_prior = prior_entries(design)
    np.testing.assert_allclose(spread.corner[in_prior], other.corner[in_prior], atol=1e-9)


def prior_entries(design):
    """Where the prior precision of static latents has entries."""
    field = design.field
    found = np.eye(field.static, dtype=bool)
    for place in field.places:
        if not place.along and place.block.name.startswith("spatial"):
            found[place.at, place.at] = True
    return found


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_draws_have_the_inverse_as_covariance(model):
    factor, plain, _, rng = factors(model)
    covariance, count = np.linalg.inv(plain.to_dense()), 20_000
    x = factor.drawn(count // 2, 2, rng)
    np.testing.assert_array_equal(x[factor.nesting.shared.place, :, 0], x[factor.nesting.shared.place, :, 1])
    sd = np.sqrt(np.diag(covariance))
    for each in range(2):
        found = x[..., each] @ x[..., each].T / (count // 2) / np.outer(sd, sd)
        # Five standard errors of a correlation.
        np.testing.assert_allclose(found, covariance / np.outer(sd, sd), atol=5 / (count // 2) ** 0.5)


def test_a_matrix_that_is_not_positive_definite_has_no_factor():
    marginal = Marginal(fc.standard_model().bind(fc.simulate_panel(3, 2, 6, seed=2).panel))
    theta = marginal.hyperparameters.constrained(np.zeros(marginal.hyperparameters.size))
    prior = prior_precision(marginal.field, theta)
    parts = prior.diagonal, prior.beside, prior.corner
    with pytest.raises(NotPositiveDefinite):
        nesting_of(marginal.field).factorise(parts, np.full(len(marginal.bound.cells), -1e6))


def test_only_where_each_series_has_a_path_and_where_it_pays(monkeypatch):
    panel = fc.simulate_panel(4, 2, 15, seed=2).panel
    assert nesting_of(Marginal(fc.quick_model().bind(panel)).field) is None
    assert Marginal(fc.standard_model().bind(panel)).field.nesting is None
    wide = fc.simulate_panel(30, 4, 24, seed=2).panel
    field = Marginal(fc.standard_model().bind(wide)).field
    assert field.nesting is not None
    assert field.work < field._work_by_period
    monkeypatch.setattr(nested, "_PER_SERIES", 0.0)
    assert Marginal(fc.standard_model().bind(panel)).field.nesting is not None


# Draws of the latents -----------------------------------------------------------------------------------------------


@pytest.fixture
def both(monkeypatch):
    """The same best Gaussian with a factor of each kind."""

    def made(model, mean=0.4, seed=5):
        panel = fc.simulate_panel(4, 2, 15, seed=4, mean=mean).panel
        by_period = Marginal(model.bind(panel))
        assert by_period.field.nesting is None
        with monkeypatch.context() as patched:
            patched.setattr(nested, "_PER_SERIES", 0.0)
            by_province = Marginal(model.bind(panel))
            assert isinstance(by_province.particles, ByProvince)
        assert isinstance(by_period.particles, ParticleFilter)
        vector = 0.5 * np.random.default_rng(seed).standard_normal(by_period.hyperparameters.size)
        return [(each, *each.best(vector, each.mode(vector).x)) for each in (by_period, by_province)]

    return made


@pytest.mark.parametrize("family", [fc.Poisson(), fc.NegativeBinomial(), fc.HurdleNegativeBinomial()], ids=str)
def test_the_best_gaussian_and_its_gradient_are_the_same(both, family):
    (_, plain, of_plain), (_, gaussian, bound) = both(fc.Model(fc.standard_model().terms, family))
    assert isinstance(gaussian.factor, NestedFactor)
    assert abs(plain.value - gaussian.value) < 1e-6
    np.testing.assert_allclose(gaussian.x, plain.x, atol=1e-6)
    np.testing.assert_allclose(bound.gradient, of_plain.gradient, atol=1e-5)


def test_the_ratio_is_that_of_the_exact_density_to_the_gaussian(both):
    """Province by province, and together with the particle filter's."""
    (by_period, plain, _), (marginal, gaussian, _) = both(fc.standard_model())
    x, log_weight = marginal.particles._weighed(gaussian, 3, np.random.default_rng(1))
    flat = x.reshape(len(x), -1)
    total = np.zeros(flat.shape[1])
    for stretch in by_period.particles.stretches:
        d = plain.design.of(flat)[stretch.cells]
        total += by_period.particles._log_ratio(plain, stretch, d)
    np.testing.assert_allclose(log_weight.sum(axis=0).ravel(), total, atol=1e-5)


def test_the_estimate_is_unbiased(both):
    """Against the particle filter's: of the integral, and of the mean of what matters most."""
    (by_period, plain, _), (marginal, gaussian, _) = both(fc.Model(fc.standard_model().terms, fc.Poisson()), mean=0.1)
    rng, results = np.random.default_rng(6), []
    for each, at, runs in ((by_period, plain, 2000), (marginal, gaussian, 2000)):
        found = [each.particles.draw(at, 8, rng) for _ in range(runs)]
        log_weight = np.array([run.log_weight for run in found])
        weight = np.exp(log_weight - logsumexp(log_weight))
        means = np.array([at.design.of(run.latents)[[5, -1]].mean(axis=1) for run in found])
        centre = weight @ means
        spread = np.sqrt(weight**2 @ (means - centre) ** 2)
        estimate = logsumexp(log_weight) - np.log(runs)
        results.append((estimate, np.sqrt((weight**2).sum() - 1 / runs), centre, spread))
    (one, error, centre, spread), (two, other, others, others_spread) = results
    assert max(error, other) < 0.05
    assert abs(one - two) < 4 * np.hypot(error, other)
    assert (np.abs(centre - others) < 4 * np.hypot(spread, others_spread)).all()


def test_more_draws_where_weights_vary_more():
    sizes = []
    for mean in (50.0, 0.2):
        marginal = Marginal(fc.standard_model().bind(fc.simulate_panel(20, 4, 40, seed=4, mean=mean).panel))
        vector = np.ones(marginal.hyperparameters.size)
        gaussian, _ = marginal.best(vector, marginal.mode(vector).x)
        sizes.append(marginal.particles.sized(gaussian, np.random.default_rng(1)).size)
    assert sizes[0] < sizes[1]
