"""GTD: CSV in Latin-1 and workbooks, unknown days, unknown numbers, and what must not be taken for duplicates."""

import csv
import datetime as dt
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.gtd import read
from forecast.events.raw import ReadOptions

INCIDENT = {
    "eventid": "201503050012", "iyear": "2015", "imonth": "3", "iday": "5", "approxdate": "", "extended": "0",
    "resolution": "", "country": "95", "country_txt": "Iraq", "region_txt": "Middle East & North Africa",
    "provstate": "Diyala", "city": "Baqubah", "latitude": "33.75", "longitude": "44.64", "specificity": "1",
    "summary": "03/05/2015: assailants…", "doubtterr": "0", "success": "1", "suicide": "0",
    "attacktype1_txt": "Bombing/Explosion", "targtype1_txt": "Police",
    "gname": "Islamic State of Iraq and the Levant (ISIL)", "weaptype1_txt": "Explosives", "nkill": "2", "nwound": "5",
}  # fmt: skip


def gtd(path: Path, *changes: dict[str, str], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding, errors="replace") as stream:
        writer = csv.DictWriter(stream, list(INCIDENT))
        writer.writeheader()
        writer.writerows(INCIDENT | {"eventid": str(201503050000 + n)} | change for n, change in enumerate(changes))
    return path


def test_incident_of_one_day(tmp_path: Path) -> None:
    draft, ledger = read(gtd(tmp_path / "a.csv", {"eventid": "201503050012"}), ReadOptions())
    assert draft.iloc[0].drop(["opponent", "reported"]).to_dict() == {
        "event_id": "201503050012", "date": pd.Timestamp("2015-03-05"), "date_end": pd.Timestamp("2015-03-05"),
        "country": "Iraq", "place_label": "Diyala", "tactic_label": "Bombing/Explosion", "target_label": "Police",
        "actor": "Islamic State of Iraq and the Levant (ISIL)", "attacks": 1, "latitude": 33.75, "longitude": 44.64,
        "fatalities": 2, "source": "gtd", "place_precision": "exact", "date_precision": "day",
    }  # fmt: skip
    assert len(ledger) == 0


def test_unknown_day_and_month_span_the_month_and_the_year(tmp_path: Path) -> None:
    changes = {"iday": "0", "imonth": "2", "iyear": "2016"}, {"imonth": "0", "iday": "0"}, {"imonth": "0", "iday": "7"}
    draft, ledger = read(gtd(tmp_path / "a.csv", *changes), ReadOptions())
    spans = draft[["date", "date_end", "date_precision"]].astype(str).to_numpy().tolist()
    assert spans == [
        ["2016-02-01", "2016-02-29", "month"],
        ["2015-01-01", "2015-12-31", "year"],
        ["2015-01-01", "2015-12-31", "year"],
    ]
    assert ledger.rows("day unknown") == 1
    assert ledger.rows("month unknown") == 2


