"""A shift at a date."""

from dataclasses import dataclass

import pandas as pd

from forecast.errors import InputError
from forecast.model.blocks import Array, Block
from forecast.model.priors import HalfNormal, Normal, Prior
from forecast.model.terms.base import FutureValues
from forecast.model.terms.labels import day_text, grid_dims
from forecast.model.terms.slopes import Slopes
from forecast.panel.panel import Panel

__all__ = ["Step"]


@dataclass(frozen=True)
class Step(Slopes):
    """A shift of the level from a named date on.

    Parameters
    ----------
    date : str
        The first day of the new level; a period counts from its first day.
    by : str, optional
        With it the shift differs between labels of 'province' (or a coordinate of it) or 'tactic', pooled.
    effect : Normal
        Prior of the shift.
    sigma : Prior
        Of the standard deviation between labels.

    Examples
    --------
    >>> fc.Step("2021-02-01").label
    'step_2021-02-01'
    """

    date: str
    by: str | None = None
    effect: Normal = Normal(0.0, 1.0)
    sigma: Prior = HalfNormal(0.5)

    def __post_init__(self) -> None:
        object.__setattr__(self, "date", day_text(self.date, "Step.date"))
        grid_dims((self.by,) if self.by else (), "Step")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"step_{self.date}"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """The shift, and its deviations."""
        basis = self._basis(panel.periods)
        if basis.min() == basis.max():
            span = f"{panel.periods[0]:%Y-%m-%d} to {panel.origin:%Y-%m-%d}"
            raise InputError("lies outside the panel", where=self.label, expected=f"a day after the first of {span}")
        return self._slope_blocks(panel, self.effect, self.sigma, basis)

    def _basis(self, periods: pd.DatetimeIndex) -> Array:
        return (periods >= pd.Timestamp(self.date)).astype(float).reshape(1, 1, 1, -1)

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The new level stays."""
        return self._basis(periods)

    def equation(self) -> str:
        """Printed form."""
        return self._slope_equation(self.effect, self.sigma, f"[period from {self.date} on]")
