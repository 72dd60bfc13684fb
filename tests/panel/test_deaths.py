"""Deaths are those of the records that a panel counts, in its last periods; what is not told is not 0."""

import pandas as pd
import pytest

from forecast.events.table import Events
from forecast.panel.build import build_panel
from forecast.panel.deaths import recorded_deaths

ROWS = [
    ("2020-01-01", "2020-01-01", "IQG10", "ied", 1),
    ("2020-02-10", "2020-02-10", "IQG10", "ied", 1),
    ("2020-03-31", "2020-03-31", "IQG10", "small_arms", 1),
    ("2020-03-15", "2020-03-15", "IQG10", "ied", 1),
    ("2020-03-20", "2020-03-22", "IQG13", "ied", 2),
    ("2020-02-20", "2020-02-20", "IQG01", "ied", 1),
    ("2020-01-20", "2020-01-20", "IQG11", "ied", 1),
]
DEATHS = pd.array([100, 2, 3, None, 7, None, 50], "Int64")


@pytest.fixture
def events(make_table):
    return Events(make_table(ROWS, fatalities=DEATHS, actor=["IS"] * 4 + ["PKK"] + ["IS"] * 2))


def told(events, periods=2, **settings):
    panel = build_panel(events, end="2020-03-31", **settings)
    return recorded_deaths(events, panel, periods, settings).set_index("province")


def test_deaths_of_the_last_periods_by_province(events):
    table = told(events)
    assert table["deaths"].to_dict() == pytest.approx(
        {"IQG10": 5, "IQG13": 7, "IQG01": float("nan"), "IQG11": 0}, nan_ok=True
    )
    assert table["records"].to_dict() == {"IQG10": 3, "IQG13": 1, "IQG01": 1, "IQG11": 0}
    assert table["untold"].to_dict() == {"IQG10": 1, "IQG13": 0, "IQG01": 1, "IQG11": 0}
    assert told(events, 12).loc["IQG10", "deaths"] == 105


def test_they_are_of_the_records_that_the_panel_counts(events):
    assert told(events, actor="PKK")["deaths"].to_dict() == {"IQG01": 0, "IQG10": 0, "IQG11": 0, "IQG13": 7}
    assert told(events, tactics=["small_arms"]).loc["IQG10", "deaths"] == 3
    assert told(events, multiday="omit").loc["IQG13", "records"] == 0
    assert list(told(events, provinces=["IQG10"]).index) == ["IQG10"]


def test_a_source_that_never_tells_them_has_none(make_table):
    events = Events(make_table(ROWS, fatalities=pd.array([None] * len(ROWS), "Int64")))
    assert recorded_deaths(events, build_panel(events), 2, {}).empty
