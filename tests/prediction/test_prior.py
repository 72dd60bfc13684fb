"""The prior predictive: labels, seeds, and statistics against closed forms and a direct simulation."""

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.model.families import NegativeBinomial, Poisson
from forecast.model.library import standard_model
from forecast.model.priors import HalfNormal, Normal, TruncatedNormal
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Excitation, Intercept, Pooled, Season, Spatial, Spillover, Step, Walk
from forecast.prediction.prior import prior_draws, prior_predictive


@pytest.fixture(scope="module")
def lattice():
    return fc.simulate_panel(6, 2, 30, seed=2, capability_slope=-0.3).panel


def share(prior, check):
    return prior.table.set_index("check")["share"].filter(like=check).item()


def test_draws_are_labelled_and_seeded(lattice):
    one, two, other = (prior_predictive(standard_model(), lattice, draws=20, seed=seed) for seed in (1, 1, 2))
    assert one.draws.dims == ("sample", "province", "tactic", "period")
    assert one.draws.shape == (20, 6, 2, 30)
    assert one.draws.dtype == np.int64
    assert list(one.draws["province"].values) == lattice.provinces
    np.testing.assert_array_equal(one.draws, two.draws)
    assert (one.draws != other.draws).any()
    assert "every count zero" in repr(one)


def test_every_term_and_family_has_a_prior(lattice):
    levels = [Intercept(), Pooled("country", "tactic"), Spatial()]
    paths = [Walk(), Walk(by=(), damping=1), Season(1), Step("2016-01-01", by="province")]
    fed = [Covariate("capability", by="tactic", lag=1), Excitation(2), Spillover()]
    prior = prior_predictive(Model([*levels, *paths, *fed]), lattice, draws=30, seed=3)
    assert prior.draws.shape == (30, 6, 2, 28)
    assert prior.draws.values.min() >= 0
    assert prior.draws["period"].values[0] == lattice.periods[2]


def test_latents_have_the_variance_of_their_prior(lattice):
    """Level: E[sigma²] = 1 for a half-normal of scale 1; tolerance 4 standard errors of a mean square."""
    bound = Model([Intercept(0.5, 2.0), Pooled("tactic"), Excitation()], Poisson()).bind(lattice)
    values = prior_draws(bound, 20_000, np.random.default_rng(0))
    for name, expected in (("level_tactic", 1.0), ("sigma_level_tactic", 1.0)):
        square = values[name].reshape(20_000, -1)[:, 0] ** 2
        assert abs(square.mean() - expected) < 4 * square.std() / np.sqrt(20_000)
    assert abs(values["intercept"].mean() - 0.5) < 4 * 2 / np.sqrt(20_000)
    assert np.abs(values["excitation"]).max() < 1


def test_the_mean_is_that_of_a_lognormal(lattice):
    """E exp(Normal(m, s²)) = exp(m + s²/2), for an intercept with a narrow prior; 4 standard errors."""
    prior = prior_predictive(Model([Intercept(0.7, 0.3)], Poisson()), lattice, draws=4000, seed=5)
    means = prior.draws.values.reshape(4000, -1).mean(axis=1)
    assert abs(means.mean() - np.exp(0.7 + 0.3**2 / 2)) < 4 * means.std() / np.sqrt(4000)


