"""Several downloads of one source: newest versions, withdrawn records, and what tells a selection from a withdrawal."""

import pandas as pd
import pytest

from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events
from forecast.events.table import Events
from forecast.events.versions import UNTIL, newest_versions
from forecast.ledger import Ledger
from forecast.panel.build import build_panel


def download(ids, *, first="2024-01-01", reported=None, country="Iraq", kind="IED", source="acled", **columns):
    """A draft with one record a day."""
    days = pd.date_range(first, periods=len(ids), unit="ns")
    reported = pd.Series([pd.NaT if reported is None else pd.Timestamp(reported)] * len(ids), dtype="datetime64[ns]")
    frame = {"event_id": ids, "date": days, "date_end": days, "country": country, "tactic_label": kind}
    frame |= {"source": source, "actor": "A", "opponent": "B", "reported": reported.to_numpy()}
    return pd.DataFrame(frame | columns).astype({"event_id": "str", "country": "str", "tactic_label": "str"})


def numbered(*numbers):
    return [f"E{number}" for number in numbers]


def settle(*drafts):
    standing, past, ledger = newest_versions(
        drafts, [f"{number}.csv" for number in range(1, len(drafts) + 1)], Ledger()
    )
    return standing["event_id"].tolist(), past, ledger


@pytest.fixture
def cases(shared_data):
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("needs the folder of cases that is not part of the project")
    return folder


@pytest.fixture
def two_downloads(cases):
    def read(*months) -> Events:
        files = [cases / f"acled_download_{month}.csv" for month in months]
        return read_events(files, source="acled", gazetteer=read_gazetteer(cases / "ng.csv"))

    return read


@pytest.mark.parametrize("order", [("may", "sept"), ("sept", "may")])
def test_what_the_later_download_no_longer_has_is_withdrawn(cases, two_downloads, order):
    may, september = (pd.read_csv(cases / f"acled_download_{month}.csv") for month in ("may", "sept"))
    attacks = ["Battles", "Violence against civilians", "Explosions/Remote violence"]
    may, september = (raw[raw["event_type"].isin(attacks)] for raw in (may, september))
    by_hand = september.groupby("event_id_cnty").size()
    assert (len(by_hand), len(set(may["event_id_cnty"]) | set(by_hand.index))) == (226, 231)
    events = two_downloads(*order)
    assert sorted(events.table["event_id"]) == sorted(by_hand.index)
    assert events.ledger.rows("withdrawn") == 5
    gone = events.older[~events.older["event_id"].isin(by_hand.index)]
    assert sorted(gone["event_id"]) == sorted(set(may["event_id_cnty"]) - set(by_hand.index))
    assert gone[UNTIL].unique().tolist() == [pd.to_datetime(september["timestamp"].max(), unit="s").normalize()]


def test_a_withdrawn_record_counts_until_its_withdrawal_was_known(cases, two_downloads):
    events = two_downloads("may", "sept")
    gazetteer = read_gazetteer(cases / "ng.csv")
    days = {"start": "2024-05-01", "end": "2025-09-30"}
    counts = {
        day: build_panel(events, gazetteer=gazetteer, as_of=day, **days).attacks.sum()
        for day in ("2025-10-09", "2026-02-01", "2026-02-02")
    }
    assert counts == {"2025-10-09": 231, "2026-02-01": 231, "2026-02-02": 226}
    assert build_panel(events, gazetteer=gazetteer, **days).attacks.sum() == 226


def test_a_choice_of_actors_holds_for_earlier_versions_too(two_downloads):
    events = two_downloads("may", "sept")
    assert len(events.older) == 231
    older = events.older.assign(actor="Armed group B")
    assert len(Events(events.table, older=older).select(actor="Armed group A").older) == 0


