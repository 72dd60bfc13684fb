"""The columns of the regression: made alike for the training panel and for the future."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.baselines.common import Array, means_before
from forecast.errors import InputError
from forecast.panel.calendar import periods_per_year, year_fraction
from forecast.panel.panel import Panel

__all__ = ["LAG", "Design", "TrainingCells", "training_cells"]

# How the names of the terms of past counts begin.
LAG = "lag_"

Mask = npt.NDArray[np.bool_]

_DAYS_PER_YEAR = 365.25
# A column whose part that no other column explains is smaller than this, per cell, says nothing of its own.
_SMALLEST_PART = 1e-6


@dataclass(frozen=True)
class Design:
    """Which columns there are, and the constants that make them.

    Attributes
    ----------
    provinces, tactics : tuple of str
        Labels, in the panel's order.
    harmonics : int
        Pairs of Fourier terms; 0 where the panel is shorter than two years.
    middle : Timestamp or None
        Where the trend is 0; None without a trend.
    constants : mapping of str to (float, float)
        Mean and standard deviation of each covariate on the training cells.
    lags : int
        How many past counts enter.
    """

    provinces: tuple[str, ...]
    tactics: tuple[str, ...]
    freq: str
    harmonics: int
    middle: pd.Timestamp | None
    constants: Mapping[str, tuple[float, float]]
    lags: int

    def static_columns(self, periods: pd.DatetimeIndex, covariates: Mapping[str, Array]) -> dict[str, Array]:
        """All columns but the lags, each broadcastable to (province, tactic, period).

        `covariates` are on (province, tactic, period) and in their own unit; where one does not apply (NaN) it
        counts as average.
        """
        columns: dict[str, Array] = {"intercept": np.ones((1, 1, 1))}
        for row, tactic in enumerate(self.tactics):
            columns[f"tactic[{tactic}]"] = (np.arange(len(self.tactics)) == row)[None, :, None].astype(float)
        for row, province in enumerate(self.provinces):
            columns[f"province[{province}]"] = (np.arange(len(self.provinces)) == row)[:, None, None].astype(float)
        angle = 2 * np.pi * year_fraction(periods, self.freq)[None, None, :]
        for harmonic in range(1, self.harmonics + 1):
            columns[f"season_sin_{harmonic}"] = np.sin(harmonic * angle)
            columns[f"season_cos_{harmonic}"] = np.cos(harmonic * angle)
        if self.middle is not None:
            columns["trend"] = np.asarray((periods - self.middle).days / _DAYS_PER_YEAR, dtype=float)[None, None, :]
        for name, (mean, spread) in self.constants.items():
            columns[f"covariate[{name}]"] = np.nan_to_num((covariates[name] - mean) / spread)
        return columns

    def lag_columns(self, past: Array) -> dict[str, Array]:
        """log(1 + count) of the last periods; the first axis of `past` is the lag, from 1."""
        return {f"{LAG}{lag}": np.log1p(past[lag - 1]) for lag in range(1, self.lags + 1)}


@dataclass(frozen=True)
class TrainingCells:
    """What the regression is fitted to; arrays over (province, tactic, period), columns last.

    `usable` cells are observed with observed lags; the `busy` ones (province, tactic) are of a province and a tactic
    that had an attack. `past` over (lag, province, tactic) is what the first future step looks back on.
    """

    design: Design
    terms: tuple[str, ...]
    matrix: Array
    counts: Array
    offset: Array
    usable: Mask
    busy: Mask
    past: Array
    notes: tuple[str, ...]

    @property
    def rows(self) -> Mask:
        """The cells that enter the likelihood."""
        return self.usable & self.busy[:, :, None]


def training_cells(
    panel: Panel, covariates: list[str], stand_in: Array, *, harmonics: int, trend: bool, lags: int
) -> TrainingCells:
    """Columns, counts and usable cells of a panel; `stand_in` (tactic) stands for lags that were never observed."""
    notes = []
    if harmonics and len(panel.periods) < 2 * periods_per_year(panel.freq):
        notes.append("no season: the panel is shorter than two years")
        harmonics = 0
    if lags >= len(panel.periods):
        found = f"{len(panel.periods)} periods and {lags} lags"
        raise InputError("holds nothing to learn from", source="panel", found=found, hint="Use another baseline")
    counts = panel.attacks.values
    # What is forecast follows on whole counts: of those recorded in part, about as many as there were.
    usable, past, lag_notes = _lagged(panel.completed.values, stand_in, lags)
    values = {name: panel.covariate(name).values for name in covariates}
    notes += [
        f"{name} does not apply to some cells: it counts as average there"
        for name in covariates
        if np.isnan(values[name]).any()
    ]
    middle = panel.periods[0] + (panel.periods[-1] - panel.periods[0]) / 2 if trend else None
    constants = {name: _constants(values[name][usable]) for name in covariates}
    design = Design(tuple(panel.provinces), tuple(panel.tactics), panel.freq, harmonics, middle, constants, lags)

    busy = _with_attacks(counts, usable)
    if not busy.any():
        found = f"{int(usable.sum())} cells with observed lags, none of them with an attack"
        raise InputError("holds nothing to learn from", source="panel", found=found, hint="Use another baseline")
    columns = design.static_columns(panel.periods, values) | design.lag_columns(past[:, ..., :-1])
    terms, dropped = _independent(_without_reference(columns, design, busy), columns, usable & busy[:, :, None])
    used = {name: pair for name, pair in constants.items() if f"covariate[{name}]" in terms}
    design = replace(design, constants=used)
    return TrainingCells(
        design,
        terms,
        stack(columns, terms, counts.shape),
        counts,
        np.log(panel.recorded_exposure.values),
        usable,
        busy,
        past[..., -1],
        (*notes, *lag_notes, *dropped),
    )


def stack(columns: Mapping[str, Array], terms: tuple[str, ...], shape: tuple[int, ...]) -> Array:
    """The named columns as one array of `shape` with a last axis of terms."""
    return np.stack([np.broadcast_to(columns[term], shape) for term in terms], axis=-1)


def _lagged(counts: Array, stand_in: Array, lags: int) -> tuple[Mask, Array, tuple[str, ...]]:
    """Usable cells, and the counts one, two, … periods before each period and before the one after the last.

    A lag that was not observed makes its cell unusable; to look back from the future, the last observed count is
    taken instead.
    """
    observed = ~np.isnan(counts)
    latest = means_before(counts, 1)
    latest = np.where(np.isnan(latest), stand_in[None, :, None], latest)
    usable, past = observed.copy(), np.empty((lags, *latest.shape))
    for lag in range(1, lags + 1):
        past[lag - 1, ..., : lag - 1] = np.nan
        past[lag - 1, ..., lag - 1 :] = latest[..., : latest.shape[-1] - lag + 1]
        usable[..., :lag] = False
        usable[..., lag:] &= observed[..., :-lag]
    notes = []
    lost = int((observed & ~usable)[..., lags:].sum())
    if lost:
        notes.append(f"{lost} observed cells are left out of the regression: a count before them was not observed")
    if lags and not observed[..., -lags:].all():
        notes.append(
            "where the last counts were not observed, the first steps look back on earlier ones, or the tactic's mean"
        )
    return usable, past, tuple(notes)


def _with_attacks(counts: Array, usable: Mask) -> Mask:
    """Which (province, tactic) are of a province and of a tactic that had an attack in the usable cells."""
    attacks = np.where(usable, counts, 0.0).sum(-1)
    busy: Mask = (attacks.sum(1, keepdims=True) > 0) & (attacks.sum(0, keepdims=True) > 0)
    return busy


def _without_reference(columns: Mapping[str, Array], design: Design, busy: Mask) -> list[str]:
    """All terms but the effects of the first level that had an attack, the reference, and of levels without one."""
    left_out = set()
    for name, labels, axis in ((names.PROVINCE, design.provinces, 1), (names.TACTIC, design.tactics, 0)):
        active = np.any(busy, axis=axis).tolist()
        reference = active.index(True)
        left_out |= {f"{name}[{label}]" for row, label in enumerate(labels) if row == reference or not active[row]}
    return [term for term in columns if term not in left_out]


def _independent(terms: list[str], columns: Mapping[str, Array], rows: Mask) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The terms that say something the terms before them do not, and a note on the others."""
    kept, notes = list(terms), list[str]()
    while True:
        matrix = stack(columns, tuple(kept), rows.shape)[rows]
        sizes = np.abs(np.diagonal(np.linalg.qr(matrix, mode="r")))
        redundant = np.flatnonzero(sizes < _SMALLEST_PART * np.sqrt(len(matrix)))
        if not len(redundant):
            return tuple(kept), tuple(notes)
        notes.append(f"{kept[redundant[0]]} is left out: it cannot be told from the other terms")
        del kept[redundant[0]]


def _constants(values: Array) -> tuple[float, float]:
    """Mean and standard deviation of a covariate where it applies; a constant one keeps its unit."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    spread = float(known.std())
    return float(known.mean()), spread if spread > 1e-9 * max(1.0, abs(float(known.mean()))) else 1.0
