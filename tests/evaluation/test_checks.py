"""Checks of a fit whose posterior is the truth that made its data: they pass; and of wrong ones: they see it."""

import numpy as np
import pytest
from scipy import stats

from forecast.errors import InputError
from forecast.evaluation.checks import (
    check_fit,
    compare,
    loo,
    posterior_predictive,
    quantile_residuals,
)
from forecast.model.families import NegativeBinomial, Poisson
from forecast.model.spec import Model
from forecast.model.terms import Excitation, Intercept, Pooled

LEVELS = np.array([-1.0, 0.0, 1.0, 1.5])
TRUTH = {"intercept": 0.5, "sigma_level_province": 1.0, "level_province": LEVELS, "log_phi": np.log([1.0, 4.0])}
RIGHT = Model([Intercept(), Pooled("province")], NegativeBinomial(), "right")


@pytest.fixture(scope="module")
def panel(make_panel):
    """4 provinces, 2 tactics, 80 months of negative binomial counts, with one gap."""
    mu = np.exp(0.5 + LEVELS)[:, None, None]
    phi = np.array([1.0, 4.0])[:, None]
    counts = np.random.default_rng(8).negative_binomial(phi, phi / (phi + mu), (4, 2, 80)).astype(float)
    counts[0, 1, 7] = np.nan
    return make_panel(counts)


@pytest.fixture(scope="module")
def right(make_fit, panel):
    return make_fit(RIGHT, panel, TRUTH, draws=500)


@pytest.fixture(scope="module")
def narrow(make_fit, panel):
    """Poisson counts where they are wider."""
    model = Model([Intercept(), Pooled("province")], Poisson(), "narrow")
    return make_fit(model, panel, {name: value for name, value in TRUTH.items() if name != "log_phi"}, draws=500)


@pytest.fixture
def echo(make_fit, panel):
    """A model that looks back one period."""
    terms = [Intercept(), Pooled("province"), Excitation(impute="mean")]
    return make_fit(Model(terms, NegativeBinomial(), "echo"), panel, {**TRUTH, "excitation": 0.6}, draws=100)


def test_replicates_are_labelled_seeded_and_have_the_mean_of_the_model(right, panel):
    one, two, other = (posterior_predictive(right, 400, seed=seed) for seed in (1, 1, 2))
    assert one.dims == ("sample", "province", "tactic", "period")
    assert one.shape == (400, 4, 2, 80)
    assert list(one["province"].values) == panel.provinces
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
    means = one.mean(("sample", "period", "tactic")).values
    error = one.std(("sample", "period", "tactic")).values / np.sqrt(400 * 160)
    np.testing.assert_array_less(np.abs(means - np.exp(0.5 + LEVELS)), 4 * error)


def test_replicates_look_back_on_the_observed_counts(echo, panel):
    """Means of each cell against exp(eta) with the observed past; 8 × 79 cells, so 5 standard errors."""
    replicates = posterior_predictive(echo, 4000, seed=1)
    assert list(replicates["period"].values) == list(panel.periods[1:].values)
    past = np.log1p(panel.attacks.values)
    past = np.nan_to_num(past - np.nanmean(past))[..., :-1]
    mu = np.exp(0.5 + LEVELS[:, None, None] + 0.6 * past)
    variance = mu + mu**2 / np.array([1.0, 4.0])[:, None]
    assert (np.abs(replicates.values.mean(axis=0) - mu) < 5 * np.sqrt(variance / 4000)).all()


def test_replicates_have_the_exposure_of_their_cells(make_fit, make_panel):
    exposure = np.array([1.0, 5.0])[:, None, None]
    panel = make_panel(np.random.default_rng(1).poisson(3, (2, 1, 20)), exposure=exposure)
    fit = make_fit(Model([Intercept()], Poisson()), panel, {"intercept": 0.7})
    means = posterior_predictive(fit, 500, seed=1).mean(("sample", "period", "tactic")).values
    expected = np.exp(0.7) * exposure.ravel()
    np.testing.assert_array_less(np.abs(means - expected), 4 * np.sqrt(expected / (500 * 20)))


