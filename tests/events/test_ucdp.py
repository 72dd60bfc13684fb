"""UCDP GED: files of 41 and 49 columns, records of the interface, and the real file of Syria."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.draft import DRAFT_COLUMNS
from forecast.events.raw import ReadOptions
from forecast.events.ucdp import read

HEADER_41 = (
    "id,year,active_year,type_of_violence,conflict_new_id,conflict_name,dyad_new_id,dyad_name,side_a_new_id,side_a,"
    "side_b_new_id,gwnob,side_b,number_of_sources,source_article,source_office,source_date,source_headline,"
    "source_original,where_prec,where_coordinates,adm_1,adm_2,latitude,longitude,geom_wkt,priogrid_gid,country,"
    "country_id,region,event_clarity,date_prec,date_start,date_end,deaths_a,deaths_b,deaths_civilians,deaths_unknown,"
    "low,best,high"
)
COLUMNS_41 = HEADER_41.split(",")
HEADER_49 = (
    "id,relid,year,active_year,code_status,type_of_violence,conflict_dset_id,conflict_new_id,conflict_name,"
    "dyad_dset_id,dyad_new_id,dyad_name,side_a_dset_id,side_a_new_id,side_a,side_b_dset_id,side_b_new_id,side_b,"
    "number_of_sources,source_article,source_office,source_date,source_headline,source_original,where_prec,"
    "where_coordinates,where_description,adm_1,adm_2,latitude,longitude,geom_wkt,priogrid_gid,country,country_id,"
    "region,event_clarity,date_prec,date_start,date_end,deaths_a,deaths_b,deaths_civilians,deaths_unknown,best,high,"
    "low,gwnoa,gwnob"
)
COLUMNS_49 = HEADER_49.split(",")
RECORD = {
    "id": "214797", "year": "2016", "type_of_violence": "1", "dyad_name": "Government of Syria - IS",
    "side_a": "Government of Syria", "side_b": "IS", "where_prec": "1", "adm_1": "Homs Governorate",
    "adm_2": "Tadmur district", "latitude": "34.5", "longitude": "38.3", "country": "Syria", "event_clarity": "1",
    "date_prec": "1", "date_start": "2016-01-01", "date_end": "2016-01-01", "best": "4", "low": "4", "high": "9",
    "source_article": 'SOHR, "a, b"\nc',
}  # fmt: skip


def ged(path: Path, *changes: dict[str, str], columns: list[str] = COLUMNS_41) -> Path:
    """A GED file with one row per change of the model record."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows({"id": str(number)} | change for number, change in enumerate(_records(changes)))
    return path


def _records(changes: tuple[dict[str, str], ...]) -> list[dict[str, str]]:
    return [{name: value for name, value in RECORD.items() if name != "id"} | change for change in changes]


@pytest.mark.parametrize(("columns", "width"), [(COLUMNS_41, 41), (COLUMNS_49, 49)])
def test_both_forms_give_the_same_draft(tmp_path: Path, columns: list[str], width: int) -> None:
    assert len(columns) == width
    draft, ledger = read(ged(tmp_path / "a.csv", {"id": "214797"}, columns=columns), ReadOptions())
    assert tuple(draft.columns) == DRAFT_COLUMNS
    assert draft.index.tolist() == [2]
    assert draft.iloc[0].drop("reported").to_dict() == {
        "event_id": "214797", "date": pd.Timestamp("2016-01-01"), "date_end": pd.Timestamp("2016-01-01"),
        "country": "Syria", "place_label": "Homs Governorate", "tactic_label": "state_based",
        "target_label": "state_based", "actor": "Government of Syria", "opponent": "IS", "attacks": 1,
        "latitude": 34.5, "longitude": 38.3, "fatalities": 4, "source": "ucdp", "place_precision": "exact",
        "date_precision": "day",
    }  # fmt: skip
    assert draft["reported"].isna().all()
    assert len(ledger) == 0


def test_types_of_the_draft(tmp_path: Path) -> None:
    draft, _ = read(ged(tmp_path / "a.csv", {}), ReadOptions())
    expected = {"attacks": "Int64", "fatalities": "Int64", "latitude": "float64", "longitude": "float64"}
    expected |= dict.fromkeys(("date", "date_end", "reported"), "datetime64[ns]")
    assert {name: str(kind) for name, kind in draft.dtypes.items()} == dict.fromkeys(DRAFT_COLUMNS, "str") | expected


def test_codes_follow_the_codebook(tmp_path: Path) -> None:
    changes = [{"where_prec": str(code)} for code in range(1, 8)]
    changes += [{"date_prec": str(code)} for code in range(1, 6)]
    changes += [{"type_of_violence": str(code)} for code in (1, 2, 3)]
    draft, ledger = read(ged(tmp_path / "a.csv", *changes), ReadOptions())
    places = ["exact", "district", "district", "province", "country", "country", "unknown"]
    assert draft["place_precision"][:7].tolist() == places
    assert draft["date_precision"][7:12].tolist() == ["day", "week", "week", "month", "year"]
    assert draft["tactic_label"][12:].tolist() == ["state_based", "non_state", "one_sided"]
    assert len(ledger) == 0


