"""Where records are placed: by names, polygons and points; what cannot be is listed."""

import pandas as pd
import pytest

from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.boundaries import read_boundaries
from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events
from forecast.events.spelling import normalise_name


def test_what_is_not_matched_is_listed_with_suggestions(write):
    rows = [
        "a1,2020-03-04,Iraq,Diyala,IED,IS,,,,",
        "a2,2020-03-04,Iraq,Dyala,IED,IS,,,,",
        "a3,2020-03-04,Iran,Tehran,IED,IS,,,,",
        "a4,2020-03-04,Iraq,,IED,IS,,,,",
    ]
    events = read_events(write(*rows), source="plain")
    assert len(events) == 1
    (entry,) = [entry for entry in events.ledger if entry.rule == "unknown province"]
    assert entry.rows == 1
    assert entry.examples[0].startswith("Dyala (nearest names: Diyala, ")
    assert entry.examples[0].endswith("; 1 row)")
    assert events.ledger.rows("country") == 1
    # Of a4 the country is known: it is no loss.
    assert events.ledger.rows("no province") == 1
    assert events.unlocated["event_id"].tolist() == ["a4"]
    assert (events.ledger.dropped, events.ledger.loss) == (2, 2 / 4)


def test_with_polygons_coordinates_place_an_unknown_name(write, shared_data):
    boundaries = read_boundaries(shared_data / "syria_adm1_geoboundaries.geojson", read_gazetteer())
    path = write("a1,2020-03-04,Syria,Dayr,IED,IS,,,35.33,40.14", "a2,2020-03-04,Syria,Homs,IED,IS,,,,")
    events = read_events(path, source="plain", boundaries=boundaries)
    assert events.table["province"].tolist() == ["SY09", "SY04"]
    assert events.ledger.rows("name not matched") == 1


def test_nothing_placed_is_an_error_with_suggestions(write):
    with pytest.raises(InputError, match=r"no record is left.*unknown province.*Dyala \(nearest names: Diyala"):
        read_events(write("a1,2020-03-04,Iraq,Dyala,IED,IS,,,,"), source="plain")


def test_parts_of_divided_provinces(write):
    gazetteer = read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    rows = [
        "a1,2020-03-04,Syria,Deir ez-Zor,IED,IS,,,35.3,40.8",
        "a2,2020-03-04,Syria,Deir ez-Zor,IED,IS,,,,",
        "a3,2020-03-05,Syria,SY09@central,IED,IS,,,,",
    ]
    events = read_events(write(*rows), source="plain", gazetteer=gazetteer)
    assert events.table["province"].tolist() == ["SY09@northeast", "SY09@central"]
    assert events.ledger.rows("divided province") == 1


def test_unknown_names_are_listed_whole_with_their_rows(write):
    unknown = {f"Xanadu {number}": number for number in range(1, 6)}
    rows = [f"a{name}{i},2020-03-04,Iraq,{name},IED,IS,,,," for name, count in unknown.items() for i in range(count)]
    rows += ["b1,2020-03-04,Atlantis,Diyala,IED,IS,,,,", "b2,2020-03-04,Atlantis,Diyala,IED,IS,,,,"]
    rows += ["b3,2020-03-04,Utopia,Diyala,IED,IS,,,,", "c,2020-03-04,Republic of Iraq,Diyala,IED,IS,,,,"]
    ledger = read_events(write(*rows), source="plain").ledger
    listed = {entry.rule: entry.examples for entry in ledger}
    counts = [name.split(" (")[0] + ": " + name.split("; ")[1].rstrip(")") for name in listed["unknown province"]]
    assert counts == [f"Xanadu {n}: {n} rows" for n in (5, 4, 3, 2)] + ["Xanadu 1: 1 row"]
    assert listed["country"] == ("Atlantis (2 rows)", "Utopia (1 row)")
    assert all(name in ledger.to_frame()["examples"].str.cat() for name in unknown)
    assert all(name in repr(ledger) for name in unknown)


