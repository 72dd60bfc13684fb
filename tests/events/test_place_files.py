"""Files of polygons and lists of p-codes as gazetteers."""

import json

import pandas as pd
import pytest
from shapely.geometry import shape

from forecast.errors import InputError
from forecast.events.boundaries import read_boundaries
from forecast.events.place_files import read_places
from forecast.events.places import read_gazetteer


def _square(west, south):
    east, north = west + 1, south + 1
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


@pytest.fixture
def write(tmp_path):
    def write(*features):
        path = tmp_path / "shapes.geojson"
        content = [{"type": "Feature", "properties": p, "geometry": g} for p, g in features]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": content}), encoding="utf-8")
        return path

    return write


def test_districts_are_joined_to_provinces(write, tmp_path):
    """A row of four squares: two districts of Kayes, one of Gao; a corner contact is no border."""
    path = write(
        ({"ADM1_FR": "Kayes", "ADM1_PCODE": "ML01", "ADM0_PCODE": "ML"}, _square(0, 0)),
        ({"ADM1_FR": "Kayes", "ADM1_PCODE": "ML01", "ADM0_PCODE": "ML"}, _square(1, 0)),
        ({"ADM1_FR": "Gao", "ADM1_PCODE": "ML07", "ADM0_PCODE": "ML"}, _square(2, 0)),
        ({"ADM1_FR": "Kidal", "ADM1_PCODE": "ML08", "ADM0_PCODE": "ML"}, _square(3, 1)),
        ({"ADM1_FR": None, "ADM1_PCODE": "ML09", "ADM0_PCODE": "ML"}, _square(5, 5)),
    )
    places = read_places(path)
    places.save(tmp_path / "out")
    gazetteer = read_gazetteer(tmp_path / "out" / "gazetteer.csv")
    assert gazetteer.table["province_name"].to_dict() == {"ML01": "Kayes", "ML07": "Gao", "ML08": "Kidal"}
    assert set(gazetteer.table["country"]) == {"Mali"}
    assert gazetteer.table["neighbours"].to_dict() == {"ML01": ("ML07",), "ML07": ("ML01",), "ML08": ()}
    assert gazetteer.table.loc["ML01", ["latitude", "longitude"]].tolist() == [0.5, 1.0]
    assert "left out: 1 without a name" in places.notes
    assert "joined: 4 rows to 3 provinces" in places.notes
    boundaries = read_boundaries(tmp_path / "out" / "boundaries.geojson", gazetteer)
    assert {key: shape(polygon).area for key, polygon in boundaries.geometries.items()} == {
        "ML01": 2.0,
        "ML07": 1.0,
        "ML08": 1.0,
    }


def test_columns_are_found_or_named(write):
    path = write(({"title": "Kayes", "land": "x"}, _square(0, 0)))
    with pytest.raises(InputError, match=r"no known column of names \(found title, land\).*--name COLUMN"):
        read_places(path)
    with pytest.raises(InputError, match=r"--name: no such column \(found nom; expected title, land"):
        read_places(path, name="nom")
    with pytest.raises(InputError, match=r"no column that tells the country.*--country NAME"):
        read_places(path, name="title")
    assert read_places(path, name="title", country="Mali").gazetteer.units == ["kayes"]


def test_geoboundaries_syria(shared_data, tmp_path):
    places = read_places(shared_data / "syria_adm1_geoboundaries.geojson")
    assert places.notes == (
        "names from column shapeName",
        "countries from column shapeGroup",
        "keys from column shapeISO",
    )
    assert len(places.gazetteer.units) == len(places.geometries) == 14
    assert set(places.gazetteer.table["country"]) == {"Syria"}
    places.save(tmp_path)
    assert (tmp_path / "boundaries.geojson").stat().st_size < 100_000


def test_a_list_of_p_codes_needs_no_coordinates(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("ADM0_EN,ADM1_EN,ADM1_FR,ADM1_PCODE\nMali,Kayes,Région de Kayes,ML01\nMali,Gao,Gao,ML07\n")
    places = read_places(path)
    places.save(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"gazetteer.csv", "places.json"}
    table = read_gazetteer(tmp_path / "out" / "gazetteer.csv").table
    assert table["aliases"].to_dict() == {"ML01": ("Région de Kayes",), "ML07": ()}
    assert table["latitude"].isna().all()
    path.write_text("country,name,lat,lon\nMali,Centre,14,-4\nNiger,Centre,14,8\nNiger,Centre,16,8\n")
    table = read_places(path).gazetteer.table
    assert table["latitude"].to_dict() == {"centre-mali": 14.0, "centre-niger": 15.0}
    assert pd.Series(table["neighbours"]).to_dict() == {
        "centre-mali": ("centre-niger",),
        "centre-niger": ("centre-mali",),
    }


def test_what_is_no_file_of_places_is_refused(tmp_path):
    path = tmp_path / "points.geojson"
    path.write_text(
        '{"features": [{"properties": {"name": "x"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}'
    )
    with pytest.raises(InputError, match="other shapes than polygons"):
        read_places(path)
    path.write_text('{"features": []}')
    with pytest.raises(InputError, match="no known column of names"):
        read_places(path)
    with pytest.raises(InputError, match="no such file"):
        read_places(tmp_path / "none.csv")
