"""Which days, countries and late records a panel takes as covered; each number counted by hand."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events
from forecast.events.table import Events
from forecast.panel.build import build_panel
from forecast.panel.coverage import late_start


def day(text, place="IQG10", tactic="ied", attacks=1, last=None):
    return (text, last or text, place, tactic, attacks)


def notes(panel):
    return " | ".join(panel.provenance["notes"])


# The last day -----------------------------------------------------------------------------------------------------


def weeks(make_table, first, n, **columns):
    """Weekly numbers: 2 attacks in each."""
    starts = pd.date_range(first, periods=n, freq="7D")
    rows = [day(f"{start:%Y-%m-%d}", attacks=2, last=f"{start + pd.Timedelta(days=6):%Y-%m-%d}") for start in starts]
    return Events(make_table(rows, date_precision="week", **columns))


def test_rows_over_a_span_cover_it_to_its_end(make_table):
    # The last of 17 weeks from Saturday 2020-01-04 on ends on 2020-05-01: April is whole.
    panel = build_panel(weeks(make_table, "2020-01-04", 17))
    assert list(panel.periods) == list(pd.date_range("2020-02-01", "2020-04-01", freq="MS"))
    months = [day(f"2020-{month:02}-01", last=f"2020-{month:02}-28") for month in (1, 2, 3)]
    panel = build_panel(Events(make_table(months)))
    assert panel.origin == pd.Timestamp("2020-02-29"), "March was told up to its 28th only"


def test_single_events_that_go_on_do_not_make_the_last_month_whole(make_table):
    rows = [day("2020-01-01"), day("2020-02-03"), day("2020-02-10", last="2020-03-31")]
    assert build_panel(Events(make_table(rows))).origin == pd.Timestamp("2020-01-31")


def test_a_week_that_is_not_over_is_not_covered_to_its_end(make_table):
    start = pd.Timestamp.now().normalize() - pd.Timedelta(days=2)
    panel = build_panel(weeks(make_table, start - pd.Timedelta(days=70), 11), freq="W")
    assert panel.origin == start - pd.Timedelta(days=1)


def test_weekly_rows_keep_the_month_in_which_the_last_week_ends(shared_cases):
    gazetteer = read_gazetteer(shared_cases / "cd.csv")
    events = read_events(shared_cases / "drc_to_0425.csv", source="acled-aggregated", gazetteer=gazetteer)
    raw = pd.read_csv(shared_cases / "drc_to_0425.csv")
    attacks = raw[~raw["EVENT_TYPE"].isin(["Protests", "Riots", "Strategic developments"])]["EVENTS"].sum()
    assert events.table["attacks"].sum() == attacks == 528
    panel = build_panel(events, gazetteer=gazetteer)
    assert panel.periods[-1] == pd.Timestamp("2026-04-01")
    # By the week no attack is drawn, and none is lost.
    weekly = build_panel(events, freq="W", gazetteer=gazetteer)
    assert (weekly.freq, int(weekly.attacks.sum())) == ("W-SAT", 528)
    assert weekly.ledger.rows("multi-day event") == 0 or weekly.attacks.sum() == 528


# Weeks that begin on other days -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "freq"), [("2020-01-04", "W-SAT"), ("2020-01-05", "W-SUN"), ("2020-01-06", "W-MON")])
def test_weeks_begin_as_those_of_weekly_rows_do(make_table, first, freq):
    events = weeks(make_table, first, 10)
    panel = build_panel(events, freq="W")
    assert panel.freq == freq
    assert panel.attacks.sel(province="IQG10", tactic="ied").values.tolist() == [2] * 10
    assert build_panel(events, freq=freq).dataset.equals(panel.dataset)
    with pytest.raises(InputError, match=rf"weeks begin on another day.*{freq}.*W-WED"):
        build_panel(events, freq="W-WED")


def test_events_of_single_days_are_counted_in_any_weeks(make_table):
    # 2020-01-04 is a Saturday.
    rows = [day("2020-01-04"), day("2020-01-10"), day("2020-01-11"), day("2020-01-17")]
    assert build_panel(Events(make_table(rows)), freq="W-SAT").attacks.values.tolist() == [[[2, 2]]]


def test_rows_over_months_are_not_divided_into_weeks(make_table):
    months = [day(f"2020-{month:02}-01", last=f"2020-{month:02}-28") for month in (1, 2, 3)]
    with pytest.raises(InputError, match=r"more than a week.*freq = 'MS'"):
        build_panel(Events(make_table(months)), freq="W")


# Days of edits ------------------------------------------------------------------------------------------------------


def test_an_export_with_fresh_time_stamps_is_evaluated_by_the_days_of_events(shared_cases):
    gazetteer = read_gazetteer(shared_cases / "tr.csv")
    events = read_events(shared_cases / "acled_turkey_plain_ascii.csv", source="acled", gazetteer=gazetteer)
    before = int((events.table["date"] <= "2025-01-31").sum())
    panel = build_panel(events, gazetteer=gazetteer, as_of="2025-01-31", start="2024-01-01")
    assert panel.attacks.sum() == before


# Where coverage begins --------------------------------------------------------------------------------------------


def test_late_starts_are_told_from_chance():
    assert late_start(np.array([0] * 42 + [65] * 18)) == 42
    assert late_start(np.array([0, 0, 5, 5, 5, 5, 5, 5])) == 0, "two periods are no beginning"
    assert late_start(np.zeros(60, int)) == 0
    # Three counts in 72 periods may well come late: C(32, 3) / C(72, 3) = 8 %.
    assert late_start(np.array([0] * 40 + [1, 0, 1, 1] + [0] * 28)) == 0


def two_countries(make_table, source, second="SY01", **columns):
    first = [day(f"{date:%Y-%m-%d}") for date in pd.date_range("2016-01-01", "2018-12-31", freq="5D")]
    later = [day(f"{date:%Y-%m-%d}", second) for date in pd.date_range("2017-01-03", "2018-12-31", freq="5D")]
    table = make_table(first + later, source=source, **columns)
    return Events(table.assign(country=["Iraq"] * len(first) + ["Syria"] * len(later)))


@pytest.mark.parametrize("source", ["acled", "plain"])
def test_a_country_is_not_covered_before_its_records_begin(make_table, source):
    panel = build_panel(two_countries(make_table, source))
    observed = panel.dataset["observed"].sel(tactic="ied")
    assert observed.sel(province="IQG10").all()
    assert observed.sel(province="SY01").values.tolist() == [False] * 12 + [True] * 24
    assert "Syria is not observed before 2017-01-01" in notes(panel)


def test_a_stated_beginning_overrules_what_records_look_like(make_table):
    events = two_countries(make_table, "plain")
    calm = build_panel(events, covered_from={"Syria": "2016-01-01"})
    assert calm.dataset["observed"].all()
    assert (
        calm.attacks.sel(province="SY01").sum() == calm.attacks.sel(province="SY01", period=slice("2017", None)).sum()
    )
    late = build_panel(events, covered_from={"Syrian Arab Republic": "2016-01-01", "IQG10": "2016-06-01"})
    assert late.dataset["observed"].sel(province="IQG10").values[0].tolist() == [False] * 5 + [True] * 31
    with pytest.raises(InputError, match=r"no country or province.*Atlantis"):
        build_panel(events, covered_from={"Atlantis": "2016-01-01"})


def test_records_before_a_known_beginning_overrule_it(make_table):
    table = two_countries(make_table, "acled").table
    early = make_table([day("2016-02-02", "SY01")], source="acled", country="Syria")
    panel = build_panel(Events(pd.concat([table, early.assign(event_id="early")], ignore_index=True)))
    assert panel.dataset["observed"].all()


def test_syria_is_not_covered_before_acled_codes_it(shared_cases):
    events = read_events(shared_cases / "acled_iraq2016_syria2017.csv.gz", source="acled")
    panel = build_panel(events, provinces="all", start="2016-01-01", end="2019-12-31")
    syria = panel.dataset.sel(province=panel.dataset["country"].values == "Syria")
    # 14 governorates, 12 months.
    assert int((~syria["observed"]).sum()) == 14 * 12 * len(panel.tactics)
    assert panel.attacks.sum() == events.table["attacks"].sum()


# Slips --------------------------------------------------------------------------------------------------------------


def test_one_date_decades_before_the_rest_is_refused(make_table):
    rows = [day("1920-05-06"), *(day(f"2020-{month:02}-01") for month in range(1, 13))]
    with pytest.raises(InputError, match=r"no record for 100 years.*1 records before.*start"):
        build_panel(Events(make_table(rows)))
    assert len(build_panel(Events(make_table(rows)), start="2020-01-01").periods) == 11


def test_a_long_silence_is_said(make_table):
    rows = [day("2016-05-06"), *(day(f"2020-{month:02}-01") for month in range(1, 13))]
    assert "no record lies between 2016-05-06 and 2020-01-01" in notes(build_panel(Events(make_table(rows))))