def test_a_province_without_records_beside_a_nearly_identical_name_is_said(write, tmp_path):
    places = tmp_path / "ng.csv"
    places.write_text(
        "province,country,province_name,latitude,longitude\nNG026,Nigeria,Nasarawa,8.5,8.3\nNG032,Nigeria,Plateau,9.2,9.5\n"
    )
    rows = [f"a{i},2020-03-04,Nigeria,Nassarawa State,IED,IS,,,," for i in range(3)]
    rows += ["b,2020-03-04,Nigeria,Plateau,IED,IS,,,,", "c,2020-03-04,Nigeria,Plateaux,IED,IS,,,,"]
    gazetteer = read_gazetteer(places)
    events = read_events(write(*rows), source="plain", gazetteer=gazetteer)
    assert (len(events), events.ledger.rows("unknown province")) == (1, 4)
    # Plateau has a record of its own: that Plateaux may be the same is said among the unknown names only.
    (entry,) = [entry for entry in events.ledger if entry.rule == "perhaps the same province"]
    assert (entry.action, entry.rows) == ("noted", 3)
    assert entry.examples == ("Nassarawa State (3 rows) beside Nasarawa (no records)",)
    placed = read_events(
        write("a,2020-03-04,Nigeria,Nasarawa,IED,IS,,,,", *rows), source="plain", gazetteer=gazetteer
    ).ledger
    assert placed.rows("perhaps the same province") == 0


def test_two_sources_of_one_country_join_under_the_gazetteers_name(write):
    rows = ["a,2020-03-04,Syrian Arab Republic,Homs,IED,IS,,,,", "b,2020-03-04,SYR,Hama,IED,IS,,,,"]
    events = read_events(write(*rows), source="plain")
    assert events.table["country"].tolist() == ["Syria", "Syria"]


def test_what_is_left_out_by_intent_is_not_blamed(write):
    rows = [f"2020-03-04,Iran,Diyala,IED,{count}" for count in (0, 0, 0, 2)]
    path = write(*rows, header="date,country,province,tactic,attacks\n")
    with pytest.raises(
        InputError, match=r"no record is left; dropped were 1 \(country: .*Iran \(1 row\)\), 3 \(counts"
    ):
        read_events(path, source="plain", gazetteer=read_gazetteer())


@pytest.mark.parametrize(
    ("file", "gazetteer", "source", "column", "country"),
    [
        ("acled_turkey_plain_ascii.csv", "tr.csv", "acled", "admin1", "Turkey"),
        ("ged_yemen.csv", "ye.csv", "ucdp", "adm_1", "Yemen"),
        ("ged_ukraine.csv", "ua.csv", "ucdp", "adm_1", "Ukraine"),
    ],
)
def test_every_record_of_the_cases_is_placed(shared_cases, file, gazetteer, source, column, country):
    raw = pd.read_csv(shared_cases / file, low_memory=False)
    if source == "acled":
        attacks = ("Battles", "Violence against civilians", "Explosions/Remote violence")
        raw = raw[raw["event_type"].isin(attacks)]
        assert len(raw) == 319
    events = read_events(shared_cases / file, source=source, gazetteer=read_gazetteer(shared_cases / gazetteer))
    assert set(events.ledger.to_frame()["rule"]) <= {"not an attack"}
    assert set(events.table["country"]) == {country}
    by_name = raw.groupby(column).size()
    assert sorted(events.table.groupby("province", observed=True).size()) == sorted(by_name)
    assert len(events) == len(raw)


def test_a_case_with_codes_of_countries(shared_cases):
    path = shared_cases / "hapi_nigeria.csv"
    raw = pd.read_csv(path)
    columns = {
        "date": "reference_period_start",
        "date_end": "reference_period_end",
        "country": "location_code",
        "province": "admin1_name",
        "tactic": "event_type",
        "attacks": "events",
    }
    events = read_events(path, source="plain", columns=columns, gazetteer=read_gazetteer(shared_cases / "ng.csv"))
    assert events.table["attacks"].sum() == raw["events"].sum() == 1_699
    assert events.ledger.rows("country") == 0
    with pytest.raises(InputError, match=r"dropped were 612 \(country: .*such as NGA \(612 rows\)\), 144 \(counts of"):
        read_events(path, source="plain", columns=columns, gazetteer=read_gazetteer())
    # Without a gazetteer the three states of the extract are the provinces.
    events = read_events(path, source="plain", columns=columns)
    assert events.table["attacks"].sum() == 1_699
    assert events.gazetteer.units == ["adamawa", "borno", "yobe"]


