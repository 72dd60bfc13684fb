"""Factors that go by series and provinces, against dense linear algebra."""

import numpy as np
import pytest
from dense_algebra import to_dense

import forecast as fc
from forecast.inference.gaussian import nesting
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.gaussian.nested import NestedFactor, nested_factor
from forecast.inference.gaussian.nesting import Nesting
from forecast.inference.gaussian.precision import prior_precision
from forecast.inference.mode.marginal import Marginal

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
    return Nesting.of(
        field._owners, field._whole, (field.design, field.transposed), field.bound.cells, field.bound.grid
    )


def factors(model, seed=1):
    """Nested, as a dense matrix, and what belongs to them."""
    marginal = Marginal(model.bind(with_gaps(fc.simulate_panel(4, 2, 13, seed=2).panel)))
    rng = np.random.default_rng(seed)
    theta = marginal.hyperparameters.constrained(0.5 * rng.standard_normal(marginal.hyperparameters.size))
    prior, design = prior_precision(marginal.field, theta), marginal.design(theta)
    weight = rng.gamma(0.5, size=len(marginal.bound.cells))
    factor = nested_factor(nesting_of(marginal.field), (prior.diagonal, prior.beside, prior.corner), weight)
    plain = prior.with_curvature(*design.curvature(weight))
    return factor, plain, design, rng


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_everything_is_as_in_dense_algebra(model):
    factor, plain, design, rng = factors(model)
    dense, field = to_dense(plain), design.field
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
    covariance, count = np.linalg.inv(to_dense(plain)), 20_000
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
        nested_factor(nesting_of(marginal.field), parts, np.full(len(marginal.bound.cells), -1e6))


def test_only_where_each_series_has_a_path_and_where_it_pays(monkeypatch):
    panel = fc.simulate_panel(4, 2, 15, seed=2).panel
    assert nesting_of(Marginal(fc.quick_model().bind(panel)).field) is None
    assert Marginal(fc.standard_model().bind(panel)).field.nesting is None
    wide = fc.simulate_panel(30, 4, 24, seed=2).panel
    field = Marginal(fc.standard_model().bind(wide)).field
    assert field.nesting is not None
    assert field.work < field._work_by_period
    monkeypatch.setattr(nesting, "_PER_SERIES", 0.0)
    assert Marginal(fc.standard_model().bind(panel)).field.nesting is not None


@pytest.mark.parametrize("family", [fc.Poisson(), fc.NegativeBinomial(), fc.HurdleNegativeBinomial()], ids=str)
def test_the_best_gaussian_and_its_gradient_are_those_by_period(family, monkeypatch):
    model, panel = fc.Model(fc.standard_model().terms, family), fc.simulate_panel(4, 2, 15, seed=4, mean=0.4).panel
    found = []
    for per_series in (nesting._PER_SERIES, 0.0):
        monkeypatch.setattr(nesting, "_PER_SERIES", per_series)
        marginal = Marginal(model.bind(panel))
        vector = 0.5 * np.random.default_rng(5).standard_normal(marginal.hyperparameters.size)
        found.append(marginal.best(vector, marginal.mode(vector).x))
    (by_period, of_that), (gaussian, bound) = found
    assert isinstance(gaussian.factor, NestedFactor) > isinstance(by_period.factor, NestedFactor)
    assert abs(by_period.value - gaussian.value) < 1e-6
    np.testing.assert_allclose(gaussian.x, by_period.x, atol=1e-6)
    np.testing.assert_allclose(bound.gradient, of_that.gradient, atol=1e-5)
