"""The table of checks: good draws pass, and each kind of bad draws fails its own check."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from forecast.errors import InputError
from forecast.evaluation.checks import posterior_predictive
from forecast.inference.posterior.bayesian import posterior_draws
from forecast.inference.posterior.diagnostics import add_pareto_k, sampling_table
from forecast.inference.posterior.labels import eta
from forecast.model.families import NegativeBinomial, Poisson
from forecast.model.spec import Model
from forecast.model.terms import Excitation, Intercept, Pooled, Walk


@pytest.fixture
def fit(made_fit, gap_panel):
    return made_fit(Model([Intercept(), Pooled("province"), Walk(by="tactic")], NegativeBinomial()), gap_panel)


def failed(fit):
    table = sampling_table(fit.posterior, fit.idata.sample_stats)
    assert (table["advice"] != "").equals(~table["passed"])
    return set(table.loc[~table["passed"], "check"])


def test_good_draws_pass(fit):
    assert list(fit.diagnostics.columns) == ["check", "value", "passed", "advice"]
    assert fit.diagnostics["passed"].all()
    assert "all diagnostics passed" in repr(fit)


def test_chains_in_different_places_fail(fit):
    fit.posterior["level_province"][0] += 3
    assert "largest R-hat" in failed(fit)
    assert "FAILED: largest R-hat" in repr(fit)


def test_chains_that_stand_still_fail(fit):
    fit.posterior["intercept"][:] = np.arange(4)[:, None]
    assert {"largest R-hat", "smallest bulk ESS"} <= failed(fit)


def test_sticky_chains_fail(fit):
    rng = np.random.default_rng(2)
    steps = rng.normal(size=(4, 500))
    for draw in range(1, 500):
        steps[:, draw] += 0.97 * steps[:, draw - 1]
    fit.posterior["intercept"][:] = steps
    assert {"smallest bulk ESS", "smallest tail ESS"} <= failed(fit)


def test_a_divergence_fails(fit):
    fit.idata.sample_stats["diverging"][0, 7] = True
    assert failed(fit) == {"divergences"}


def test_low_energy_and_deep_trees_fail(fit):
    walk = np.cumsum(np.random.default_rng(3).normal(size=(4, 500)), axis=1)
    fit.idata.sample_stats["energy"][:] = walk
    fit.idata.sample_stats["maxdepth_reached"][:, ::3] = True
    assert failed(fit) == {"smallest E-BFMI", "share at the largest tree depth"}


def test_a_number_that_is_fixed_is_not_checked(made_fit, gap_panel):
    fit = made_fit(Model([Intercept(), Walk(by="tactic", damping=1)]), gap_panel)
    fit.posterior["walk_tactic"][..., 0] = 0.0
    assert fit.diagnostics["passed"].all()


def test_pareto_k_is_shown_and_decides_nothing(fit):
    table = add_pareto_k(fit)
    assert list(table["check"])[-1] == "largest Pareto k (decides nothing)"
    assert table["passed"].iloc[-1]
    assert np.isfinite(table["value"].iloc[-1])


def test_groups_on_request_stand_in_a_new_fit(fit):
    mass = fit.log_likelihood(40)
    replicates = posterior_predictive(fit, 30, seed=1)
    both = fit.with_group("log_likelihood", mass).with_group("posterior_predictive", replicates)
    assert set(fit.idata.groups()) == {"posterior", "sample_stats"}
    xr.testing.assert_identical(both.idata["log_likelihood"]["attacks"], mass)
    made = both.idata["posterior_predictive"]["attacks"]
    assert made.dims == ("chain", "draw", "province", "tactic", "period")
    np.testing.assert_array_equal(made[0], replicates)
    again = both.with_group("posterior_predictive", posterior_predictive(fit, 10, seed=2))
    assert again.idata["posterior_predictive"].sizes["draw"] == 10
    assert set(again.idata.groups()) == set(both.idata.groups())


def test_other_groups_and_arrays_without_draws_are_refused(fit):
    with pytest.raises(InputError, match=r"group: is no group to add \(found posterior; expected posterior_pred"):
        fit.with_group("posterior", fit.posterior)
    with pytest.raises(InputError, match=r"predictions: has no draws \(found .*; expected sample, or chain and draw"):
        fit.with_group("predictions", fit.panel.attacks)


def test_joint_draws_stay_together_and_are_not_repeated(fit):
    drawn = posterior_draws(fit, 2000, seed=1)
    flat = fit.posterior["intercept"].values.ravel()
    np.testing.assert_array_equal(np.sort(drawn["intercept"]), np.sort(flat))
    where = {value: row for row, value in enumerate(flat)}
    row = where[drawn["intercept"][5]]
    np.testing.assert_array_equal(drawn["walk_tactic"][5], fit.posterior["walk_tactic"].values.reshape(2000, 2, 8)[row])
    again = posterior_draws(fit, 2000, seed=1)
    assert all(np.array_equal(drawn[name], again[name]) for name in drawn)
    assert len(posterior_draws(fit, 3000, seed=1)["log_phi"]) == 3000


def test_eta_is_the_sum_of_the_design(fit):
    drawn = posterior_draws(fit, 3, seed=2)
    total = eta(fit.bound, drawn)
    assert total.shape == (3, 3, 2, 8)
    expected = sum(block.design(fit.bound.grid) @ drawn[block.name][1].ravel() for block in fit.bound.blocks)
    np.testing.assert_allclose(total[1].ravel(), expected)


def test_log_likelihood_is_scipys(make_fit, gap_panel):
    levels, phi = np.array([-1.0, 0.5, 1.0]), np.array([1.0, 4.0])[:, None]
    values = {"intercept": 0.5, "sigma_level_province": 1.0, "level_province": levels, "log_phi": np.log(phi[:, 0])}
    fit = make_fit(Model([Intercept(), Pooled("province")], NegativeBinomial()), gap_panel, values)
    mass = fit.log_likelihood()
    assert mass.dims == ("chain", "draw", "observation")
    mu, attacks = 2.0 * np.exp(0.5 + levels)[:, None, None], gap_panel.attacks.values
    expected = stats.nbinom(phi, phi / (phi + mu)).logpmf(np.nan_to_num(attacks))[~np.isnan(attacks)]
    np.testing.assert_allclose(mass.values, np.broadcast_to(expected, (2, 50, 3 * 2 * 8 - 3)))


@pytest.mark.parametrize(("draws", "every"), [(None, 1), (5000, 1), (1999, 2), (20, 100)])
def test_log_likelihood_of_fewer_draws_is_that_of_draws_taken_evenly_from_all_chains(fit, draws, every):
    thinned = fit.log_likelihood(draws)
    assert thinned.sizes["chain"] == 4
    xr.testing.assert_identical(thinned, fit.log_likelihood().isel(draw=slice(None, None, every)))


def test_log_likelihood_labels_its_rows_of_the_observations(make_fit, gap_panel):
    echo = make_fit(Model([Excitation(impute="mean")], Poisson()), gap_panel, {"excitation": 0.6})
    early = np.flatnonzero(gap_panel.observations.cells.indices % 8 == 0)
    assert set(echo.log_likelihood()["observation"].values) == set(range(3 * 2 * 8 - 3)) - set(early)