def test_without_names_the_shipped_polygons_place_syria_as_ucdp_does(shared_data, tmp_path):
    """What UCDP names itself, counted by pandas on the raw file, beside what coordinates alone give."""
    raw = pd.read_csv(shared_data / "ucdp_ged_syria_2016_2019.csv.gz", dtype=str)
    raw.drop(columns="adm_1").to_csv(tmp_path / "points.csv", index=False)
    precise = raw[raw["where_prec"].isin(["1", "2", "3", "4"]) & raw["adm_1"].notna()]
    named = precise["adm_1"].value_counts()
    events = read_events(tmp_path / "points.csv", source="ucdp")
    counts = events.table["province"].value_counts()
    # Tartus, Rural Damascus and Damascus, of which the nearest point made 777, 148 and 2,317.
    provinces = {"Tartus Governorate": "SY10", "Rif Dimashq Governorate": "SY03", "Damascus Governorate": "SY01"}
    assert named[list(provinces)].tolist() == [6, 2043, 472]
    assert counts["SY10"] == 6
    assert abs(counts[list(provinces.values())].to_numpy() - named[list(provinces)].to_numpy()).max() <= 3
    assert events.ledger.rows("outside all polygons") == 50
    # Where the borders of the two sources differ, a record in 150 lies in another province.
    both = read_events(shared_data / "ucdp_ged_syria_2016_2019.csv.gz", source="ucdp").table.merge(
        events.table, on="event_id"
    )
    assert (both["province_x"].astype(str) == both["province_y"].astype(str)).mean() > 0.99


MALI = "province,country,province_name,latitude,longitude\nML1,Mali,Kayes,14.4,-11.4\nML2,Mali,Gao,16.3,0.0\n"


@pytest.fixture
def mali(tmp_path):
    (tmp_path / "mali.csv").write_text(MALI, encoding="utf-8")
    return read_gazetteer(tmp_path / "mali.csv")


def test_the_nearest_point_is_taken_by_consent_only(write, mali):
    rows = ["a1,2020-03-04,Mali,Gao,IED,,,,,", "a2,2020-03-04,Mali,,IED,,,,16.4,0.0", "a3,2020-03-04,,,IED,,,,14,-5.9"]
    path = write(*rows)
    events = read_events(path, source="plain", gazetteer=mali)
    assert events.table["event_id"].tolist() == ["a1"]
    assert events.ledger.rows("no polygons") == 2
    with pytest.raises(InputError, match=r"dropped were 2 \(no polygons.*boundaries.*nearest = true"):
        read_events(write(*rows[1:]), source="plain", gazetteer=mali)
    events = read_events(write(*rows), source="plain", gazetteer=mali, nearest=True, max_distance_km=700)
    assert events.table["province"].tolist() == ["ML2", "ML2", "ML1"]
    entries = {entry.rule: entry for entry in events.ledger}
    # a3 lies 594.5 km from Kayes' point and 683 km from Gao's: 15 % farther.
    assert entries["nearest province"].rows == 2
    assert "the farthest at 594.5" in entries["nearest province"].reason
    assert (entries["doubtful province"].rows, entries["doubtful province"].examples) == (1, ("a3",))
    events = read_events(write(*rows), source="plain", gazetteer=mali, nearest=True)
    assert events.ledger.rows("too far") == 1


def test_a_country_beyond_the_border_takes_its_own_points_only(write):
    """Abu Kamal's surroundings: 2 km inside Iraq by the polygons, in Syria by the record; and deep in Iraq."""
    rows = ["a1,2020-03-04,Syria,,IED,,,,34.41,40.99", "a2,2020-03-04,Syria,,IED,,,,33.3,44.4"]
    events = read_events(write(*rows, "a3,2020-03-04,,,IED,,,,33.3,44.4"), source="plain")
    assert events.table["province"].tolist() == ["SY09", "IQG08"]
    assert events.ledger.rows("no place") == 1
    # A gazetteer of Syria alone takes no points of Iraq either.
    syria = read_gazetteer().select(["Syria"])
    events = read_events(write(rows[0], "a3,2020-03-04,,,IED,,,,34.38,41.05"), source="plain", gazetteer=syria)
    assert events.table["event_id"].tolist() == ["a1"]


def test_parts_by_the_nearest_point_are_said(write):
    divided = read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    path = write("a1,2020-03-04,Syria,Deir ez-Zor,IED,,,,35.35,40.8")
    assert read_events(path, source="plain", gazetteer=divided).ledger.rows("nearest part") == 1


def test_names_are_taken_for_the_provinces_of_the_aliases(write):
    rows = [f"a{n},2020-03-04,Iraq,{name},IED,IS,,,," for n, name in enumerate(["Salahdine", "SALAHDINE", "Diyala"])]
    events = read_events(write(*rows), source="plain", aliases={normalise_name("salahdine"): "Salah al-Din"})
    assert events.table["province"].tolist() == ["IQG16", "IQG16", "IQG10"]
    (entry,) = events.ledger
    assert (entry.rule, entry.rows, entry.examples[0]) == ("alias", 2, "Salahdine as Salah al-Din")
