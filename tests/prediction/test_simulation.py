"""`predict` for Bayesian fits: labels, seeds, policies, notes, and the group `predictions`."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from published_rows import row

import forecast as fc
from forecast.errors import InputError
from forecast.model.families import HurdleNegativeBinomial, NegativeBinomial, Poisson
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Excitation, Intercept, Pooled, Walk
from forecast.panel.calendar import next_periods, ramadan_share
from forecast.prediction.continuation import predict
from forecast.prediction.futures import hold_last, oracle, path
from forecast.prediction.prior import prior_draws
from forecast.prediction.simulation import with_predictions


@pytest.fixture(scope="module")
def lattice():
    return fc.simulate_panel(4, 2, 40, seed=2, capability_slope=-0.3).panel


@pytest.fixture(scope="module")
def training(lattice):
    return lattice.between(end="2017-12-31")


@pytest.fixture
def fitted(make_fit, training):
    """Fit of terms whose posterior is 100 draws of a prior."""

    def make(terms, family=None, *, panel=training, notes=()):
        model = Model(terms, family or NegativeBinomial(), "made")
        values = prior_draws(model.bind(panel), 100, np.random.default_rng(4))
        return make_fit(model, panel, values, notes=notes)

    return make


LEVELS = (Intercept(), Pooled("province"), Walk(by="tactic"))


def test_a_forecast_is_labelled(fitted, training):
    forecast = predict(fitted(LEVELS, notes=("as told",)), 3, draws=60, seed=7)
    assert forecast.draws.shape == (60, 4, 2, 3)
    assert forecast.provinces == training.provinces
    assert forecast.tactics == training.tactics
    assert list(forecast.periods.strftime("%Y-%m")) == ["2018-01", "2018-02", "2018-03"]
    assert forecast.model == "made"
    assert "as told" in forecast.provenance["notes"]


def test_the_same_seed_gives_the_same_forecast(fitted):
    fit = fitted(LEVELS)
    one, two, other = (predict(fit, 2, draws=30, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert (one.draws != other.draws).any()


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (Poisson(), "poisson"),
        (NegativeBinomial(), "negative_binomial"),
        (NegativeBinomial(by=None), "negative_binomial"),
        (HurdleNegativeBinomial(), ""),
    ],
)
def test_mean_and_dispersion_stand_beside_draws_of_families_that_have_them(fitted, family, expected):
    forecast = predict(fitted(LEVELS, family), 2, draws=30, seed=1)
    assert forecast.dataset.attrs["family"] == expected
    assert ("mu" in forecast.dataset) == bool(expected)
    if "phi" in forecast.dataset:
        phi = forecast.dataset["phi"]
        assert phi.dims == ("sample", "tactic")
        assert (phi.values[:, 0] == phi.values[:, 1]).all() == (family.by is None)


def test_dispersion_belongs_to_the_same_draw_as_the_mean(make_fit, training):
    """Mean and dispersion rise together in the posterior, and so they do in the forecast."""
    level = np.linspace(-1, 1, 100)
    fit = make_fit(Model([Intercept()], NegativeBinomial(by=None)), training, {"intercept": level, "log_phi": level})
    forecast = predict(fit, 1, draws=100, seed=3)
    np.testing.assert_allclose(forecast.dataset["mu"][:, 0, 0, 0], forecast.dataset["phi"][:, 0])
    np.testing.assert_allclose(np.sort(forecast.dataset["phi"][:, 0]), np.exp(level))


def test_a_covariate_needs_a_policy(fitted):
    with pytest.raises(InputError, match=r"future is not given.*capability.*hold_last\(\), path\(table\)"):
        predict(fitted([Intercept(), Covariate("capability")]), 3, seed=1)


def test_the_calendar_needs_none(make_fit, training):
    fit = make_fit(Model([Covariate("ramadan")], Poisson()), training, {"slope_ramadan": 1.0})
    log_mu = np.log(predict(fit, 12, draws=3, seed=1).dataset["mu"].values[0])
    ahead = ramadan_share(next_periods(training.periods[-1], 12, training.freq), training.freq)
    known = ramadan_share(training.periods, training.freq)
    expected = np.broadcast_to(ahead - known.mean(), log_mu.shape)
    np.testing.assert_allclose(log_mu, expected, atol=1e-9)


def test_a_covariate_that_the_model_does_not_use_needs_none(fitted):
    assert predict(fitted(LEVELS), 1, draws=5, seed=1).model == "made"


def test_policies_give_the_covariate_its_values(make_fit, training, lattice):
    fit = make_fit(Model([Covariate("capability")], Poisson()), training, {"slope_capability": 1.0})
    known = training.covariate("capability")
    expected = {
        "hold": (hold_last(), known.values[..., [-1] * 2]),
        "oracle": (oracle(lattice), lattice.covariate("capability").values[..., 36:38]),
    }
    for policy, values in expected.values():
        mu = predict(fit, 2, futures={"capability": policy}, draws=3, seed=1).dataset["mu"].values[0]
        standardised = (values - np.nanmean(known)) / np.nanstd(known)
        np.testing.assert_allclose(np.log(mu), np.nan_to_num(standardised), atol=1e-9)


def test_an_oracle_is_labelled(fitted, lattice):
    forecast = predict(fitted([Intercept(), Covariate("capability")]), 2, draws=5, seed=1,
                       futures={"capability": oracle(lattice)})  # fmt: skip
    assert forecast.model == "made (oracle)"
    assert forecast.provenance["oracle"] == ["capability"]


def test_scenarios_share_their_random_numbers(fitted, lattice):
    """The walk's innovations are the same under both futures: log means differ by slope × difference alone."""
    fit = fitted([Walk(by="tactic"), Covariate("capability")], Poisson())
    low, high = (
        np.log(predict(fit, 3, futures={"capability": path(future)}, draws=20, seed=1).dataset["mu"].values)
        for future in (pd.Series(value, index=lattice.periods[36:39]) for value in (0.0, 1.0))
    )
    difference = (high - low).reshape(20, -1)
    np.testing.assert_allclose(difference, np.broadcast_to(difference[:, :1], difference.shape), atol=1e-9)
    assert np.ptp(difference[:, 0]) > 0.1
    assert np.ptp(low, axis=3).min() > 0