def test_the_right_model_reproduces_its_data(right):
    """28 statistics, a tail below 0.002 has probability 0.004 each; none is expected of this seed."""
    table = check_fit(right, 4000, seed=1)
    assert list(table.columns) == ["statistic", "by", "label", "observed", "median", "lower", "upper", "tail"]
    assert table.groupby("by").size().to_dict() == {"all": 4, "province": 16, "tactic": 8}
    assert table["tail"].min() > 0.002
    assert table["tail"].max() <= 1
    assert (table["lower"] <= table["upper"]).all()
    inside = table["observed"].between(table["lower"], table["upper"]).mean()
    assert inside > 0.7


def test_a_model_without_dispersion_fails_where_it_should(narrow):
    table = check_fit(narrow, 500, seed=1).set_index(["by", "statistic"])["tail"]
    assert table["all", "variance_to_mean"].max() < 0.01
    assert table["all", "zeros"].max() < 0.01


def test_a_model_with_too_much_dispersion_fails_on_the_other_side(make_fit, panel):
    """Its replicates lie above the observed ratio as those of a narrow model lie below: the tail is small for both."""
    wide = make_fit(RIGHT, panel, {**TRUTH, "log_phi": np.log([0.1, 0.1])})
    row = check_fit(wide, 500, seed=1).set_index(["by", "statistic"]).loc[("all", "variance_to_mean")]
    assert row["tail"] < 0.01
    assert row["observed"] < row["lower"]


def test_autocorrelation_that_a_model_lacks_is_seen(make_fit, make_panel):
    rng, counts = np.random.default_rng(2), np.empty((4, 1, 80))
    before = np.full(4, 3.0)
    for period in range(80):
        before = counts[:, 0, period] = rng.poisson(np.exp(0.3 + 0.6 * np.log1p(before)))
    fit = make_fit(Model([Intercept()], Poisson()), make_panel(counts), {"intercept": np.log(counts.mean())})
    table = check_fit(fit, 500, seed=1).set_index(["by", "statistic"])
    row = table.loc[("all", "autocorrelation")]
    assert row["tail"] < 0.01
    assert row["observed"] > row["upper"]


def test_a_province_without_an_attack_has_no_ratio(make_fit, make_panel):
    counts = np.random.default_rng(1).poisson(2.0, (2, 1, 20))
    counts[0] = 0
    fit = make_fit(Model([Intercept()], Poisson()), make_panel(counts), {"intercept": 0.0})
    table = check_fit(fit, 50, seed=1).set_index(["by", "label", "statistic"])
    assert table.loc[("province", "P0", "variance_to_mean")].isna().all()
    assert table.loc[("province", "P0", "zeros"), "observed"] == 1


def test_residuals_of_the_right_model_are_standard_normal(right, narrow, panel):
    """Kolmogorov-Smirnov on 639 residuals; a right model fails at 1e-3 once in 1,000."""
    table = quantile_residuals(right, seed=3)
    assert list(table.columns) == ["province", "tactic", "period", "observed", "residual"]
    assert len(table) == 639
    assert table["observed"].sum() == panel.attacks.sum()
    assert stats.kstest(table["residual"], "norm").pvalue > 1e-3
    assert quantile_residuals(narrow, seed=3)["residual"].std() > 1.3


def test_loo_of_a_known_posterior_is_its_log_likelihood(right):
    """All draws are the same, so leaving one out changes nothing."""
    assert loo(right, 200).elpd_loo == pytest.approx(right.log_likelihood(200)[0, 0].sum().item())


def test_the_better_model_comes_first_on_common_observations(right, narrow, echo):
    table = compare({"narrow": narrow, "right": right, "echo": echo}, 100)
    assert table.index[0] == "right"
    assert table.index.name == "model"
    assert (table["observations"] == 639 - 8).all()


def test_fits_of_different_data_are_not_compared(right, make_fit, panel):
    other = make_fit(RIGHT, panel.between(end="2023-12-31"), TRUTH)
    with pytest.raises(InputError, match="different data"):
        compare({"one": right, "other": other})
    with pytest.raises(InputError, match="at least two"):
        compare({"one": right})
