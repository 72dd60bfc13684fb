import re

import numpy as np
import pytest

from forecast.panel.panel import Panel
from forecast.report.fans import large_fan, series_of, small_fan
from forecast.report.svg import ceiling


def test_series_are_those_of_panel_and_forecast(gazetteer_panel, make_forecast):
    panel = gazetteer_panel()
    forecast = make_forecast(panel)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    one = series_of(panel, forecast, None, tactics=False)["IQG10", "ied"]
    cell = forecast.quantiles(levels).sel(province="IQG10", tactic="ied")
    assert one.quantiles.tolist() == cell.values.tolist()
    assert one.past.tolist() == panel.attacks.sel(province="IQG10", tactic="ied").values.tolist()
    members = {"west": panel.provinces[:3]}
    west = series_of(panel, forecast, members, tactics=True)["west", "all"]
    assert west.past.tolist() == panel.attacks.isel(province=slice(3)).sum(("province", "tactic")).values.tolist()
    assert west.quantiles[2].tolist() == forecast.aggregate(members, tactics=True).median().values.ravel().tolist()
    assert west.interval(90)[1].tolist() == west.quantiles[4].tolist()


@pytest.mark.parametrize(("freq", "periods", "shown"), [("MS", 48, 36), ("MS", 30, 30), ("W-MON", 100, 78)])
def test_the_last_periods_are_shown(gazetteer_panel, make_forecast, freq, periods, shown):
    panel = gazetteer_panel(countries=("Iraq",), freq=freq, periods=periods)
    series = series_of(panel, make_forecast(panel), None, tactics=True)["IQG10", "all"]
    assert len(series.past) == shown
    assert len(series.starts) == shown + 3
    assert series.starts[shown] > panel.origin


def test_a_gap_breaks_the_line_and_makes_every_sum_over_it_blank(make_panel, make_forecast):
    panel = make_panel([[[1, np.nan, 3], [1, 1, 1]], [[2, 2, 2], [2, 2, 2]]], countries=("A",))
    forecast = make_forecast(panel)
    whole = series_of(panel, forecast, {"all": panel.provinces}, tactics=True)["all", "all"]
    assert [None if np.isnan(count) else count for count in whole.past] == [6, None, 8]
    path = re.search(r'class="past" d="([^"]+)"', small_fan(whole, "x"))[1]
    assert path.count("M") == 2
    assert "L" not in path
    assert "nan" not in path


def test_names_like_those_of_sums_keep_their_numbers(make_panel, make_forecast):
    panel = make_panel([[[1, 1, 1], [2, 2, 2]], [[4, 4, 4], [8, 8, 8]]], countries=("A",))
    named = panel.dataset.assign_coords(province=["total: ", "all"], tactic=["all", "sum"])
    panel = Panel(named.drop_vars("adjacency", errors="ignore"))
    forecast = make_forecast(panel)
    single = series_of(panel, forecast, None, tactics=False)
    assert single["total: ", "all"].past.tolist() == [1, 1, 1]
    assert single["all", "all"].past.tolist() == [4, 4, 4]
    assert series_of(panel, forecast, None, tactics=True)["all", "all"].past.tolist() == [12, 12, 12]
    assert series_of(panel, forecast, {"total: ": panel.provinces}, tactics=True)["total: ", "all"].past[0] == 15


def _numbers(svg, class_):
    path = re.search(rf'class="{class_}" d="([^"]+)"', svg)[1]
    return [
        [float(number) for number in re.findall(r"-?[\d.]+", part)] for part in re.findall(r"[MHVL][^MHVLZ]*", path)
    ]


def test_marks_stand_where_the_numbers_are(make_panel, make_forecast):
    panel = make_panel([[[0, 8, 4]]])
    forecast = make_forecast(panel, horizon=2)
    series = series_of(panel, forecast, None, tactics=True)["P0", "all"]
    svg = large_fan(series, "what it shows", simulated=True)
    # Of five columns from 46 to 712 three are the past; heights go up from 226 by 210.
    most, width = ceiling(series.largest), (712 - 46) / 5
    shown = _numbers(svg, "past")
    expected = [[46 + width * (0.5 + step), 226 - 210 * count / most] for step, count in enumerate((0, 8, 4))]
    assert np.allclose(shown, expected, atol=0.06)
    assert 'aria-label="what it shows"' in svg
    assert "SIMULATED DATA" in svg
    assert "SIMULATED" not in large_fan(series, "x", simulated=False)
    medians = _numbers(svg, "median")
    assert medians[0][0] == pytest.approx(46 + 3 * width, abs=0.06)
    assert medians[0][1] == pytest.approx(226 - 210 * series.median[0] / most, abs=0.06)


def test_text_from_outside_is_escaped(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    series = series_of(panel, make_forecast(panel), None, tactics=True)["P0", "all"]
    assert '<svg class="fan small" viewBox="0 0 210 66" role="img" aria-label="&quot;&gt;&lt;b&gt;"' in small_fan(
        series, '"><b>'
    )
