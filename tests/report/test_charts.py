import json

import numpy as np
import pytest

from forecast.panel.panel import Panel
from forecast.report.charts import fan_chart


def _spec(chart):
    return json.loads(chart.to_json())


def _series(spec):
    values = next(iter(spec["datasets"].values())) if "datasets" in spec else spec["data"]["values"]
    return {(row["p"], row["t"]): row for row in values}


def test_every_series_is_there_with_its_numbers(gazetteer_panel, make_forecast):
    panel = gazetteer_panel()
    forecast = make_forecast(panel)
    series = _series(_spec(fan_chart(panel, forecast, {"west": panel.provinces[:3]}, False)))
    assert len(series) == (32 + 1 + 2 + 1) * (2 + 1)

    one = series["one: IQG10", "one: ied"]
    cell = forecast.quantiles([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]).sel(province="IQG10", tactic="ied")
    assert one["f"] == cell.transpose("period", "quantile").values.tolist()
    assert one["h"] == panel.attacks.sel(province="IQG10", tactic="ied").values.tolist()
    assert (one["n"], one["k"]) == ("Diyala", "IED")

    whole = series["sum: total: ", "sum: "]
    totals = forecast.aggregate("total", tactics=True).median().values.ravel()
    assert [bounds[3] for bounds in whole["f"]] == totals.tolist()
    assert whole["h"] == panel.attacks.sum(("province", "tactic")).values.tolist()
    west = panel.attacks.isel(province=slice(3)).sum(("province", "tactic"))
    assert series["sum: zone: west", "sum: "]["h"] == west.values.tolist()


def test_a_gap_makes_every_sum_over_it_blank(make_panel, make_forecast):
    panel = make_panel([[[1, np.nan, 3], [1, 1, 1]], [[2, 2, 2], [2, 2, 2]]], countries=("A",))
    series = _series(_spec(fan_chart(panel, make_forecast(panel), {}, False)))
    assert series["sum: total: ", "sum: "]["h"] == [6, None, 8]
    assert series["one: P0", "one: t0"]["h"] == [1, None, 3]
    assert series["one: P1", "one: t0"]["h"] == [2, 2, 2]


@pytest.mark.parametrize(("freq", "periods", "shown"), [("MS", 48, 36), ("MS", 30, 30), ("W-MON", 100, 78)])
def test_selectors(gazetteer_panel, make_forecast, freq, periods, shown):
    panel = gazetteer_panel(countries=("Iraq",), freq=freq, periods=periods)
    spec = _spec(fan_chart(panel, make_forecast(panel), {}, False))
    parameters = {item["name"]: item for item in spec["params"]}
    options = parameters["province"]["bind"]
    assert options["options"][0] == "sum: total: "
    assert options["labels"][:3] == ["All provinces", "Anbar", "Babil"]
    assert parameters["tactic"]["bind"]["labels"] == ["all tactics", "IED", "small arms"]
    assert parameters["shown"]["value"] == shown
    assert ("bind" in parameters["shown"]) == (shown < periods)


def test_one_series_needs_no_sums(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    spec = _spec(fan_chart(panel, make_forecast(panel), {}, False))
    assert list(_series(spec)) == [("one: P0", "one: t0")]


def test_simulated_data_are_labelled(gazetteer_panel, make_forecast):
    panel = gazetteer_panel(countries=("Iraq",))
    forecast = make_forecast(panel)
    assert _spec(fan_chart(panel, forecast, {}, True))["title"]["text"] == "SIMULATED DATA"
    assert _spec(fan_chart(panel, forecast, {}, False))["title"]["text"] == ""


def test_provinces_and_tactics_that_are_called_like_sums_keep_their_numbers(make_panel, make_forecast):
    panel = make_panel([[[1, 1, 1], [2, 2, 2]], [[4, 4, 4], [8, 8, 8]]], countries=("A",))
    named = panel.dataset.assign_coords(province=["total: All provinces", "total"], tactic=["all", "sum: all tactics"])
    panel = Panel(named.drop_vars("adjacency", errors="ignore"))
    series = _series(_spec(fan_chart(panel, make_forecast(panel), {}, False)))
    assert len(series) == (2 + 1) * (2 + 1)
    assert series["one: total: All provinces", "one: all"]["h"] == [1, 1, 1]
    assert series["one: total", "one: sum: all tactics"]["h"] == [8, 8, 8]
    assert series["sum: total: ", "sum: "]["h"] == [15, 15, 15]
