"""What `forecast init` sees in files, and what it writes."""

import os
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from forecast.config import read_settings
from forecast.errors import InputError
from forecast.events.tactics import read_crosswalk
from forecast.init import tactics
from forecast.init.look import look
from forecast.init.settings import write_settings
from forecast.init.told import describe
from forecast.inputs import load_source

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
NGO = """Date;Governorate;Type of incident;Killed
03/01/2021;Deir Ezzor;IED;1
14/01/2021;Al-Hasakeh;Roadside bomb against a patrol;0
30/06/2022;Salahdine;Enlèvement d'un berger;
31/12/2022;Deir Ezzor;Theft of a car;2
"""


@pytest.fixture
def ngo(tmp_path: Path) -> Path:
    path = tmp_path / "ngo.csv"
    path.write_text(NGO, encoding="cp1252")
    return path


def test_all_that_can_be_seen_is_found_without_writing(ngo):
    found = look([ngo])
    assert (found.source, found.freq, found.gazetteer, found.held) == ("plain", "MS", "", ("Syria",))
    assert found.forms == ("text, the file is not UTF-8 and was read as Windows-1252, separated by semicolons",)
    assert found.columns == {
        "date": "Date",
        "province": "Governorate",
        "tactic": "Type of incident",
        "fatalities": "Killed",
    }
    assert (found.rows, found.attacks) == (4, 4)
    assert (found.first, found.last) == (pd.Timestamp("2021-01-03"), pd.Timestamp("2022-12-31"))
    assert found.ledger.rows("dates of two numbers") == 4
    assert list(ngo.parent.iterdir()) == [ngo]


def test_names_stand_with_their_rows_and_the_three_nearest(ngo):
    found = look([ngo])
    matched = found.provinces.set_index("name")["province"].to_dict()
    assert matched == {"Deir Ezzor": "SY09", "Al-Hasakeh": "SY08", "Salahdine": ""}
    (row,) = found.doubtful_names.to_dict("records")
    assert (row["name"], row["rows"]) == ("Salahdine", 1)
    assert row["nearest"].split(" | ")[0] == "Salah al-Din"
    assert row["nearest"].count(" | ") == 2
    said = describe(found)
    assert "2 rows  Deir Ezzor = Deir ez-Zor" in said
    assert "1 rows  Salahdine: Salah al-Din | " in said


