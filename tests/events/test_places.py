"""Places: names, units of divided provinces, points, boundaries, zones and forces."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.boundaries import locate, read_boundaries
from forecast.events.place_tables import read_aliases, read_forces, read_zones
from forecast.events.places import read_gazetteer
from forecast.events.spelling import normalise_name

GAZETTEER = read_gazetteer()
DIVIDED = GAZETTEER.divide(read_gazetteer(data_path("units_syria.csv")))


def _match(labels, countries=None, gazetteer=GAZETTEER):
    return gazetteer.match(pd.Series(labels), None if countries is None else pd.Series(countries)).tolist()


def test_every_name_and_alias_matches_its_own_province():
    for key, row in GAZETTEER.table.iterrows():
        names = [key, row["province_name"], row["iso_3166_2"], *row["aliases"]]
        assert _match(names, [row["country"]] * len(names)) == [key] * len(names)


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("AL-ANBAR", "IQG01"),
        ("  ninewa  ", "IQG15"),
        ("Déir ez Zor Governorate", "SY09"),
        ("Province of Diyala", "IQG10"),
        ("Dar`a", "SY12"),
        ("Dayr az-Zawr", "SY09"),
        ("Diyalla", None),
        ("", None),
    ],
)
def test_case_accents_articles_and_hyphens_do_not_matter_but_spelling_does(label, key):
    assert _match([label])[0] == key or (key is None and pd.isna(_match([label])[0]))


def test_country_decides():
    assert pd.isna(_match(["Homs"], ["Iraq"])[0])
    assert _match(["Homs"], ["syria"]) == ["SY04"]
    assert pd.isna(_match(["Homs"], ["Atlantis"])[0])


def test_a_country_may_stand_under_any_of_its_names():
    countries = ["Syria", "Syrian Arab Republic", "SYR", "SY", "syria", "Iraq", "IRQ", "Iraq and Syria"]
    assert [None if pd.isna(key) else key for key in _match(["Homs"] * 8, countries)] == ["SY04"] * 5 + [None] * 3
    assert GAZETTEER.select(["SYR", "Syrian Arab Republic"]).units == GAZETTEER.select(["Syria"]).units
    assert GAZETTEER.suggest("Hims", "SYR") == GAZETTEER.suggest("Hims", "Syria")
    assert set(GAZETTEER.suggest("Hims", "SYR")) <= set(GAZETTEER.select(["Syria"]).table["province_name"])


@pytest.fixture
def gazetteer_of(tmp_path):
    """Gazetteer of (key, country, name, aliases) rows."""

    def gazetteer_of(*rows):
        path = tmp_path / "gazetteer.csv"
        lines = ["province,country,province_name,latitude,longitude,aliases"]
        lines += [f"{key},{country},{name},1,2,{aliases}" for key, country, name, aliases in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_gazetteer(path)

    return gazetteer_of


def test_two_names_of_one_country_in_a_gazetteer_stay_apart(gazetteer_of):
    horn = gazetteer_of(("A", "Somalia", "Bari", ""), ("B", "Somaliland", "Awdal", ""))
    assert horn.select(["Somaliland"]).units == ["B"]
    assert horn.select(["SOM"]).units == ["A", "B"]
    labels, countries = ["Bari", "Awdal", "Awdal", "Awdal"], ["Somalia", "Somaliland", "SOM", "Somalia"]
    assert [None if pd.isna(key) else key for key in _match(labels, countries, horn)] == ["A", "B", "B", None]


def test_where_stripped_names_collide_the_whole_ones_decide(gazetteer_of):
    places = gazetteer_of(
        ("K1", "X", "Kyiv", ""),
        ("K2", "X", "Kyiv oblast", ""),
        ("P", "X", "Province", ""),
        ("L", "X", "Lviv oblast", ""),
    )
    labels = ["Kyiv", "KYIV OBLAST", "Kyiv region", "Province", "Lviv", "Province of Lviv", "Region", "", "--"]
    assert [None if pd.isna(key) else key for key in _match(labels, gazetteer=places)] == [
        "K1",
        "K2",
        None,
        "P",
        "L",
        "L",
        None,
        None,
        None,
    ]


def test_a_name_that_is_nearly_a_provinces_is_no_match(gazetteer_of):
    nigeria = gazetteer_of(("NG026", "Nigeria", "Nasarawa", ""), ("NG027", "Nigeria", "Niger", ""))
    assert pd.isna(_match(["Nassarawa"], ["NGA"], nigeria)[0])
    assert nigeria.resembled("Nassarawa State", "NGA") == "NG026"
    assert nigeria.resembled("Kano") is None


def test_keys_take_names_aliases_and_codes_of_divided_provinces():
    gazetteer = read_gazetteer()
    assert gazetteer.keys(["Dar`a", "SY09", "IQ-DI", "Diyala"], "provinces") == ["SY12", "SY09", "IQG10"]
    parts = gazetteer.table.loc[["SY09", "SY09"]].set_axis(pd.Index(["SY09@east", "SY09@west"], name="province"))
    parts = parts.assign(zone=["east", "west"], province_name=["East", "West"], aliases=[(), ()])
    divided = gazetteer.divide(parts)
    assert divided.keys(["Dayr az-Zawr"], "provinces") == ["SY09@east", "SY09@west"]
    with pytest.raises(InputError, match=r"provinces: unknown province \(found Diyalla\)\. Nearest: Diyala, "):
        gazetteer.keys(["Diyalla"], "provinces")


def test_suggestions_are_three_names_of_the_country():
    assert GAZETTEER.suggest("Dialla", "Iraq")[0] == "Diyala"
    assert len(GAZETTEER.suggest("Dialla", "Iraq")) == 3
    assert GAZETTEER.suggest("Deir ezzour", "Syria")[0] == "Deir ez-Zor"


@given(st.text(max_size=20))
def test_matching_never_guesses(label):
    (match,) = _match([label])
    if not pd.isna(match):
        row = GAZETTEER.table.loc[match]
        names = [match, row["province_name"], row["iso_3166_2"], *row["aliases"]]
        assert normalise_name(label) in {normalise_name(name) for name in names}


def test_divided_provinces():
    assert DIVIDED.units_of("SY09") == ["SY09@northeast", "SY09@central"]
    assert _match(["Deir ez-Zor", "SY09@central", "Deir ez-Zor (northeast)"], gazetteer=DIVIDED) == [
        "SY09",
        "SY09@central",
        "SY09@northeast",
    ]
    near = DIVIDED.table["neighbours"]
    assert all(key in near[other] for key in DIVIDED.units for other in near[key])
    with pytest.raises(InputError, match="divides provinces"):
        DIVIDED.divide(read_gazetteer(data_path("units_syria.csv")))


def test_nearest_point_within_a_distance():
    latitude, longitude = pd.Series([33.4, 33.34, float("nan")]), pd.Series([44.4, 60.0, 44.0])
    placed = locate(latitude, longitude, GAZETTEER, nearest=True)["province"]
    assert placed.tolist()[0] == "IQG08"
    assert placed.isna().tolist() == [False, True, True]
    assert locate(latitude, longitude, GAZETTEER, nearest=True, max_distance_km=1.0)["province"].isna().all()
    assert locate(latitude, longitude, GAZETTEER)["province"].isna().all(), "without consent nothing is guessed"


def test_some_countries_only():
    iraq = GAZETTEER.select(["iraq"])
    assert len(iraq.units) == 18
    # Just beyond the Syrian border, and nearer to Deir ez-Zor's point than to any in Iraq.
    point = pd.Series([34.6]), pd.Series([40.7])
    placed = [locate(*point, places, nearest=True, max_distance_km=300) for places in (GAZETTEER, iraq)]
    assert [table["province"].tolist() for table in placed] == [["SY09"], ["IQG01"]]
    with pytest.raises(InputError, match="unknown countries"):
        GAZETTEER.select(["Atlantis"])


def test_distance_is_the_great_circle():
    # Baghdad's and Diyala's points are 89.6 km apart (haversine, radius 6,371 km).
    point = GAZETTEER.table.loc["IQG10", ["latitude", "longitude"]]
    others = GAZETTEER.table.drop(index="IQG10")
    distances = [
        locate(
            pd.Series([point["latitude"]]),
            pd.Series([point["longitude"]]),
            type(GAZETTEER)(others.loc[["IQG08"]]),
            nearest=True,
            max_distance_km=km,
        )["province"]
        for km in (89.4, 89.8)
    ]
    assert [bool(series.isna()[0]) for series in distances] == [True, False]


@pytest.fixture
def squares(tmp_path):
    """Boundaries of two units as squares of one degree, side by side, on 44 to 46 degrees east."""

    def square(west):
        return [[[west, 33], [west + 1, 33], [west + 1, 34], [west, 34], [west, 33]]]

    features = [
        {
            "type": "Feature",
            "properties": {"name": name, "id": 3},
            "geometry": {"type": "Polygon", "coordinates": square(west)},
        }
        for name, west in (("Baghdad", 44), ("Al-Diyala", 45))
    ]
    path = tmp_path / "squares.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_polygons_come_before_points(squares):
    boundaries = read_boundaries(squares, GAZETTEER)
    assert list(boundaries.geometries) == ["IQG08", "IQG10"]
    latitude, longitude = pd.Series([33.5, 33.5, 32.65, 34.04]), pd.Series([44.9, 45.1, 44.61, 44.87])
    # The last point lies outside both polygons, by .04 degrees of latitude: 4.4 km from Baghdad's corner side.
    placed = locate(latitude, longitude, GAZETTEER, boundaries, nearest=True, max_distance_km=20)
    assert placed["province"].tolist() == ["IQG08", "IQG10", "IQG07", "IQG08"]
    assert placed["how"].tolist() == ["polygon", "polygon", "nearest", "margin"]
    assert placed["distance_km"].round(1).tolist()[3] == 4.4


def test_parts_of_a_divided_province_by_nearest_point():
    placed = locate(pd.Series([35.35, 34.7]), pd.Series([40.8, 40.0]), DIVIDED, among=pd.Series(["SY09", "SY09"]))
    assert placed["province"].tolist() == ["SY09@northeast", "SY09@central"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "no GeoJSON"),
        ("{", "no GeoJSON"),
        (
            '{"features": [{"properties": {"name": "X"}, "geometry": {"type": "Polygon", "coordinates": []}}]}',
            "no feature bears",
        ),
        ('{"features": [{"properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}', "other shapes"),
    ],
)
def test_broken_boundaries(tmp_path, content, message):
    path = tmp_path / "a.geojson"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_boundaries(path, GAZETTEER)
    with pytest.raises(InputError, match="no such file"):
        read_boundaries(tmp_path / "none.geojson", GAZETTEER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("province,country\nA,X\n", "columns are missing"),
        ("province,country,province_name,latitude,longitude\nA,X,Aa,north,2\n", "row 2, column latitude.*found north"),
        ("province,country,province_name,latitude,longitude\nA,X,Aa,1,200\n", "row 2, column longitude"),
        ("province,country,province_name,latitude,longitude\nA,X,Aa,1,2\nA,X,Ab,1,2\n", "stands there twice"),
        ("province,country,province_name,latitude,longitude,neighbours\nA,X,Aa,1,2,B\n", "neighbours.*B"),
    ],
)
def test_broken_gazetteers(tmp_path, text, message):
    path = tmp_path / "places.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_gazetteer(path)


def test_a_gazetteer_of_another_country(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text(
        "province,country,province_name,latitude,longitude,aliases\nML1,Mali,Kayes,14.4,-11.4,Région de Kayes|Kay\n",
        encoding="utf-8",
    )
    mali = read_gazetteer(path)
    assert _match(["region de kayes", "KAY"], gazetteer=mali) == ["ML1", "ML1"]


def test_zones_and_forces(tmp_path):
    assert set(read_zones()["Idlib and Aleppo"]) == {"SY02", "SY07"}
    forces = read_forces()
    assert set(forces["force"]) == {"ISF", "KSF", "SDF", ""}
    path = tmp_path / "forces.csv"
    path.write_text("province,force,start,end\nSY09,SDF,2019,\n")
    with pytest.raises(InputError, match=r"row 2, column start.*found 2019"):
        read_forces(path)


def test_what_all_polygons_share_is_no_name(tmp_path):
    """A country may bear the name of one of its provinces, as Mexico does."""
    places = (
        "province,country,province_name,latitude,longitude\nMX15,Mexico,México,19.3,-99.6\nMX26,Mexico,Sonora,29,-111\n"
    )
    (tmp_path / "places.csv").write_text(places, encoding="utf-8")
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    features = [{"properties": {"NAME_0": "Mexico", "NAME_1": n}, "geometry": square} for n in ("México", "Sonora")]
    (tmp_path / "mexico.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    boundaries = read_boundaries(tmp_path / "mexico.geojson", read_gazetteer(tmp_path / "places.csv"))
    assert (list(boundaries.geometries), boundaries.unmatched) == (["MX15", "MX26"], ())


def test_a_gazetteer_without_coordinates(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("province,country,province_name,latitude,longitude\nML1,Mali,Kayes,,\nML2,Mali,Gao,16,0\n")
    mali = read_gazetteer(path)
    assert mali.table["latitude"].isna().tolist() == [True, False]
    point = pd.Series([14.4]), pd.Series([-11.4])
    assert locate(*point, mali, nearest=True, max_distance_km=3000)["province"].tolist() == ["ML2"]
    path.write_text("province,country,province_name,latitude,longitude\nML1,Mali,Kayes,14,\n")
    with pytest.raises(InputError, match=r"row 2, column longitude: is no coordinate.*or both cells empty"):
        read_gazetteer(path)


def test_aliases_are_the_users_word_and_blank_ones_say_nothing(tmp_path):
    path = tmp_path / "aliases.csv"
    path.write_text(
        "name,rows,nearest,province\nSalahdine,9,Salah al-Din,Salah al-Din\nNowhere,2,Homs,\nSinjar,1,,IQG15\n"
    )
    aliases = read_aliases(path, GAZETTEER)
    assert aliases == {normalise_name("Salahdine"): "Salah al-Din", "sinjar": "IQG15"}
    path.write_text("name,province\nNowhere,\n")
    assert read_aliases(path, GAZETTEER) == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,Homs\na,Hama\n", "row 2, column name: stands there with two provinces"),
        (",Homs\n", "row 2, column name: is empty"),
        ("a,Homs\nb,Tikrit\n", "row 3, column province: is no province.*found Tikrit; expected .*"),
    ],
)
def test_broken_aliases(tmp_path, rows, message):
    path = tmp_path / "aliases.csv"
    path.write_text("name,province\n" + rows)
    with pytest.raises(InputError, match=message):
        read_aliases(path, GAZETTEER)
