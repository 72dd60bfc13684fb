"""The table of published counts: what is read, and how each bad row is refused."""

import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError


def test_a_table_is_read_and_written(row, tmp_path):
    rows = [
        row("SY09|SY02", 27, url="https://example.org/1", reported="2021-04-05"),
        row("Deir ez-Zor", 25, publisher="RIC via ANF"),
        row("SY02|SY09", 906, "2019-01", "2019-12", bound="approx"),
    ]
    path = tmp_path / "reports.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    totals = fc.read_published(path, publishers={"RIC": "Rojava Information Center"})
    assert totals.table["provinces"].tolist() == ["SY02|SY09", "SY09", "SY02|SY09"]
    assert totals.publishers == ["Rojava Information Center"]
    assert totals.ledger.rows("same publisher") == 2
    assert totals.table["reported"].notna().tolist() == [True, False, False]
    assert totals.table.index.tolist() == [2, 3, 4]
    totals.save(path)
    again = fc.read_published(path)
    pd.testing.assert_frame_equal(again.table, totals.table)
    assert len(totals.known("2021-04-01")) == 2
    assert len(totals.known("2021-04-05")) == 3
    assert "3 published counts, 2019-01-01 to 2021-03-31" in repr(totals)
    assert "northeast: 3 recorded; by Rojava Information Center" in totals._repr_html_()
    assert totals.plot().to_dict()["facet"]


def test_a_part_of_a_province_is_that_of_the_zone(row, reports):
    from forecast.datasets import data_path
    from forecast.events.places import read_gazetteer

    divided = read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    totals = reports(row("SY09@northeast|SY08", 5), gazetteer=divided)
    assert totals.table["provinces"].tolist() == ["SY08|SY09"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"provinces": "SY09|Atlantis"}, r"row 2, column provinces: unknown province \(found Atlantis\)"),
        ({"provinces": ""}, "row 2, column provinces: unknown province"),
        ({"period_end": "2021-02-28"}, "row 2, column period_end.*not before period_start"),
        ({"attacks": -1}, "row 2, column attacks.*a whole number from 0"),
        ({"attacks": 2.5}, "row 2, column attacks.*a whole number from 0"),
        ({"attacks": "many"}, "row 2, column attacks.*a whole number from 0"),
        ({"period_end": "2021-03-15"}, "row 2, column period_end.*the last day of a month"),
        ({"period_start": "2021-03-15"}, "row 2, column period_start.*over whole months"),
        ({"period_start": "March"}, "row 2, column period_start.*a day such as"),
        ({"bound": "about"}, "row 2, column bound.*exact, at_least, approx"),
        ({"zone": ""}, "row 2, column zone.*a label"),
        ({"publisher": " "}, "row 2, column publisher.*a label"),
        ({"reported": "soon"}, "row 2, column reported.*a day such as"),
    ],
)
def test_each_bad_row_has_its_own_error(row, reports, change, message):
    with pytest.raises(InputError, match=message):
        reports(row("SY08", 1), {**row("SY09", 3), **change})


def test_a_missing_column_is_named(row, reports):
    bad = row("SY09", 3)
    del bad["bound"]
    with pytest.raises(InputError, match="bound: columns are missing"):
        reports(bad)


def test_weeks_are_whole_too(row, reports):
    week = {**row("SY09", 3), "period_start": "2021-03-01", "period_end": "2021-03-14"}
    assert reports(week, freq="W").freq == "W-MON"
    with pytest.raises(InputError, match="the last day of a week"):
        reports({**week, "period_end": "2021-03-13"}, freq="W")


def test_counts_of_the_future_are_refused(row):
    rows = [row("SY09|SY02", 27), row("SY09|SY02", 6, "2120-01", "2120-01")]
    with pytest.raises(InputError, match=r"row 2, column period_start: is not allowed \(found 2120-01-01.*up to today"):
        fc.PublishedTotals.from_frame(pd.DataFrame(rows))
