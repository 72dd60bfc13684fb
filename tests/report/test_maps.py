import re

import numpy as np
import pytest
from shapely.geometry import Polygon, mapping

from forecast.prediction.draws import Forecast
from forecast.report.figures import outlook
from forecast.report.maps import measures_of, province_map
from forecast.report.wording import short_percent


@pytest.fixture(scope="module")
def iraq(gazetteer_panel, make_forecast):
    forecast = make_forecast(gazetteer_panel(countries=("Iraq",)))
    return outlook(forecast, {}), forecast


def _squares(forecast, share=1.0, half=0.2):
    places = forecast.dataset[["longitude", "latitude"]].to_dataframe()
    places = places.head(round(share * len(places)))
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    return {
        key: mapping(Polygon([(row["longitude"] + east, row["latitude"] + north) for east, north in corners]))
        for key, row in places.iterrows()
    }


def _map(iraq, boundaries=None, simulated=False):
    ahead, forecast = iraq
    return province_map(ahead, forecast.dataset, boundaries, {key: key for key in forecast.provinces}, simulated)


def test_without_boundaries_provinces_are_tiles(iraq):
    drawn = _map(iraq)
    assert drawn.svg.count("<rect") == 18
    assert "Tiles" in drawn.note
    for row in iraq[0].provinces.to_dict("records"):
        assert f"<title>{row['name']}: {row['sum_median']:,.0f} attack" in drawn.svg.replace("no attacks", "0 attack")
        assert f'href="#{row["province"]}"' in drawn.svg


def test_with_boundaries_provinces_are_shapes(iraq):
    drawn = _map(iraq, _squares(iraq[1]), simulated=True)
    assert drawn.svg.count("<path") == 18
    assert "SIMULATED DATA" in drawn.svg
    assert drawn.note == ""


def test_the_map_keeps_directions_and_stays_in_its_frame(iraq):
    drawn = _map(iraq, _squares(iraq[1]))
    width, height = (float(side) for side in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.svg).groups())
    centres = {}
    for key, path in re.findall(r'href="#(\w+)".*?<path d="([^"]+)"', drawn.svg):
        points = np.array([float(number) for number in re.findall(r"[\d.]+", path)]).reshape(-1, 2)
        assert (points >= -0.1).all()
        assert (points <= [width + 0.1, height + 0.1]).all()
        centres[key] = points.mean(axis=0)
    places = iraq[1].dataset[["longitude", "latitude"]].to_dataframe().loc[list(centres)]
    x, y = np.array(list(centres.values())).T
    assert (np.argsort(x) == np.argsort(places["longitude"].to_numpy())).all()
    assert (np.argsort(-y) == np.argsort(places["latitude"].to_numpy())).all()


def test_labels_stand_only_where_they_fit(iraq):
    large, small = (_map(iraq, _squares(iraq[1], half=half)).svg for half in (0.5, 0.05))
    assert large.count('class="number') == 18
    assert 'class="name"' in large
    assert 'class="number' not in small
    assert 'class="name"' not in small
    assert set(re.findall(r'data-room="(\d)"', large)) == {"4"}
    # What is not written stands in the title of each.
    assert small.count("<title>") == 18


def test_provinces_without_a_shape_are_named(iraq):
    assert _map(iraq, _squares(iraq[1], 0.9)).note == "Without a boundary, so not on the map: Dhi Qar, Wasit."


def test_few_shapes_are_not_a_map(iraq):
    assert "<rect" in _map(iraq, _squares(iraq[1], 0.3)).svg


def test_a_line_parts_two_countries(gazetteer_panel, make_forecast):
    forecast = make_forecast(gazetteer_panel())
    assert 'class="border"' in _map((outlook(forecast, {}), forecast)).svg
    alone = make_forecast(gazetteer_panel(countries=("Iraq",)))
    assert 'class="border"' not in _map((outlook(alone, {}), alone)).svg


def test_provinces_without_coordinates_have_tiles_too(make_panel, make_forecast):
    forecast = make_forecast(make_panel([[[1, 2, 3]], [[0, 0, 0]], [[2, 2, 2]]], countries=("A",)))
    drawn = _map((outlook(forecast, {}), forecast))
    assert drawn.svg.count("<rect") == 3
    assert "nan" not in drawn.svg


