"""Gazetteers of the names in the data, and their neighbours."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.boundaries import read_boundaries
from forecast.events.neighbours import border_neighbours, point_neighbours
from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events
from forecast.panel.build import build_panel

HEADER = "event_id,date,country,province,latitude,longitude,place_precision\n"


@pytest.fixture
def write(tmp_path):
    def write(*rows):
        path = tmp_path / "events.csv"
        path.write_text(HEADER + "".join(f"a{number},2020-03-04,{row}\n" for number, row in enumerate(rows)))
        return path

    return write


def test_names_of_one_province_are_one_unit(write):
    rows = ["Mali,Kayes state,14,-11,exact", "Mali,Kayes Region,15,-12,exact", "Mali,Kayes Region,10,0,district"]
    events = read_events(write(*rows, "Mali,Gao,16,0,exact", ",Gao,,,"), source="plain")
    table = events.gazetteer.table
    assert events.gazetteer.units == ["gao", "kayes"]
    # The most frequent spelling is the name, the other an alias; the point is the mean of the two exact records.
    assert table.loc["kayes", ["province_name", "aliases", "latitude", "longitude"]].tolist() == [
        "Kayes Region",
        ("Kayes state",),
        14.5,
        -11.5,
    ]
    assert events.table["province"].value_counts().to_dict() == {"kayes": 3, "gao": 2}
    assert set(events.table["country"]) == {"Mali"}
    assert (events.ledger.rows("gazetteer from the data"), events.ledger.rows("names taken as one")) == (5, 1)
    assert table["neighbours"].to_dict() == {"gao": ("kayes",), "kayes": ("gao",)}


def test_one_name_in_two_countries_is_two_provinces(write):
    path = write("Mali,Centre,14,-11,exact", "Niger,Centre,14,8,exact", "Niger,Centre,14,8,exact")
    events = read_events(path, source="plain")
    assert events.table["province"].value_counts().to_dict() == {"centre-niger": 2, "centre-mali": 1}
    assert read_events(path, source="plain", countries=["Mali"]).ledger.rows("country") == 2


def test_the_shipped_gazetteer_stays_where_it_knows_a_country(write):
    path = write("Iraq,Diyala,,,", "Mali,Gao,,,")
    assert read_events(path, source="plain").table["province"].tolist() == ["IQG10"]
    assert read_events(path, source="plain", gazetteer="data").gazetteer.units == ["diyala", "gao"]
    with pytest.raises(InputError, match=r"gazetteer: is no gazetteer \(found own"):
        read_events(path, source="plain", gazetteer="own")


def test_records_without_a_name_need_polygons_or_consent(write, tmp_path):
    rows = ["Mali,Gao,16,0,exact", "Mali,Kayes,14,-11,exact", "Mali,,16.1,0,exact"]
    events = read_events(write(*rows), source="plain")
    assert events.ledger.rows("no polygons") == 1
    assert len(read_events(write(*rows), source="plain", nearest=True)) == 3
    square = "[[[{0},15],[{1},15],[{1},17],[{0},17],[{0},15]]]"
    feature = '{{"type":"Feature","properties":{{"n":"{}"}},"geometry":{{"type":"Polygon","coordinates":{}}}}}'
    shapes = [feature.format("Gao", square.format(-1, 1)), feature.format("Kayes", square.format(1, 3))]
    (tmp_path / "b.geojson").write_text(f'{{"type":"FeatureCollection","features":[{",".join(shapes)}]}}')
    events = read_events(write(*rows), source="plain", boundaries=tmp_path / "b.geojson")
    assert events.table["province"].tolist() == ["gao", "kayes", "gao"]
    with pytest.raises(InputError, match=r"no record names a province.*Give a gazetteer"):
        read_events(write("Mali,,16.1,0,exact"), source="plain")


@pytest.mark.parametrize(
    ("points", "neighbours"),
    [
        ([], [()]),
        ([(1, 1)], [()]),
        ([(1, 1), (1, 1)], [("b",), ("a",)]),
        ([(1, 1), (2, 2)], [("b",), ("a",)]),
        ([(1, 1), (3, 3), (2, 2)], [("c",), ("c",), ("a", "b")]),
        ([(0, 0), (0, 1), (1, 0)], [("b", "c"), ("a", "c"), ("a", "b")]),
        ([(0, 0), (np.nan, np.nan)], [(), ()]),
        ([(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)], [*map(tuple, ("bce", "ade", "ade", "bce", "abcd"))]),
    ],
)
def test_neighbours_of_few_points_and_of_points_on_a_line(points, neighbours):
    table = pd.DataFrame(points, columns=["latitude", "longitude"], index=list("abcde")[: len(points)])
    assert point_neighbours(table) == dict(zip(table.index, neighbours, strict=False))


def test_shared_borders_are_those_of_the_shipped_table(shared_data):
    gazetteer = read_gazetteer().select(["Syria"])
    boundaries = read_boundaries(shared_data / "syria_adm1_geoboundaries.geojson", gazetteer)
    stated = {
        key: tuple(sorted(set(near) & set(gazetteer.units))) for key, near in gazetteer.table["neighbours"].items()
    }
    assert border_neighbours(boundaries.shapes()) == stated


def test_myanmar_and_mexico_go_from_file_to_panel(shared_data, tmp_path):
    for file, provinces, attacks in (("myanmar_2010_2023", 15, 2_762), ("mexico_2007_2023", 32, 18_667)):
        raw = pd.read_csv(shared_data / f"ucdp_ged_{file}.csv.gz", dtype=str)
        counted = raw[raw["where_prec"].isin(["1", "2", "3", "4"]) & raw["adm_1"].notna()]
        events = read_events(shared_data / f"ucdp_ged_{file}.csv.gz", source="ucdp")
        assert len(events) == len(counted) == attacks
        assert len(events.gazetteer.units) == provinces
        exact = counted[counted["where_prec"] == "1"].assign(name=counted["adm_1"].str.split().str[0].str.casefold())
        bago = exact.loc[exact["name"].isin(["bago", "chiapas"]), ["latitude", "longitude"]].astype(float).mean()
        key = "bago" if "myanmar" in file else "chiapas"
        assert np.allclose(events.gazetteer.table.loc[key, ["latitude", "longitude"]].astype(float), bago)
        events.save(tmp_path)
        again = read_gazetteer(tmp_path / "gazetteer.csv")
        pd.testing.assert_frame_equal(again.table, events.gazetteer.table)
        assert len(build_panel(events, end="2023-12-31").provinces) == provinces
