"""Simulation after the data: against what is known in closed form, for parameters that are known.

Where a test compares a mean or a variance of draws with its exact value, it allows 4 standard errors of that
statistic; for the fixed seed it passes or fails for ever.
"""

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast.model.families import HurdleNegativeBinomial, NegativeBinomial, Poisson
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Excitation, Intercept, Pooled, Season, Spillover, Step, Walk
from forecast.prediction.recursion import last_rates, simulate_ahead, simulate_counts

NO_CAP = 1e12
S = 40_000


@pytest.fixture(scope="module")
def cell(make_panel):
    """One province, one tactic, 24 months."""
    return make_panel(np.random.default_rng(3).poisson(4, (1, 1, 24)))


@pytest.fixture(scope="module")
def lattice():
    """6 provinces with neighbours, 2 tactics, 60 months, and a covariate."""
    return fc.simulate_panel(6, 2, 60, seed=2, capability_slope=-0.3).panel


def ahead(terms, panel, values, horizon, *, family=None, futures=None, cap=NO_CAP, seed=0):
    bound = Model(terms, family or Poisson()).bind(panel)
    rng = np.random.default_rng(seed)
    return simulate_ahead(bound, values, horizon, futures=futures or {}, cap=cap, rng=rng)


def same(samples, **parameters):
    """The same parameters in every sample."""
    arrays = {name: np.asarray(value, float) for name, value in parameters.items()}
    return {name: np.broadcast_to(array, (samples, *array.shape)) for name, array in arrays.items()}


def assert_mean(draws, expected):
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - expected), 4 * error)


def assert_variance(draws, expected):
    variance = draws.var(axis=0, ddof=1)
    fourth = ((draws - draws.mean(axis=0)) ** 4).mean(axis=0)
    np.testing.assert_array_less(np.abs(variance - expected), 4 * np.sqrt((fourth - variance**2) / len(draws)))


def test_autoregression_with_negative_binomial_counts_has_its_exact_moments(cell):
    level, last, sigma, half_life, phi, horizon = 1.0, 0.6, 0.25, 6.0, 5.0, 6
    walk = np.zeros((1, 24))
    walk[0, -1] = last
    values = same(S, intercept=level, walk_province=walk, sigma_walk_province=sigma,
                  half_life_walk_province=half_life, log_phi=np.log(phi))  # fmt: skip
    family = NegativeBinomial(by=None)
    drawn = ahead([Intercept(), Walk()], cell, values, horizon, family=family)
    rho, step = 2.0 ** (-1 / half_life), np.arange(1, horizon + 1)
    centre, spread = level + rho**step * last, sigma**2 * (1 - rho ** (2 * step)) / (1 - rho**2)
    mean, square = np.exp(centre + spread / 2), np.exp(2 * centre + 2 * spread)
    counts = drawn.counts[:, 0, 0].astype(float)
    assert_mean(counts, mean)
    assert_variance(counts, mean + square * (1 + 1 / phi) - mean**2)


def test_the_variance_of_a_random_walk_grows_by_one_step_each_period(cell):
    sigma, last = 0.3, -0.4
    walk = np.full((1, 24), last)
    values = same(S, intercept=0.5, walk_province=walk, sigma_walk_province=sigma)
    log_mu = ahead([Intercept(), Walk(damping=1)], cell, values, 5).log_mu[:, 0, 0]
    assert_mean(log_mu, np.full(5, 0.5 + last))
    assert_variance(log_mu, sigma**2 * np.arange(1, 6))
    steps = np.diff(log_mu, axis=1)
    assert abs(np.corrcoef(steps[:, 0], steps[:, 1])[0, 1]) < 4 / np.sqrt(S)


def test_each_path_has_its_own_innovations_and_all_cells_of_it_share_them(lattice):
    values = same(2000, intercept=0.0, walk_country=np.zeros((2, 60)), sigma_walk_country=0.2)
    log_mu = ahead([Intercept(), Walk(by="country", damping=1)], lattice, values, 2).log_mu[..., 0]
    np.testing.assert_array_equal(log_mu[:, 0, 0], log_mu[:, 2, 1])
    assert abs(np.corrcoef(log_mu[:, 0, 0], log_mu[:, 5, 0])[0, 1]) < 4 / np.sqrt(2000)