def test_explosions_are_cut_with_a_note(make_fit, training):
    fit = make_fit(Model([Intercept(), Excitation()], Poisson()), training, {"intercept": 5.0, "excitation": 0.99})
    forecast = predict(fit, 12, draws=20, seed=1)
    cap = 100 * training.attacks.values.max()
    assert forecast.dataset["mu"].values.max() == pytest.approx(cap)
    assert any(f"expected counts were cut to {cap:,.0f}" in note for note in forecast.provenance["notes"])


def test_gaps_that_feed_the_forecast_are_said(make_fit, make_panel):
    counts = np.random.default_rng(1).poisson(3, (2, 1, 20)).astype(float)
    counts[0, 0, -1] = np.nan
    fit = make_fit(Model([Intercept(), Excitation()], Poisson()), make_panel(counts),
                   {"intercept": 0.0, "excitation": 0.5})  # fmt: skip
    assert any("1 of the last counts" in note for note in predict(fit, 1, draws=5, seed=1).provenance["notes"])


def test_predictions_stand_in_a_new_fit(fitted):
    fit = fitted(LEVELS)
    forecast = predict(fit, 3, draws=30, seed=7)
    both = with_predictions(fit, forecast)
    predictions = both.idata["predictions"]
    assert predictions["attacks"].dims == ("chain", "draw", "province", "tactic", "period")
    np.testing.assert_array_equal(predictions["attacks"].values[0], forecast.draws.values)
    assert list(predictions["period"].values) == list(forecast.periods.values)
    assert "predictions" not in fit.idata.groups()
    assert "posterior" in both.idata.groups()
    again = with_predictions(both, predict(fit, 1, draws=10, seed=7))
    assert again.idata["predictions"].sizes["draw"] == 10


