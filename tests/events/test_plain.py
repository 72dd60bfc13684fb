"""Plain tables: column mappings, coordinates only, counts, and ids made from row numbers."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.columns import plain_name
from forecast.events.places import read_gazetteer
from forecast.events.plain import SYNONYMS, read
from forecast.events.raw import ReadOptions
from forecast.events.reading import read_events
from forecast.panel.build import build_panel


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_our_own_names_are_found_as_they_are(tmp_path: Path) -> None:
    text = (
        "Event_ID,date,date_end,country,province,tactic,actor,opponent,target,attacks,latitude,longitude,fatalities,"
        "place_precision,date_precision,reported,remarks\n"
        "a1,2024-01-01,2024-01-03,Iraq,Diyala,IED,IS,ISF,police,2,33.7,44.6,1,District,week,2024-02-01,x\n"
    )
    draft, ledger = read(table(tmp_path / "a.csv", text), ReadOptions())
    assert draft.iloc[0].to_dict() == {
        "event_id": "a1", "date": pd.Timestamp("2024-01-01"), "date_end": pd.Timestamp("2024-01-03"),
        "country": "Iraq", "place_label": "Diyala", "tactic_label": "IED", "actor": "IS", "opponent": "ISF",
        "target_label": "police", "attacks": 2, "latitude": 33.7, "longitude": 44.6, "fatalities": 1,
        "source": "plain", "place_precision": "district", "date_precision": "week",
        "reported": pd.Timestamp("2024-02-01"),
    }  # fmt: skip
    assert [line.rule for line in ledger] == ["multi-day events"]


@pytest.mark.parametrize(
    ("first", "last"),
    [("start", "end"), ("Date_Start", "date_end"), ("period begin", "Period End"), ("from", "to")],
)
def test_first_and_last_day_are_found_as_a_pair(tmp_path: Path, first: str, last: str) -> None:
    path = table(tmp_path / "a.csv", f"{last},{first},province\n2024-02-29,2024-02-01,Homs\n")
    for columns in ({}, {"date": first}):
        draft, _ = read(path, ReadOptions(columns=columns))
        assert draft[["date", "date_end"]].iloc[0].tolist() == [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-02-29")]


def test_a_kind_that_never_exceeds_another_is_said(tmp_path: Path) -> None:
    months = pd.date_range("2022-01-01", periods=36, freq="MS").strftime("%Y-%m-%d")
    whole = [3 + (7 * number) % 11 for number in range(36)]
    part = [count - 1 - number % 2 for number, count in enumerate(whole)]
    rare = [int(number % 12 == 0) for number in range(36)]
    kinds = {"all violence": whole, "against civilians": part, "rare": rare}
    rows = [
        f"{month},Homs,{kind},{n}" for kind, series in kinds.items() for month, n in zip(months, series, strict=True)
    ]
    path = table(tmp_path / "a.csv", "date,province,tactic,attacks\n" + "\n".join(rows) + "\n")
    draft, ledger = read(path, ReadOptions())
    assert draft["attacks"].sum() == sum(whole) + sum(part) + sum(rare)
    (line,) = [line for line in ledger if line.rule == "part of another kind"]
    assert line.reason.startswith("against civilians never exceeds all violence")


def test_rows_of_months_with_their_ends(shared_data: Path) -> None:
    path = shared_data.parent / "cases" / "hapi_nigeria.csv"
    if not path.is_file():
        pytest.skip("needs the folder of cases that is not part of the project")
    columns = {"date": "reference_period_start", "province": "admin1_name", "tactic": "event_type", "attacks": "events"}
    draft, ledger = read(path, ReadOptions(columns=columns))
    raw = pd.read_csv(path)
    by_hand = raw.groupby("event_type")["events"].sum()
    assert by_hand.to_dict() == {"civilian_targeting": 429, "demonstration": 252, "political_violence": 1018}
    assert draft.groupby("tactic_label")["attacks"].sum().to_dict() == by_hand.to_dict()
    assert draft["attacks"].sum() == 1_699
    assert draft["date_end"].max() == pd.Timestamp("2025-06-30")
    parts = [line.reason for line in ledger if line.rule == "part of another kind"]
    assert [reason.split(":")[0] for reason in parts] == ["civilian_targeting never exceeds political_violence"]


def test_column_mapping(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Tag;Ort;Art;date\n30.12.2020;Diyala;Bombe;later\n")
    columns = {"date": "Tag", "province": "Ort", "tactic": "Art"}
    draft, _ = read(path, ReadOptions(columns=columns))
    assert draft[["date", "place_label", "tactic_label"]].iloc[0].tolist() == [
        pd.Timestamp("2020-12-30"),
        "Diyala",
        "Bombe",
    ]
    assert draft["place_precision"].tolist() == ["province"]
    with pytest.raises(InputError, match=r"no such columns \(found Tag, Ort, Art, date; expected Stadt"):
        read(path, ReadOptions(columns=columns | {"province": "Stadt"}))
    with pytest.raises(InputError, match=r"unknown names in the column mapping \(found moment"):
        read(path, ReadOptions(columns={"moment": "Tag"}))
    with pytest.raises(InputError, match=r"mapped to two names \(found Ort"):
        read(path, ReadOptions(columns={"date": "Tag", "province": "Ort", "country": "Ort"}))


def test_messages_name_the_column_as_the_file_does(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Tag,Ort,Tote\n2024-01-01,Homs,-3\n")
    with pytest.raises(InputError, match="row 2, column Tote: a negative count"):
        read(path, ReadOptions(columns={"date": "Tag", "province": "Ort", "fatalities": "Tote"}))


def test_unreadable_ends_and_reports_are_noted(tmp_path: Path) -> None:
    text = "date,province,date_end,reported\n2024-01-01,Homs,soon,2024-02-30\n2024-01-01,Homs,2024-01-02,2024-02-01\n"
    draft, ledger = read(table(tmp_path / "a.csv", text), ReadOptions())
    assert draft["date_end"].dt.day.tolist() == [1, 2]
    assert draft["reported"].isna().tolist() == [True, False]
    assert ledger.rows("date_end not a date") == ledger.rows("reported not a date") == 1


def test_coordinates_only_with_ids_that_do_not_depend_on_the_file_name(tmp_path: Path) -> None:
    text = "date,longitude,latitude,type\n2007-02-23,44.8,33.7,SAF\n\n2007-02-24,43.4,33.1,IED\n"
    first, ledger = read(table(tmp_path / "a.csv", text), ReadOptions())
    second, _ = read(table(tmp_path / "b.csv", text), ReadOptions())
    assert first["event_id"].tolist() == ["row-2", "row-4"]
    pd.testing.assert_frame_equal(first, second)
    assert first["place_label"].isna().all()
    assert first["place_precision"].tolist() == ["exact", "exact"]
    assert first["tactic_label"].tolist() == ["SAF", "IED"]
    assert ledger.rows("events without an id") == 2


def test_precision_follows_what_the_row_holds(tmp_path: Path) -> None:
    text = "date,province,lat,lon\n2024-01-01,Homs,34,38\n2024-01-01,Homs,,\n2024-01-01,,,\n"
    draft, _ = read(table(tmp_path / "a.csv", text), ReadOptions())
    assert draft["place_precision"].tolist() == ["exact", "province", "unknown"]


def test_counts(tmp_path: Path) -> None:
    head = "date,province,attacks\n2024-01-01,Homs,3\n"
    draft, ledger = read(table(tmp_path / "a.csv", head + "2024-01-02,Homs,0\n2024-01-03,Homs,\n"), ReadOptions())
    assert draft["attacks"].tolist() == [3, pd.NA]
    assert {line.rule: (line.rows, line.action) for line in ledger if line.rule != "events without an id"} == {
        "unknown counts": (1, "changed"), "counts of nothing": (1, "excluded"),
    }  # fmt: skip
    for wrong in ("-1", "1.5"):
        with pytest.raises(InputError, match=rf"row 3, column attacks: .*found {wrong}"):
            read(table(tmp_path / "b.csv", f"{head}2024-01-02,Homs,{wrong}\n"), ReadOptions())


def test_order_of_day_and_month_must_be_told_where_no_date_decides(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "date,province\n01/02/2024,Homs\n03/04/2024,Homs\n")
    with pytest.raises(InputError, match=r"day and month cannot be told apart \(found 01/02/2024, 03/04/2024"):
        read(path, ReadOptions())
    assert read(path, ReadOptions(day_first=True))[0]["date"].dt.month.tolist() == [2, 4]
    assert read(path, ReadOptions(day_first=False))[0]["date"].dt.day.tolist() == [2, 4]


def test_unknown_precision_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "date,province,place_precision\n2024-01-01,Homs,village\n")
    with pytest.raises(InputError, match="row 2, column place_precision: is not allowed"):
        read(path, ReadOptions())


@pytest.mark.parametrize("header", ["date,tactic", "province,tactic", "date,latitude", "id,name"])
def test_date_and_place_are_needed(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match="lacks a date, or a province or coordinates"):
        read(table(tmp_path / "a.csv", f"{header}\n2024-01-01,x\n"), ReadOptions())


def test_options_of_other_sources_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "date,province\n2024-01-01,Homs\n")
    for options in (
        ReadOptions(tactic_by="dyad"),
        ReadOptions(keep_non_attacks=True),
        ReadOptions(keep_doubtful=False),
    ):
        with pytest.raises(InputError, match="the source plain does not know this option"):
            read(path, options)


def test_real_attacks_in_iraq(shared_data: Path) -> None:
    draft, ledger = read(shared_data / "iraq_sigacts_2007_2008.csv.gz", ReadOptions())
    assert len(draft) == 68_573
    assert draft["date"].min() == pd.Timestamp("2007-02-23")
    assert draft["date"].max() == pd.Timestamp("2008-07-05")
    assert draft["tactic_label"].value_counts().to_dict() == {"other": 37_292, "SAF": 15_680, "IED": 15_601}
    assert draft[["latitude", "longitude"]].notna().all(axis=None)
    assert [line.rule for line in ledger] == ["columns by synonyms", "events without an id"]


def test_real_strikes_in_iraq(shared_data: Path) -> None:
    draft, _ = read(shared_data / "iraq_strikes_2007_2008.csv.gz", ReadOptions(today=dt.date(2026, 1, 1)))
    assert len(draft) == 3_938
    assert set(draft["tactic_label"]) == {"Airstrike", "SOF"}


FILES = Path(__file__).parent / "files"


def test_thousands_are_counted_as_they_stand() -> None:
    path = FILES / "thousands_monthly.csv"
    by_hand = pd.read_csv(path, thousands=",").query("province == 'Diyala'")["attacks"].tolist()
    assert (by_hand[0], by_hand[-1], len(by_hand)) == (900, 1475, 24)
    panel = build_panel(read_events(path, source="plain"), end="2024-12-31")
    counted = panel.select(provinces=["IQG10"]).attacks.values.ravel().tolist()
    assert counted == by_hand
    assert counted == sorted(set(counted))


def test_a_count_that_cannot_be_read_is_a_gap_in_its_cell_only(tmp_path: Path) -> None:
    rows = ["2024-01-10,Diyala,ied,900", "2024-02-10,Diyala,ied,n/a", "2024-02-11,Diyala,ied,4",
            "2024-03-31,Diyala,ied,<5", "2024-01-01,Anbar,ied,2", "2024-03-31,Anbar,suicide,3"]  # fmt: skip
    events = read_events(table(tmp_path / "a.csv", "\n".join(["date,province,tactic,attacks", *rows])), source="plain")
    events.save(tmp_path / "out")
    for given in (events, read_events(tmp_path / "out" / "events.csv", source="plain")):
        panel = build_panel(given)
        unobserved = panel.dataset["observed"].to_series().loc[lambda observed: ~observed]
        assert [(province, tactic, day.month) for province, tactic, day in unobserved.index] == [
            ("IQG10", "ied", 2), ("IQG10", "ied", 3),
        ]  # fmt: skip
        assert panel.attacks.sum().item() == 900 + 2 + 3
        assert panel.ledger.rows("cells of unknown counts") == 2


def test_sheets_are_found_by_their_columns_and_joined_by_choice() -> None:
    path, places = FILES / "hdx_nigeria_months.xlsx", read_gazetteer(FILES / "ng.csv")
    with pytest.raises(InputError, match=r"several sheets hold such a table \(found HRP_1, HRP_2\)"):
        read_events(path, source="plain", gazetteer=places)
    sheets = pd.read_excel(path, sheet_name=["HRP_1", "HRP_2"])
    for sheet, chosen in (("*", sheets.values()), (["HRP_1", "HRP_2"], sheets.values()), ("HRP_2", [sheets["HRP_2"]])):
        events = read_events(path, source="plain", gazetteer=places, sheet=sheet)
        by_hand = pd.concat(chosen)
        assert events.table["attacks"].sum() == by_hand["Events"].sum()
        months = by_hand.groupby([by_hand["Year"], by_hand["Month"]])["Events"].sum()
        got = events.table.groupby("date")["attacks"].sum()
        assert got[pd.Timestamp("2024-05-01")] == months[2024, "May"]
        assert (events.table["date_end"] - events.table["date"]).dt.days.between(27, 30).all()
        assert set(events.table["date_precision"]) == {"month"}


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("Fecha;Departamento;Tipo;Muertos;País", ("date", "place_label", "tactic_label", "fatalities", "country")),
        ("Date;Région;Type of incident;Killed;Pays", ("date", "place_label", "tactic_label", "fatalities", "country")),
        ("DAY;ADM1_EN;Event Type;Deaths;Perpetrator", ("date", "place_label", "tactic_label", "fatalities", "actor")),
    ],
)
def test_columns_are_found_by_common_names(tmp_path: Path, header: str, ours: tuple[str, ...]) -> None:
    draft, ledger = read(table(tmp_path / "a.csv", f"{header}\n2024-01-02;Homs;IED;3;x\n"), ReadOptions())
    assert draft[list(ours)].iloc[0].tolist() == [pd.Timestamp("2024-01-02"), "Homs", "IED", 3, "x"]
    (line,) = (line for line in ledger if line.rule == "columns by synonyms")
    assert f"province from {header.split(';')[1]}" in line.reason


def test_two_columns_for_one_name_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "date,Region,Governorate\n2024-01-02,North,Homs\n")
    with pytest.raises(InputError, match=r"two columns may be the province \(found Region, Governorate\)"):
        read(path, ReadOptions())
    assert read(path, ReadOptions(columns={"province": "Governorate"}))[0]["place_label"].tolist() == ["Homs"]


def test_no_name_stands_for_two_columns() -> None:
    every = [synonym for synonyms in SYNONYMS.values() for synonym in synonyms]
    assert len(set(every)) == len(every)
    assert not set(every) & set(SYNONYMS)
    assert all(plain_name(synonym) == synonym for synonym in every)


def test_data_in_the_first_row_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has data in its first row \(found 2024-01-01, Homs, 3"):
        read(table(tmp_path / "a.csv", "2024-01-01,Homs,3\n2024-01-02,Homs,4\n"), ReadOptions())
