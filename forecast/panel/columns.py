"""Checks of tables that users give: which columns are there, and which cell is wrong."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from forecast.errors import InputError

__all__ = ["check_columns", "refuse_cells", "refuse_future"]


def check_columns(table: pd.DataFrame, needed: Sequence[str], source: str | Path) -> None:
    """An InputError where columns are missing, or the table holds no rows."""
    absent = [column for column in needed if column not in table.columns]
    if absent:
        raise InputError("columns are missing", source=source, where=", ".join(absent), found=list(table.columns))
    if table.empty:
        raise InputError("holds no rows", source=source)


def refuse_future(table: pd.DataFrame, source: str | Path, begins: "pd.Series[pd.Timestamp]") -> None:
    """An InputError where a period has not begun yet (`begins`: first days): nobody can have counted it."""
    today = pd.Timestamp.now().normalize()
    refuse_cells(table, source, "period_start", begins > today, f"up to today, {today:%Y-%m-%d}")


def refuse_cells(table: pd.DataFrame, source: str | Path, column: str, wrong: "pd.Series[bool]", expected: str) -> None:
    """An InputError that names the first wrong cell of a column; the index holds row numbers."""
    if wrong.any():
        where, cell = f"row {wrong.index[wrong][0]}, column {column}", table[column][wrong].iloc[0]
        found = "" if pd.isna(cell) else str(cell)
        raise InputError("is not allowed", source=source, where=where, found=found, expected=expected)
