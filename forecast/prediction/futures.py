"""What covariates do after the data: named policies, never a silent assumption."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import period_end, period_start, periods_per_year
from forecast.panel.measured import Measured
from forecast.panel.panel import Panel

__all__ = ["Future", "future_covariates", "hold_last", "oracle", "oracles", "path", "project", "scenario"]

Array = npt.NDArray[np.float64]
_GIVE = "hold_last() and path(table) serve every covariate; capability is attached by Capability.attach"


class Future(ABC):
    """A policy for one covariate; made by `hold_last`, `path`, `project`, `scenario` or `oracle`."""

    knows_outcome: ClassVar[bool] = False

    @abstractmethod
    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        """The covariate in the periods after the panel.

        Parameters
        ----------
        panel : Panel
            The data up to the origin, the covariate among them.
        name : str
            The covariate's name.
        periods : DatetimeIndex
            First days of the periods that follow the panel.

        Returns
        -------
        DataArray
            Dims (province, tactic, period), in the covariate's own unit; NaN where it does not apply.
        """

    def paths(self, panel: Panel, name: str, past: Array, periods: pd.DatetimeIndex, rng: np.random.Generator) -> Array:
        """A covariate that was measured with error, in the periods after the panel.

        Parameters
        ----------
        panel, name, periods
            As of `values`.
        past : array
            Its path in the panel's periods, one per sample: (sample, force, period).
        rng : Generator
            Source of randomness.

        Returns
        -------
        array
            (sample, force, period).
        """
        measured, values = _measured(panel, name), self.values(panel, name, periods)
        later = [_by_force(values, measured, number) for number in range(len(measured.forces))]
        return np.broadcast_to(np.stack(later), (len(past), len(later), len(periods)))


@dataclass(frozen=True)
class _HoldLast(Future):
    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        last = panel.covariate(name).isel({names.PERIOD: [-1] * len(periods)})
        return last.drop_vars(names.PERIOD_END).assign_coords({names.PERIOD: periods})

    def paths(self, panel: Panel, name: str, past: Array, periods: pd.DatetimeIndex, rng: np.random.Generator) -> Array:
        return np.repeat(past[..., -1:], len(periods), axis=-1)


@dataclass(frozen=True)
class _Project(Future):
    def _rho(self, panel: Panel, measured: Measured, name: str) -> Array:
        if not measured.half_life.size:
            raise InputError("has no dynamics of its own to project", where=f"covariate {name}", hint=_GIVE)
        return np.asarray(2.0 ** (-12 / periods_per_year(panel.freq) / measured.half_life))

    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        measured = _measured(panel, name)
        left = np.median(self._rho(panel, measured, name)) ** np.arange(1, len(periods) + 1)
        return _on_provinces(panel, measured, measured.mean[:, -1:] * left, periods)

    def paths(self, panel: Panel, name: str, past: Array, periods: pd.DatetimeIndex, rng: np.random.Generator) -> Array:
        rho = rng.choice(self._rho(panel, _measured(panel, name), name), len(past))[:, None]
        shocks, last = rng.standard_normal((len(periods), *past.shape[:2])), past[..., -1]
        paths = np.empty((*past.shape[:2], len(periods)))
        for step, shock in enumerate(shocks):
            last = rho * last + np.sqrt(1 - rho**2) * shock
            paths[..., step] = last
        return paths


@dataclass(frozen=True)
class _Scenario(Future):
    forces: tuple[str, ...]
    shift_sd: float
    start: str | None
    ramp: int
    base: Future

    @property
    def knows_outcome(self) -> bool:  # type: ignore[override]
        return self.base.knows_outcome

    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        shift = _on_provinces(panel, _measured(panel, name), self._shift(panel, name, periods), periods)
        return self.base.values(panel, name, periods) + shift

    def paths(self, panel: Panel, name: str, past: Array, periods: pd.DatetimeIndex, rng: np.random.Generator) -> Array:
        return np.asarray(self.base.paths(panel, name, past, periods, rng) + self._shift(panel, name, periods))

    def _shift(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> Array:
        """(force, period)."""
        measured = _measured(panel, name)
        unknown = sorted(set(self.forces) - set(measured.forces))
        if unknown:
            where = f"scenario of {name}"
            raise InputError("unknown force", where=where, found=unknown, expected=measured.forces)
        first = 0
        if self.start is not None:
            first = int(periods.searchsorted(period_start(pd.DatetimeIndex([self.start]), panel.freq)[0]))
            if first == len(periods):
                found, expected = self.start, f"up to {periods[-1]:%Y-%m-%d}"
                raise InputError("begins after the last period", where="scenario", found=found, expected=expected)
        steps = np.arange(1, len(periods) + 1) - first
        shift = self.shift_sd * np.clip(steps / max(self.ramp, 1), 0.0, 1.0)
        return np.asarray(np.isin(measured.forces, self.forces)[:, None] * shift)


@dataclass(frozen=True, eq=False)
class _Path(Future):
    table: "xr.DataArray | pd.DataFrame | pd.Series[float]"

    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        try:
            return _blank_panel(panel, periods).with_covariate(name, self.table).covariate(name)
        except InputError as error:
            hint = "The future table needs a value for every period of the horizon"
            raise error.again(source="", where=f"future of {error.where}", hint=hint) from error


@dataclass(frozen=True, eq=False)
class _Oracle(Future):
    panel: Panel
    knows_outcome: ClassVar[bool] = True

    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        known = self.panel.covariate(name)
        missing = periods.difference(self.panel.periods)
        if len(missing):
            found = f"{len(missing)} missing, from {missing[0]:%Y-%m-%d} on"
            raise InputError("the oracle's panel ends too early", where=f"covariate {name}", found=found)
        try:
            return known.sel({names.PROVINCE: panel.provinces, names.TACTIC: panel.tactics, names.PERIOD: periods})
        except KeyError as error:
            raise InputError("the oracle's panel lacks provinces or tactics", where=f"covariate {name}") from error


def hold_last() -> Future:
    """The covariate stays at its last value.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1, capability_slope=-0.3).panel
    >>> model = fc.Model([fc.Intercept(), fc.Covariate("capability")], fc.Poisson())
    >>> fitted = fc.fit(model, panel, seed=1)
    >>> fc.predict(fitted, 3, futures={"capability": fc.hold_last()}, seed=1).draws.shape
    (1000, 4, 2, 3)
    """
    return _HoldLast()


def project() -> Future:
    """A covariate that was measured with error goes on by its own dynamics, each draw from its own path.

    These are an AR(1) around 0 with SD 1 (the unit of capability) and the half-lives that came with its measurement.
    """
    return _Project()


def scenario(
    force: str | Sequence[str],
    shift_sd: float,
    start: str | None = None,
    ramp: int = 0,
    base: Future | None = None,
) -> Future:
    """A covariate that was measured with error, shifted for some forces: what if the partner force weakens?

    With the same seed all random numbers are those of the forecast by `base`, so that `contrast` compares draw by draw.

    Parameters
    ----------
    force : str or sequence of str
        The forces whose path is shifted.
    shift_sd : float
        By how much, in the unit of the covariate: SDs of capability; below 0 for a force that weakens.
    start : str, optional
        A day in the first shifted period; by default the first after the data.
    ramp : int
        Periods over which the shift grows to its full size; 0 for at once.
    base : Future, optional
        What is shifted: `project()` by default, or `hold_last()`, or a `path`.
    """
    if not np.isfinite(shift_sd):
        raise InputError("is a number", where="scenario.shift_sd", found=shift_sd)
    if ramp < 0:
        raise InputError("is a whole number from 0", where="scenario.ramp", found=ramp)
    if start is not None and pd.isna(pd.to_datetime(start, errors="coerce")):
        raise InputError("is no date", where="scenario.start", found=str(start), expected="YYYY-MM-DD")
    forces = (force,) if isinstance(force, str) else tuple(force)
    return _Scenario(forces, float(shift_sd), start, int(ramp), project() if base is None else base)


def path(table: "xr.DataArray | pd.DataFrame | pd.Series[float]") -> Future:
    """The covariate follows given values: any form that `Panel.with_covariate` takes, for the future periods.

    A covariate by force goes to the provinces of each force as they were divided in the panel's last period.
    """
    return _Path(table)


def oracle(panel: Panel) -> Future:
    """The covariate takes the values that it turned out to have, from a later panel: for backtests only.

    The forecast's model name then ends in '(oracle)', and so does every score of it.
    """
    return _Oracle(panel)


def future_covariates(
    panel: Panel,
    wanted: Sequence[str],
    futures: Mapping[str, Future],
    periods: pd.DatetimeIndex,
    past: Mapping[str, Array] = MappingProxyType({}),
    rng: np.random.Generator | None = None,
) -> dict[str, xr.DataArray]:
    """The wanted covariates in the periods after a panel, by their policies, or by the calendar where it gives them.

    Parameters
    ----------
    panel : Panel
        The data up to the origin.
    wanted : sequence of str
        Names of covariates.
    futures : mapping of str to Future
        Their policies.
    periods : DatetimeIndex
        First days of the periods that follow the panel.
    past : mapping of str to array
        Of those that were measured with error, paths in the panel's periods (sample, force, period).
    rng : Generator, optional
        Source of randomness of their futures.

    Returns
    -------
    dict of str to DataArray
        (province, tactic, period); of those in `past`, (sample, force, period) with the panel's periods before.

    Raises
    ------
    InputError
        When one of the panel's own has no policy; the message names all such covariates and the policies that exist.
    """
    attached = [name for name in wanted if name in panel.covariates]
    without = [name for name in attached if name not in futures]
    if without:
        raise InputError(
            "the model uses covariates whose future is not given",
            where="futures",
            found=without,
            expected=["hold_last()", "path(table)", "project()", "scenario(force, shift_sd)", "oracle(panel)"],
        )
    blank = _blank_panel(panel, periods)
    ahead: dict[str, xr.DataArray] = {}
    for name in wanted:
        if name in past:
            assert rng is not None
            later = futures[name].paths(panel, name, past[name], periods, rng)
            both = np.concatenate([past[name], later], axis=2)
            ahead[name] = xr.DataArray(both, dims=(names.SAMPLE, names.FORCE, names.PERIOD), name=name)
        else:
            ahead[name] = futures[name].values(panel, name, periods) if name in attached else blank.covariate(name)
    return ahead


def oracles(wanted: Iterable[str], futures: Mapping[str, Future]) -> list[str]:
    """The wanted covariates that are given as they turned out."""
    return [name for name in wanted if name in futures and futures[name].knows_outcome]


def _measured(panel: Panel, name: str) -> Measured:
    measured = panel.measured(name)
    if measured is None:
        raise InputError("was not measured with error", where=f"covariate {name}", hint=_GIVE)
    return measured


def _on_provinces(panel: Panel, measured: Measured, by_force: Array, periods: pd.DatetimeIndex) -> xr.DataArray:
    """A future by force on the provinces that each holds in the last period; NaN for no force."""
    unit = measured.unit[:, -1]
    values = np.where(unit >= 0, by_force.T[:, unit], np.nan).T
    grid = np.repeat(values[:, None], len(panel.tactics), axis=1)
    coords = {names.PROVINCE: panel.provinces, names.TACTIC: panel.tactics, names.PERIOD: periods}
    return xr.DataArray(grid, coords, names.CELL_DIMS)


def _by_force(values: xr.DataArray, measured: Measured, number: int) -> Array:
    """The future of one force, from that of the provinces that it holds in the last period; 0 where it holds none."""
    held = np.flatnonzero(measured.unit[:, -1] == number)
    if not held.size:
        return np.zeros(values.sizes[names.PERIOD])
    return np.asarray(values.values[held[0], 0])


def _blank_panel(panel: Panel, periods: pd.DatetimeIndex) -> Panel:
    """A panel of the future periods in which nothing was observed; forces stay as they were last."""
    for name in panel.covariates:
        panel = panel.without_covariate(name)
    kept = panel.dataset.drop_vars(
        [names.PERIOD_END, names.COVERAGE, names.COVERAGE_ERROR, *names.SHARES], errors="ignore"
    )
    blank = kept.isel({names.PERIOD: [-1] * len(periods)}).assign_coords(
        {names.PERIOD: periods, names.PERIOD_END: (names.PERIOD, period_end(periods, panel.freq))}
    )
    blank[names.ATTACKS] = (names.CELL_DIMS, np.zeros(blank[names.ATTACKS].shape, np.int64))
    blank[names.OBSERVED] = (names.CELL_DIMS, np.zeros(blank[names.OBSERVED].shape, bool))
    blank[names.EXPOSURE] = (names.CELL_DIMS, panel.exposure_ahead(len(periods)))
    return replace(panel, dataset=blank)