def test_days_that_the_calendar_does_not_have_are_dropped(tmp_path: Path) -> None:
    changes = {"imonth": "2", "iday": "30"}, {"imonth": "13"}, {"iyear": ""}, {"iday": "-9"}, {}
    draft, ledger = read(gtd(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft.index.tolist() == [6]
    assert ledger.rows("unknown dates") == 4


def test_codes_for_unknown_deaths_are_missing_and_other_negatives_refused(tmp_path: Path) -> None:
    changes = {"nkill": "-9"}, {"nkill": "-99"}, {"nkill": ""}, {"nkill": "3.5"}
    draft, ledger = read(gtd(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["fatalities"].isna().tolist() == [True, True, True, False]
    assert ledger.rows("nkill coded as unknown") == 2
    assert ledger.rows("nkill not a whole number") == 1
    with pytest.raises(InputError, match="row 2, column nkill: a negative count"):
        read(gtd(tmp_path / "b.csv", {"nkill": "-2"}), ReadOptions())


def test_suicide_attacks_are_their_own_tactic(tmp_path: Path) -> None:
    draft, _ = read(gtd(tmp_path / "a.csv", {"suicide": "1"}, {"suicide": "0"}, {"suicide": ""}), ReadOptions())
    assert draft["tactic_label"].tolist() == ["suicide", "Bombing/Explosion", "Bombing/Explosion"]


def test_specificity_gives_the_precision_of_the_place(tmp_path: Path) -> None:
    changes = [{"specificity": code} for code in ("1", "2", "3", "4", "5", "")]
    draft, ledger = read(gtd(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["place_precision"].tolist() == ["exact", "district", "district", "province", "unknown", "province"]
    assert ledger.rows("specificity") == 1


def test_look_alike_incidents_stay(tmp_path: Path) -> None:
    draft, ledger = read(gtd(tmp_path / "a.csv", {}, {}, {}), ReadOptions())
    assert len(draft) == 3
    assert draft["event_id"].is_unique
    assert ledger.dropped == 0


def test_doubtful_incidents_are_noted_or_left_out(tmp_path: Path) -> None:
    path = gtd(tmp_path / "a.csv", {"doubtterr": "1"}, {"doubtterr": "0"}, {"doubtterr": "-9"})
    kept, noted = read(path, ReadOptions())
    assert (len(kept), noted.rows("doubtful incidents"), noted.excluded) == (3, 1, 0)
    left, ledger = read(path, ReadOptions(keep_doubtful=False))
    assert (len(left), ledger.excluded, ledger.dropped) == (2, 1, 0)


def test_extended_incidents_stand_at_their_first_day(tmp_path: Path) -> None:
    draft, ledger = read(gtd(tmp_path / "a.csv", {"extended": "1", "resolution": "4/1/2015"}), ReadOptions())
    assert (draft["date"] == draft["date_end"]).all()
    assert ledger.rows("extended incidents") == 1


@pytest.mark.parametrize(("years", "noted"), [(["1992", "1994"], 2), (["1992", "1993", "1994"], 0), (["1994"], 0)])
def test_lost_year_is_noted(tmp_path: Path, years: list[str], noted: int) -> None:
    _, ledger = read(gtd(tmp_path / "a.csv", *({"iyear": year} for year in years)), ReadOptions())
    assert ledger.rows("1993 missing") == noted


def test_latin_1_is_read_and_noted(tmp_path: Path) -> None:
    path = gtd(tmp_path / "a.csv", {"provstate": "Al Muthanná", "summary": ""}, encoding="latin-1")
    draft, ledger = read(path, ReadOptions())
    assert draft["place_label"].tolist() == ["Al Muthanná"]
    assert ledger.rows("encoding") == 1


def test_workbook_gives_the_same_as_the_csv(tmp_path: Path) -> None:
    changes = [{}, {"iday": "0"}, {"nkill": "-99"}]
    path = gtd(tmp_path / "a.csv", *changes)
    book = openpyxl.Workbook()
    numbers = {
        "eventid",
        "iyear",
        "imonth",
        "iday",
        "latitude",
        "longitude",
        "specificity",
        "doubtterr",
        "suicide",
        "nkill",
    }
    with path.open(newline="", encoding="utf-8") as stream:
        for cells in csv.reader(stream):
            book.active.append(
                [float(cell) if name in numbers and cell[-1].isdecimal() else cell or None
                 for name, cell in zip(INCIDENT, cells, strict=True)]
            )  # fmt: skip
    book.save(tmp_path / "a.xlsx")
    pd.testing.assert_frame_equal(read(tmp_path / "a.xlsx", ReadOptions())[0], read(path, ReadOptions())[0])


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 3, column eventid: an id was rounded .* \(found 2\.01503E\+11"):
        read(gtd(tmp_path / "a.csv", {}, {"eventid": "2.01503E+11"}), ReadOptions())


def test_future_incidents_are_dropped(tmp_path: Path) -> None:
    _, ledger = read(gtd(tmp_path / "a.csv", {}, {"iyear": "2031"}), ReadOptions(today=dt.date(2026, 1, 1)))
    assert ledger.rows("future dates") == 1


def test_gtd_file_read_as_another_source_is_named(tmp_path: Path) -> None:
    from forecast.events.sources import SOURCES

    path = gtd(tmp_path / "a.csv", {})
    for source in ("ucdp", "acled", "acled-aggregated", "plain"):
        with pytest.raises(InputError, match="ooks like gtd"):
            SOURCES[source](path, ReadOptions())
