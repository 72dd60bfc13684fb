"""Dates as people write them: months, weeks, clocks, serial numbers, and years and months in columns of their own."""

from pathlib import Path

import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.dates import joined_dates, parse_dates, parse_spans
from forecast.events.raw import RawTable
from forecast.ledger import Ledger


def column(*cells: str) -> RawTable:
    return RawTable(pd.DataFrame({"date": pd.Series(cells, dtype="str")}), Path("a.csv"), Ledger())


def text(days: pd.Series) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in days]


@pytest.mark.parametrize(
    "cell",
    ["May-2025", "May 2025", "may 2025", "2025-05", "2025/05", "05/2025", "5-2025", "mai 2025", "mayo de 2025",
     "Mayo 2025", "2025-May", "مايو 2025", "أيار 2025", "٢٠٢٥-٠٥"],
)  # fmt: skip
def test_a_month_spans_its_days(cell: str) -> None:
    first, last, ledger = parse_spans(column(cell, "2025-05-07"), "date", Ledger())
    assert (text(first), text(last)) == (["2025-05-01", "2025-05-07"], ["2025-05-31", "2025-05-07"])
    assert ledger.rows("dates without a day") == 1
    assert parse_dates(column(cell, "2025-05-07"), "date", Ledger())[0].isna().tolist() == [True, False]


def test_months_have_names_in_several_languages() -> None:
    given = ["février 2024", "août 2024", "ene. 2024", "setiembre 2024", "kanun al-thani 2024", "تشرين الأول 2024"]
    assert parse_spans(column(*given), "date", Ledger())[0].dt.month.tolist() == [2, 8, 1, 9, 1, 10]


def test_clocks_of_twelve_hours() -> None:
    given = ["3/16/2019 2:30 PM", "3/6/2019 12:00 a.m.", "2019-03-07 11:05:09 am"]
    assert text(parse_dates(column(*given), "date", Ledger())[0]) == ["2019-03-16", "2019-03-06", "2019-03-07"]


def test_serial_numbers_are_days_where_the_whole_column_is_such() -> None:
    days, ledger = parse_dates(column("43831", "43832.75"), "date", Ledger())
    assert text(days) == ["2020-01-01", "2020-01-02"]
    assert ledger.rows("dates of serial numbers") == 2
    assert parse_dates(column("43831", "2020-01-02"), "date", Ledger())[0].isna().tolist() == [True, False]
    for cells in (("4383", "43831"), ("99999",), ("12345",)):
        with pytest.raises(InputError, match="no row has a date that can be read"):
            parse_dates(column(*cells), "date", Ledger())


def test_weeks_of_iso_run_from_monday_to_sunday() -> None:
    first, last, ledger = parse_spans(column("2024-W05", "2020W53"), "date", Ledger())
    assert (text(first), text(last)) == (["2024-01-29", "2020-12-28"], ["2024-02-04", "2021-01-03"])
    assert ledger.rows("dates of weeks") == 2


@pytest.mark.parametrize("cell", ["May-25", "2025", "2025-13", "13/2025", "Smarch 2025", "2025-W54"])
def test_what_is_no_month_is_refused(cell: str) -> None:
    with pytest.raises(InputError, match="no row has a date that can be read"):
        parse_spans(column(cell), "date", Ledger())


def test_parts_in_columns_of_their_own() -> None:
    frame = pd.DataFrame({"year": ["2024", "2024.0", "2024"], "month": ["January", "2", "3"], "day": ["5", "6", None]})
    assert joined_dates(frame.astype("str")).tolist() == ["5-January-2024", "2024-2-6", "2024-3"]
    assert joined_dates(frame[["year", "month"]]).tolist() == ["2024-January", "2024-2", "2024-3"]
    assert joined_dates(pd.DataFrame({"year": ["2024"], "week": ["5"]})).tolist() == ["2024-W5"]