def test_a_forecast_of_other_data_is_refused(fitted, lattice):
    fit = fitted(LEVELS)
    other = predict(fitted(LEVELS, panel=lattice), 1, draws=5, seed=1)
    with pytest.raises(InputError, match="not of this fit"):
        with_predictions(fit, other)


def test_the_months_ahead_have_their_days_and_whole_coverage(make_fit):
    """After a winter of which half could be recorded: attacks in February, and their rate, are over 28 days."""
    months = pd.period_range("2021-11", "2022-01", freq="M").astype(str)
    rows = [("SY08", "all", month, 30, 0.5) for month in months]
    panel = fc.Panel.from_frame(pd.DataFrame(rows, columns=["province", "tactic", "period", "attacks", "coverage"]))
    model = Model([Intercept(), Excitation()], Poisson(), "made")
    fit = make_fit(model, panel, {"intercept": np.log(60.0), "excitation": 0.5}, draws=500)
    lengths = np.array([30, 31, 31, 28, 31]) * 12 / 365.25
    np.testing.assert_allclose(fit.bound.log_exposure[0, 0], np.log(0.5 * lengths[:3]))
    past = np.log1p(30 / (0.5 * lengths[:3]))
    forecast = predict(fit, 2, draws=50, seed=1)
    mu, counts = forecast.dataset["mu"].values[:, 0, 0], forecast.draws.values[:, 0, 0]
    np.testing.assert_allclose(mu[:, 0], 60 * lengths[3] * np.exp(0.5 * (past[-1] - past.mean())))
    felt = np.log1p(counts[:, 0] / lengths[3])
    np.testing.assert_allclose(mu[:, 1], 60 * lengths[4] * np.exp(0.5 * (felt - past.mean())))


def test_provinces_whose_zone_ended_are_left_out(fitted, tmp_path):
    rows = [row("SY04|SY05", 20, zone="central"), row("SY08|SY11", 30), row("SY08|SY11", 40, "2021-06")]
    table = pd.DataFrame(rows)
    panel = fc.Panel.from_published(table, zone_ends={"central": "2021-03-31"})
    fit = fitted((Intercept(), Pooled("province"), Walk(by="zone")), panel=panel)
    forecast = predict(fit, 2, draws=30, seed=1)
    assert forecast.provinces == ["SY08", "SY11@northeast"]
    assert forecast.dataset["mu"].shape == forecast.draws.shape == (30, 2, 1, 2)
    assert "2 provinces are left out, for their zone ended: central on 2021-03-31" in forecast.provenance["notes"]
    # The draws of the others are what they were.
    before = predict(replace(fit, panel=fc.Panel.from_published(table)), 2, draws=30, seed=1)
    assert before.provinces == ["SY04", "SY05", *forecast.provinces]
    np.testing.assert_array_equal(forecast.draws, before.draws[:, 2:])
    forecast.save(tmp_path / "forecast.nc")
    assert fc.Forecast.load(tmp_path / "forecast.nc").dataset.identical(forecast.dataset)
    assert forecast.aggregate("zone").provinces == ["northeast"]
    assert set(forecast.to_frame()["province"]) == set(forecast.provinces)
    assert fc.Forecast.from_views(forecast.to_views(), panel, model="again").provinces == forecast.provinces
    assert with_predictions(fit, forecast).groups["predictions"].sizes["province"] == 2
    assert fc.contrast(forecast, forecast).table["label"].tolist() == ["all", *forecast.provinces, "all"]
    assert np.isfinite(fc.decompose(fit, 2, draws=30, seed=1)["percent"]).all()
    assert predict(fc.fit(fc.Zero(), panel, seed=1), 2, draws=5, seed=1).provinces == forecast.provinces
    gone = panel.select(provinces=["SY04", "SY05"])
    with pytest.raises(InputError, match=r"all zones ended .found central on 2021-03-31"):
        predict(fc.fit(fc.Zero(), gone, seed=1), 2, seed=1)
