"""`read_events` as a whole: places, crosswalk, duplicates, filters, the ledger, real files."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import read_boundaries
from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events


def test_a_clean_row(write):
    events = read_events(write("a1,2020-03-04,Iraq,Diyala,IED,IS,ISF,Police,33.9,44.8"), source="plain")
    row = events.table.iloc[0]
    assert list(events.table.columns) == list(names.EVENT_COLUMNS)
    assert (row["province"], row["country"], row["tactic"], row["target"]) == (
        "IQG10",
        "Iraq",
        "ied",
        "security_forces",
    )
    assert (row["date"], row["date_end"]) == (pd.Timestamp("2020-03-04"),) * 2
    assert (row["attacks"], row["place_precision"], row["date_precision"]) == (1, "exact", "day")
    assert pd.isna(row["reported"])
    assert events.sources[0]["path"] == "events.csv"
    assert len(events.ledger) == 0


def test_what_was_not_asked_for_is_no_loss(write):
    """Of eight rows one is a repetition, one blank, two are of another country: of the other four one has no place."""
    rows = [
        "a1,2020-03-04,Iraq,Diyala,IED,IS,,,,",
        "a1,2020-03-05,Iraq,Diyala,IED,IS,,,,",
        "a2,2020-03-04,Iraq,Anbar,IED,IS,,,,",
        "a3,2020-03-04,Iraq,Anbar,IED,PMF,,,,",
        "a4,2020-03-04,Iraq,Dyala,IED,IS,,,,",
        "a5,2020-03-04,Syria,Homs,IED,IS,,,,",
        "a6,2020-03-04,Syria,Homs,IED,IS,,,,",
        ",,,,,,,,,",
    ]
    path = write(*rows)
    events = read_events(path, source="plain", gazetteer=read_gazetteer().select(["Iraq"]))
    assert (len(events), events.ledger.dropped, events.ledger.excluded) == (3, 1, 4)
    assert events.ledger.loss == 1 / 4
    # A filter leaves out more rows, and loses none.
    chosen = events.select(actor="IS")
    assert (len(chosen), chosen.ledger.dropped, chosen.ledger.excluded, chosen.ledger.loss) == (2, 1, 5, 1 / 4)
    # With Syria's provinces six rows are meant to count.
    assert read_events(path, source="plain").ledger.loss == 1 / 6


def test_an_id_that_comes_twice_counts_once_in_its_newest_version(write, header):
    header = header.strip() + ",reported\n"
    first = write(
        "a1,2020-03-04,Iraq,Diyala,IED,IS,,,,,2020-05-01", "a2,2020-03-05,Iraq,Diyala,IED,IS,,,,,", header=header
    )
    second = write("a1,2020-03-04,Iraq,Diyala,mortar,IS,,,,,2020-04-01", name="more.csv", header=header)
    events = read_events([first, second], source="plain")
    assert len(events) == 2
    assert events.table["tactic"].tolist() == ["ied", "ied"]
    assert events.ledger.rows("duplicate id") == 1
    assert events.older["tactic"].tolist() == ["indirect_fire"]
    assert [source["path"] for source in events.sources] == ["events.csv", "more.csv"]


def test_files_without_ids_do_not_hide_each_other(write):
    files = [
        write(f"2020-03-04,{place}", f"2020-03-05,{place}", name=name, header="date,province\n")
        for name, place in (("a.csv", "Diyala"), ("b.csv", "Anbar"))
    ]
    events = read_events(files, source="plain")
    assert len(events) == 4
    assert events.table["event_id"].is_unique
    with pytest.raises(InputError, match=r"a\.csv: is given twice"):
        read_events([files[0], files[0]], source="plain")


def test_without_report_dates_the_later_file_is_the_newer_version(write):
    first = write("a1,2020-03-09,Iraq,Diyala,IED,IS,,,,")
    second = write("a1,2020-03-04,Iraq,Diyala,mortar,IS,,,,", name="more.csv")
    assert read_events([first, second], source="plain").table["tactic"].tolist() == ["indirect_fire"]


def test_a_table_is_cleaned_like_its_file(write, tmp_path):
    frame = pd.DataFrame(
        {
            "event_id": [1.0, 2.0, 3.0],
            "date": pd.to_datetime(["2020-03-04 00:00", "2020-03-05 13:45", "2020-03-06 00:00"]),
            "country": pd.Categorical(["Iraq", "Iraq", None]),
            "province": ["Diyala", "Dyala", "Diyala"],
            "attacks": [3, 1, 2],
            "latitude": [33.9, None, 33.5],
            "longitude": [44.8, None, 44.7],
        }
    )
    events = read_events(frame, source="plain")
    path = tmp_path / "same.csv"
    frame.to_csv(path, index=False)
    same = read_events(path, source="plain")
    pd.testing.assert_frame_equal(events.table, same.table)
    assert events.table["event_id"].tolist() == ["1", "3"]
    assert int(events.table["attacks"].sum()) == frame.loc[frame["province"] == "Diyala", "attacks"].sum() == 5
    assert events.ledger.to_frame().drop(columns="source").equals(same.ledger.to_frame().drop(columns="source"))
    assert events.sources[0] == same.sources[0] | {"path": "table"}


def test_errors_of_a_table_name_it(write):
    frame = pd.DataFrame({"date": ["2020-03-04"], "province": ["Diyala"], "attacks": [-1]})
    with pytest.raises(InputError, match=r"^table: row 2, column attacks: a negative count \(found -1"):
        read_events(frame, source="plain")
    with pytest.raises(InputError, match=r"^table 2: is given twice"):
        read_events([frame.assign(attacks=1)] * 2, source="plain")
    with pytest.raises(InputError, match="not valid Unicode"):
        read_events(frame.assign(attacks=1, province=pd.Series(["\ud800"], dtype=object)), source="plain")
    named = frame.assign(attacks=2).groupby(["date", "province"])[["attacks"]].sum()
    file = write("a1,2020-03-04,Iraq,Diyala,IED,IS,,,,")
    events = read_events([named, file], source="plain")
    assert [entry["path"] for entry in events.sources] == ["table 1", "events.csv"]
    assert events.table["attacks"].tolist() == [1, 2]


def test_labels_outside_the_crosswalk(write):
    events = read_events(
        write("a1,2020-03-04,Iraq,Diyala,Drone  Swarm,IS,,martians,,", "a2,2020-03-04,Iraq,Diyala,,IS,,,,"),
        source="plain",
    )
    assert events.table["tactic"].tolist() == ["drone_swarm", "unknown"]
    assert events.table["target"].tolist() == ["unknown", "unknown"]
    assert events.ledger.rows("label not in the crosswalk") == 1
    assert events.ledger.rows("no tactic") == 1


def test_arguments(write):
    with pytest.raises(InputError, match=r"unknown source.*found gdelt"):
        read_events(write("a"), source="gdelt")
    with pytest.raises(InputError, match="no file"):
        read_events([], source="plain")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d", ""]),
            st.sampled_from(["2020-03-04", "2021-01-31", "no date", "", "2999-01-01"]),
            st.sampled_from(["Iraq", "Syria", "Iran", ""]),
            st.sampled_from(["Diyala", "al-Anbar", "Homs", "Dyala", ""]),
            st.sampled_from(["IED", "odd", "", "=1+1"]),
            st.sampled_from(["33.9", "x", "", "99"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_row_is_kept_or_in_the_ledger(tmp_path_factory, header, rows):
    path = tmp_path_factory.mktemp("events") / "events.csv"
    path.write_text(header + "".join(f"{i},{d},{c},{p},{t},IS,,,{lat},44.8\n" for i, d, c, p, t, lat in rows))
    try:
        events = read_events(path, source="plain")
    except InputError:
        return
    assert set(events.table["province"]) <= set(events.gazetteer.units)
    nowhere = 0 if events.unlocated is None else len(events.unlocated)
    assert len(events) + nowhere + events.ledger.dropped + events.ledger.excluded == len(rows)
    assert events.table["event_id"].is_unique


def test_real_ucdp_file(shared_data):
    path = shared_data / "ucdp_ged_syria_2016_2019.csv.gz"
    events = read_events(path, source="ucdp")
    with gzip.open(path, "rt") as stream:
        raw = pd.read_csv(stream, low_memory=False)
    assert len(events) + len(events.unlocated) == len(raw) == 16_566
    assert (events.table["date_end"] > events.table["date"]).sum() > 900
    assert set(events.table["tactic"]) == {"state_based", "non_state", "one_sided"}
    sides = (raw["side_a"] == "IS") | (raw["side_b"] == "IS")
    precise = raw["where_prec"] <= 4
    assert (events.ledger.loss, events.ledger.rows("imprecise place")) == (0, (~precise).sum())
    assert len(events.select(actor="IS")) == (sides & precise).sum()
    # UCDP's own province name and the published polygons agree, but for places on a border.
    boundaries = read_boundaries(shared_data / "syria_adm1_geoboundaries.geojson", read_gazetteer())
    exact = events.table[events.table["place_precision"] == "exact"]
    polygon, _ = boundaries.find(exact["latitude"], exact["longitude"])
    assert np.mean(polygon == exact["province"].to_numpy()) > 0.97


def test_real_iraq_file(shared_data):
    events = read_events(
        shared_data / "iraq_sigacts_2007_2008.csv.gz",
        source="plain",
        columns={"tactic": "type"},
        gazetteer=read_gazetteer().select(["Iraq"]),
    )
    assert len(events) + events.ledger.dropped == 68_573
    assert events.ledger.dropped < 100
    assert set(events.table["tactic"]) == {"ied", "small_arms", "other"}
    baghdad = (events.table["province"] == "IQG08").sum()
    assert 25_000 < baghdad < 40_000