def test_excitation_has_its_exact_mean_one_and_two_steps_ahead(cell):
    """Two steps ahead the mean is the sum over the Poisson counts of the first step."""
    level, slope = 1.2, 0.4
    values = same(S, intercept=level, excitation=slope)
    counts = ahead([Intercept(), Excitation()], cell, values, 2).counts[:, 0, 0].astype(float)
    attacks = cell.attacks.values[0, 0]
    base = level - slope * np.log1p(attacks).mean()
    first = np.exp(base + slope * np.log1p(attacks[-1]))
    support = np.arange(200)
    second = np.exp(base) * (stats.poisson(first).pmf(support) * (1.0 + support) ** slope).sum()
    assert_mean(counts, np.array([first, second]))


def test_each_lag_has_its_slope(cell):
    values = same(3, intercept=0.0, excitation=[0.5, -0.25])
    log_mu = ahead([Intercept(), Excitation(lags=2)], cell, values, 2).log_mu[:, 0, 0]
    past = np.log1p(cell.attacks.values[0, 0]) - np.log1p(cell.attacks.values).mean()
    np.testing.assert_allclose(log_mu[:, 0], 0.5 * past[-1] - 0.25 * past[-2])


def test_spillover_takes_the_neighbours_mean(lattice):
    values = same(4, intercept=0.0, spillover=0.6)
    drawn = ahead([Intercept(), Spillover()], lattice, values, 2)
    near = lattice.dataset["adjacency"].values
    weights = near / near.sum(axis=1, keepdims=True)
    centre = np.log1p(np.einsum("pq,qkt->pkt", weights, lattice.attacks.values)).mean()
    for step, before in ((0, lattice.attacks.values[None, ..., -1]), (1, drawn.counts[..., 0])):
        past = np.log1p(np.einsum("pq,sqk->spk", weights, before)) - centre
        np.testing.assert_allclose(drawn.log_mu[..., step], np.broadcast_to(0.6 * past, drawn.log_mu.shape[:3]))


def test_past_counts_are_per_exposure(make_panel):
    panel = make_panel(np.random.default_rng(3).poisson(4, (1, 1, 24)), exposure=2.0)
    log_mu = ahead([Intercept(), Excitation()], panel, same(2, intercept=0.3, excitation=0.5), 1).log_mu.ravel()
    past = np.log1p(panel.attacks.values / 2).ravel()
    np.testing.assert_allclose(log_mu, np.log(2) + 0.3 + 0.5 * (past[-1] - past.mean()))


def test_ahead_observed_counts_are_per_their_own_exposure_and_simulated_ones_per_the_forecasts(make_panel):
    exposure = np.linspace(1.0, 5.0, 24)
    panel = make_panel(np.random.default_rng(3).poisson(4, (1, 1, 24)), exposure=exposure)
    drawn = ahead([Intercept(), Excitation(lags=2)], panel, same(50, intercept=0.3, excitation=[0.5, 0.2]), 3)
    seen = (panel.attacks.values / exposure).ravel()
    rates = np.concatenate([np.broadcast_to(seen[-2:], (50, 2)), drawn.counts[:, 0, 0] / 5.0], axis=1)
    past = np.log1p(rates) - np.log1p(seen).mean()
    expected = np.log(5.0) + 0.3 + 0.5 * past[:, 1:-1] + 0.2 * past[:, :-2]
    np.testing.assert_allclose(drawn.log_mu[:, 0, 0], expected)


def test_in_the_sample_simulated_counts_are_per_their_own_periods_exposure(make_panel):
    exposure = np.linspace(1.0, 5.0, 12)
    panel = make_panel(np.random.default_rng(3).poisson(4, (1, 1, 12)), exposure=exposure)
    bound = Model([Excitation()], Poisson()).bind(panel)
    static, rng = np.zeros((20, 1, 1, 11)) + np.log(exposure[1:]), np.random.default_rng(0)
    drawn = simulate_counts(bound, static, same(20, excitation=0.5), 1, NO_CAP, rng)
    rates = np.log1p(drawn.counts[:, 0, 0, :-1] / exposure[1:-1]) - np.log1p(panel.rates.values).mean()
    np.testing.assert_allclose(drawn.log_mu[:, 0, 0, 1:], np.log(exposure[2:]) + 0.5 * rates)


def test_exposure_stays_at_its_last_value(make_panel):
    exposure = np.full((2, 1, 12), 1.0)
    exposure[0, 0, -1], exposure[1] = 3.0, 0.5
    panel = make_panel(np.ones((2, 1, 12)), exposure=exposure)
    log_mu = ahead([Intercept()], panel, same(2, intercept=0.3), 2).log_mu
    np.testing.assert_allclose(log_mu[0, :, 0], 0.3 + np.log([[3.0] * 2, [0.5] * 2]))


