"""A slope on a covariate."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast.errors import InputError
from forecast.model.blocks import Array, Block, Error, error_name
from forecast.model.latents import Independent
from forecast.model.priors import HalfNormal, Normal, Prior
from forecast.model.terms.base import FutureValues
from forecast.model.terms.labels import grid_dims
from forecast.model.terms.slopes import Slopes
from forecast.panel.calendar import CALENDAR_COVARIATES
from forecast.panel.panel import Panel

__all__ = ["Covariate"]

_PROPAGATE = ("error", "mean")
# SD under the prior of the effect of a period that lies in Ramadan as a whole; per SD of its share it would be 4.6.
_OF_A_WHOLE_PERIOD = 0.3


@dataclass(frozen=True)
class Covariate(Slopes):
    """A slope on a covariate of the panel, standardised once on the training panel.

    One that was attached with the covariance of its error, such as a `Capability`, stays in its own unit: the slope is
    per SD of capability.

    Parameters
    ----------
    name : str
        The covariate: one of the panel's, or 'ramadan', the share of the period's days in Ramadan, which every panel
        has by the calendar (one of the panel's own with that name goes before it).
    by : str, optional
        With it the slope differs between labels of 'tactic' or 'province' (or a coordinate of it), pooled.
    lag : int
        The covariate of how many periods before.
    slope : Normal
        Prior of the slope, per standard deviation of the covariate: Normal(0, 1), and for 'ramadan', which is not
        divided by its standard deviation, Normal(0, 0.3) for a period that lies in Ramadan as a whole.
    sigma : Prior
        Of the standard deviation between labels: HalfNormal(0.5), and for 'ramadan' HalfNormal(0.15).
    propagate : {'error', 'mean'}
        What becomes of the error of a covariate that was measured with one. 'error': eta gets slope · (mean + e) with
        e ~ N(0, covariance), one e for each force (Berkson error). 'mean' stands here to be compared with it: the mean
        is taken for the truth, so that the slope is about right and its interval too narrow.

    Examples
    --------
    >>> fc.Covariate("ramadan").label
    'slope_ramadan'
    """

    name: str
    by: str | None = None
    lag: int = 0
    slope: Normal | None = None
    sigma: Prior | None = None
    propagate: str = "error"

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise InputError("is a whole number from 0", where="Covariate.lag", found=self.lag)
        if self.propagate not in _PROPAGATE:
            raise InputError("unknown way", where="Covariate.propagate", found=self.propagate, expected=_PROPAGATE)
        grid_dims((self.by,) if self.by else (), "Covariate")

    @property
    def lags(self) -> int:  # type: ignore[override]
        """Periods conditioned on."""
        return self.lag

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"slope_{self.name}" + (f"_lag_{self.lag}" if self.lag else "")

    def constants(self, panel: Panel) -> tuple[float, float]:
        """Mean and standard deviation on the training panel; 0 and 1 where the covariate has a unit of its own."""
        values = self._known(panel)
        if panel.measured(self.name) is not None:
            return 0.0, 1.0
        values = values[np.isfinite(values)]
        if not values.size or values.min() == values.max():
            found = f"{values[0]:g} throughout" if values.size else "no value"
            raise InputError("the covariate does not vary on the panel", where=self.label, found=found)
        return float(values.mean()), 1.0 if self._is_of_the_calendar(panel) else float(values.std())

    def _is_of_the_calendar(self, panel: Panel | None = None) -> bool:
        return self.name in CALENDAR_COVARIATES and (panel is None or self.name not in panel.dataset)

    def _priors(self, panel: Panel | None = None) -> tuple[Normal, Prior]:
        """Of the slope, and of the standard deviation of its deviations."""
        wide = _OF_A_WHOLE_PERIOD if self._is_of_the_calendar(panel) else 1.0
        return self.slope or Normal(0.0, wide), self.sigma or HalfNormal(0.5 * wide)

    def _known(self, panel: Panel) -> Array:
        try:
            return np.asarray(panel.covariate(self.name).values)
        except InputError as error:
            problem, expected = "the panel lacks the covariate", error.expected
            raise InputError(problem, where=self.label, found=self.name, expected=expected, hint=error.hint) from None

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """The slope, and its deviations; and the error, where it was measured with one."""
        basis = self._standardised(panel, self._known(panel))
        shifted = np.zeros_like(basis)
        shifted[..., self.lag :] = basis[..., : basis.shape[-1] - self.lag]
        measured = panel.measured(self.name)
        if measured is None:
            return self._slope_blocks(panel, *self._priors(panel), shifted[None])
        # The same for all tactics.
        slopes = self._slope_blocks(panel, *self._priors(panel), shifted[None, :, :1])
        if self.propagate == "mean":
            return slopes
        periods, components = measured.factor.shape[1:]
        rows = np.concatenate([measured.factor.reshape(-1, components), np.zeros((1, components))])
        index = np.full(measured.unit.shape, len(rows) - 1)
        unit, period = measured.unit[:, : periods - self.lag], np.arange(periods - self.lag)
        index[:, self.lag :] = np.where(unit >= 0, unit * periods + period, len(rows) - 1)
        error = Error(self.name, rows, index)
        dim = f"{self.name}_component"
        # On their own these add nothing.
        silent = np.zeros((components, 1, 1, 1))
        latents = Block(error.latents, (dim,), {dim: list(range(components))}, Independent(1.0), silent)
        return (*(replace(slope, error=error) for slope in slopes), latents)

    def _standardised(self, panel: Panel, values: Array) -> Array:
        mean, spread = self.constants(panel)
        # Where a covariate does not apply (no partner force) it adds nothing.
        return np.nan_to_num((values - mean) / spread)

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """By its future, after the last values of the panel where it is lagged."""
        measured = panel.measured(self.name)
        if measured is not None:
            if block.name == error_name(self.name):
                return block.basis
            at = np.arange(len(panel.periods), len(panel.periods) + len(periods)) - self.lag
            unit = measured.unit[:, np.minimum(at, len(panel.periods) - 1)]
            felt = np.where(unit >= 0, futures[self.name][:, unit, at], 0.0)
            return felt[:, None, :, None, :]
        known = self._known(panel)
        longer = np.concatenate([known, futures[self.name]], axis=-1)
        start = known.shape[-1] - self.lag
        return self._standardised(panel, longer[..., start : start + len(periods)])[None]

    def equation(self) -> str:
        """Printed form."""
        back = f" {self.lag} periods before" if self.lag else ""
        unit = "" if self._is_of_the_calendar() else "standardised "
        return self._slope_equation(*self._priors(), f"{unit}{self.name}{back}")
