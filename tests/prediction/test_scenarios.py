"""Capability in forecasts: projections, scenarios, contrasts, what a change is made of."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import forecast as fc
from forecast.errors import InputError

HORIZON = 6


@pytest.fixture(scope="module")
def panel(with_measured):
    """Six provinces, two of each of two forces and two of none; capability known with error."""
    simulated = fc.simulate_panel(6, 2, 40, seed=4, n_forces=2, capability_slope=-0.8, mean=10.0)
    return with_measured(simulated).without_covariate("capability")


TERMS = (fc.Intercept(), fc.Pooled("province"), fc.Walk(by=()))


@pytest.fixture(scope="module")
def fitted(panel):
    model = fc.Model([*TERMS, fc.Covariate("measured", by="tactic")], fc.NegativeBinomial(by=None))
    return fc.fit(model, panel, engine="laplace", seed=1)


def ahead(fit, future, seed=1, **options):
    return fc.predict(fit, HORIZON, futures={"measured": future}, seed=seed, **options)


def test_a_forecast_needs_a_policy_and_the_error_names_them(fitted):
    with pytest.raises(InputError, match=r"measured.*hold_last.*path.*project.*scenario.*oracle"):
        fc.predict(fitted, HORIZON, seed=1)


def test_a_projected_future_is_wider_than_a_held_one(fitted):
    spread = {
        name: np.log(ahead(fitted, future).dataset["mu"]).std("sample").mean(("tactic", "period"))
        for name, future in (("held", fc.hold_last()), ("projected", fc.project()))
    }
    assert (spread["projected"][:4] > spread["held"][:4]).all()
    np.testing.assert_allclose(spread["projected"][4:], spread["held"][4:], rtol=1e-12)


def test_a_projection_goes_back_to_0_with_the_spread_of_its_dynamics(panel):
    past = np.full((4000, 2, 40), 2.0)
    periods = pd.date_range(panel.periods[-1] + pd.DateOffset(months=1), periods=60, freq="MS")
    drawn = fc.project().paths(panel, "measured", past, periods, np.random.default_rng(1))
    half = 0.5 * (2.0 ** (-8 / 8) + 2.0 ** (-8 / 16))
    assert drawn[..., 7].mean() == pytest.approx(2 * half, abs=0.05)
    assert drawn[..., -1].std() == pytest.approx(1.0, abs=0.04)
    # A path to itself: what is drawn for one force says nothing of the other.
    assert abs(np.corrcoef(drawn[:, 0, 0], drawn[:, 1, 0])[0, 1]) < 0.05


def test_a_scenario_shifts_its_force_from_its_start_by_its_ramp(panel):
    past = np.zeros((3, 2, 40))
    periods = pd.date_range(panel.periods[-1] + pd.DateOffset(months=1), periods=HORIZON, freq="MS")
    start = f"{periods[1]:%Y-%m-15}"
    future = fc.scenario("force_2", -2.0, start, 2, base=fc.hold_last())
    drawn = future.paths(panel, "measured", past, periods, np.random.default_rng(1))
    np.testing.assert_allclose(drawn[:, 0], 0.0)
    np.testing.assert_allclose(drawn[0, 1], [0, -1, -2, -2, -2, -2])
    both = fc.scenario(["force_1", "force_2"], 1.0, base=fc.hold_last())
    np.testing.assert_allclose(both.paths(panel, "measured", past, periods, np.random.default_rng(1)), 1.0)


@pytest.mark.parametrize(
    ("future", "message"),
    [
        (lambda: fc.scenario("nobody", 1.0), "unknown force.*nobody.*force_1"),
        (lambda: fc.scenario("force_1", np.nan), "is a number"),
        (lambda: fc.scenario("force_1", 1.0, ramp=-1), "whole number from 0"),
        (lambda: fc.scenario("force_1", 1.0, "some day"), "is no date"),
        (lambda: fc.scenario("force_1", 1.0, "2030-01-01"), "begins after the last period"),
    ],
)
def test_a_wrong_scenario_is_refused(fitted, future, message):
    with pytest.raises(InputError, match=message):
        ahead(fitted, future(), draws=10)


def test_other_covariates_have_no_dynamics(panel):
    plain = panel.without_covariate("measured").with_covariate(
        "measured",
        xr.DataArray(
            panel.measured("measured").mean,
            {"force": ["force_1", "force_2"], "period": panel.periods},
            ("force", "period"),
        ),
    )
    fit = fc.fit(fc.Model([*TERMS, fc.Covariate("measured")]), plain, engine="laplace", seed=1)
    with pytest.raises(InputError, match="was not measured with error"):
        ahead(fit, fc.project(), draws=10)


def test_a_stronger_force_lowers_its_provinces_and_no_others(fitted):
    """Random numbers are shared: what is not of the force stays the same to the bit."""
    slope = fitted.posterior["slope_measured"] + fitted.posterior["slope_measured_tactic"]
    assert (slope.quantile(0.99, ("chain", "draw")) < 0).all()
    base = ahead(fitted, fc.project())
    other = ahead(fitted, fc.scenario("force_1", 1.0))
    provinces = np.array(base.provinces)
    of_force = fitted.panel.dataset["force"].values[:, -1] == "force_1"
    for name in ("mu", "draws"):
        same = base.dataset[name].sel(province=provinces[~of_force])
        np.testing.assert_array_equal(other.dataset[name].sel(province=provinces[~of_force]), same)
    table = fc.contrast(base, other).table.set_index(["level", "label"])
    assert (table.loc["province"]["ratio"][provinces[of_force]] < 1).all()
    assert (table.loc["province"]["difference"][provinces[~of_force]] == 0).all()
    assert table.loc[("total", "all"), "probability_rise"] < 0.01
    expected = base.dataset["mu"].sum(("province", "tactic", "period"))
    assert table.loc[("total", "all"), "base"] == pytest.approx(float(expected.median()))


def test_a_contrast_is_far_sharper_than_one_of_independent_draws(fitted):
    """Monte-Carlo error of the change of the mean, over seeds, for twins and for strangers."""
    twins, strangers = [], []
    for seed in range(12):
        base, other = (ahead(fitted, fc.scenario("force_1", shift), seed, draws=100) for shift in (0.0, 0.25))
        stranger = ahead(fitted, fc.scenario("force_1", 0.25), 100 + seed, draws=100)
        total = [
            np.log(each.dataset["mu"].sum(("province", "tactic", "period"))).mean() for each in (base, other, stranger)
        ]
        twins.append(float(total[1] - total[0]))
        strangers.append(float(total[2] - total[0]))
    assert np.std(strangers) > 5 * np.std(twins)


def test_forecasts_that_are_no_twins_are_refused(fitted):
    base = ahead(fitted, fc.project(), draws=50)
    with pytest.raises(InputError, match="another seed"):
        fc.contrast(base, ahead(fitted, fc.project(), seed=2, draws=50))
    with pytest.raises(InputError, match="other draws"):
        fc.contrast(base, ahead(fitted, fc.project(), draws=40))


def test_a_contrast_shows_itself(fitted):
    contrast = fc.contrast(ahead(fitted, fc.project()), ahead(fitted, fc.scenario("force_1", 1.0)))
    assert repr(contrast).startswith("Contrast: expected attacks")
    assert "<table" in contrast._repr_html_()
    assert contrast.to_frame() is contrast.table
    assert {"ratio_lower", "probability_rise"} <= set(contrast.table)
    contrast.plot().to_dict()


def test_percent_change_is_that_of_the_slopes(fitted):
    table = fc.percent_change(fitted, "measured").set_index(["force", "tactic"])
    posterior = fitted.posterior.stack(sample=("chain", "draw"))
    slope = posterior["slope_measured"] + posterior["slope_measured_tactic"]
    for tactic in fitted.panel.tactics:
        wanted = 100 * np.expm1(slope.sel(tactic=tactic)).quantile([0.05, 0.5, 0.95]).values
        for force in ("force_1", "force_2", "all"):
            row = table.loc[(force, tactic)]
            np.testing.assert_allclose(row[["lower", "percent", "upper"]].astype(float), wanted, rtol=1e-6)
    inside = table.loc[("all", "all"), "percent"]
    assert table["percent"].min() <= inside <= table["percent"].max()
    with pytest.raises(InputError, match="is no covariate of the model"):
        fc.percent_change(fitted, "oil")


def test_parts_of_a_change_add_up_to_that_of_the_forecast(fitted):
    """On the log scale, draw by draw: here with the weights and the window of the function, from public numbers."""
    futures = {"measured": fc.scenario("force_1", -1.0)}
    table = fc.decompose(fitted, HORIZON, futures=futures, draws=201, seed=3).set_index("part")
    assert list(table.index) == ["trend", "measured", "all"]
    held = fc.decompose(fitted, HORIZON, futures={"measured": fc.project()}, draws=201, seed=3).set_index("part")
    assert table.loc["measured", "percent"] > held.loc["measured", "percent"]
    np.testing.assert_array_equal(table.loc["trend"], held.loc["trend"])
    from forecast.inference.posterior.bayesian import posterior_draws
    from forecast.inference.posterior.labels import eta

    values = posterior_draws(fitted, 201, 3)
    before = eta(fitted.bound, values)[..., -12:].mean(axis=-1)
    later = np.log(fc.predict(fitted, HORIZON, futures=futures, draws=201, seed=3).dataset["mu"].values).mean(axis=-1)
    attacks = fitted.panel.attacks.values[..., -12:]
    weight = (attacks.sum(axis=2) + 0.01) / 12
    change = ((later - before) * weight).sum(axis=(1, 2)) / weight.sum()
    assert table.loc["all", "percent"] == pytest.approx(100 * np.expm1(np.median(change)), rel=1e-6)


def test_past_attacks_are_a_part_where_they_feed_back(panel):
    model = fc.Model([*TERMS, fc.Covariate("measured"), fc.Excitation()], fc.NegativeBinomial(by=None))
    fit = fc.fit(model, panel, engine="laplace", seed=1)
    futures = {"measured": fc.hold_last()}
    table = fc.decompose(fit, HORIZON, futures=futures, draws=100, seed=1).set_index("part")
    assert list(table.index) == ["trend", "measured", "past attacks", "all"]
    assert np.isfinite(table.to_numpy()).all()


def test_a_lagged_slope_goes_on_with_the_draws_own_past(panel):
    """In the first periods of the future the path is the past one, error and all."""
    model = fc.Model([*TERMS, fc.Covariate("measured", lag=2)], fc.NegativeBinomial(by=None))
    fit = fc.fit(model, panel, engine="laplace", seed=1)
    base, other = (ahead(fit, future) for future in (fc.project(), fc.scenario("force_1", 5.0)))
    np.testing.assert_array_equal(base.dataset["mu"][..., :2], other.dataset["mu"][..., :2])
    assert (
        base.dataset["mu"][..., 2:].sel(province=base.provinces[0])
        != other.dataset["mu"][..., 2:].sel(province=base.provinces[0])
    ).any()


def test_a_path_or_a_later_panel_may_be_given(fitted, panel):
    periods = pd.date_range(panel.periods[-1] + pd.DateOffset(months=1), periods=HORIZON, freq="MS")
    table = pd.DataFrame(
        {
            "period": np.tile(periods, 2),
            "force": np.repeat(["force_1", "force_2"], HORIZON),
            "measured": np.repeat([0.0, 1.0], HORIZON),
        }
    )
    given = ahead(fitted, fc.path(table))
    # No force is left uncertain: both provinces of a force move alike.
    ratio = np.log(given.dataset["mu"]).diff("province")
    assert np.isfinite(ratio).all()
    earlier = panel.between(end=panel.periods[-1] - pd.Timedelta(days=1))
    fit = fc.fit(fitted.model, earlier, engine="laplace", seed=1)
    later = fc.predict(fit, 1, futures={"measured": fc.oracle(panel)}, draws=50, seed=1)
    assert later.model.endswith("(oracle)")


def test_baselines_take_the_mean_of_a_measured_covariate(panel):
    fit = fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)
    for future in (fc.project(), fc.hold_last(), fc.scenario("force_1", -1.0)):
        assert ahead(fit, future, draws=20).draws.sizes["sample"] == 20


def test_the_force_of_a_province_may_change(panel):
    """A province handed over feels the other force's capability from then on, in the fit and after it."""
    force = panel.dataset["force"].values.copy()
    force[0, 20:] = "force_2"
    changed = replace(panel, dataset=panel.dataset.assign(force=(("province", "period"), force)))
    terms = changed.measured("measured")
    assert (terms.unit[0, :20] == 0).all()
    assert (terms.unit[0, 20:] == 1).all()
    model = fc.Model([*TERMS, fc.Covariate("measured")], fc.NegativeBinomial(by=None))
    fit = fc.fit(model, changed, engine="laplace", seed=1)
    base, other = (ahead(fit, future, draws=50) for future in (fc.project(), fc.scenario("force_1", 1.0)))
    np.testing.assert_array_equal(base.dataset["mu"][:, 0], other.dataset["mu"][:, 0])
    assert (base.dataset["mu"][:, 1] != other.dataset["mu"][:, 1]).all()
