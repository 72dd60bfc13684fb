"""Negative binomial regression: recovered slopes, exact one-step means, quiet levels, redundant terms, guards."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from statsmodels.discrete.discrete_model import NegativeBinomial

import forecast as fc
from forecast.baselines.regression import _parameter_draws
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.panel.calendar import ramadan_share

TRUTH = {
    "season_sin_1": 0.4,
    "season_cos_1": -0.2,
    "trend": -0.15,
    "lag_1": 0.3,
    "covariate[strikes]": 0.5,
    "log_alpha": -np.log(2.0),
}


def simulate(rng, provinces=12, tactics=3, periods=96):
    """Counts drawn as the regression says, with a covariate by province, already of mean 0 and SD 1."""
    strikes = rng.normal(size=(provinces, periods))
    strikes = (strikes - strikes[:, 1:].mean()) / strikes[:, 1:].std()
    dates = pd.date_range("2012-01-01", periods=periods, freq="MS")
    middle = dates + (dates + pd.offsets.MonthEnd(1) - dates) / 2
    angle = 2 * np.pi * (middle.day_of_year - 0.5) / 365.25
    years = (dates - (dates[0] + (dates[-1] - dates[0]) / 2)).days / 365.25
    common = TRUTH["season_sin_1"] * np.sin(angle) + TRUTH["season_cos_1"] * np.cos(angle) + TRUTH["trend"] * years
    level = rng.normal(0.3, 0.8, provinces)[:, None] + rng.normal(0, 0.5, tactics)[None, :]
    counts, past = np.zeros((provinces, tactics, periods)), np.zeros((provinces, tactics))
    for time in range(periods):
        covariate = TRUTH["covariate[strikes]"] * strikes[:, None, time]
        mu = np.exp(level + common[time] + covariate + TRUTH["lag_1"] * np.log1p(past))
        past = rng.negative_binomial(2.0, 2.0 / (2.0 + mu))
        counts[:, :, time] = past
    return counts, strikes


def with_strikes(panel, strikes):
    coords = {"province": panel.provinces, "period": panel.periods}
    return panel.with_covariate("strikes", xr.DataArray(strikes, dims=("province", "period"), coords=coords))


@pytest.fixture(scope="module")
def panel(make_panel):
    counts, strikes = simulate(np.random.default_rng(4))
    return with_strikes(make_panel(counts, start="2012-01-01"), strikes)


@pytest.fixture(scope="module")
def fitted(panel):
    return fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)


def test_slopes_are_recovered(fitted):
    table = fitted.to_frame().set_index("term")
    for term, truth in TRUTH.items():
        # Four standard errors each: six true terms stray outside once in 2,600 data sets.
        assert table.loc[term, "estimate"] == pytest.approx(truth, abs=4 * table.loc[term, "standard_error"])
    assert table.loc[list(TRUTH), "standard_error"].max() < 0.1
    assert not fitted.notes
    assert fitted.diagnostics["passed"].all()


def test_estimates_are_those_of_statsmodels(make_panel):
    counts = np.random.default_rng(3).negative_binomial(0.7, 0.2, (1, 1, 200))
    model = fc.NegativeBinomialRegression(harmonics=0, trend=False, lags=0)
    table = fc.fit(model, make_panel(counts), seed=1).to_frame().set_index("term")
    direct = NegativeBinomial(counts.ravel(), np.ones(200)).fit(disp=0)
    assert table.loc["intercept"].tolist() == pytest.approx([direct.params[0], direct.bse[0]], rel=1e-3)
    expected = [np.log(direct.params[1]), direct.bse[1] / direct.params[1]]
    assert table.loc["log_alpha"].tolist() == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_one_step_mean_is_that_of_the_equation(fitted, panel):
    certain = replace(fitted, state=fitted.state.assign(covariance=0 * fitted.state["covariance"]))
    forecast = fc.predict(certain, 1, futures={"strikes": fc.hold_last()}, draws=2, seed=1)
    slopes = fitted.to_frame().set_index("term")["estimate"]
    period = forecast.periods[0]
    angle = 2 * np.pi * ((period + pd.Timedelta(days=15)).day_of_year - 0.5) / 365.25
    middle = panel.periods[0] + (panel.periods[-1] - panel.periods[0]) / 2
    strikes = panel.dataset["strikes"].values
    mean, spread = fitted.design.constants["strikes"]
    for row, column in ((0, 0), (5, 1), (11, 2)):
        eta = slopes["intercept"] + slopes["trend"] * (period - middle).days / 365.25
        eta += slopes.get(f"province[P{row}]", 0.0) + slopes.get(f"tactic[t{column}]", 0.0)
        for harmonic in (1, 2):
            eta += slopes[f"season_sin_{harmonic}"] * np.sin(harmonic * angle)
            eta += slopes[f"season_cos_{harmonic}"] * np.cos(harmonic * angle)
        eta += slopes["covariate[strikes]"] * (strikes[row, -1] - mean) / spread
        eta += slopes["lag_1"] * np.log1p(panel.attacks.values[row, column, -1])
        # The middle of a month of 31 days falls half a day after its 16th begins: 0.5 / 365 of a turn.
        assert forecast.dataset["mu"].values[:, row, column, 0] == pytest.approx(np.exp(eta), rel=0.02)


def test_simulated_counts_feed_the_lag(fitted):
    certain = replace(fitted, state=fitted.state.assign(covariance=0 * fitted.state["covariance"]))
    forecast = fc.predict(certain, 2, futures={"strikes": fc.hold_last()}, draws=500, seed=1)
    first, second = forecast.draws.values[..., 0], forecast.dataset["mu"].values[..., 1]
    slope = fitted.to_frame().set_index("term").loc["lag_1", "estimate"]
    change = np.log(second) - np.log(second[:1])
    assert change == pytest.approx(slope * (np.log1p(first) - np.log1p(first[:1])), abs=1e-9)


def test_draws_carry_the_uncertainty_of_the_parameters(fitted):
    forecast = fc.predict(fitted, 1, futures={"strikes": fc.hold_last()}, draws=4000, seed=1)
    phi = forecast.dataset["phi"]
    assert phi.dims == ("sample", "tactic")
    table = fitted.to_frame().set_index("term").loc["log_alpha"]
    logs = -np.log(phi.values[:, 0])
    error = table["standard_error"]
    assert logs.mean() == pytest.approx(table["estimate"], abs=4 * error / np.sqrt(4000))
    assert logs.std() == pytest.approx(error, rel=4 / np.sqrt(2 * 4000))


def test_forecast_of_true_model_covers(panel, make_panel):
    counts, strikes = simulate(np.random.default_rng(4), periods=102)
    whole = with_strikes(make_panel(counts, start="2012-01-01"), strikes)
    fitted = fc.fit(fc.NegativeBinomialRegression(), whole.between(end="2019-12-31"), seed=1)
    forecast = fc.predict(fitted, 6, futures={"strikes": fc.oracle(whole)}, seed=2)
    assert forecast.model == "regression (oracle)"
    assert forecast.provenance["oracle"] == ["strikes"]
    outcome, rng = whole.attacks.values[:, :, 96:], np.random.default_rng(1)
    below, upto = (forecast.draws.values < outcome).mean(0), (forecast.draws.values <= outcome).mean(0)
    pit = below + rng.random(outcome.shape) * (upto - below)
    # 216 outcomes, dependent through the lag and the parameters: six standard errors of independent ones.
    assert np.mean((pit > 0.05) & (pit < 0.95)) == pytest.approx(0.9, abs=6 * np.sqrt(0.09 / pit.size))


def test_covariates_need_a_future_only_if_used(fitted, panel):
    with pytest.raises(InputError, match=r"whose future is not given.*strikes"):
        fc.predict(fitted, 2, seed=1)
    without = fc.fit(fc.NegativeBinomialRegression(covariates=()), panel, seed=1)
    assert fc.predict(without, 2, draws=5, seed=1).model == "regression"
    with pytest.raises(InputError, match="no such covariate"):
        fc.fit(fc.NegativeBinomialRegression(covariates=("rain",)), panel, seed=1)


def test_the_calendars_covariate_needs_no_future(panel):
    """The slope is known, so that a forecast differs from one without it by slope × standardised share."""
    model = fc.NegativeBinomialRegression(harmonics=0, trend=False, lags=0, covariates=("ramadan",))
    fitted = fc.fit(model, panel, seed=1)
    slope = fitted.to_frame().set_index("term").loc["covariate[ramadan]", "estimate"]
    certain = replace(fitted, state=fitted.state.assign(covariance=0 * fitted.state["covariance"]))
    forecast = fc.predict(certain, 12, draws=3, seed=1)
    known, ahead = panel.covariate("ramadan").values[0, 0], ramadan_share(forecast.periods, panel.freq)
    log_mu = np.log(forecast.dataset["mu"].values[0, 2, 1])
    assert ahead.any()
    np.testing.assert_allclose(log_mu - log_mu[0], slope * (ahead - ahead[0]) / known.std())


def test_covariate_that_cannot_be_told_from_others_is_left_out(make_panel):
    counts, strikes = simulate(np.random.default_rng(4), provinces=6, periods=40)
    panel = with_strikes(make_panel(counts), strikes).with_covariate(
        "oil", pd.Series(1.0, index=pd.date_range("2020-01-01", periods=40, freq="MS"))
    )
    fitted = fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)
    assert fitted.notes == ("covariate[oil] is left out: it cannot be told from the other terms",)
    assert fc.predict(fitted, 1, futures={"strikes": fc.hold_last()}, draws=5, seed=1).draws.shape == (5, 6, 3, 1)


def test_exposure_is_an_offset(make_panel):
    counts, _ = simulate(np.random.default_rng(4), provinces=6, periods=40)
    scale = np.linspace(1, 100, 6)[:, None, None]
    plain, scaled = make_panel(counts), make_panel(counts, exposure=scale)
    first, second = (fc.fit(fc.NegativeBinomialRegression(), panel, seed=1) for panel in (plain, scaled))
    effects = second.to_frame()["estimate"] - first.to_frame()["estimate"]
    by_term = effects.set_axis(first.to_frame()["term"])
    assert by_term["province[P5]"] == pytest.approx(-np.log(100), abs=1e-4)
    assert by_term["lag_1"] == pytest.approx(0, abs=1e-4)
    means = [fc.predict(fitted, 1, draws=2000, seed=1).mean()["mean"].sum().item() for fitted in (first, second)]
    assert means[0] == pytest.approx(means[1], rel=0.1)


def test_quiet_provinces_and_tactics_get_half_an_attack(make_panel):
    counts, _ = simulate(np.random.default_rng(4), provinces=6, periods=40)
    busy = fc.fit(fc.NegativeBinomialRegression(), make_panel(counts[1:, :2]), seed=1)
    counts[0], counts[:, 2] = 0.0, 0.0
    fitted = fc.fit(fc.NegativeBinomialRegression(), make_panel(counts), seed=1)
    assert fitted.notes == (
        "1 of 6 provinces had no attack: each is expected to have had half of one",
        "1 of 3 tactics had no attack: each is expected to have had half of one",
    )
    # Cells that hold nothing but zeros leave the other terms as they were.
    for term in ("trend", "lag_1", "log_alpha"):
        both = [model.to_frame().set_index("term").loc[term, "estimate"] for model in (busy, fitted)]
        assert both[0] == pytest.approx(both[1], abs=1e-4)
    forecast = fc.predict(fitted, 39, draws=2000, seed=1)
    quiet = forecast.draws.sel(province="P0", tactic=["t0", "t1"]).sum(("tactic", "period")).mean().item()
    assert 0.1 < quiet < 2.5


def test_gaps_before_a_count_are_told(gappy_panel):
    notes = " | ".join(fc.fit(fc.NegativeBinomialRegression(), gappy_panel, seed=1).notes)
    assert "left out of the regression: a count before them was not observed" in notes
    assert "the first steps look back on earlier ones" in notes


def test_province_without_usable_cells_takes_the_mean_effect(make_panel):
    counts, _ = simulate(np.random.default_rng(4), provinces=6, periods=40)
    counts[3] = np.nan
    fitted = fc.fit(fc.NegativeBinomialRegression(), make_panel(counts), seed=1)
    slopes = fitted.to_frame().set_index("term")["estimate"]
    effects = [slopes.get(f"province[P{row}]", 0.0) for row in (0, 1, 2, 4, 5)]
    assert fitted.state["fixed"].sel(province="P3").values == pytest.approx(np.mean(effects))
    assert any("no usable cell" in note for note in fitted.notes)


def test_narrow_counts_fall_back_to_poisson(make_panel):
    counts = np.random.default_rng(1).binomial(4, 0.5, (5, 2, 40))
    fitted = fc.fit(fc.NegativeBinomialRegression(), make_panel(counts), seed=1)
    assert any("the counts are Poisson" in note for note in fitted.notes)
    forecast = fc.predict(fitted, 2, draws=10, seed=1)
    assert forecast.dataset.attrs["family"] == "poisson"
    assert "phi" not in forecast.dataset


def test_means_that_run_away_are_cut_and_told(fitted, panel):
    estimate = fitted.state["estimate"].copy()
    estimate.loc[{"term": "trend"}] = 30.0
    wild = replace(fitted, state=fitted.state.assign(estimate=estimate))
    forecast = fc.predict(wild, 12, futures={"strikes": fc.hold_last()}, draws=20, seed=1)
    assert forecast.dataset["mu"].max() == pytest.approx(100 * panel.attacks.max().item())
    assert "expected counts were cut to" in forecast.provenance["notes"][-1]


def test_season_needs_two_years(make_panel):
    counts, _ = simulate(np.random.default_rng(4), provinces=6, periods=23)
    fitted = fc.fit(fc.NegativeBinomialRegression(), make_panel(counts), seed=1)
    assert fitted.notes[0] == "no season: the panel is shorter than two years"
    assert not fitted.to_frame()["term"].str.startswith("season").any()


def test_terms_can_be_left_out(panel):
    model = fc.NegativeBinomialRegression(harmonics=0, trend=False, lags=0, covariates=())
    fitted = fc.fit(model, panel, seed=1)
    kinds = fitted.to_frame()["term"].str.replace(r"\[.*", "", regex=True)
    assert set(kinds) == {"intercept", "tactic", "province", "log_alpha"}
    assert fc.predict(fitted, 2, draws=5, seed=1).draws.shape == (5, 12, 3, 2)


def test_several_lags_look_back_in_order(make_panel):
    counts, _ = simulate(np.random.default_rng(4), provinces=6, periods=40)
    panel = make_panel(counts)
    fitted = fc.fit(fc.NegativeBinomialRegression(lags=3), panel, seed=1)
    assert fitted.to_frame()["term"].tolist()[-4:] == ["lag_1", "lag_2", "lag_3", "log_alpha"]
    assert (fitted.state["past"].values == np.moveaxis(counts[:, :, [-1, -2, -3]], -1, 0)).all()
    assert fc.predict(fitted, 5, draws=5, seed=1).draws.shape == (5, 6, 3, 5)


def test_nothing_to_learn_from_is_refused(make_panel):
    with pytest.raises(InputError, match="nothing to learn from"):
        fc.fit(fc.NegativeBinomialRegression(), make_panel(np.zeros((2, 2, 30))), seed=1)
    for lags in (4, 5, 6, 9):
        with pytest.raises(InputError, match=r"nothing to learn from|too few cells"):
            fc.fit(fc.NegativeBinomialRegression(lags=lags), make_panel([[[1, 0, 2, 1, 3]]]), seed=1)
    with pytest.raises(InputError, match="too few cells"):
        fc.fit(fc.NegativeBinomialRegression(), make_panel([[[1, 0, 2, 1, 3]]]), seed=1)


@pytest.mark.parametrize("fault", ["count", "exposure"])
def test_one_number_far_from_all_others_is_named(make_panel, fault):
    """It leaves the likelihood without a finite estimate, which is the data's fault and not the package's."""
    attacks = np.stack([(np.arange(24) + province) % 3.0 for province in range(3)])[:, None]
    exposure = np.ones_like(attacks)
    if fault == "count":
        attacks[0, 0, 12] = 1_000_000
    else:
        exposure[0, 0, 5] = 5e-324
    panel = make_panel(attacks)
    dims = panel.dataset["exposure"].dims
    panel = replace(panel, dataset=panel.dataset.assign(exposure=(dims, exposure)))
    found = {"count": "counts up to 1,000,000", "exposure": "exposure from 4.94e-324 to 1"}[fault]
    with pytest.raises(InputError, match=f"the regression has no estimate .found .*{found}.*Correct the count"):
        fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)


def onset(rng, provinces=6, quiet=40, loud=20):
    """Almost no attacks, then in each province, one month after another, about ten a month: as in Myanmar in 2021."""
    counts = rng.poisson(0.05, (provinces, 1, quiet + loud))
    for row in range(provinces):
        counts[row, :, quiet + row :] = rng.negative_binomial(10.0, 0.5, loud - row)
    return counts


@pytest.mark.parametrize("lags", [1, 2])
def test_slopes_on_past_counts_stay_below_one(make_panel, lags):
    counts = onset(np.random.default_rng(5))
    # With a trend, that would take the onset up instead.
    model = fc.NegativeBinomialRegression(harmonics=0, trend=False, lags=lags)
    fitted = fc.fit(model, make_panel(counts), seed=1)
    terms = [f"lag_{lag}" for lag in range(1, lags + 1)]
    slopes = fitted.to_frame().set_index("term").loc[terms]
    assert slopes["estimate"].clip(lower=0).sum() == pytest.approx(0.95)
    assert (slopes["standard_error"] == 0).all()
    assert any("grow without bound; they are held at 0.95" in note for note in fitted.notes)
    assert fitted.diagnostics.set_index("check").loc["slopes_on_past_counts", "value"] == pytest.approx(0.95)
    totals = fc.predict(fitted, 6, draws=500, seed=1).draws.sum(("province", "tactic", "period"))
    # Six months at the late level hold about 360 attacks; without the bound the median was above 4,000.
    assert 60 < float(totals.median()) < 720


def test_terms_held_at_the_bound_are_the_maximum_given_it(make_panel):
    """One lag: the other terms are those of statsmodels with 0.95 · log(1 + the last count) as offset."""
    counts = onset(np.random.default_rng(5), provinces=1, quiet=60, loud=60)
    model = fc.NegativeBinomialRegression(harmonics=0, trend=False)
    table = fc.fit(model, make_panel(counts), seed=1).to_frame().set_index("term")
    assert table.loc["lag_1", "estimate"] == pytest.approx(0.95)
    series = counts.ravel()
    direct = NegativeBinomial(series[1:], np.ones(119), offset=0.95 * np.log1p(series[:-1])).fit(disp=0)
    assert table.loc["intercept"].tolist() == pytest.approx([direct.params[0], direct.bse[0]], rel=1e-3)
    assert table.loc["log_alpha", "estimate"] == pytest.approx(np.log(direct.params[1]), rel=1e-2, abs=1e-3)


def test_no_draw_of_the_slope_leaves_the_bound(fitted):
    """An estimate a little below the bound, with an error that reaches far beyond it."""
    state = fitted.state.copy(deep=True)
    state["estimate"].loc[{"term": "lag_1"}] = 0.9
    place = fitted.state["term"].values.tolist().index("lag_1")
    state["covariance"][place, place] = 0.2**2
    slopes = _parameter_draws(replace(fitted, state=state), 2000, np.random.default_rng(1))
    lag = slopes[:, place]
    assert lag.max() <= 0.95 + 1e-6
    # The mean of a normal number of mean 0.9 and SD 0.2 that is cut at 0.95.
    expected = stats.truncnorm.mean(-np.inf, 0.25, loc=0.9, scale=0.2)
    assert lag.mean() == pytest.approx(expected, abs=4 * 0.2 / np.sqrt(2000))


def test_forecast_after_an_onset_stays_near_what_came(make_panel):
    """UCDP Myanmar to June 2023, six months ahead: without the bound the median total was 46,569, and 1,012 came."""
    records = pd.read_csv(data_path("ucdp_myanmar.csv.gz"), dtype=str).query("adm_1.notna()")
    province = records["adm_1"].str.normalize("NFKD").str.lower().str.split().str[0]
    months = pd.to_datetime(records["date_start"]).dt.to_period("M").dt.to_timestamp()
    table = pd.crosstab(months, [province, records["type_of_violence"]], dropna=False)
    counts = table.reindex(pd.date_range("2010-01-01", "2023-12-01", freq="MS"), fill_value=0).to_numpy().T
    counts = counts.reshape(province.nunique(), 3, 168)
    panel = make_panel(counts[..., :-6], start="2010-01-01")
    fitted = fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)
    totals = fc.predict(fitted, 6, draws=500, seed=1).draws.sum(("province", "tactic", "period"))
    came = counts[..., -6:].sum()
    assert came == 1012
    assert came / 2 < float(totals.median()) < 2 * came
