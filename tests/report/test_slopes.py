"""Sentences on slopes of covariates, and which of the settings' covariates have any."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import forecast as fc
from forecast.report.build import render
from forecast.report.slopes import covariate_said, signed_between, slopes_said
from forecast.run_named import covariates_said


def table(percent, lower, upper, fewer, tactics=("ied", "all")):
    row = {"force": "all", "percent": percent, "lower": lower, "upper": upper, "probability_below_0": fewer}
    return pd.DataFrame([{**row, "tactic": tactic} for tactic in tactics])


def test_a_covariate_word_by_word():
    assert covariate_said("air_strikes", table(12.4, -3.2, 29.6, 0.1), "it is held at its last value") == (
        "One SD more of air strikes goes with a difference of +12% in the attacks expected in all provinces (90% "
        "interval −3 to +30%), all tactics together: an association, not an effect. It is very unlikely (10%) that it "
        "goes with fewer attacks. After the data, it is held at its last value."
    )
    whole = covariate_said("ramadan", table(-5.0, -9.0, -0.3, 0.96), "the calendar knows it", by_calendar=True)
    assert whole.startswith("A whole period of ramadan goes with a difference of −5%")
    assert (
        covariate_said("ramadan", None, "the calendar knows it")
        == "The model uses ramadan. After the data, the calendar knows it."
    )
    assert signed_between(-34.4, 0.2) == "−34 to 0%"


def test_tactics_are_named_by_the_printed_bounds():
    two = table(10.0, 0.4, 20.0, 0.04, ("ied", "small_arms", "all"))
    said = slopes_said(two, "One SD more of it", "there", "it goes with fewer attacks")
    assert said.endswith("Of single tactics, the interval leaves out 0 for none."), "0 to +20% is printed"
    clear = two.assign(lower=[0.6, 0.4, 0.4])
    assert slopes_said(clear, "One SD more of it", "there", "it goes with fewer attacks").endswith("for IED.")


@pytest.fixture(scope="module")
def panel():
    return fc.simulate_panel(2, 1, 30, seed=1, capability_slope=-0.3).panel


def given(**futures):
    covariates = {name: SimpleNamespace(future=future) for name, future in futures.items()}
    return SimpleNamespace(covariates=covariates, capability=None)


def test_settings_say_what_comes_after_the_data_and_what_no_model_uses(panel):
    model = fc.Model([fc.Intercept(), fc.Covariate("capability"), fc.Covariate("ramadan")])
    fitted = fc.fit(model, panel, seed=1)
    settings = given(capability=Path("folder/ahead.csv"), strikes="hold_last")
    capability, strikes, ramadan = covariates_said(settings, fitted, panel)
    row = fc.percent_change(fitted).query("force == 'all' and tactic == 'all'").iloc[0]
    assert capability.startswith(
        f"One SD more of capability goes with a difference of {row['percent']:+.0f}".replace("-", "−")
    )
    assert capability.endswith("After the data, it is what ahead.csv says.")
    assert " that it goes with fewer attacks. " in capability
    untold, *_ = covariates_said(settings, fitted, panel, chances=False)
    assert "not an effect. After the data" in untold
    assert strikes == "The settings give strikes, and the model does not use it."
    assert ramadan.startswith("A whole period of ramadan")
    assert ramadan.endswith("After the data, the calendar knows it.")


def test_rivals_that_use_a_covariate_tell_no_slope(panel):
    fitted = fc.fit(fc.NegativeBinomialRegression(covariates=("ramadan",)), panel, seed=1)
    assert covariates_said(given(), fitted, panel) == ["The model uses ramadan. After the data, the calendar knows it."]
    whole = fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)
    assert covariates_said(given(), whole, panel) == [
        "The model uses capability. After the data, it is held at its last value."
    ]
    assert covariates_said(given(), fc.fit(fc.Last(), panel, seed=1), panel) == []


def test_the_page_tells_them_among_the_facts(make_content):
    content = make_content(evaluated=False)
    assert "<dt>Covariates</dt>" not in render(content)
    page = render(replace(content, covariates=("One of them.", "<Another>.")))
    assert "<dt>Covariates</dt><dd>One of them. &lt;Another&gt;.</dd>" in page
