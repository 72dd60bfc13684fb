"""Events to panel: the grid, coverage, multi-day events, gaps, filters, and what was known when."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InputError
from forecast.events.places import read_gazetteer
from forecast.events.table import Events
from forecast.panel.build import build_panel
from forecast.panel.sources import CountsSource, PanelSource

MARCH = [
    ("2020-03-01", "2020-03-01", "IQG10", "ied", 1),
    ("2020-03-31", "2020-03-31", "IQG10", "ied", 1),
    ("2020-03-10", "2020-03-10", "IQG13", "small_arms", 1),
    ("2020-05-31", "2020-05-31", "IQG13", "ied", 2),
]


def test_grid_is_complete_and_zeros_are_filled(make_table):
    panel = build_panel(Events(make_table(MARCH)), provinces="all")
    assert panel.dataset["attacks"].shape == (18, 2, 3)
    assert panel.tactics == ["ied", "small_arms"]
    assert list(panel.periods) == list(pd.date_range("2020-03-01", "2020-05-01", freq="MS"))
    assert panel.attacks.sel(province="IQG10", tactic="ied").values.tolist() == [2, 0, 0]
    assert panel.attacks.sel(province="IQG13", tactic="ied").values.tolist() == [0, 0, 2]
    assert panel.dataset["observed"].all()
    assert panel.origin == pd.Timestamp("2020-05-31")
    assert panel.dataset["force"].sel(province="IQG11").values.tolist() == ["KSF"] * 3


def test_provinces_without_any_record_are_left_out_and_said(make_table):
    panel = build_panel(Events(make_table(MARCH)))
    assert panel.provinces == ["IQG10", "IQG13"]
    (note,) = panel.provenance["notes"]
    assert "16 of 18 provinces hold no record" in note
    assert "provinces = 'all'" in note
    # What another actor does there is a record too: the province was covered.
    table = make_table(MARCH, actor=["IS", "IS", "PKK", "PKK"])
    assert build_panel(Events(table), actor="IS").provinces == ["IQG10", "IQG13"]
    assert build_panel(Events(table), actor="IS").attacks.sel(province="IQG13").sum() == 0
    assert build_panel(Events(table), provinces=["IQG01", "IQG10"]).attacks.sel(province="IQG01").sum() == 0
    with pytest.raises(InputError, match="unknown choice"):
        build_panel(Events(table), provinces="every")


def test_partial_periods_are_left_out_and_told(make_table):
    panel = build_panel(
        Events(
            make_table(
                [("2020-03-05",) * 2 + ("IQG10", "ied", 1), *MARCH[1:], ("2020-06-02",) * 2 + ("IQG10", "ied", 7)]
            )
        )
    )
    assert panel.periods[0] == pd.Timestamp("2020-04-01")
    assert panel.origin == pd.Timestamp("2020-05-31")
    first, last, _ = panel.provenance["notes"]
    assert "begin on 2020-03-05" in first
    assert "end on 2020-06-02" in last
    assert panel.ledger.rows("outside the periods") == 1 + 1 + 1 + 7
    assert "note: the last month is left out" in repr(panel)


def test_stated_coverage_keeps_quiet_months(make_table):
    panel = build_panel(Events(make_table(MARCH)), start="2020-01-01", end="2020-07-31")
    assert len(panel.periods) == 7
    assert not [note for note in panel.provenance["notes"] if "left out:" in note]


def test_weeks_run_from_monday_to_sunday(make_table):
    rows = [("2020-03-02",) * 2 + ("IQG10", "ied", 1), ("2020-03-15",) * 2 + ("IQG10", "ied", 1)]
    panel = build_panel(Events(make_table(rows)), freq="W")
    assert panel.freq == "W-MON"
    assert panel.attacks.sel(province="IQG10").values.tolist() == [[1, 1]]
    assert panel.dataset["period_end"].values[0] == np.datetime64("2020-03-08")


def test_multiday_event_goes_to_one_period_in_proportion_to_its_days(make_table):
    n = 4000
    rows = [("2020-03-30", "2020-04-04", "IQG10", "ied", 1)] * n + [("2020-03-01",) * 2 + ("IQG10", "ied", 1)]
    panels = [build_panel(Events(make_table(rows)), end="2020-04-30", seed=seed) for seed in (1, 1, 2)]
    march, april = panels[0].attacks.sel(province="IQG10", tactic="ied").values
    assert march + april == n + 1
    # Two of six days lie in March; four binomial standard errors.
    assert abs((march - 1) / n - 2 / 6) < 4 * np.sqrt(2 / 6 * 4 / 6 / n)
    assert panels[0].dataset.identical(panels[1].dataset)
    assert not panels[0].dataset["attacks"].equals(panels[2].dataset["attacks"])
    assert panels[0].ledger.rows("multi-day event") == n


def test_a_multiday_event_stays_on_its_day_when_others_come_and_go(make_table):
    rows = [("2020-03-01", "2020-05-31", "IQG10", "ied", 1)] * 50
    table = make_table(rows)
    whole = build_panel(Events(table), start="2020-03-01", end="2020-05-31")
    parts = [
        build_panel(Events(table.iloc[rows]), start="2020-03-01", end="2020-05-31")
        for rows in (slice(20), slice(20, 50))
    ]
    assert (parts[0].attacks + parts[1].attacks).equals(whole.attacks)


def test_a_count_over_several_days_is_split_attack_by_attack(make_table):
    table = make_table([("2020-03-28", "2020-04-03", "IQG10", "ied", 700)])
    march, april = (
        build_panel(Events(table), start="2020-03-01", end="2020-04-30")
        .attacks.sel(province="IQG10", tactic="ied")
        .values
    )
    assert march + april == 700
    assert abs(march / 700 - 4 / 7) < 4 * np.sqrt(4 / 7 * 3 / 7 / 700)


@pytest.mark.parametrize(("choice", "expected"), [("first", [51, 0]), ("omit", [1, 0])])
def test_other_choices_for_multiday_events(make_table, choice, expected):
    rows = [("2020-03-30", "2020-04-04", "IQG10", "ied", 1)] * 50 + [("2020-03-01",) * 2 + ("IQG10", "ied", 1)]
    panel = build_panel(Events(make_table(rows)), end="2020-04-30", multiday=choice)
    assert panel.attacks.sel(province="IQG10", tactic="ied").values.tolist() == expected
    with pytest.raises(InputError, match="multiday"):
        build_panel(Events(make_table(rows)), end="2020-04-30", multiday="last")


def test_gaps_are_not_zeros(make_table):
    panel = build_panel(Events(make_table(MARCH)), gaps=[("2020-04-10", "2020-04-12", ["IQG10"])])
    assert np.isnan(panel.attacks.sel(province="IQG10", period="2020-04-01")).all()
    assert int((~panel.dataset["observed"]).sum()) == 2
    assert len(panel.observations) == 2 * 2 * 3 - 2
    with pytest.raises(InputError, match="gaps"):
        build_panel(Events(make_table(MARCH)), gaps=[("2020-04-10", "2020-04-12", ["XX"])])


def test_year_that_gtd_lost_is_a_gap(make_table):
    rows = [("1992-01-01",) * 2 + ("IQG10", "ied", 1), ("1994-12-31",) * 2 + ("IQG10", "ied", 1)]
    panel = build_panel(Events(make_table(rows, source="gtd")))
    assert panel.attacks.sel(period=slice("1993-01-01", "1993-12-31")).isnull().all()
    assert int(panel.attacks.isnull().sum()) == 12


def test_filters(make_table):
    table = make_table(MARCH, actor=["IS", "PKK", "SDF", "IS"], target=["civilians"] * 3 + ["officials"])
    table["opponent"] = ["ISF", "ISF", "IS", None]
    assert build_panel(Events(table), actor="is").attacks.sum() == 4
    assert build_panel(Events(table), actor=["P*"]).attacks.sum() == 1
    assert build_panel(Events(table), target="officials").attacks.sum() == 2
    with pytest.raises(InputError, match=r"no record has this actor.*found Nusra.*expected.*IS"):
        build_panel(Events(table), actor="Nusra")
    # The coverage is that of the file: a quiet actor does not shorten the panel.
    assert len(build_panel(Events(table), actor="PKK").periods) == 3


def test_chosen_provinces_and_tactics_leave_a_line(make_table):
    panel = build_panel(Events(make_table(MARCH)), provinces=["IQG13"], tactics=["ied"])
    assert panel.attacks.values.tolist() == [[[0, 0, 2]]]
    assert panel.ledger.rows("province not in the panel") == 2
    assert panel.ledger.rows("tactic not in the panel") == 1
    with pytest.raises(InputError, match="unknown provinces"):
        build_panel(Events(make_table(MARCH)), provinces=["Diyala"])


def test_exposure_by_province(make_table):
    events, chosen = Events(make_table(MARCH)), ["IQG10", "IQG13"]
    panel = build_panel(events, provinces=chosen, exposure={"IQG10": 1.4, "IQG13": 0.7}, days=False)
    assert panel.dataset["exposure"].sel(province="IQG10").values.max() == 1.4
    assert panel.dataset["exposure"].sel(province="IQG13").values.max() == 0.7
    by_days = build_panel(events, provinces=chosen, exposure={"IQG10": 1.4, "IQG13": 0.7}).dataset["exposure"]
    ratio = by_days / panel.dataset["exposure"]
    np.testing.assert_allclose(ratio, np.broadcast_to(panel.periods.days_in_month * 12 / 365.25, ratio.shape))
    weeks = build_panel(events, provinces=chosen, freq="W", exposure={"IQG10": 1.4, "IQG13": 0.7})
    assert set(weeks.dataset["exposure"].values.ravel()) == {1.4, 0.7}
    with pytest.raises(InputError, match=r"no exposure is given for provinces of the panel \(found IQG13\)"):
        build_panel(events, provinces=chosen, exposure={"IQG10": 1.4})


def test_forces_change_over_time(make_table):
    forces = pd.DataFrame(
        {"province": ["IQG13"], "force": ["KSF"], "start": [pd.NaT], "end": [pd.Timestamp("2020-04-30")]}
    )
    panel = build_panel(Events(make_table(MARCH)), forces=forces)
    assert panel.dataset["force"].sel(province="IQG13").values.tolist() == ["KSF", "KSF", "ISF"]


def test_as_known_at_an_origin(make_table):
    reported = ["2020-03-02", "2020-06-15", None, None]
    rows = [*MARCH[:3], ("2020-03-20", "2020-04-02", "IQG10", "ied", 1), ("2020-06-30",) * 2 + ("IQG10", "ied", 1)]
    source = PanelSource(
        Events(make_table(rows, reported=[*reported, None])), {"start": "2020-03-01", "multiday": "first"}
    )
    at_march = source.at("2020-03-31")
    assert at_march.origin == pd.Timestamp("2020-03-31")
    assert at_march.attacks.sum() == 2, "what was reported later, or ended later, was not known"
    assert at_march.ledger.rows("not yet known") == 3
    assert source.at("2020-04-30").attacks.sel(period="2020-03-01").sum() == 3
    assert source.at("2020-06-30").attacks.sum() == 5
    assert source.at("2020-04-15").origin == pd.Timestamp("2020-03-31")
    with pytest.raises(InputError, match="no event was known then"):
        source.at("2019-01-01")
    assert source.has_vintages


def test_without_days_of_reports_or_earlier_versions_data_are_final(make_table):
    events = Events(make_table(MARCH, reported=[None] * len(MARCH)))
    assert not PanelSource(events).has_vintages
    assert not CountsSource(build_panel(events)).has_vintages


def test_an_origin_sees_the_version_that_was_known_then(make_table):
    newest = make_table(
        [("2020-03-05",) * 2 + ("IQG10", "ied", 1), ("2020-03-01",) * 2 + ("IQG10", "ied", 1)],
        reported=["2020-05-01", "2020-03-01"],
    )
    older = newest.iloc[:1].assign(reported=pd.Timestamp("2020-03-10"), province="IQG13")
    source = PanelSource(Events(newest, older=older), {"start": "2020-03-01", "end": "2020-05-31"})
    then, now = (source.at(day).attacks.sel(period="2020-03-01", tactic="ied") for day in ("2020-03-31", "2020-05-31"))
    assert (float(then.sel(province="IQG13")), float(then.sel(province="IQG10"))) == (1, 1)
    assert (float(now.sel(province="IQG13")), float(now.sel(province="IQG10"))) == (0, 2)


def test_panel_at_an_origin_does_not_see_the_future(make_table):
    table = make_table(MARCH)
    changed = table.assign(attacks=table["attacks"].where(table["date"] <= "2020-03-31", 99))
    before, after = (
        PanelSource(Events(t), {"tactics": ["ied", "small_arms"]}).at("2020-03-31") for t in (table, changed)
    )
    assert before.dataset.identical(after.dataset)


def test_source_refuses_unknown_settings(make_table):
    with pytest.raises(InputError, match=r"unknown settings.*found frequency"):
        PanelSource(Events(make_table(MARCH)), {"frequency": "MS"})


def test_nothing_left_is_an_error(make_table):
    with pytest.raises(InputError, match="no complete period"):
        build_panel(Events(make_table(MARCH[2:3])))
    with pytest.raises(InputError, match="end before they start"):
        build_panel(Events(make_table(MARCH)), start="2021-01-01", end="2020-01-01")


def test_divided_provinces_are_neighbours_of_whole_ones(make_table):
    from forecast.datasets import data_path

    gazetteer = read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    table = make_table([("2020-03-01", "2020-03-31", "SY09@northeast", "ied", 3)], country="Syria")
    panel = build_panel(Events(table), gazetteer=gazetteer, multiday="first", end="2020-03-31", provinces="all")
    assert len(panel.provinces) == 17
    unit = panel.dataset.sel(province="SY09@northeast")
    assert (str(unit["pcode"].values), str(unit["zone"].values), str(unit["force"].values[0])) == (
        "SY09",
        "northeast",
        "SDF",
    )
    adjacency = panel.dataset["adjacency"].values
    assert (adjacency == adjacency.T).all()
    assert bool(panel.dataset["adjacency"].sel(province="SY08", neighbour="SY09@northeast"))
    sums = panel.aggregate("pcode")
    assert float(sums.sel(group="SY09").sum()) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 40), st.integers(1, 5)), min_size=1, max_size=30),
    st.sampled_from(["MS", "W"]),
)
def test_no_attack_disappears_without_a_line(rows, freq):
    """One attack is in the middle, since a panel without any is refused."""
    first = pd.Timestamp("2020-01-01")
    table = pd.DataFrame(
        [(first + pd.Timedelta(days=a), first + pd.Timedelta(days=a + b), n) for a, b, n in [*rows, (75, 0, 1)]],
        columns=["date", "date_end", "attacks"],
    ).astype({"date": "datetime64[ns]", "date_end": "datetime64[ns]"})
    table = table.assign(event_id=[f"e{i}" for i in range(len(table))], province="IQG10", tactic="ied", reported=pd.NaT)
    table["source"] = "plain"
    panel = build_panel(Events(table), freq=freq, start="2020-01-01", end="2020-06-30")
    assert int(panel.attacks.sum()) + panel.ledger.excluded == table["attacks"].sum()
