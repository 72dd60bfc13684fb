"""The PyMC model against SciPy, and its gradient against differences: at random points, without sampling."""

import numpy as np
import pytest
from scipy import special, stats

import forecast as fc
from forecast.inference.likelihood.counts import pointwise
from forecast.inference.posterior.backend import quiet
from forecast.inference.posterior.pymc_form import build_pymc, is_centred
from forecast.model.families import (
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.latents import Direct
from forecast.model.priors import Beta, HalfNormal, LogNormal, TruncatedNormal
from forecast.model.spec import Model
from forecast.model.terms import (
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Shock,
    Spatial,
    Spillover,
    Step,
    Walk,
)

FAMILIES = [
    Poisson(),
    NegativeBinomial(),
    NegativeBinomial(by=None),
    ZeroInflatedNegativeBinomial(),
    HurdleNegativeBinomial(),
    HurdleNegativeBinomial(by=None),
]
TERMS = [
    Pooled("province", "tactic"),
    Pooled("country"),
    Walk(by="province"),
    Walk(by="country", damping=1),
    Shock(by="tactic"),
    Season(2, by="tactic"),
    Step("2015-06-01", by="province"),
    Spatial(),
    Covariate("capability", by="tactic", lag=1),
    Excitation(lags=2),
    Spillover(),
]


@pytest.fixture(autouse=True)
def _quiet(pymc):
    with quiet():
        yield


def label(family):
    return f"{type(family).__name__}{getattr(family, 'by', '')}"


def random_point(model, seed):
    rng = np.random.default_rng(seed)
    return {name: 0.5 * rng.normal(size=np.shape(value)) for name, value in model.initial_point().items()}


def constrained(prior, value):
    if isinstance(prior, HalfNormal | LogNormal):
        return np.exp(value)
    if isinstance(prior, Beta):
        return special.expit(value)
    if isinstance(prior, TruncatedNormal):
        return prior.lower + (prior.upper - prior.lower) * special.expit(value)
    return value


def scipy_mass(family, value, mu, log_phi=None, logit_pi=None, a=None, b=None):
    """Log mass as the textbook writes it."""
    if isinstance(family, Poisson):
        return stats.poisson.logpmf(value, mu)
    phi = np.exp(log_phi)
    mass = stats.nbinom.logpmf(value, phi, phi / (phi + mu))
    if isinstance(family, ZeroInflatedNegativeBinomial):
        pi = special.expit(logit_pi)
        return np.log(pi * (value == 0) + (1 - pi) * np.exp(mass))
    if isinstance(family, HurdleNegativeBinomial):
        positive = 1 - np.exp(-np.exp(a + b * np.log(mu)))
        above = np.log(positive) + mass - np.log(1 - stats.nbinom.pmf(0, phi, phi / (phi + mu)))
        return np.where(value == 0, np.log(1 - positive), above)
    return mass


def expected_logp(bound, point, log_prior):
    """Priors without Jacobians, and the likelihood, from the unconstrained point, by SciPy and the sparse design."""
    named = {name.removesuffix("__").rsplit("_", 1)[0] if name.endswith("__") else name: point[name] for name in point}
    tactics = len(bound.panel.tactics)
    priors = {**bound.hyperparameters, **{name: prior for name, (prior, _) in bound.parameters.items()}}
    theta = {name: constrained(prior, named[name]) for name, prior in priors.items()}
    total = log_prior(bound, theta)
    eta = bound.log_exposure.ravel().copy()
    for block in bound.blocks:
        if isinstance(block.prior, Direct):
            latents = constrained(block.prior.prior, named[block.name])
            total += np.sum(block.prior.prior.frozen().logpdf(latents))
        elif is_centred(bound, block):
            latents = named[block.name]
            total += np.sum(stats.norm.logpdf(latents, block.prior.mean, theta[block.prior.sd]))
        else:
            z = named[f"{block.name}_z"]
            total += np.sum(stats.norm.logpdf(z))
            latents = block.prior.transform(z, theta)
        eta += block.design(bound.grid) @ np.ravel(latents)
    table, cells = bound.panel.observations.table, bound.panel.observations.cells[bound.rows]
    value = table["value"].to_numpy()[bound.rows]
    tactic = np.indices(bound.grid)[1].ravel()
    cellwise = {
        name: np.broadcast_to(theta[key], tactics)[tactic]
        for name, key in (("log_phi", "log_phi"), ("logit_pi", "logit_pi"), ("a", "hurdle_a"), ("b", "hurdle_b"))
        if key in theta
    }
    at = cells.indices
    own = {name: array[at] for name, array in cellwise.items()}
    return total + scipy_mass(bound.model.family, value, np.exp(eta[at]), **own).sum()


def assert_logp(bound, log_prior):
    model = build_pymc(bound)
    logp = model.compile_fn(model.logp(jacobian=False))
    for seed in range(3):
        point = random_point(model, seed)
        np.testing.assert_allclose(logp(point), expected_logp(bound, point, log_prior), rtol=1e-9)
    return model


@pytest.mark.parametrize("family", FAMILIES, ids=label)
def test_logp_of_each_family_equals_scipy_and_gaps_are_left_out(family, gap_panel, log_prior):
    bound = Model([Intercept(), Pooled("province")], family).bind(gap_panel)
    model = assert_logp(bound, log_prior)
    assert model["attacks"].eval().shape == (3 * 2 * 8 - 3,)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.label)
