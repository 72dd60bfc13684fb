"""Maps of forecasts: shapes that ship or are given, points where there are none, and the numbers of the draws."""

import re

import numpy as np
import pandas as pd
import pytest
import vl_convert

import forecast as fc


@pytest.fixture(scope="module")
def forecast():
    keys, months = ["IQG01", "IQG10", "SY09"], pd.date_range("2020-01-01", periods=14, freq="MS")
    cells = pd.MultiIndex.from_product([keys, ["ied", "suicide"], months], names=["province", "tactic", "period"])
    counts = np.random.default_rng(1).poisson(np.repeat([2.0, 5.0, 9.0], 28))
    table = pd.DataFrame({"attacks": counts}, cells).reset_index()
    panel = fc.Panel.from_frame(table, gazetteer=fc.read_gazetteer())
    return fc.fit(fc.RecentMean(), panel, seed=1).predict(3, draws=200, seed=1)


def _svg(chart):
    return vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[])


def _numbers(chart):
    """The labels, which are the only texts in their size and place."""
    spec = chart.to_dict()
    data = spec["datasets"][spec["layer"][1]["data"]["name"]]
    return {row["province"]: row["shown"] for row in data}


def test_shapes_that_ship_are_drawn_with_the_medians_of_the_draws(forecast):
    chart = forecast.plot_map()
    sums = forecast.draws.sum(("tactic", "period"))
    medians = np.quantile(sums, 0.5, axis=sums.get_axis_num("sample"), method="inverted_cdf")
    assert _numbers(chart) == {key: f"{count:,.0f}" for key, count in zip(forecast.provinces, medians, strict=True)}
    drawn = _svg(chart)
    areas = re.findall(r'<path aria-label="[^"]*geoshape[^"]*"|aria-roledescription="geoshape"', drawn)
    assert len(areas) == 3
    # A number stands within the picture.
    assert all(0 < float(x) < 520 for x in re.findall(r'<text[^>]*translate\((\d+\.?\d*),[^>]*font-size="10px"', drawn))


def test_the_chance_of_a_rise_is_that_of_the_report(forecast):
    from forecast.report.figures import outlook

    rises = outlook(forecast, {}).provinces.set_index("province")["rise"]
    assert _numbers(forecast.plot_map(measure="rise")) == {key: f"{share:.0%}" for key, share in rises.items()}


def test_given_boundaries_decide_which_provinces_are_shown(forecast):
    ring = [[44.0, 33.0], [45.0, 33.0], [45.0, 34.0], [44.0, 34.0], [44.0, 33.0]]
    given = fc.Boundaries({"IQG10": {"type": "Polygon", "coordinates": [ring]}})
    assert list(_numbers(forecast.plot_map(given))) == ["IQG10"]
    elsewhere = fc.Boundaries({"XX": {"type": "Polygon", "coordinates": [ring]}})
    with pytest.raises(fc.InputError, match="have no shape of these provinces"):
        forecast.plot_map(elsewhere)
    with pytest.raises(fc.InputError, match="no such measure"):
        forecast.plot_map(measure="deaths")


def test_without_shapes_there_are_points_and_without_coordinates_an_error(forecast):
    plain = fc.simulate_panel(3, 1, 14, seed=1).panel
    drawn = fc.fit(fc.RecentMean(), plain, seed=1).predict(2, seed=1).plot_map()
    assert _svg(drawn).count('aria-roledescription="circle"') == 3
    table = plain.to_frame()[["province", "tactic", "period", "attacks"]]
    nowhere = fc.Panel.from_frame(table)
    with pytest.raises(fc.InputError, match="no shapes and no coordinates"):
        fc.fit(fc.RecentMean(), nowhere, seed=1).predict(2, seed=1).plot_map()


def test_a_fit_says_draws_and_predicts_what_it_holds():
    panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    fitted = fc.fit(fc.quick_model(), panel, seed=1)
    assert fitted.summary().equals(fitted.parameters)
    spec = fitted.plot().to_dict()
    assert {row["parameter"] for row in next(iter(spec["datasets"].values()))} == set(fitted.parameters["parameter"])
    assert "<svg" in _svg(fitted.plot())
    assert (fitted.predict(2, draws=100, seed=3).draws == fc.predict(fitted, 2, draws=100, seed=3).draws).all()
    rival = fc.fit(fc.RecentMean(), panel, seed=1)
    assert rival.summary().equals(rival.to_frame())
    assert "<svg" in _svg(rival.plot())
    with pytest.raises(fc.InputError, match="horizon"):
        fitted.predict("6", seed=1)
