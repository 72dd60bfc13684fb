"""What covariates do after the data: named policies, never a silent assumption."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import period_end
from forecast.panel.panel import Panel

__all__ = ["Future", "future_covariates", "hold_last", "oracle", "oracles", "path"]


class Future(ABC):
    """A policy for one covariate; made by `hold_last`, `path` or `oracle`."""

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


@dataclass(frozen=True)
class _HoldLast(Future):
    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        last = panel.covariate(name).isel({names.PERIOD: [-1] * len(periods)})
        return last.drop_vars(names.PERIOD_END).assign_coords({names.PERIOD: periods})


@dataclass(frozen=True, eq=False)
class _Path(Future):
    table: "xr.DataArray | pd.DataFrame | pd.Series[float]"

    def values(self, panel: Panel, name: str, periods: pd.DatetimeIndex) -> xr.DataArray:
        try:
            return _blank_panel(panel, periods).with_covariate(name, self.table).covariate(name)
        except InputError as error:
            hint = "The future table needs a value for every period of the horizon"
            where = f"future of {error.where}"
            raise InputError(
                error.problem, where=where, found=error.found, expected=error.expected, hint=hint
            ) from error


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
    """The covariate stays at its last value."""
    return _HoldLast()


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
    panel: Panel, wanted: Sequence[str], futures: Mapping[str, Future], periods: pd.DatetimeIndex
) -> dict[str, xr.DataArray]:
    """The wanted covariates in the periods after a panel, by their policies, or by the calendar where it gives them.

    Raises
    ------
    InputError
        When one of the panel's own has no policy; the message names all such covariates and the policies that exist.
    """
    own = [name for name in wanted if name in panel.covariates]
    without = [name for name in own if name not in futures]
    if without:
        raise InputError(
            "the model uses covariates whose future is not given",
            where="futures",
            found=without,
            expected="hold_last(), path(table) or, in backtests, oracle(panel) for each",
        )
    blank = _blank_panel(panel, periods)
    return {
        name: futures[name].values(panel, name, periods) if name in own else blank.covariate(name) for name in wanted
    }


def oracles(wanted: Iterable[str], futures: Mapping[str, Future]) -> list[str]:
    """The wanted covariates that are given as they turned out."""
    return [name for name in wanted if name in futures and futures[name].knows_outcome]


def _blank_panel(panel: Panel, periods: pd.DatetimeIndex) -> Panel:
    """A panel of the future periods in which nothing was observed; exposure and forces stay as they were last."""
    kept = panel.dataset.drop_vars([*panel.covariates, names.PERIOD_END])
    blank = kept.isel({names.PERIOD: [-1] * len(periods)}).assign_coords(
        {names.PERIOD: periods, names.PERIOD_END: (names.PERIOD, period_end(periods, panel.freq))}
    )
    blank[names.ATTACKS] = (names.CELL_DIMS, np.zeros(blank[names.ATTACKS].shape, np.int64))
    blank[names.OBSERVED] = (names.CELL_DIMS, np.zeros(blank[names.OBSERVED].shape, bool))
    return replace(panel, dataset=blank)
