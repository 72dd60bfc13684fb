"""Capability on panels: attached with its error, measured anew for each origin, and what the counts say of it."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.capability.capability import CapabilitySource
from forecast.errors import InputError
from forecast.panel.sources import CountsSource

MONTHS = pd.date_range("2020-01-01", periods=36, freq="MS")


def indicators_of(values, reported_after=20, force="F"):
    """Monthly values of one index, each published some days after its month."""
    ends = MONTHS + pd.offsets.MonthEnd(1)
    table = pd.DataFrame({"period_start": MONTHS, "period_end": ends, "value": values})
    table["reported"] = ends + pd.Timedelta(days=reported_after)
    return fc.Indicators.from_frame(table.assign(force=force, indicator="i", scale="index", direction=1))


@pytest.fixture(scope="module")
def values():
    return np.sin(np.arange(36) / 5) + 0.3 * np.random.default_rng(1).standard_normal(36)


@pytest.fixture(scope="module")
def counts(make_panel):
    """Three provinces of one force and one of none."""
    panel = make_panel(np.random.default_rng(2).poisson(4.0, (4, 1, 36)))
    force = np.full((4, 36), "F")
    force[3] = ""
    return fc.Panel(panel.dataset.assign(force=(("province", "period"), force)))


def model(**options):
    return fc.Model([fc.Intercept(), fc.Covariate("capability", **options)], fc.NegativeBinomial(by=None), "small")


def test_a_path_is_attached_with_its_error_and_dynamics(counts, values):
    capability = fc.measure_capability(indicators_of(values), draws=100, seed=1)
    panel = capability.attach(counts)
    measured = panel.measured("capability")
    np.testing.assert_allclose(panel.covariate("capability")[0, 0], capability.mean[0])
    assert panel.covariate("capability")[3].isnull().all()
    np.testing.assert_allclose(measured.sd, capability.sd, rtol=0.15)
    np.testing.assert_array_equal(measured.half_life, capability.dataset["half_life"])


def test_a_path_that_does_not_fit_the_panel_is_refused(counts, values):
    capability = fc.measure_capability(indicators_of(values), draws=20, seed=1)
    with pytest.raises(InputError, match="12 periods are missing"):
        capability.attach(fc.simulate_panel(2, 1, 48, seed=1, start="2020-01-01", n_forces=0).panel)
    force = np.full((4, 36), "G")
    other = fc.Panel(counts.dataset.assign(force=(("province", "period"), force)))
    with pytest.raises(InputError, match=r"value of force is missing.*G"):
        capability.attach(other)
    weeks = fc.simulate_panel(2, 1, 30, freq="W", seed=1).panel
    with pytest.raises(InputError, match="has other periods"):
        capability.attach(weeks)


def test_values_behind_a_path_are_turned_by_their_direction(values):
    capability = fc.measure_capability(indicators_of(values).with_direction("i", -1), draws=20, seed=1)
    shown = capability.indicator_values()
    assert np.corrcoef(shown["value"], values)[0, 1] == pytest.approx(-1)
    assert shown["value"].std(ddof=0) == pytest.approx(1)
    assert shown["period"].dt.day.between(14, 16).all()


def test_nothing_reported_after_an_origin_changes_its_forecast(counts, values):
    """Bit-identical: panel, fit, forecast and scenario; and the values known then do matter."""
    later = np.where(np.arange(36) >= 23, values + 5.0, values)

    def forecast_of(values, origin="2021-12-31"):
        source = CountsSource(counts, {"capability": CapabilitySource(indicators_of(values), draws=60, seed=3)})
        panel = source.at(origin)
        fit = fc.fit(model(), panel, engine="laplace", seed=1)
        futures = {"capability": fc.scenario("F", -1.0)}
        return fc.predict(fit, 3, futures=futures, draws=100, seed=1)

    one, two = forecast_of(values), forecast_of(later)
    assert one.dataset.drop_attrs().identical(two.dataset.drop_attrs())
    three = forecast_of(np.where(np.arange(36) == 20, values + 5.0, values))
    assert (one.draws != three.draws).any()


def test_a_source_measures_once_per_origin(counts, values, monkeypatch):
    source = CapabilitySource(indicators_of(values), draws=20)
    first = source.measured(counts)
    monkeypatch.setattr("forecast.capability.capability.measure_capability", None)
    assert source.measured(counts) is first


def test_a_surge_leaves_the_path_of_the_indicators_and_raises_the_diagnostic(counts):
    """Indicators without news, attacks three times as many in the last year: read as a fall in capability."""
    flat = indicators_of(0.3 * np.random.default_rng(4).standard_normal(36))
    capability = fc.measure_capability(flat, draws=100, seed=1)
    surge = counts.dataset["attacks"].values.copy()
    surge[:3, :, 24:] = 3 * surge[:3, :, 24:] + 5
    pulls = {}
    for name, attacks in (("calm", counts.dataset["attacks"].values), ("surge", surge)):
        panel = capability.attach(fc.Panel(counts.dataset.assign(attacks=(counts.dataset["attacks"].dims, attacks))))
        before = panel.measured("capability").mean.copy()
        slope = fc.Normal(-0.5, 0.1)
        fit = fc.fit(model(slope=slope), panel, engine="laplace", seed=1)
        np.testing.assert_array_equal(fit.panel.measured("capability").mean, before)
        row = fit.diagnostics.iloc[-1]
        assert "pull" in row["check"]
        assert row["passed"]
        pulls[name] = row["value"]
        table = fc.path_given_counts(fit)
        np.testing.assert_allclose(table["mean"], before.ravel())
        assert row["value"] == pytest.approx(table["pull"].abs().max())
    assert pulls["surge"] > max(1.0, 2 * pulls["calm"])
    assert "fall in capability" in fit.diagnostics.iloc[-1]["advice"]
    assert table["pull"].iloc[-6:].mean() < -0.5
    with pytest.raises(InputError, match="no term on a covariate"):
        fc.path_given_counts(fc.fit(fc.Model([fc.Intercept()]), counts, engine="laplace", seed=1))


@pytest.mark.parametrize("propagate", ["error", "mean"])
def test_every_way_of_propagating_forecasts_and_is_kept(counts, values, propagate, tmp_path):
    panel = fc.measure_capability(indicators_of(values), draws=60, seed=1).attach(counts)
    declared = model(propagate=propagate)
    assert fc.Model.from_toml(declared.to_toml()) == declared
    fit = fc.fit(declared, panel, engine="laplace", seed=1)
    assert ("capability_error" in fit.posterior) == (propagate != "mean")
    assert fit.diagnostics["passed"].all()
    ahead = {"futures": {"capability": fc.project()}, "draws": 50, "seed": 1}
    before = fc.predict(fit, 2, **ahead)
    fit.save(tmp_path / "fit.nc")
    after = fc.predict(type(fit).load(tmp_path / "fit.nc"), 2, **ahead)
    np.testing.assert_array_equal(before.draws, after.draws)


def test_two_terms_on_one_measured_covariate_are_refused(counts, values):
    panel = fc.measure_capability(indicators_of(values), draws=20, seed=1).attach(counts)
    both = fc.Model([fc.Intercept(), fc.Covariate("capability"), fc.Covariate("capability", lag=1)])
    with pytest.raises(InputError, match="at most one term"):
        both.bind(panel)
    with pytest.raises(InputError, match="unknown way"):
        fc.Covariate("capability", propagate="average")


def test_with_capability_adds_what_is_missing():
    made = fc.with_capability(fc.quick_model())
    assert [term.label for term in made.terms[-2:]] == ["walk_country", "slope_capability"]
    assert fc.with_capability(made) == made
    added = set(fc.with_capability(fc.standard_model()).terms) - set(fc.standard_model().terms)
    assert [term.label for term in added] == ["slope_capability"]
    shared = fc.Model([fc.Intercept(), fc.Walk(by=())])
    assert [term.label for term in fc.with_capability(shared, by=None, lag=2).terms] == [
        "intercept",
        "walk",
        "slope_capability_lag_2",
    ]
