"""ACLED: old and new exports, and the aggregated workbook."""

import csv
import datetime as dt
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events import acled, acled_aggregated
from forecast.events.places import read_gazetteer
from forecast.events.raw import ReadOptions
from forecast.events.reading import read_events

HEADER_31 = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,"
    "actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,"
    "latitude,longitude,geo_precision,source,source_scale,notes,fatalities,tags,timestamp"
)
COLUMNS_31 = HEADER_31.split(",")
COLUMNS_35 = [*COLUMNS_31, "population_1km", "population_2km", "population_5km", "population_best"]
EVENT = {
    "event_id_cnty": "SYR1", "event_date": "2019-03-06", "year": "2019", "time_precision": "1",
    "disorder_type": "Political violence", "event_type": "Battles", "sub_event_type": "Armed clash",
    "actor1": "Islamic State (Syria)", "inter1": "2", "actor2": "QSD", "inter2": "1", "interaction": "12",
    "country": "Syria", "admin1": "Deir ez Zor", "location": "Baghuz", "latitude": "34.45", "longitude": "40.97",
    "geo_precision": "1", "notes": 'On 6 March, "IS" attacked, etc.', "fatalities": "3", "timestamp": "1552435200",
}  # fmt: skip


def export(path: Path, *changes: dict[str, str], columns: list[str] = COLUMNS_31) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(EVENT | {"event_id_cnty": f"SYR{number}"} | change for number, change in enumerate(changes, 1))
    return path


@pytest.mark.parametrize(("columns", "width"), [(COLUMNS_31, 31), (COLUMNS_35, 35)])
def test_old_and_new_exports_give_the_same_draft(tmp_path: Path, columns: list[str], width: int) -> None:
    assert len(columns) == width
    draft, ledger = acled.read(export(tmp_path / "a.csv", {}, columns=columns), ReadOptions())
    assert draft.iloc[0].to_dict() == {
        "event_id": "SYR1", "date": pd.Timestamp("2019-03-06"), "date_end": pd.Timestamp("2019-03-06"),
        "country": "Syria", "place_label": "Deir ez Zor", "tactic_label": "Armed clash",
        "target_label": "State forces", "actor": "Islamic State (Syria)", "opponent": "QSD", "attacks": 1,
        "latitude": 34.45, "longitude": 40.97, "fatalities": 3, "source": "acled", "place_precision": "exact",
        "date_precision": "day", "reported": pd.Timestamp("2019-03-13"),
    }  # fmt: skip
    assert len(ledger) == 0


def test_capital_letters_and_other_orders_of_columns_are_understood(tmp_path: Path) -> None:
    columns = [name.upper() for name in reversed(COLUMNS_31)]
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerow({name.upper(): value for name, value in EVENT.items()})
    draft, _ = acled.read(tmp_path / "a.csv", ReadOptions())
    assert draft["event_id"].tolist() == ["SYR1"]


def test_each_known_form_of_date_is_read(tmp_path: Path) -> None:
    dates = [
        "2019-03-06",
        "6 March 2019",
        "06 Mar 2019",
        "06-March-2019",
        "06/03/19",
        "6/3/2019",
        "30/12/20",
        "2019-03-06T00:00:00",
    ]
    draft, ledger = acled.read(export(tmp_path / "a.csv", *({"event_date": text} for text in dates)), ReadOptions())
    expected = [dt.date(2019, 3, 6)] * len(dates)
    expected[6] = dt.date(2020, 12, 30)
    assert draft["date"].dt.date.tolist() == expected
    assert ledger.rows("dates of two numbers") == 3


@pytest.mark.parametrize(
    ("dates", "day_first", "expected"),
    [
        (["03/04/20", "30/12/20"], None, [dt.date(2020, 4, 3), dt.date(2020, 12, 30)]),
        (["03/04/20", "12/30/20"], None, [dt.date(2020, 3, 4), dt.date(2020, 12, 30)]),
        (["03/04/20", "05/06/20"], None, [dt.date(2020, 4, 3), dt.date(2020, 6, 5)]),
        (["03/04/20", "05/06/20"], False, [dt.date(2020, 3, 4), dt.date(2020, 5, 6)]),
        (["03/04/69", "03/04/97"], None, [dt.date(1969, 4, 3), dt.date(1997, 4, 3)]),
    ],
)
def test_file_decides_the_order_of_day_and_month(
    tmp_path: Path, dates: list[str], day_first: bool | None, expected: list[dt.date]
) -> None:
    path = export(tmp_path / "a.csv", *({"event_date": text} for text in dates))
    draft, ledger = acled.read(path, ReadOptions(day_first=day_first))
    assert draft["date"].dt.date.tolist() == expected
    assert ledger.rows("dates of two numbers") == 2


