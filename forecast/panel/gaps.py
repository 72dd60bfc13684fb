"""Cells that were not observed: spans in which nothing was recorded, and rows whose count cannot be read."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import period_end

__all__ = ["GTD_GAP", "Gap", "observed_cells", "uncounted_cells"]

# A span of days in which nothing was recorded: first day, last day, and the provinces (none given: all).
Gap = tuple[str, str] | tuple[str, str, Sequence[str]]
# GTD has lost its records of this year.
GTD_GAP: Gap = ("1993-01-01", "1993-12-31")


def observed_cells(
    gaps: Sequence[Gap], provinces: list[str], n_tactics: int, periods: pd.DatetimeIndex, freq: str
) -> npt.NDArray[np.bool_]:
    """Which cells no gap touches, (province, tactic, period); an `InputError` for a gap that the panel cannot have."""
    observed = np.ones((len(provinces), n_tactics, len(periods)), dtype=bool)
    ends = period_end(periods, freq)
    for gap in gaps:
        first, last = pd.Timestamp(gap[0]), pd.Timestamp(gap[1])
        members = gap[2] if len(gap) == 3 else provinces
        unknown = [key for key in members if key not in provinces]
        if unknown or last < first:
            raise InputError(
                "is no gap of this panel",
                where="gaps",
                found=list(map(str, gap)),
                expected="first day, last day, provinces",
            )
        touched = (periods <= last) & (ends >= first)
        observed[np.ix_(np.isin(provinces, list(members)), np.ones(n_tactics, bool), touched)] = False
    return observed


def uncounted_cells(
    gaps: pd.DataFrame, provinces: list[str], tactics: list[str], periods: pd.DatetimeIndex, freq: str
) -> npt.NDArray[np.bool_]:
    """The cells that rows with an unknown count touch."""
    touched = np.zeros((len(provinces), len(tactics), len(periods)), dtype=bool)
    ends = period_end(periods, freq)
    spans = gaps[[names.PROVINCE, names.TACTIC, "date", "date_end"]].drop_duplicates()
    # Of unknown tactic, they may be of each.
    known = [*tactics, names.UNKNOWN]
    for province, tactic, first, last in spans[
        spans[names.PROVINCE].isin(provinces) & spans[names.TACTIC].isin(known)
    ].itertuples(index=False):
        within = (periods <= last) & (ends >= first.normalize())
        touched[provinces.index(province), tactics.index(tactic) if tactic in tactics else slice(None)] |= within
    return touched
