"""Hand-made events."""

import pandas as pd
import published_rows
import pytest

from forecast import names
from forecast.panel.reports import PublishedTotals

COLUMNS = {
    "opponent": "ISF",
    "fatalities": 0,
    "source": "plain",
    "place_precision": "province",
    "date_precision": "day",
}


@pytest.fixture
def make_table():
    """Events table from rows of (date, date_end, province, tactic, attacks), with what a test adds."""

    def make(rows, **columns):
        table = pd.DataFrame(rows, columns=["date", "date_end", "province", "tactic", "attacks"])
        table["event_id"] = [f"e{n}" for n in range(len(table))]
        defaults = {"country": "Iraq", "actor": "IS", "target": "unknown", "latitude": 33.0, "longitude": 44.0}
        for name, value in {**COLUMNS, **defaults, "reported": pd.NaT, **columns}.items():
            table[name] = value
        for name in ("date", "date_end", "reported"):
            table[name] = pd.to_datetime(table[name]).astype("datetime64[ns]")
        return table[list(names.EVENT_COLUMNS)]

    return make


@pytest.fixture(scope="session")
def row():
    """One published count."""
    return published_rows.row


@pytest.fixture(scope="session")
def reports():
    """Published totals from rows."""
    return lambda *rows, **options: PublishedTotals.from_frame(pd.DataFrame(list(rows)), **options)
