"""The shipped tables: their form, their keys, their sources."""

import gzip
import math
from pathlib import Path

import pandas as pd
import pytest

from forecast import names
from forecast.config import read_settings
from forecast.datasets import data_path
from forecast.events.boundaries import shipped_boundaries
from forecast.events.place_tables import read_forces, read_zones
from forecast.events.places import read_gazetteer
from forecast.events.spelling import normalise_name
from forecast.events.tactics import read_crosswalk
from forecast.inputs import load_source

UCDP = (
    "id,type_of_violence,side_a,side_b,dyad_name,where_prec,adm_1,latitude,longitude,country,date_prec,date_start,date_end,"
    "best"
)
COLUMNS = {
    "spellings.csv": "province,spellings",
    "acled_coverage.csv": "country,start",
    "ucdp_syria_is.csv.gz": UCDP,
    "ucdp_myanmar.csv.gz": UCDP,
    "provinces.csv": "province,iso_3166_2,country,province_name,latitude,longitude,partner_force,population_2010,"
    "aliases,neighbours",
    "units_syria.csv": "province,pcode,zone,iso_3166_2,country,province_name,latitude,longitude,partner_force,"
    "population_2010,aliases,neighbours",
    "forces.csv": "province,force,start,end",
    "zones.csv": "zone,provinces,note",
    "crosswalk.csv": "source,field,label,value",
    "oir_operations.csv": "start,end,country,partnered,us_only,isis_killed,isis_detained,note,source",
    "oir_attack_totals.csv": "start,end,area,attacks,definition,source",
    "syria_reports.csv": "period_start,period_end,zone,provinces,tactic,attacks,definition,bound,publisher,url",
    "sdf_activity.csv": "force,indicator,period_start,period_end,value,scale,publisher,url",
    "demo_events_simulated.csv.gz": ",".join(names.EVENT_COLUMNS),
    "demo_capability_simulated.csv": "force,period,capability",
    "demo_indicators_simulated.csv": ",".join(names.INDICATOR_COLUMNS),
    "attenuation.csv": "seed,way,estimate,lower,upper,theory,passed",
    "iraq_strikes.csv": "tactic,percent,lower,upper,probability_below_0,reading,walks,passed",
    "demo_truth_simulated.csv.gz": "province,tactic,period,attacks,expected,force,capability,slope,dispersion",
}
TABLES = sorted(path.name for path in data_path().iterdir() if ".csv" in path.name)
FACTS = ["oir_operations.csv", "oir_attack_totals.csv"]
FORCES = {"ISF", "KSF", "SDF", ""}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(data_path(name), dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def gazetteer():
    return read_gazetteer()


@pytest.fixture(scope="module")
def divided(gazetteer):
    return gazetteer.divide(read_gazetteer(data_path("units_syria.csv")))


def test_every_table_is_known_here():
    assert set(TABLES) == set(COLUMNS)


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_their_columns_and_no_stray_text(name):
    path = data_path(name)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8")
    assert not text.startswith("\ufeff")
    assert "\r" not in text
    assert text.endswith("\n")
    frame = table(name)
    assert list(frame.columns) == COLUMNS[name].split(",")
    assert len(frame) > 0
    assert not frame.duplicated().any() or name == "demo_events_simulated.csv.gz"
    assert (frame == frame.apply(lambda column: column.str.strip())).to_numpy().all()


@pytest.mark.parametrize("name", TABLES)
def test_no_cell_looks_like_a_formula(name):
    cells = table(name).stack()
    starts = cells[cells.str.startswith(("=", "+", "-", "@"))]
    assert pd.to_numeric(starts, errors="coerce").notna().all()


def test_readme_names_every_file():
    readme = data_path("README.md").read_text(encoding="utf-8")
    missing = [
        path.name for path in data_path().iterdir() if f"`{path.name}`" not in readme and path.name != "README.md"
    ]
    assert missing == []
    described = {line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")}
    absent = [name for name in described if not Path(data_path(), name).exists()]
    assert absent == []


def test_simulated_files_say_so():
    for name in TABLES:
        assert ("simulated" in name) == name.startswith("demo_")


def test_gazetteer_holds_the_32_governorates(gazetteer):
    counts = gazetteer.table[names.COUNTRY].value_counts()
    assert counts.to_dict() == {"Iraq": 18, "Syria": 14}
    assert set(gazetteer.table["partner_force"]) == FORCES
    assert gazetteer.table[names.LATITUDE].between(29, 38).all()
    assert gazetteer.table[names.LONGITUDE].between(35, 49).all()


@pytest.mark.parametrize("which", ["gazetteer", "divided"])
def test_neighbours_are_known_and_mutual(which, request):
    gazetteer = request.getfixturevalue(which)
    neighbours = gazetteer.table["neighbours"]
    for key, near in neighbours.items():
        assert near, key
        assert key not in near
        assert len(set(near)) == len(near)
        assert all(key in neighbours[other] for other in near), key


def test_every_name_belongs_to_one_province(gazetteer):
    table = gazetteer.table.explode("aliases")
    matches = gazetteer.match(table["aliases"])
    assert list(matches) == list(table.index)
    by_name = gazetteer.match(gazetteer.table[names.PROVINCE_NAME])
    assert list(by_name) == gazetteer.units


def test_units_divide_their_provinces_along_every_border(gazetteer, divided):
    """What bordered the whole province borders at least one of its parts, and the parts border nothing else."""
    units = read_gazetteer(data_path("units_syria.csv")).table
    assert sorted(units.index) == sorted(f"{p}@{z}" for p in ("SY02", "SY09", "SY11") for z in ("central", "northeast"))
    for pcode, parts in units.groupby(names.PCODE):
        whole = set(gazetteer.table.loc[pcode, "neighbours"])
        reached = {key.split("@")[0] for near in parts["neighbours"] for key in near} - {pcode}
        assert reached == whole
        assert all(set(parts.index) - {key} <= set(near) for key, near in parts["neighbours"].items())
    assert len(divided.units) == 32 + 3
    assert set(units["partner_force"][units[names.ZONE] == "northeast"]) == {"SDF"}
    assert set(units["partner_force"][units[names.ZONE] == "central"]) == {""}


def test_name_of_a_divided_province_still_matches_it(divided):
    labels = pd.Series(["Aleppo", "Deir ez-Zor", "Ar-Raqqa", "Deir ez-Zor (northeast)", "Raqqa south"])
    assert list(divided.match(labels)) == ["SY02", "SY09", "SY11", "SY09@northeast", "SY11@central"]


def test_unit_columns_agree_with_their_keys():
    for _, row in table("units_syria.csv").iterrows():
        assert row["province"] == f"{row['pcode']}@{row['zone']}"


def test_every_province_and_unit_has_a_force_or_none(gazetteer, divided):
    forces = read_forces()
    assert sorted(forces["province"]) == sorted({*gazetteer.units, *divided.units})
    assert set(forces[names.FORCE]) == FORCES
    partner = pd.concat([gazetteer.table, divided.table])["partner_force"]
    partner = partner[~partner.index.duplicated()]
    assert (forces.set_index("province")[names.FORCE] == partner.reindex(forces["province"])).all()


def test_zones_name_known_provinces(gazetteer):
    zones = read_zones()
    assert set(zones["Badia desert"]) == {"SY03", "SY04", "SY05", "SY09", "SY11"}
    assert set(zones["Idlib and Aleppo"]) == {"SY02", "SY07"}
    assert all(set(members) <= set(gazetteer.units) for members in zones.values())


def test_crosswalk_has_valid_values_for_every_source():
    crosswalk = read_crosswalk().table
    assert set(crosswalk["source"]) == {"acled", "acled-aggregated", "gtd", "ucdp", "plain"}
    tactics = crosswalk[crosswalk["field"] == "tactic"]
    ucdp = tactics["source"] == "ucdp"
    assert set(tactics["value"][~ucdp]) == {*names.TACTICS, names.UNKNOWN}
    assert (tactics["label"][ucdp] == tactics["value"][ucdp]).all()
    assert set(crosswalk["value"][crosswalk["field"] == "target"]) == set(names.TARGETS)


@pytest.mark.parametrize(
    ("source", "field", "label", "value"),
    [
        ("acled", "tactic", "Remote explosive/landmine/IED", "ied"),
        ("acled-aggregated", "tactic", "SUICIDE BOMB", "suicide"),
        ("acled", "target", "State forces", "security_forces"),
        ("acled", "target", "Civilians", "civilians"),
        ("gtd", "tactic", "Hostage Taking (Kidnapping)", "kidnapping"),
        ("gtd", "tactic", "suicide", "suicide"),
        ("gtd", "target", "Government (General)", "officials"),
        ("gtd", "target", "Utilities", "infrastructure"),
        ("ucdp", "target", "one_sided", "civilians"),
        ("plain", "tactic", "SAF", "small_arms"),
        ("plain", "tactic", "small_arms", "small_arms"),
        ("plain", "tactic", "roadside  bomb", "ied"),
    ],
)
def test_crosswalk_maps_labels(source, field, label, value):
    assert read_crosswalk().apply(pd.Series([label]), source, field).item() == value


def test_plain_crosswalk_knows_the_common_values_themselves():
    crosswalk = read_crosswalk()
    for field, values in (("tactic", names.TACTICS), ("target", names.TARGETS)):
        assert list(crosswalk.apply(pd.Series(values), "plain", field)) == list(values)


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_has_a_source_and_a_span(name):
    facts = table(name)
    assert facts["source"].str.len().gt(5).all()
    start, end = pd.to_datetime(facts["start"]), pd.to_datetime(facts["end"])
    assert (start <= end).all()
    numbers = facts.drop(columns=["start", "end", "area", "country", "definition", "note", "source"], errors="ignore")
    for column in numbers:
        given = facts[column][facts[column] != ""]
        assert (given.astype(int) >= 0).all()


def test_attack_totals_say_what_they_count():
    assert table("oir_attack_totals.csv")["definition"].str.contains("recorded|confirmed|claimed").all()


def test_shipped_facts_are_the_carried_over_ones(shared_data):
    for name in (*FACTS, "syria_reports.csv", "sdf_activity.csv", "provinces.csv"):
        assert data_path(name).read_bytes() == (shared_data / name).read_bytes()


def test_further_spellings_lead_to_one_province_each(gazetteer, divided):
    spellings = table("spellings.csv").set_index("province")["spellings"].str.split("|").explode()
    assert not spellings.map(normalise_name).duplicated().any()
    assert gazetteer.match(spellings.reset_index(drop=True)).tolist() == spellings.index.tolist()
    assert divided.match(pd.Series(["Deir al-Zour"])).tolist() == ["SY09"]


def test_shipped_polygons_are_one_map_without_holes(gazetteer):
    import shapely
    from shapely.geometry import shape

    shapes = shipped_boundaries(gazetteer).geometries
    assert set(shapes) == set(gazetteer.units)
    for country, area in (("Iraq", 438_317), ("Syria", 185_180)):
        keys = gazetteer.table.index[gazetteer.table["country"] == country]
        polygons = [shape(shapes[key]) for key in keys]
        assert shapely.coverage_is_valid(polygons), "borders are shared: no gap, no overlap"
        degree = 111.2**2
        drawn = sum(polygon.area * degree * math.cos(math.radians(polygon.centroid.y)) for polygon in polygons)
        assert abs(drawn / area - 1) < 0.02, "square km, as the two countries state it"


TOWNS = {  # latitude, longitude, and the governorate that the town is in
    "Abu Ghraib": (33.29, 44.07, "IQG08"), "Mahmudiyah": (33.06, 44.36, "IQG08"), "Taji": (33.51, 44.23, "IQG08"),
    "Tarmiyah": (33.67, 44.39, "IQG08"), "Salman Pak": (33.10, 44.58, "IQG08"), "Mosul": (36.34, 43.13, "IQG15"),
    "Fallujah": (33.35, 43.78, "IQG01"), "Karmah": (33.40, 43.90, "IQG01"), "Iskandariyah": (32.89, 44.36, "IQG07"),
    "Khan Bani Saad": (33.57, 44.54, "IQG10"), "Khalis": (33.81, 44.53, "IQG10"), "Dujail": (33.85, 44.23, "IQG16"),
    "Suwayrah": (32.92, 44.78, "IQG18"), "Halabja": (35.18, 45.98, "IQG06"), "Tuz Khurmatu": (34.89, 44.63, "IQG16"),
    "Douma": (33.57, 36.40, "SY03"), "Palmyra": (34.56, 38.28, "SY04"), "Kobani": (36.89, 38.35, "SY02"),
}  # fmt: skip


@pytest.mark.parametrize("town", TOWNS)
def test_towns_lie_in_their_governorate(gazetteer, town):
    latitude, longitude, province = TOWNS[town]
    keys, _ = shipped_boundaries(gazetteer).find([latitude], [longitude])
    assert keys.tolist() == [province]


@pytest.mark.parametrize(
    ("settings", "source", "provinces"),
    [
        ("ucdp_syria.toml", "ucdp_ged_syria_2016_2019.csv.gz", 14),
        ("ucdp_myanmar.toml", "ucdp_ged_myanmar_2010_2023.csv.gz", 15),
    ],
)
def test_examples_hold_the_published_records(shared_data, settings, source, provinces):
    given = read_settings(data_path(settings))
    raw = pd.read_csv(shared_data / source, dtype=str, keep_default_na=False)
    raw = raw if "myanmar" in source else raw[raw[["side_a", "side_b"]].eq("IS").any(axis=1)]
    shipped = table(given.data.paths[0].name)
    pd.testing.assert_frame_equal(shipped, raw[shipped.columns].reset_index(drop=True))
    placed = raw[raw["where_prec"].isin(["1", "2", "3", "4"]) & raw["adm_1"].ne("")]
    panel = load_source(given).at()
    assert len(panel.provinces) == provinces
    lost = panel.ledger.rows("outside the periods")
    assert int(panel.attacks.sum()) == len(placed) - lost
    assert lost <= 2
