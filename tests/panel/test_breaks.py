"""What a panel says where records, rather than attacks, may have changed."""

import numpy as np
import pandas as pd
import pytest

from forecast.events.reading import read_events
from forecast.panel.build import build_panel
from forecast.panel.panel import Panel
from forecast.simulate.panels import simulate_panel


def told(panel, rule):
    lines = [entry.reason for entry in panel.ledger if entry.rule == rule]
    assert all(line in panel.provenance["notes"] for line in lines)
    return " ".join(lines)


def simulated(seed, factor=1.0, since=40):
    """A simulated panel of which a share of the attacks is recorded from a period on, as ready counts."""
    panel = simulate_panel(n_provinces=12, n_tactics=3, n_periods=72, seed=seed).panel
    frame = panel.to_frame()[["province", "tactic", "period", "attacks"]]
    late = frame["period"] >= panel.periods[since]
    kept = np.random.default_rng(seed).binomial(frame["attacks"].astype(int), factor)
    return Panel.from_frame(frame.assign(attacks=frame["attacks"].where(~late, kept)))


def test_a_break_of_collection_is_said_with_its_day_and_size(shared_cases):
    panel = Panel.from_frame(pd.read_csv(shared_cases / "collection_break_counts.csv"))
    line = told(panel, "common break")
    assert "from about 2024-01-01 on nearly all series have 0.2 times" in line
    assert "exposure" in line
    assert "Step(date=" in line


@pytest.mark.parametrize("seed", range(6))
def test_no_break_is_said_where_there_is_none(seed):
    # None of 60 such panels had one.
    assert told(simulated(seed), "common break") == ""


def test_breaks_to_a_fifth_are_found_near_their_place():
    notes = [told(simulated(seed, 0.2), "common break") for seed in range(6)]
    # 40 of 40 such breaks were found, 36 of them within a period: of six, one may be missed by chance (p = .1).
    near = [f"{day:%Y-%m-%d}" for day in simulated(0).periods[39:42]]
    assert sum(any(f"from about {day}" in line for day in near) for line in notes) >= 4


def test_a_province_that_begins_late_is_said(shared_cases):
    events = read_events(shared_cases / "late_province_events.csv", source="plain")
    panel = build_panel(events)
    raw = pd.read_csv(shared_cases / "late_province_events.csv", parse_dates=["date"])
    first = raw.groupby("province")["date"].min().idxmax()
    assert raw[raw["province"] == first]["date"].min() >= pd.Timestamp("2023-07-01")
    line = told(panel, "late provinces")
    assert "Najaf: none before 2023-07-01, then 65 in each period" in line
    assert "covered_from" in line
    # Said to be uncovered, it has 42 gaps per tactic.
    uncovered = build_panel(events, covered_from={first: "2023-07-01"})
    assert int((~uncovered.dataset["observed"]).sum()) == 42 * len(panel.tactics)
    assert told(uncovered, "late provinces") == ""