def test_file_with_both_orders_is_refused_with_the_rows(tmp_path: Path) -> None:
    path = export(
        tmp_path / "a.csv", {"event_date": "30/12/20"}, {"event_date": "01/02/20"}, {"event_date": "12/30/20"}
    )
    with pytest.raises(InputError, match=r"column event_date.*30/12/20 in row 2, 12/30/20 in row 4"):
        acled.read(path, ReadOptions())


def test_option_that_a_date_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contradicts the option day_first"):
        acled.read(export(tmp_path / "a.csv", {"event_date": "30/12/20"}), ReadOptions(day_first=False))


def test_kind_of_actor_is_a_word_in_old_and_new_files(tmp_path: Path) -> None:
    values = ["1", "2.0", "7", "8", "0", "", "State forces", "Rebel Groups", "Something new"]
    draft, _ = acled.read(export(tmp_path / "a.csv", *({"inter2": value} for value in values)), ReadOptions())
    expected = ["State forces", "Rebel group", "Civilians", "External/Other forces", None, None, "State forces"]
    expected += ["Rebel group", "Something new"]
    assert draft["target_label"].astype(object).where(draft["target_label"].notna(), None).tolist() == expected


def test_events_that_are_no_attacks_are_dropped_by_type_unless_kept(tmp_path: Path) -> None:
    changes = [
        {},
        {"event_type": "Protests", "sub_event_type": "Peaceful protest"},
        {"event_type": "Protests", "sub_event_type": "Protest with intervention"},
        {"event_type": "Riots", "sub_event_type": "Mob violence"},
        {"event_type": "Strategic developments", "sub_event_type": "Arrests"},
        {"event_type": "Explosions/Remote violence", "sub_event_type": "Suicide bomb"},
    ]
    path = export(tmp_path / "a.csv", *changes)
    draft, ledger = acled.read(path, ReadOptions())
    assert draft.index.tolist() == [2, 7]
    assert [(line.rows, line.reason) for line in ledger] == [
        (2, "event type Protests"), (1, "event type Riots"), (1, "event type Strategic developments"),
    ]  # fmt: skip
    assert ledger.entries[0].examples == ("Peaceful protest", "Protest with intervention")
    assert len(acled.read(path, ReadOptions(keep_non_attacks=True))[0]) == 6


