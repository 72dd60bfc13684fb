"""Counts as people write them: thousands separators, what is no count, and rows of totals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.raw import RawTable
from forecast.events.values import amounts, refuse_totals
from forecast.ledger import Ledger


def column(*cells: str | None) -> RawTable:
    frame = pd.DataFrame({"n": pd.Series(cells, index=range(2, 2 + len(cells)), dtype="str")})
    return RawTable(frame, Path("a.csv"), Ledger())


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("900", "1,203"), (900, 1203)),
        (("900", "1.203"), (900, 1203)),  # 1.203 attacks would be no count
        (("1.203.400", "12", "1.100"), (1_203_400, 12, 1100)),
        (("1,000", "2,000"), (1000, 2000)),
        (("1,203.0", "12"), (1203, 12)),
        (("1.203,0", "1.100"), (1203, 1100)),
        (("1 203", "1\u00a0203", "1\u2009203", "1\u202f203"), (1203, 1203, 1203, 1203)),
        (("1'203", "1’203", "1_203", "١٬٢٠٣"), (1203, 1203, 1203, 1203)),
        (("٣٤", "۳۴", "+5", "5.0", "1e3"), (34, 34, 5, 5, 1000)),
        (("5.0", "1.203"), (5, 1.203)),  # the point is decimal: refused where counts must be whole
    ],
)
def test_a_column_decides_what_points_and_commas_mean(cells: tuple[str, ...], expected: tuple[float, ...]) -> None:
    values, ledger = amounts(column(*cells), "n", Ledger(), whole=True)
    assert values.tolist() == list(expected)
    assert ledger.rows("n not a number") == 0


@pytest.mark.parametrize(
    "cell", ["<5", "10+", "n/a", "12 attacks", "-", "1,20,3", "1 2", "5-10", "~7", "one", "1_00", ""]
)
def test_what_is_no_number_is_unknown_and_said(cell: str) -> None:
    values, ledger = amounts(column("900", cell), "n", Ledger(), whole=True)
    assert values.iloc[0] == 900
    assert np.isnan(values.iloc[1])
    (line,) = ledger
    assert (line.rule, line.rows, line.examples) == ("n not a number", 1, (f"row 3: {cell}",))


@pytest.mark.parametrize(
    ("cells", "whole", "match"),
    [
        (("1250", "1.203"), True, r"column n: a point may divide thousands or decimals \(found 1\.203\)"),
        (("1.000", "3.000"), True, "a point may divide thousands or decimals"),
        (("900.5", "1,5"), True, r"two meanings in one column \(found 900\.5, 1,5\)"),
        (("1.203", "2.115"), False, "a point may divide thousands or decimals"),
    ],
)
def test_what_could_mean_two_numbers_is_refused(cells: tuple[str, ...], whole: bool, match: str) -> None:
    with pytest.raises(InputError, match=match):
        amounts(column(*cells), "n", Ledger(), whole=whole)


def test_sizes_may_have_decimals() -> None:
    assert amounts(column("1.203", "0.5"), "n", Ledger(), whole=False)[0].tolist() == [1.203, 0.5]
    assert amounts(column("1,203,400", "900"), "n", Ledger(), whole=False)[0].tolist() == [1_203_400, 900]


@pytest.mark.parametrize(
    "label",
    [
        "Total",
        "TOTAL:",
        "Grand total",
        "Sub-total",
        "Diyala total",
        "All provinces",
        "All",
        "الإجمالي",
        "المجموع الكلي",
    ],
)
def test_rows_of_totals_are_refused_by_their_label(label: str) -> None:
    frame = pd.DataFrame({"place": ["Homs", label], "n": ["1", "1"]}, index=[2, 3]).astype("str")
    with pytest.raises(InputError, match="row 3, column place: is a row of totals"):
        refuse_totals(RawTable(frame, Path("a.csv"), Ledger()), ["place"], pd.Series([1, 1], frame.index))


def test_a_last_row_that_is_the_sum_of_the_others_is_refused() -> None:
    raw = column("1", "2", "0", "3", "4", "5", "15")
    with pytest.raises(InputError, match=r"row 8: is a row of totals \(found 15, the sum of all rows above"):
        refuse_totals(raw, [], raw.frame["n"].astype(int))
    few = column("1", "2", "3")
    refuse_totals(few, [], few.frame["n"].astype(int))
    only = RawTable(pd.DataFrame({"place": ["Total", "Total"]}, dtype="str"), Path("a.csv"), Ledger())
    refuse_totals(only, ["place"], pd.Series([1, 2]))
