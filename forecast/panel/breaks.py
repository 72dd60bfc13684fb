"""Breaks that look like a change of what is recorded: of all series at once, and provinces that begin late."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.ledger import Ledger
from forecast.panel.coverage import late_start
from forecast.panel.grid import with_notes, with_provenance

__all__ = ["COMMON_BREAK", "with_told_breaks"]

Array = npt.NDArray[np.float64]
# Where a panel's provenance keeps the first day after a common break, and its factor.
COMMON_BREAK = "common_break"
# A common break is one between up to `_LONGEST` and at least `_SHORTEST` periods on both sides, in which at least five
# series, and half of those that have ten attacks, have ten: most of these change the same way, typically by a factor
# of two or more, and by twice the scatter of the changes. On 60 simulated panels of 12 × 3 series none was found where
# none was; of breaks to a half, a third and a fifth 17, 34 and 40 of 40 (14, 28 and 36 within a period of their place).
_LONGEST, _SHORTEST = 6, 3
_FEWEST_ATTACKS, _FEWEST_SERIES = 10, 5
_LEAST_FACTOR, _AGREEING, _CLEAR = 2.0, 0.9, 2.0


def with_told_breaks(dataset: xr.Dataset, ledger: Ledger) -> tuple[xr.Dataset, Ledger]:
    """A panel's dataset and ledger that say where records, rather than attacks, may have changed."""
    attacks = dataset[names.ATTACKS].where(dataset[names.OBSERVED])
    periods = pd.DatetimeIndex(dataset[names.PERIOD].values)
    provinces = attacks.sum(names.TACTIC, skipna=False).values
    levels = attacks.values.reshape(-1, len(periods)), provinces
    breaks = [common for common in map(_common_break, levels) if common is not None]
    notes: dict[str, list[str]] = {"common break": [], "late provinces": []}
    if breaks:
        at, change = max(breaks, key=lambda common: abs(common[1]))
        notes["common break"].append(
            f"from about {periods[at]:%Y-%m-%d} on nearly all series have {np.exp(change):.2g} times the attacks of "
            "before, at once: if what is recorded changed, tell it by another source (collection_break), or give an "
            "exposure, or a model with Step(date=...); if attacks did, leave it"
        )
        dataset = with_provenance(dataset, **{COMMON_BREAK: [f"{periods[at]:%Y-%m-%d}", float(np.exp(change))]})
    notes["late provinces"] = _late_provinces(dataset[names.PROVINCE_NAME].values.astype(str), provinces, periods)
    for rule, told in notes.items():
        dataset = with_notes(dataset, told)
        ledger = ledger.add(rule, len(told), "noted", "".join(told))
    return dataset, ledger


def _late_provinces(labels: npt.NDArray[np.str_], attacks: Array, periods: pd.DatetimeIndex) -> list[str]:
    """A note on the provinces (province, period) without attacks for so long that it is no chance."""
    late = []
    for label, counts in zip(labels, attacks, strict=True):
        observed = np.isfinite(counts)
        quiet = late_start(counts[observed].astype(np.int64))
        if quiet:
            since, after = periods[observed][quiet], float(counts[observed][quiet:].mean())
            late.append((after, f"{label}: none before {since:%Y-%m-%d}, then {after:.2g} in each period"))
    if not late:
        return []
    told = [text for _, text in sorted(late, reverse=True)]
    shown = "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")
    return [f"provinces that begin late ({shown}) are taken as quiet before: if not covered, say so by covered_from"]


def _common_break(series: Array) -> tuple[int, float] | None:
    """The period from which all series (series, period) have changed by much the same factor, and its log."""
    largest = None
    many = (np.nansum(series, axis=1) >= _FEWEST_ATTACKS).sum()
    for at in range(_SHORTEST, series.shape[1] - _SHORTEST + 1):
        before, after = series[:, max(at - _LONGEST, 0) : at], series[:, at : at + _LONGEST]
        enough = before.sum(axis=1) + after.sum(axis=1) >= _FEWEST_ATTACKS
        if enough.sum() < max(_FEWEST_SERIES, many / 2):
            continue
        change = np.log(_rate(after[enough])) - np.log(_rate(before[enough]))
        typical = float(np.median(change))
        # SD of a normal distribution from the median of absolute deviations.
        scatter = 1.4826 * float(np.median(np.abs(change - typical)))
        agreeing = float((np.sign(change) == np.sign(typical)).mean())
        is_break = abs(typical) >= max(np.log(_LEAST_FACTOR), _CLEAR * scatter) and agreeing >= _AGREEING
        if is_break and (largest is None or abs(typical) > abs(largest[1])):
            largest = at, typical
    return largest


def _rate(counts: Array) -> Array:
    """Attacks per period, above 0."""
    return np.asarray((counts.sum(axis=1) + 0.5) / counts.shape[1])