def test_precisions_follow_the_codebook(tmp_path: Path) -> None:
    changes = [{"geo_precision": code, "time_precision": code} for code in ("1", "2", "3", "")]
    draft, ledger = acled.read(export(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["place_precision"].tolist() == ["exact", "district", "province", "province"]
    assert draft["date_precision"].tolist() == ["day", "week", "month", "day"]
    assert ledger.rows("geo_precision") == 1


def test_time_stamp_gives_the_day_of_the_report(tmp_path: Path) -> None:
    stamps = ["1552435199", "", "x", "1552435200000", "1000000000"]
    draft, ledger = acled.read(export(tmp_path / "a.csv", *({"timestamp": text} for text in stamps)), ReadOptions())
    assert draft["reported"].iloc[0] == pd.Timestamp("2019-03-12")
    assert draft["reported"].isna().tolist() == [False, True, True, True, True]
    assert ledger.rows("reports before the event") == 1
    assert ledger.rows("timestamp not readable") == 2


def test_negative_and_unreadable_fatalities(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 3, column fatalities: a negative count \(found -1"):
        acled.read(export(tmp_path / "a.csv", {}, {"fatalities": "-1"}), ReadOptions())
    draft, ledger = acled.read(export(tmp_path / "b.csv", {"fatalities": "many"}, {"fatalities": "2.5"}), ReadOptions())
    assert draft["fatalities"].isna().tolist() == [True, False]
    assert ledger.rows("fatalities not a number") == 1
    assert ledger.rows("fatalities not a whole number") == 1


def test_future_events_are_dropped(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", {"event_date": "2019-03-06"}, {"event_date": "2019-03-07"})
    draft, ledger = acled.read(path, ReadOptions(today=dt.date(2019, 3, 6)))
    assert draft.index.tolist() == [2]
    assert ledger.entries[0].examples == ("row 3: 2019-03-07",)


def test_aggregated_file_is_not_taken_for_events(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",".join(WEEKLY) + "\n" + ",".join(map(str, row())) + "\n")
    with pytest.raises(InputError, match="it looks like acled-aggregated"):
        acled.read(tmp_path / "a.csv", ReadOptions())
    with pytest.raises(InputError, match="it looks like acled"):
        acled_aggregated.read(export(tmp_path / "b.csv", {}), ReadOptions())


def test_all_actors_of_a_side_are_kept(tmp_path: Path) -> None:
    changes = {"assoc_actor_1": "Militia;Police ; Army"}, {"actor1": "A", "actor2": "A"}, {"actor2": "", "inter2": ""}
    draft, ledger = acled.read(export(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["actor"].tolist()[:2] == ["Islamic State (Syria); Militia; Police; Army", "A"]
    assert draft["opponent"].fillna("").tolist() == ["QSD", "A", ""]
    assert len(ledger) == 0


def test_rows_of_one_event_in_an_actor_based_export_are_merged(tmp_path: Path) -> None:
    four, two, nobody = {"event_id_cnty": "SYR7"}, {"event_id_cnty": "SYR8"}, {"actor2": "", "inter2": ""}
    changes = [
        four | {"actor1": "A", "assoc_actor_1": "C", "actor2": "B"},
        four | nobody | {"actor1": "B", "inter1": "3"},
        four | nobody | {"actor1": "C", "inter1": "3"},
        {},
        four | nobody | {"actor1": "D", "inter1": "4"},
        two | nobody | {"actor1": "A"},
        two | nobody | {"actor1": "E", "inter1": "3"},
    ]
    draft, ledger = acled.read(export(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft[["event_id", "actor", "opponent", "target_label"]].to_numpy().tolist() == [
        ["SYR7", "A; C", "B; D", "State forces"],
        ["SYR4", "Islamic State (Syria)", "QSD", "State forces"],
        ["SYR8", "A", "E", "Political militia"],
    ]
    assert draft["fatalities"].tolist() == [3, 3, 3]
    assert ledger.rows("rows of one event") == 4
    events = read_events(tmp_path / "a.csv", source="acled")
    counts = {actor: len(events.select(actor=actor)) for actor in ("a", "B", "C", "D", "E", "Q*")}
    assert counts == {"a": 2, "B": 1, "C": 1, "D": 1, "E": 1, "Q*": 1}
    with pytest.raises(InputError, match=r"no record has this actor.*expected A, Islamic State \(Syria\), C, QSD, B"):
        events.select(actor="F")


def test_rows_of_one_event_that_differ_in_more_than_actors_are_versions(tmp_path: Path) -> None:
    changes = {}, {"event_id_cnty": "SYR1", "timestamp": "1552521600", "actor1": "A"}
    draft, ledger = acled.read(export(tmp_path / "a.csv", *changes), ReadOptions())
    assert draft["event_id"].tolist() == ["SYR1", "SYR1"]
    assert len(ledger) == 0


def test_every_event_of_an_actor_based_export_is_found_by_its_actors(shared_data: Path) -> None:
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("needs the folder of cases that is not part of the project")
    raw = pd.read_csv(folder / "acled_monadic.csv")
    attacks = raw[raw["event_type"].isin(["Battles", "Violence against civilians", "Explosions/Remote violence"])]
    by_hand = attacks.groupby("actor1")["event_id_cnty"].nunique()
    assert by_hand.to_dict() == {"Armed group A": 231, "State forces of X": 231}
    events = read_events(folder / "acled_monadic.csv", source="acled", gazetteer=read_gazetteer(folder / "ng.csv"))
    assert {actor: len(events.select(actor=actor)) for actor in by_hand.index} == by_hand.to_dict()
    assert len(events) == attacks["event_id_cnty"].nunique()


# The aggregated workbook.

WEEKLY = [
    "WEEK", "REGION", "COUNTRY", "ADMIN1", "EVENT_TYPE", "SUB_EVENT_TYPE", "EVENTS", "FATALITIES",
    "POPULATION_EXPOSURE", "DISORDER_TYPE", "ID", "CENTROID_LATITUDE", "CENTROID_LONGITUDE",
]  # fmt: skip
SATURDAY = dt.datetime(2024, 1, 6)


def row(week: object = SATURDAY, events: object = 3, kind: str = "Battles", deaths: object = 5) -> list[object]:
    sub = "Armed clash" if kind == "Battles" else "Peaceful protest"
    return [week, "Middle East", "Syria", "Homs", kind, sub, events, deaths, 1000, "Political violence", 77, 34.5, 38.2]


def weekly(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active.append(["About this file"])
    sheet = book.create_sheet("Data")
    for cells in (WEEKLY, *rows):
        sheet.append(cells)
    book.save(path)
    return path


def test_row_of_the_workbook_is_a_week_with_its_count(tmp_path: Path) -> None:
    path = weekly(tmp_path / "a.xlsx", row())
    draft, ledger = acled_aggregated.read(path, ReadOptions(sheet="Data"))
    assert draft.iloc[0].drop(["actor", "opponent", "target_label", "reported"]).to_dict() == {
        "event_id": "2024-01-06|Syria|Homs|77|Political violence|Battles|Armed clash",
        "date": pd.Timestamp("2024-01-06"), "date_end": pd.Timestamp("2024-01-12"), "country": "Syria",
        "place_label": "Homs", "tactic_label": "Armed clash", "attacks": 3, "latitude": 34.5, "longitude": 38.2,
        "fatalities": 5, "source": "acled-aggregated", "place_precision": "province", "date_precision": "week",
    }  # fmt: skip
    assert draft[["actor", "opponent", "target_label", "reported"]].isna().all(axis=None)
    assert len(ledger) == 0


def test_workbook_and_csv_give_the_same(tmp_path: Path) -> None:
    rows = [row(), row(week=dt.datetime(2024, 1, 13), events=2)]
    book, _ = acled_aggregated.read(weekly(tmp_path / "a.xlsx", *rows), ReadOptions(sheet="Data"))
    pd.DataFrame(rows, columns=WEEKLY).to_csv(tmp_path / "a.csv", index=False)
    table, _ = acled_aggregated.read(tmp_path / "a.csv", ReadOptions())
    pd.testing.assert_frame_equal(book, table)


def test_the_sheet_is_found_by_its_columns_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = weekly(tmp_path / "a.xlsx", row())
    with pytest.raises(InputError, match=r"no such sheet \(expected Read me, Data"):
        acled_aggregated.read(path, ReadOptions(sheet="data"))
    with pytest.raises(InputError, match="lacks columns"):
        acled_aggregated.read(path, ReadOptions(sheet="Read me"))
    draft, ledger = acled_aggregated.read(path, ReadOptions())
    assert len(draft) == 1
    assert ledger.rows("sheets of the workbook") == 1


def test_rows_without_attacks_are_dropped_and_other_days_noted(tmp_path: Path) -> None:
    rows = row(), row(events=0), row(events=None), row(kind="Protests"), row(week=dt.datetime(2024, 1, 8))
    draft, ledger = acled_aggregated.read(weekly(tmp_path / "a.xlsx", *rows), ReadOptions(sheet="Data"))
    assert draft.index.tolist() == [2, 4, 6]
    assert draft["attacks"].isna().tolist() == [False, True, False]
    assert {line.rule: line.rows for line in ledger} == {
        "not an attack": 1, "unknown counts": 1, "counts of nothing": 1, "weeks that begin on another day": 1,
    }  # fmt: skip


def test_weeks_of_the_aggregated_file_last_until_friday(shared_data: Path) -> None:
    path = shared_data.parent / "cases" / "drc_to_0425.csv"
    if not path.is_file():
        pytest.skip("needs the folder of cases that is not part of the project")
    raw = pd.read_csv(path)
    attacks = raw[~raw["EVENT_TYPE"].isin(["Protests", "Riots", "Strategic developments"])]
    draft, _ = acled_aggregated.read(path, ReadOptions())
    assert draft["attacks"].sum() == attacks["EVENTS"].sum() == 528
    assert (
        draft.groupby("place_label")["attacks"].sum().to_dict() == attacks.groupby("ADMIN1")["EVENTS"].sum().to_dict()
    )
    assert (draft["date_end"] - draft["date"]).dt.days.unique().tolist() == [6]
    assert draft["date_end"].max() == pd.Timestamp("2026-05-01")


@pytest.mark.parametrize("events", [-1, 2.5])
def test_impossible_counts_are_refused(tmp_path: Path, events: float) -> None:
    with pytest.raises(InputError, match="row 3, column EVENTS"):
        acled_aggregated.read(weekly(tmp_path / "a.xlsx", row(), row(events=events)), ReadOptions(sheet="Data"))
