"""Published counts beside counts of events: both are data, and slices, files and words know both."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.events.places import read_gazetteer

UNITS = ["SY02@northeast", "SY08", "SY09@northeast"]


@pytest.fixture(scope="module")
def events():
    """Three units, two tactics, March to June; nothing was recorded in June."""
    cells = pd.MultiIndex.from_product(
        [UNITS, ["ied", "other"], pd.date_range("2021-03", periods=4, freq="MS")],
        names=["province", "tactic", "period"],
    )
    counts = np.arange(24.0).reshape(6, 4)
    counts[:, 3] = np.nan
    return fc.Panel.from_frame(pd.DataFrame({"attacks": counts.ravel()}, cells).reset_index())


@pytest.fixture(scope="module")
def rows(row):
    return [
        row("SY02|SY08|SY09", 42),
        row("SY09", 29),
        row("SY02|SY08|SY09", 30, definition="claimed"),
        row("SY08|SY09", 12, "2021-05", "2021-06"),
        row("SY02|SY08|SY09", 15, "2021-04", tactic="ied"),
    ]


@pytest.fixture(scope="module")
def panel(events, rows):
    return events.with_published(pd.DataFrame(rows))


def test_cells_and_reports_are_both_observations(panel, events):
    seen = panel.observations
    assert seen.is_published
    reports, cells = seen.table.iloc[:5], seen.table.iloc[5:]
    assert reports["kind"].tolist() == ["total", "total", "total", "part", "subset"]
    assert not reports["is_reference"].any()
    assert cells["is_reference"].all()
    assert set(cells["kind"]) == {"total"}
    assert set(cells["zone"]) == set(cells["publisher"]) == {""}
    np.testing.assert_array_equal(cells["value"], events.observations.table["value"])
    assert (seen.cells[5:] != events.observations.cells).nnz == 0
    # Of two tactics: three provinces, two of them in two months, three of one tactic; one and three.
    assert sorted(np.diff(seen.cells[:5].indptr)) == [2, 3, 6, 6, 8]
    pd.testing.assert_frame_equal(panel.to_frame(), events.to_frame())
    assert "198 attacks" in repr(panel)
    assert "6 of 24 cells not observed" in repr(panel)
    assert "5 published counts over sets of cells: 3 totals, 1 parts, 1 subsets" in repr(panel)


def test_slices_and_files_keep_both(panel, events, tmp_path):
    panel.save(tmp_path / "panel.nc")
    again = fc.Panel.load(tmp_path / "panel.nc")
    assert again.dataset.identical(panel.dataset)
    pd.testing.assert_frame_equal(again.observations.table, panel.observations.table)
    march = panel.between(end="2021-03-31").observations
    assert march.table["whole"].tolist() == [-1, 0, 0] + [-1] * 6
    assert march.cells.shape == (9, 6)
    alone = panel.select(provinces=["SY09@northeast"]).observations
    assert alone.table["kind"].tolist() == ["total"] * 7
    # Where no report is left, it is a panel of events.
    assert panel.between(start="2021-06-01").select(provinces=UNITS[:1]).observations.is_published is False
    assert not panel.select(provinces=UNITS[:1]).observations.is_published


def test_what_the_panel_has_no_cells_for_is_left_out(events, row):
    more = [row("SY09", 3, tactic="kidnapping"), row("SY09", 50, "2021-01", "2021-12"), row("SY09", 9, "2021-06")]
    both = events.with_published(pd.DataFrame(more))
    assert both.observations.table["value"][0] == 9
    assert both.ledger.rows("no cells") == 2
    with pytest.raises(InputError, match="say nothing of the panel's tactics and periods"):
        events.with_published(pd.DataFrame(more[:2]))


def test_each_foreign_report_has_its_own_error(panel, events, rows, row, reports):
    table = pd.DataFrame([*rows, row("SY08|SY09|SY11", 3, "2021-06", publisher="other")])
    with pytest.raises(InputError, match=r"row 6: is about units that the panel does not have .found SY11@northeast"):
        events.with_published(table)
    with pytest.raises(InputError, match=r"row 1: is about units.*found SY08@northeast"):
        events.with_published(pd.DataFrame([*rows, row("SY08", 3, "2021-06", zone="central")]))
    with pytest.raises(InputError, match="holds published counts already"):
        panel.with_published(pd.DataFrame(rows))
    week = {**row("SY09", 3), "period_start": "2021-03-01", "period_end": "2021-03-14"}
    with pytest.raises(InputError, match=r"are over other periods .found W-MON; expected MS"):
        events.with_published(reports(week, freq="W"))
    with pytest.raises(InputError, match="takes no sums over cells"):
        fc.Model([fc.Intercept()], fc.ZeroInflatedNegativeBinomial(), "m").bind(panel)


def test_the_gazetteer_says_whether_a_province_is_divided(events, row):
    """A panel of whole provinces takes what is said of the one zone that lies in them."""
    whole = fc.Panel.from_frame(events.to_frame().assign(province=lambda frame: frame["province"].str[:4]))
    table = pd.DataFrame([row("SY02|SY09", 9)])
    with pytest.raises(InputError, match="found SY02@northeast, SY09@northeast"):
        whole.with_published(table)
    assert whole.with_published(table, gazetteer=read_gazetteer()).observations.table["value"][0] == 9
    # A part that the panel has is taken, whatever the gazetteer.
    assert len(events.with_published(table, gazetteer=read_gazetteer()).observations) == 1 + 18
