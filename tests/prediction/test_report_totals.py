"""Totals that publishers will give, as a forecast: of the joint draws of their reports, beside the later totals."""

import numpy as np
import pandas as pd
import pytest
from published_rows import row

import forecast as fc
from forecast.evaluation.verification import verify
from forecast.panel.zone_totals import totals_panel
from forecast.prediction.report_totals import totals_forecast

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial(by=None), "m")
ZONE = "SY02|SY08|SY09"
ROWS = [
    row(ZONE, 42),
    row(ZONE, 30, definition="claimed"),
    row(ZONE, 20, "2021-04"),
    # A floor is no exact total, and a part no total.
    row(ZONE, 9, "2021-04", publisher="CEP", bound="at_least"),
    row("SY09", 12, "2021-04"),
]
VALUES = {"intercept": 0.0, "level_province": np.log([5.0, 10.0, 25.0]), "sigma_level_province": 1.0, "log_phi": 1.0}


@pytest.fixture(scope="module")
def fit(make_fit):
    panel = fc.Panel.from_published(pd.DataFrame(ROWS), days=False)
    return make_fit(MODEL, panel, {**VALUES, "logit_share": [0.0]}, draws=500)


def test_draws_are_those_of_the_reports(fit):
    forecast = fc.predict(fit, 2, draws=400, seed=3)
    totals = totals_forecast(fit, forecast)
    assert totals.provinces == ["northeast: claimed, RIC", "northeast: recorded, RIC"]
    assert totals.tactics == ["all"]
    assert (totals.origin, totals.model) == (forecast.origin, forecast.model)
    assert totals.periods.equals(forecast.periods)
    reports = fc.published_draws(fit, forecast)
    for number, label in enumerate(totals.provinces):
        chosen = (reports["publisher"] == "RIC").values & (
            reports["definition"] == ["claimed", "recorded"][number]
        ).values
        first = reports["first"].values[chosen]
        np.testing.assert_array_equal(first, totals.periods)
        np.testing.assert_array_equal(totals.draws.sel(province=label, tactic="all").values, reports.values[:, chosen])
    # Claimed attacks are some of those recorded, draw by draw.
    assert (totals.draws.values[:, 0] <= totals.draws.values[:, 1]).all()


def test_a_later_total_is_held_against_them(fit):
    totals = totals_forecast(fit, fc.predict(fit, 2, draws=400, seed=3))
    later = pd.DataFrame([*ROWS, row(ZONE, 44, "2021-05"), row(ZONE, 20, "2021-05", definition="claimed")])
    actual = totals_panel(fc.Panel.from_published(later, days=False))
    verified = verify(totals, actual, totals_panel(fit.panel), levels=("province",))
    assert verified.outcomes[["province", "observed"]].values.tolist() == [
        [label, count] for label, count in zip(totals.provinces, (20, 44), strict=True)
    ]
    assert verified.revisions.empty
    assert 0 < verified.p_value <= 1


@pytest.mark.parametrize("floors", [[], [row("SY09", 4, "2021-04", bound="at_least")]])
def test_without_exact_totals_of_a_month_there_is_none(make_fit, floors):
    panel = fc.Panel.from_published(pd.DataFrame([row("SY09", 9, "2021-03", "2021-05"), *floors]), days=False)
    model = fc.Model([fc.Intercept()], fc.Poisson(), "m")
    fit = make_fit(model, panel, {"intercept": 1.0})
    assert totals_forecast(fit, fc.predict(fit, 1, draws=50, seed=1)) is None