def test_logp_and_gradient_of_each_term(term, small_panel, pymc, log_prior):
    import pytensor

    bound = Model([Intercept(), term], NegativeBinomial()).bind(small_panel)
    model = assert_logp(bound, log_prior)
    assert_gradient(model, pytensor)


@pytest.mark.parametrize("family", FAMILIES[:1] + FAMILIES[3:5], ids=label)
def test_gradient_of_each_family(family, gap_panel, pymc):
    import pytensor

    assert_gradient(build_pymc(Model([Intercept(), Pooled("tactic")], family).bind(gap_panel)), pytensor)


def assert_gradient(model, pytensor):
    """Along random directions; central differences of step 1e-5 are exact to about 1e-7 of the value's scale."""
    logp = model.logp()
    both = model.compile_fn([logp, *pytensor.grad(logp, model.value_vars)])
    for seed in range(2):
        point, rng = random_point(model, seed), np.random.default_rng(seed + 100)
        direction = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}
        ahead, behind = (
            both({name: point[name] + step * direction[name] for name in point})[0] for step in (1e-5, -1e-5)
        )
        gradient = both(point)[1:]
        along = sum(np.sum(g * direction[v.name]) for g, v in zip(gradient, model.value_vars, strict=True))
        np.testing.assert_allclose(along, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-4)


def test_pointwise_equals_the_node(gap_panel):
    bound = Model([Intercept()], NegativeBinomial()).bind(gap_panel)
    model = build_pymc(bound)
    point = random_point(model, 4)
    (node,) = model.compile_fn(model.logp(vars=[model["attacks"]], sum=False), inputs=model.value_vars)(point)
    (block,) = bound.blocks
    eta = np.full((1, *bound.grid), block.prior.transform(point["intercept_z"], {}))
    ours = pointwise(bound, eta, {"log_phi": point["log_phi"][None]})
    np.testing.assert_allclose(ours[0], node, rtol=1e-9)


def test_names_dims_and_coords(small_panel):
    bound = Model([Intercept(), Pooled("province"), Walk(by="tactic"), Excitation(lags=2)]).bind(small_panel)
    model = build_pymc(bound)
    dims = model.named_vars_to_dims
    assert dims["walk_tactic"] == ("tactic", "period")
    assert dims["level_province"] == ("province",)
    assert dims["excitation"] == ("excitation_lag",)
    assert dims["attacks"] == ("observation",)
    assert list(model.coords["province"]) == small_panel.provinces
    assert len(model.coords["observation"]) == 4 * 2 * 12
    assert [rv.name for rv in model.observed_RVs] == ["attacks"]
    assert not model.potentials


@pytest.mark.parametrize("family", [NegativeBinomial(), HurdleNegativeBinomial()], ids=label)
def test_all_that_differs_between_panels_of_one_shape_is_data(family, small_panel):
    """Who goes on by hand can give the same PyMC model other data."""
    terms = [Intercept(), Covariate("capability"), Season(1), Excitation()]
    other = fc.simulate_panel(4, 2, 14, seed=9, mean=4.0, start="2016-03-01", capability_slope=-0.3).panel
    first, second = (Model(terms, family).bind(panel) for panel in (small_panel, other))
    ours, theirs = build_pymc(first), build_pymc(second)
    point, logp = random_point(ours, 1), ours.compile_logp()
    before = logp(point)
    for data in ours.data_vars:
        data.set_value(theirs[data.name].get_value())
    assert logp(point) != before
    np.testing.assert_allclose(logp(point), theirs.compile_logp()(point), rtol=1e-12)


def test_strong_groups_are_centred_and_weak_ones_are_not(make_panel, log_prior):
    model = Model([Intercept(), Pooled("province")], Poisson())
    weak, strong = (model.bind(make_panel(np.full((3, 2, 6), count))) for count in (1, 50))
    assert [is_centred(weak, block) for block in weak.blocks] == [False, False]
    assert [is_centred(strong, block) for block in strong.blocks] == [False, True]
    assert_logp(strong, log_prior)
