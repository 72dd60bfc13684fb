"""What holds for the reader of every source: any text in its cells gives a valid draft or a clear refusal."""

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import names
from forecast.errors import InputError
from forecast.events.draft import DRAFT_COLUMNS
from forecast.events.raw import ReadOptions
from forecast.events.sources import SOURCES

# A valid row of each source.
ROWS = {
    "ucdp": {
        "id": "1", "type_of_violence": "1", "dyad_name": "A - IS", "side_a": "A", "side_b": "IS", "where_prec": "1",
        "adm_1": "Homs", "latitude": "34.5", "longitude": "38.3", "country": "Syria", "date_prec": "1",
        "date_start": "2019-03-06", "date_end": "2019-03-07", "best": "2",
    },
    "acled": {
        "event_id_cnty": "SYR1", "event_date": "6 March 2019", "time_precision": "1", "event_type": "Battles",
        "sub_event_type": "Armed clash", "actor1": "IS", "inter1": "2", "actor2": "SDF", "inter2": "1",
        "country": "Syria", "admin1": "Homs", "latitude": "34.5", "longitude": "38.3", "geo_precision": "1",
        "fatalities": "2", "timestamp": "1552435200",
    },
    "acled-aggregated": {
        "WEEK": "2019-03-09", "COUNTRY": "Syria", "ADMIN1": "Homs", "EVENT_TYPE": "Battles",
        "SUB_EVENT_TYPE": "Armed clash", "EVENTS": "3", "FATALITIES": "2", "DISORDER_TYPE": "Political violence",
        "ID": "7", "CENTROID_LATITUDE": "34.5", "CENTROID_LONGITUDE": "38.3",
    },
    "gtd": {
        "eventid": "201503050012", "iyear": "2015", "imonth": "3", "iday": "5", "extended": "0",
        "country_txt": "Iraq", "provstate": "Diyala", "latitude": "33.7", "longitude": "44.6", "specificity": "1",
        "doubtterr": "0", "suicide": "0", "attacktype1_txt": "Armed Assault", "targtype1_txt": "Police",
        "gname": "ISIL", "nkill": "1",
    },
    "plain": {
        "event_id": "1", "date": "2019-03-06", "date_end": "2019-03-07", "country": "Syria", "province": "Homs",
        "tactic": "ied", "actor": "IS", "opponent": "SDF", "target": "army", "attacks": "1", "latitude": "34.5",
        "longitude": "38.3", "fatalities": "2", "place_precision": "exact", "date_precision": "day",
        "reported": "2019-04-01",
    },
}  # fmt: skip
# Any text, and texts that come near to what the readers look for.
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "0", "1", "2", "5", "-9", "1.0", "1e400", "inf", "-0", "NA", "99999999999999999999", "34,5"]),
    st.sampled_from(["2019-03-06", "0000-00-00", "9999-12-31", "30/12/20", "12/30/20", "29 February 2019", "1/1/01"]),
    st.sampled_from(["day", "week", "exact", "Protests", "201503050012.0", "1552435200", "-1"]),
)


def test_sources_are_the_ones_that_the_documentation_names() -> None:
    assert sorted(SOURCES) == ["acled", "acled-aggregated", "gtd", "plain", "ucdp"]


@pytest.mark.parametrize("source", sorted(SOURCES))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_gives_a_valid_draft_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, source: str, data: st.DataObject
) -> None:
    columns = list(ROWS[source])
    changes = st.dictionaries(st.sampled_from(columns), CELLS, max_size=5)
    rows = [list((ROWS[source] | change).values()) for change in data.draw(st.lists(changes, min_size=1, max_size=3))]
    path = tmp_path_factory.mktemp("source") / "a.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        csv.writer(stream).writerows([columns, *rows])
    try:
        draft, ledger = SOURCES[source](path, ReadOptions())
    except InputError as error:
        assert error.source == str(path)  # noqa: PT017
        return
    assert tuple(draft.columns) == DRAFT_COLUMNS
    assert draft["date"].notna().all()
    assert (draft["date_end"] >= draft["date"]).all()
    assert (draft["date"] <= pd.Timestamp.today()).all()
    assert not (draft["reported"] < draft["date"]).any()
    assert draft["event_id"].notna().all()
    assert (draft["attacks"] >= 1).all()
    assert (draft["fatalities"].dropna() >= 0).all()
    assert draft["latitude"].dropna().between(-90, 90).all()
    assert (draft["latitude"].isna() == draft["longitude"].isna()).all()
    assert draft["place_precision"].isin(names.PLACE_PRECISIONS).all()
    assert draft["date_precision"].isin(names.DATE_PRECISIONS).all()
    # Nothing disappears without a line.
    assert len(draft) + ledger.dropped + ledger.excluded + ledger.rows("rows of one event") == len(rows)


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_missing_file_is_refused_and_nothing_is_made(tmp_path: Path, source: str) -> None:
    path = tmp_path / "none.csv"
    with pytest.raises(InputError, match="no such file"):
        SOURCES[source](path, ReadOptions())
    assert list(tmp_path.iterdir()) == []