def test_tactics_are_proposed_and_never_taken(ngo):
    found = look([ngo])
    assert found.unknown_tactics.set_index("label")["proposal"].to_dict() == {
        "Roadside bomb against a patrol": "ied",
        "Enlèvement d'un berger": "kidnapping",
        "Theft of a car": "",
    }
    write_settings(found, ngo.parent)
    table = pd.read_csv(ngo.parent / "tactics.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == ["label", "rows", "proposal", "accept"]
    assert set(table["accept"]) == {"false"}
    panel = load_source(read_settings(ngo.parent / "forecast.toml").accepting_loss()).at()
    # The kidnapping lies in a province that is not matched.
    assert set(panel.tactics) == {"ied", "roadside_bomb_against_a_patrol", "theft_of_a_car"}


@pytest.mark.parametrize(
    ("label", "proposal"),
    [
        ("Bomb", "ied"),
        ("IED against convoy", "ied"),
        ("Explosive device found", "ied"),
        ("suicide car bomb", "suicide"),
        ("Tirs d'obus", "indirect_fire"),
        ("Secuestro de civiles", "kidnapping"),
        ("Morter", "indirect_fire"),
        ("Kidnaping", "kidnapping"),
        ("Safe passage refused", ""),
        ("Flood", ""),
    ],
)
def test_proposals(label, proposal):
    crosswalk = read_crosswalk()
    assert tactics._proposal(label, tactics._phrases(crosswalk)) == proposal


def test_answers_in_the_tables_are_used(ngo):
    """Complete months are February 2021 to December 2022: Salah al-Din in June, Deir ez-Zor in December."""
    folder = ngo.parent
    paths = write_settings(look([ngo]), folder)
    assert [path.name for path in paths] == ["forecast.toml", "tactics.csv", "aliases.csv"]
    before = load_source(read_settings(folder / "forecast.toml").accepting_loss()).at()
    assert (before.ledger.rows("unknown province"), int(before.attacks.sum())) == (1, 1)
    for name, old, new in (
        ("aliases.csv", ",\n", ",IQG16\n"),
        ("tactics.csv", "kidnapping,false", "kidnapping,true"),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    panel = load_source(read_settings(folder / "forecast.toml")).at()
    assert (panel.ledger.rows("alias"), panel.ledger.rows("unknown province"), int(panel.attacks.sum())) == (1, 0, 2)
    assert int(panel.attacks.sel(province="IQG16", tactic="kidnapping", period="2022-06-01")) == 1


def test_of_free_text_only_the_most_frequent_labels_are_printed(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"2020-{n % 12 + 1:02}-01,Homs,said in words {n}\n" for n in range(45)]
    path.write_text("date,province,type\n" + "".join(rows))
    found = look([path])
    assert len(found.unknown_tactics) == 45
    assert "and 5 more in tactics.csv" in describe(found)


def test_settings_are_written_with_comments_and_never_over_others(ngo):
    folder = ngo.parent / "made"
    write_settings(look([ngo]), folder)
    text = (folder / "forecast.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    assert given["data"] == {
        "source": "plain",
        "paths": ["../ngo.csv"],
        "columns": {
            "date": "Date",
            "province": "Governorate",
            "tactic": "Type of incident",
            "fatalities": "Killed",
        },
        "tactics": "tactics.csv",
    }
    assert given["panel"] == {"freq": "MS"}
    # No column tells the country: the name that matches nothing may lie in another one.
    assert given["places"] == {"aliases": "aliases.csv"}
    assert "# start = 2021-01-03" in text
    with pytest.raises(InputError, match=r"is there already.*--force"):
        write_settings(look([ngo]), folder)
    (folder / "notes.txt").write_text("mine")
    write_settings(look([ngo]), folder, force=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_force_never_overwrites_an_input(tmp_path):
    path = tmp_path / "tactics.csv"
    path.write_text(NGO, encoding="utf-8")
    with pytest.raises(InputError, match="is an input and would be overwritten"):
        write_settings(look([path]), tmp_path, force=True)
    assert path.read_text(encoding="utf-8") == NGO


def test_of_a_country_that_does_not_ship_the_data_make_the_gazetteer(tmp_path):
    path = tmp_path / "mali.csv"
    rows = ["Ségou"] * 4 + ["Segou"] + ["Tombouctou"] * 3 + ["Tomboctou"]
    path.write_text("Date,Région,Pays\n" + "".join(f"2020-01-0{n + 1},{row},Mali\n" for n, row in enumerate(rows)))
    found = look([path])
    assert (found.gazetteer, found.held) == ("data", ())
    # An accent makes no other name; a missing letter may.
    spellings = dict(found.provinces[["name", "province"]].to_numpy())
    assert spellings == {"Ségou": "Ségou", "Segou": "Ségou", "Tombouctou": "Tombouctou", "Tomboctou": "Tomboctou"}
    assert "1 rows  Segou = Ségou" in describe(found)
    assert found.doubtful_names[["name", "rows", "nearest"]].to_dict("records") == [
        {"name": "Tomboctou", "rows": 1, "nearest": "Tombouctou"}
    ]
    write_settings(found, tmp_path)
    assert 'gazetteer = "data"' in (tmp_path / "forecast.toml").read_text(encoding="utf-8")
    nameless = tmp_path / "nameless.csv"
    nameless.write_text(path.read_text().replace(",Pays", ",Remark"))
    assert look([nameless]).gazetteer == "data"


@pytest.mark.parametrize(
    ("per_week", "weeks", "freq"), [(4, 60, "W-MON"), (3, 60, "MS"), (1, 51, "W-MON"), (1, 52, "MS")]
)
def test_weeks_need_two_attacks_a_week_and_province_or_a_short_file(tmp_path, per_week, weeks, freq):
    """Two provinces, so that two attacks a week and province are four a week; one more ends the last week."""
    monday = pd.Timestamp("2021-01-04")
    days = [monday + pd.Timedelta(weeks=week, days=day) for week in range(weeks) for day in range(per_week)]
    days.append(monday + pd.Timedelta(days=7 * weeks - 1))
    rows = [f"{day:%Y-%m-%d},{('Homs', 'Hama')[number % 2]}\n" for number, day in enumerate(days)]
    path = tmp_path / "a.csv"
    path.write_text("date,province\n" + "".join(rows))
    assert look([path]).freq == freq


def test_coordinates_alone_and_a_name_that_settings_cannot_hold(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_text("date,lat,lon\n2020-01-01,33.3,44.4\n2020-12-31,36.3,43.1\n")
    found = look([path])
    assert (found.gazetteer, found.countries, found.provinces.empty) == ("", {}, True)
    assert "coordinates alone place the records" in describe(found)
    with pytest.raises(InputError, match="is not UTF-8"):
        write_settings(found, tmp_path)
    path.write_text("date,lat,lon\n2020-01-01,12.6,-8.0\n")
    assert look([path]).gazetteer == "data"


def test_files_of_several_sources_and_unusable_ones_are_refused(ngo, tmp_path):
    counts = tmp_path / "counts.csv"
    counts.write_text("province,tactic,period,attacks\nIQG01,ied,2020-01,3\nIQG01,ied,2020-02,4\n")
    assert look([counts]).source == "counts"
    with pytest.raises(InputError, match=r"several sources.*ngo\.csv: plain, counts\.csv: counts"):
        look([ngo, counts])
    counts.write_text("province,Art,Monat,attacks\nIQG01,ied,2020-01,3\nIQG01,ied,2020-02,4\n")
    found = look([counts], columns={"tactic": "Art", "period": "Monat"})
    assert (found.source, found.freq, found.attacks) == ("counts", "MS", 7)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="lacks a date, or a province or coordinates"):
        look([table])


@pytest.mark.parametrize(
    ("name", "source", "freq", "attacks"),
    [
        ("acled_download_may.csv", "acled", "W-MON", 231),
        ("drc_to_0425.csv", "acled-aggregated", "W-SAT", 528),
        ("ged_yemen.csv", "ucdp", "MS", 376),
        ("hapi_nigeria.csv", "plain", "MS", 1699),
        ("counts_weekly_sun.csv", "counts", "W-SUN", 1380),
        ("collection_break_counts.csv", "counts", "MS", 14276),
    ],
)
def test_files_of_all_kinds(name, source, freq, attacks):
    if not CASES.is_dir():
        pytest.skip("needs the folder of cases that is not part of the project")
    found = look([CASES / name])
    assert (found.source, found.freq, found.attacks) == (source, freq, attacks)
    assert describe(found)