def test_codes_outside_the_codebook_are_noted(tmp_path: Path) -> None:
    changes = {"where_prec": "9"}, {"date_prec": ""}, {"type_of_violence": "4"}
    draft, ledger = read(ged(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["place_precision"].tolist() == ["unknown", "exact", "exact"]
    assert draft["date_precision"].eq("day").all()
    assert draft["tactic_label"].isna().tolist() == [False, False, True]
    assert {line.rule: line.examples for line in ledger} == {
        "where_prec": ("row 2: 9",), "date_prec": ("row 3: empty",), "type_of_violence": ("row 4: 4",),
    }  # fmt: skip


def test_dyad_can_stand_for_the_tactic(tmp_path: Path) -> None:
    path = ged(tmp_path / "a.csv", {}, {"dyad_name": ""})
    draft, _ = read(path, ReadOptions(tactic_by="dyad"))
    assert draft["tactic_label"].tolist() == ["Government of Syria - IS"] * 2
    with pytest.raises(InputError, match=r"tactic_by: unknown choice \(found side_a"):
        read(path, ReadOptions(tactic_by="side_a"))


def test_events_of_several_days_stay_one_and_are_noted(tmp_path: Path) -> None:
    changes = {"date_start": "2016-01-30", "date_end": "2016-02-02"}, {"date_end": "2015-12-30"}, {"date_end": ""}
    draft, ledger = read(ged(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["date_end"].dt.day.tolist() == [2, 1, 1]
    assert ledger.rows("multi-day events") == 1
    assert ledger.rows("ends before the beginning") == 1
    assert "row 2: 2016-01-30 to 2016-02-02" in {example for line in ledger for example in line.examples}


def test_unknown_and_future_dates_are_dropped_with_a_line(tmp_path: Path) -> None:
    changes = {}, {"date_start": "", "date_end": ""}, {"date_start": "2016-02-31"}, {"date_start": "2026-01-02"}
    ends = [{"date_end": change.get("date_start", "2016-01-01")} | change for change in changes]
    draft, ledger = read(ged(tmp_path / "a.csv", *ends), ReadOptions(today=pd.Timestamp("2026-01-01").date()))
    assert draft.index.tolist() == [2]
    assert ledger.rows("unknown dates") == 2
    assert ledger.rows("date_start not a date") == 1
    assert ledger.rows("future dates") == 1
    assert ledger.dropped == 3


def test_wrong_coordinates_become_missing_together(tmp_path: Path) -> None:
    changes = {"latitude": "95"}, {"longitude": "x"}, {"latitude": ""}, {"latitude": "0", "longitude": "0.0"}
    changes += {"latitude": "", "longitude": ""}, {"latitude": "34,5", "longitude": "38,25"}
    draft, ledger = read(ged(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["latitude"].isna().tolist() == [True] * 5 + [False]
    assert draft["longitude"].isna().tolist() == [True] * 5 + [False]
    assert draft["longitude"].iloc[-1] == 38.25
    assert ledger.rows("coordinates") == 4


@pytest.mark.parametrize("best", ["-1", "1e12"])
def test_impossible_deaths_are_refused_with_their_row(tmp_path: Path, best: str) -> None:
    with pytest.raises(InputError, match="row 3, column best"):
        read(ged(tmp_path / "a.csv", {}, {"best": best}), ReadOptions())


def test_ids_that_passed_through_floats_are_repaired_and_missing_ones_made(tmp_path: Path) -> None:
    draft, ledger = read(ged(tmp_path / "a.csv", {"id": "12.0"}, {"id": ""}, {"id": "13"}), ReadOptions())
    assert draft["event_id"].tolist() == ["12", "row-3", "13"]
    assert ledger.rows("events without an id") == 1


def test_records_of_the_interface(tmp_path: Path) -> None:
    record: dict[str, object] = dict(RECORD) | {
        "id": 214797,
        "best": 4,
        "latitude": 34.5,
        "where_prec": 5,
        "adm_1": None,
    }
    record |= {"date_start": "2016-01-01T00:00:00", "date_end": "2016-01-03T00:00:00"}
    (tmp_path / "a.json").write_text(json.dumps({"TotalCount": 1, "Result": [record]}))
    draft, _ = read(tmp_path / "a.json", ReadOptions())
    row = draft.iloc[0]
    assert (row["event_id"], row["fatalities"], row["place_precision"]) == ("214797", 4, "country")
    assert pd.isna(row["place_label"])
    assert row["date_end"] == pd.Timestamp("2016-01-03")


def test_file_of_another_source_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("eventid,iyear,imonth,iday,country_txt,provstate,attacktype1_txt,gname\n" + "1," * 7 + "1\n")
    with pytest.raises(InputError, match="it looks like gtd"):
        read(path, ReadOptions())
    path.write_text("date,x\n2020-01-01,1\n")
    with pytest.raises(InputError, match="lacks columns that every file of the source ucdp has"):
        read(path, ReadOptions())


def test_file_without_any_readable_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column date_start: no row has a date"):
        read(ged(tmp_path / "a.csv", {"date_start": "soon"}), ReadOptions())


def test_real_file_of_syria(shared_data: Path) -> None:
    draft, ledger = read(shared_data / "ucdp_ged_syria_2016_2019.csv.gz", ReadOptions())
    assert len(draft) == 16_566
    assert draft["place_label"].isna().sum() == 339
    assert ledger.rows("multi-day events") == 1_086
    assert len(ledger) == 1
    assert draft["tactic_label"].value_counts().to_dict() == {
        "state_based": 11_507, "non_state": 4_577, "one_sided": 482,
    }  # fmt: skip
    assert (draft["date_end"] - draft["date"]).max() <= pd.Timedelta(days=365)
    assert draft[["latitude", "longitude", "fatalities"]].notna().all(axis=None)