def test_season_and_step_go_on_as_on_a_longer_panel(lattice):
    terms = [Season(2, by="tactic"), Step("2017-01-01", by="province"), Pooled("country")]
    whole, short = Model(terms, Poisson()).bind(lattice), lattice.between(end="2018-12-31")
    rng = np.random.default_rng(5)
    values = {block.name: rng.normal(size=(3, *block.shape)) for block in whole.blocks}
    expected = sum(np.broadcast_to(block.on_grid(values[block.name]), (3, *whole.grid)) for block in whole.blocks)
    drawn = ahead(terms, short, values, 12)
    np.testing.assert_allclose(drawn.log_mu, expected[..., 48:])


@pytest.mark.parametrize("lag", [0, 2])
def test_a_covariate_is_standardised_as_in_training_and_lagged(lattice, lag):
    name = "slope_capability" + ("_lag_2" if lag else "")
    future = np.random.default_rng(1).normal(size=(6, 2, 4))
    known = lattice.covariate("capability").values
    values = same(2, **{name: 0.7, f"{name}_tactic": [0.2, -0.1]})
    terms = [Covariate("capability", by="tactic", lag=lag)]
    log_mu = ahead(terms, lattice, values, 4, futures={"capability": future}).log_mu
    longer = np.concatenate([known, future], axis=-1)[..., 60 - lag : 64 - lag]
    expected = np.nan_to_num((longer - np.nanmean(known)) / np.nanstd(known)) * np.array([0.9, 0.6])[:, None]
    np.testing.assert_allclose(log_mu[1], expected)


def test_two_futures_share_their_innovations(lattice):
    values = same(5, slope_capability=0.5, walk_province=np.zeros((6, 60)), sigma_walk_province=0.3)
    terms, shape = [Covariate("capability"), Walk(damping=1)], (6, 2, 3)
    low, high = (ahead(terms, lattice, values, 3, futures={"capability": np.full(shape, x)}) for x in (0.0, 1.0))
    spread = np.nanstd(lattice.covariate("capability").values)
    np.testing.assert_allclose(high.log_mu - low.log_mu, 0.5 / spread)


def test_an_explosion_is_cut_and_counted(cell):
    values = same(300, intercept=3.0, excitation=0.99)
    exploding = ahead([Intercept(), Excitation()], cell, values, 40, cap=500.0)
    assert exploding.cut.any()
    assert not exploding.cut[..., 0].any()
    assert exploding.log_mu.max() == pytest.approx(np.log(500.0))
    np.testing.assert_array_equal(exploding.cut, exploding.log_mu == np.log(500.0))
    assert exploding.counts.max() < 1000


def test_an_unobserved_last_count_counts_as_the_mean(make_panel):
    counts = np.random.default_rng(3).poisson(4, (1, 1, 24)).astype(float)
    counts[0, 0, -1] = np.nan
    log_mu = ahead([Intercept(), Excitation()], make_panel(counts), same(2, intercept=0.3, excitation=0.5), 1).log_mu
    np.testing.assert_allclose(log_mu, 0.3)


def test_the_hurdle_is_drawn_from_the_same_eta(cell):
    """The share of zeros against exp(−exp(a + b·eta)), at 4 standard errors."""
    values = same(S, intercept=0.4, log_phi=1.0, hurdle_a=-0.5, hurdle_b=0.8)
    counts = ahead([Intercept()], cell, values, 2, family=HurdleNegativeBinomial(by=None)).counts[:, 0, 0]
    zero = np.exp(-np.exp(-0.5 + 0.8 * 0.4))
    assert np.abs((counts == 0).mean(axis=0) - zero).max() < 4 * np.sqrt(zero * (1 - zero) / S)


def test_the_same_seed_gives_the_same_counts_and_another_does_not(cell):
    values = same(50, intercept=1.0, walk_province=np.zeros((1, 24)), sigma_walk_province=0.2)
    one, two, other = (ahead([Intercept(), Walk(damping=1)], cell, values, 3, seed=seed).counts for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_in_the_sample_the_first_period_looks_back_on_what_was_observed(lattice):
    bound = Model([Excitation(lags=2)], Poisson()).bind(lattice)
    np.testing.assert_array_equal(last_rates(bound, 2), lattice.attacks.values[..., :2])
    values = same(3, excitation=[0.4, 0.2])
    drawn = simulate_counts(bound, np.zeros((3, 6, 2, 5)), values, 2, NO_CAP, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.log_mu[1, ..., 0], bound.blocks[0].on_grid(values["excitation"][1])[..., 2])