def test_excitation_is_fed_by_the_simulated_counts(make_panel):
    """Against a loop written out for one cell: means agree within 4 standard errors."""
    panel = make_panel(np.random.default_rng(1).poisson(3, (1, 1, 12)))
    slope = TruncatedNormal(0.4, 0.1, 0.2, 0.6)
    draws = 20_000
    model = Model([Intercept(1.0, 0.1), Excitation(slope=slope)], Poisson())
    ours = prior_predictive(model, panel, draws=draws, seed=1).draws.values[:, 0, 0].astype(float)
    rng = np.random.default_rng(2)
    attacks = panel.attacks.values[0, 0]
    level, slopes, before = rng.normal(1.0, 0.1, draws), slope.draw(rng, (draws,)), np.full(draws, attacks[0])
    direct = np.empty((draws, 11))
    for step in range(11):
        before = rng.poisson(np.exp(level + slopes * (np.log1p(before) - np.log1p(attacks).mean())))
        direct[:, step] = before
    error = np.sqrt((ours.var(axis=0) + direct.var(axis=0)) / draws)
    np.testing.assert_array_less(np.abs(ours.mean(axis=0) - direct.mean(axis=0)), 4 * error)
    # Each count follows the simulated one before it, and not the observed one, which is the same in all draws.
    correlation = [np.corrcoef(ours[:, step - 1], ours[:, step])[0, 1] for step in range(1, 11)]
    assert min(correlation) > 0.1 + 4 / np.sqrt(draws)


def test_periods_keep_their_place_behind_the_lags(make_panel):
    """A step of +3 from month 7 on, after two months that are conditioned on: e³ times the counts, from there on."""
    panel = make_panel(np.random.default_rng(1).poisson(3, (1, 1, 12)))
    step, slope = Step("2020-07-01", effect=Normal(3.0, 1e-6)), TruncatedNormal(0.0, 1e-6)
    prior = prior_predictive(Model([Intercept(1.0, 1e-6), step, Excitation(2, slope)], Poisson()), panel, seed=1)
    means = prior.draws.mean("sample").values.ravel()
    np.testing.assert_allclose(means, np.exp([1.0] * 4 + [4.0] * 6), rtol=4 / np.sqrt(500 * np.e))


def test_counts_are_per_exposure(make_panel):
    panel = make_panel(np.full((1, 1, 12), 6), exposure=4.0)
    draws = prior_predictive(Model([Intercept(1.0, 1e-6)], Poisson()), panel, seed=1).draws.values
    assert draws.mean() == pytest.approx(4 * np.e, rel=4 / np.sqrt(draws.size * 4 * np.e))


def test_the_table_sees_a_prior_that_is_too_high_and_one_that_is_too_low(make_panel):
    panel = make_panel(np.full((2, 1, 12), 5))
    high, low = (prior_predictive(Model([Intercept(c, 0.01)], Poisson()), panel, seed=1) for c in (5.0, -20.0))
    assert share(high, "above 10 ×") == 1
    assert share(high, "above the observed") == 1
    assert share(low, "every count zero") == 1
    assert share(low, "below the observed") == 1
    assert share(low, "above 10 ×") == 0
    fair = prior_predictive(Model([Intercept(np.log(5), 0.5)], Poisson()), panel, seed=1)
    assert 0.3 < share(fair, "above the observed") < 0.7
    assert list(high.table["observed"].dropna()) == [10, 120, 5, 5]


def test_unobserved_cells_are_left_out_of_the_table(make_panel):
    counts = np.full((2, 1, 12), 5.0)
    counts[0] = np.nan
    prior = prior_predictive(Model([Intercept(np.log(5), 0.1)], Poisson()), make_panel(counts), seed=1)
    assert list(prior.table["observed"].dropna()) == [5, 60, 5, 5]
    assert 0.3 < share(prior, "above the observed") < 0.7


def test_an_explosion_is_cut_counted_and_said(make_panel):
    panel = make_panel(np.full((1, 1, 200), 5))
    wide = Model([Intercept(), Walk(damping=1, sigma=HalfNormal(50.0))], NegativeBinomial())
    prior = prior_predictive(wide, panel, draws=100, seed=1)
    cut = share(prior, "cut")
    assert cut > 0.5
    assert prior.notes == (f"{round(100 * cut)} of 100 draws had expected counts that were cut to 10⁹",)
    assert prior.draws.values.min() >= 0


def test_a_request_for_no_draws_is_refused(lattice):
    with pytest.raises(InputError, match="draws: is a whole number from 1"):
        prior_predictive(standard_model(), lattice, draws=0, seed=1)