def test_downloads_are_ordered_by_their_newest_report_then_as_given():
    first, second = download(numbered(1, 2, 3, 4, 5)), download(numbered(1, 2, 4, 5), first="2024-01-01")
    second["date_end"] = first["date_end"][[0, 1, 3, 4]].to_numpy()
    assert settle(first, second)[0] == numbered(1, 2, 4, 5)
    assert sorted(settle(second, first)[0]) == numbered(1, 2, 3, 4, 5)
    reported = first.assign(reported=pd.Timestamp("2024-06-01")), second.assign(reported=pd.Timestamp("2024-07-01"))
    for order in (reported, reported[::-1]):
        standing, past, ledger = settle(*order)
        assert sorted(standing) == numbered(1, 2, 4, 5)
        assert past.loc[past["event_id"] == "E3", UNTIL].tolist() == [pd.Timestamp("2024-07-01")]
        assert (ledger.rows("withdrawn"), ledger.rows("duplicate id")) == (1, 4)


def test_what_lies_outside_the_later_span_or_its_countries_stays():
    earlier = download(numbered(*range(20)))
    later = earlier.iloc[5:15].drop(index=[7])  # span: the sixth to the fifteenth day
    assert sorted(set(numbered(*range(20))) - set(settle(earlier, later)[0])) == ["E7"]
    abroad = download([f"S{number}" for number in range(10)], country="Syria")
    standing, _, ledger = settle(pd.concat([earlier, abroad]), earlier.drop(index=[7]))
    assert len(standing) == 29
    assert [line.examples for line in ledger if line.rule == "withdrawn"] == [("E7",)]


def test_a_record_that_came_back_is_not_withdrawn_and_one_that_went_later_is():
    whole = download(numbered(*range(12)))
    standing, _, ledger = settle(whole, whole.drop(index=[3, 4]), whole.drop(index=[4]), whole.drop(index=[4, 8]))
    assert sorted(set(numbered(*range(12))) - set(standing)) == ["E4", "E8"]
    assert [(line.source, line.rows) for line in ledger if line.rule == "withdrawn"] == [("1.csv", 1), ("3.csv", 1)]


def test_a_selection_withdraws_nothing_and_is_said():
    whole = download(numbered(*range(30)))
    standing, _, ledger = settle(whole, whole.iloc[[*range(0, 30, 2), 29]])
    assert len(standing) == 30
    assert [(line.rule, line.rows, line.action) for line in ledger][1:] == [("not compared", 14, "noted")]
    assert "lacks 47%" in ledger.entries[1].reason
    kinds = whole.assign(tactic_label=["shelling" if number % 5 == 0 else "IED" for number in range(30)])
    standing, _, ledger = settle(kinds, kinds[kinds["tactic_label"] == "IED"].drop(index=[4]))
    assert sorted(set(numbered(*range(30))) - set(standing)) == ["E4"]
    assert {line.rule: line.rows for line in ledger if line.rule != "duplicate id"} == {
        "not compared": 5, "withdrawn": 1,
    }  # fmt: skip


def test_other_records_of_the_same_days_are_no_downloads_of_each_other():
    one, other = download(numbered(*range(10))), download([f"F{number}" for number in range(10)])
    without_ids = download([f"file-2-row-{number}" for number in range(10)])
    for second in (other, without_ids.assign(event_id=without_ids["event_id"].str.replace("file-2-", ""))):
        standing, past, ledger = settle(one, second)
        assert (len(standing), len(past), len(ledger)) == (20, 0, 0)


def test_a_release_of_ucdp_replaces_its_candidates_even_under_other_ids():
    sides = {"actor": [f"group {number % 4}" for number in range(90)], "source": "ucdp"}
    quarter = download([f"4{number:02d}" for number in range(90)], **sides)
    months = [quarter.iloc[start : start + 30] for start in (0, 30, 60)]
    candidates = [month.assign(event_id="C" + month["event_id"]) for month in months]
    final = quarter.drop(index=[3, 40, 41])
    for files in ([*candidates, final], [final, *candidates]):
        standing, _, ledger = settle(*files)
        assert sorted(standing) == sorted(final["event_id"])
        assert ledger.rows("withdrawn") == 90
    standing, _, ledger = settle(*months, final)  # the same ids
    assert sorted(standing) == sorted(final["event_id"])
    assert (ledger.rows("withdrawn"), ledger.rows("duplicate id")) == (3, 87)
    dyads = [quarter[quarter["actor"] == group].assign(source="ucdp") for group in ("group 0", "group 1")]
    assert len(settle(*dyads)[0]) == sum(map(len, dyads)), "other dyads of the same days are no candidates"