def test_every_measure_has_a_class_a_text_and_a_legend(iraq):
    ahead = iraq[0]
    measures = measures_of(ahead, ahead.provinces)
    assert [measure.label.split(" ")[0] for measure in measures] == [
        "Expected", "Change", *["Chance"] * 4, "Width", *["Expected"] * 3,
    ]  # fmt: skip
    for measure in measures:
        assert len(measure.classes) == len(measure.texts) == 18
        assert set(measure.classes) <= {class_ for class_, _ in measure.legend} | {"none"}
    untold = measures_of(ahead.without_chances(), ahead.without_chances().provinces)
    assert [measure.label for measure in untold] == [measures[row].label for row in (0, 1, 6, 7, 8, 9)]


def test_every_period_has_a_map_on_one_scale_and_numbers_of_its_own(iraq):
    ahead, forecast = iraq
    measures = measures_of(ahead, ahead.provinces)
    steps = [measure for measure in measures if measure.group == "Month by month"]
    assert [measure.label for measure in steps] == [
        f"Expected attacks, {month} 2024" for month in ("Jul", "Aug", "Sep")
    ]
    assert steps[0].legend == steps[1].legend == steps[2].legend
    medians = forecast.aggregate(tactics=True).median().isel(tactic=0)
    for step, measure in enumerate(steps):
        assert measure.texts == [f"{count:,.0f}" for count in medians.isel(period=step).values]
    assert ahead.provinces["step_0"].tolist() == ahead.provinces["next_median"].tolist()
    # Of a single period the whole horizon is that period.
    alone = outlook(Forecast(forecast.dataset.isel(period=[0])), {})
    assert [measure.label.split(" ")[0] for measure in measures_of(alone, alone.provinces)][-1] == "Width"


def test_exceedance_is_the_share_of_draws_that_reach_it(iraq):
    ahead, forecast = iraq
    measures = {measure.label: measure for measure in measures_of(ahead, ahead.provinces)}
    sums = forecast.draws.sum(("tactic", "period")).values
    for threshold, label in ((1, "1 attack"), (25, "25 attacks")):
        measure = measures[f"Chance of at least {label}, Jul to Sep 2024"]
        assert measure.texts == [short_percent(share) for share in (sums >= threshold).mean(axis=0)]
        printed = [int(re.sub(r"[<>%]", "", text)) for text in measure.texts]
        exact = [not re.search("[<>]", text) for text in measure.texts]
        classes = [f"q{sum(number >= bound for bound in (5, 20, 45, 55, 80))}" for number in printed]
        assert [
            pair for pair in zip(measure.classes, classes, exact, strict=True) if pair[0] != pair[1] and pair[2]
        ] == []


def test_classes_go_by_the_printed_numbers(iraq):
    expected, _, rise, *_ = measures_of(iraq[0], iraq[0].provinces)
    for class_, text in zip(rise.classes, rise.texts, strict=True):
        number = int(re.sub(r"[<>%]", "", text))
        assert class_ == f"d{sum(number >= bound for bound in (20, 35, 66, 80))}"
    legend = {"d0": "below 20%", "d1": "20 to 34%", "d2": "35 to 65%", "d3": "66 to 79%", "d4": "from 80%"}
    assert dict(rise.legend) == legend
    for class_, text in zip(expected.classes, expected.texts, strict=True):
        low, _, high = dict(expected.legend)[class_].partition(" to ")
        assert int(low) <= int(text) <= int(high or low)


def test_what_the_switch_shows_stands_with_the_province(iraq):
    ahead = iraq[0]
    drawn = _map(iraq)
    assert list(drawn.views) == ["all tactics", "IED", "small arms"]
    shown = [data.split("|") for data in re.findall(r'data-shown="([^"]+)"', drawn.svg)]
    ied = ahead.cells[ahead.cells["tactic"] == "ied"]
    for row, entries in enumerate(shown):
        assert len(entries) == 3 * 10
        assert entries[0].split(" ")[1] == f"{ahead.provinces['sum_median'].iloc[row]:,.0f}"
        assert entries[10].split(" ")[1] == f"{ied['sum_median'].iloc[row]:,.0f}"
        assert entries[17].split(" ")[1] == f"{ied['next_median'].iloc[row]:,.0f}"


def test_names_of_tiles_break_between_words_or_are_short(iraq):
    names = set(iraq[0].provinces["name"])
    shown = re.findall(r'class="name"[^>]*>([^<]+)<', _map(iraq).svg)
    shorts = set(re.findall(r'class="short"[^>]*>([^<]+)<', _map(iraq).svg))
    words = {word for name in names for word in name.split()}
    assert all(text in names | shorts or set(text.split()) <= words for text in shown), shown
