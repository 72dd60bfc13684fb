import json

import pytest
from shapely.geometry import Polygon, mapping, shape

from forecast.report.figures import outlook
from forecast.report.maps import province_map


@pytest.fixture(scope="module")
def iraq(gazetteer_panel, make_forecast):
    forecast = make_forecast(gazetteer_panel(countries=("Iraq",)))
    return outlook(forecast, {}), forecast


def _squares(forecast, share=1.0):
    places = forecast.dataset[["longitude", "latitude"]].to_dataframe()
    places = places.head(round(share * len(places)))
    # Counterclockwise, as GeoJSON wants it.
    corners = ((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2))
    return {
        key: mapping(Polygon([(row["longitude"] + east, row["latitude"] + north) for east, north in corners]))
        for key, row in places.iterrows()
    }


def _marks(chart):
    spec = json.loads(chart.to_json())
    return [layer["mark"]["type"] for layer in spec["layer"]], json.dumps(spec, ensure_ascii=False)


def test_without_boundaries_provinces_are_tiles(iraq):
    ahead, forecast = iraq
    chart = province_map(ahead, forecast.dataset, None, False)
    marks, text = _marks(chart)
    assert marks == ["rect", "text", "text"]
    assert all(f'"n": "{name}"' in text for name in ahead.provinces["name"])
    assert "Tiles" in chart.note


def test_with_boundaries_provinces_are_shapes(iraq):
    ahead, forecast = iraq
    chart = province_map(ahead, forecast.dataset, _squares(forecast), True)
    marks, text = _marks(chart)
    assert marks[0] == "geoshape"
    assert "SIMULATED DATA" in text
    assert chart.note == ""


def test_shapes_are_clockwise(iraq):
    ahead, forecast = iraq
    spec = json.loads(province_map(ahead, forecast.dataset, _squares(forecast), False).to_json())
    features = [row for rows in spec["datasets"].values() for row in rows if row.get("type") == "Feature"]
    assert len(features) == 18
    for feature in features:
        for part in shape(feature["geometry"]).geoms:
            assert not part.exterior.is_ccw


def test_provinces_without_a_shape_are_named(iraq):
    ahead, forecast = iraq
    chart = province_map(ahead, forecast.dataset, _squares(forecast, 0.9), False)
    assert chart.note == "Without a boundary, so not on the map: Dhi Qar, Wasit."


def test_few_shapes_are_not_a_map(iraq):
    ahead, forecast = iraq
    marks, _ = _marks(province_map(ahead, forecast.dataset, _squares(forecast, 0.3), False))
    assert marks[0] == "rect"


def test_a_line_parts_two_countries(gazetteer_panel, make_forecast):
    forecast = make_forecast(gazetteer_panel())
    marks, _ = _marks(province_map(outlook(forecast, {}), forecast.dataset, None, False))
    assert "rule" in marks


def test_provinces_without_coordinates_have_tiles_too(make_panel, make_forecast):
    forecast = make_forecast(make_panel([[[1, 2, 3]], [[0, 0, 0]], [[2, 2, 2]]], countries=("A",)))
    marks, text = _marks(province_map(outlook(forecast, {}), forecast.dataset, None, False))
    assert marks[0] == "rect"
    assert "NaN" not in text
