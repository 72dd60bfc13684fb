"""What comes back every year."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.errors import InputError
from forecast.model.blocks import Array, Block
from forecast.model.latents import Independent
from forecast.model.priors import HalfNormal, Prior
from forecast.model.terms.base import FutureValues, Term
from forecast.model.terms.labels import by_labels, grid_dims
from forecast.panel.calendar import periods_per_year, year_fraction
from forecast.panel.panel import Panel

__all__ = ["Season"]

_COEFFICIENT = "coefficient"


@dataclass(frozen=True)
class Season(Term):
    """Fourier terms of the year, their coefficients Normal(0, sigma²).

    Parameters
    ----------
    harmonics : int
        Pairs of sine and cosine.
    by : str, optional
        Own coefficients per label of 'province' (or a coordinate of it) or 'tactic'.
    sigma : Prior
        Of the coefficients' standard deviation.

    Examples
    --------
    >>> fc.Season(harmonics=1).equation()
    'season = 1 harmonics of the year ~ Normal(0, sigma²), sigma ~ HalfNormal(0.5)'
    """

    harmonics: int = 2
    by: str | None = None
    sigma: Prior = HalfNormal(0.5)

    def __post_init__(self) -> None:
        if self.harmonics < 1:
            raise InputError("is a whole number from 1", where="Season.harmonics", found=self.harmonics)
        grid_dims((self.by,) if self.by else (), "Season")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"season_{self.by}" if self.by else "season"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """Coefficients of the harmonics."""
        year, found = periods_per_year(panel.freq), len(panel.periods)
        if found < year:
            hint = "Leave the season out"
            raise InputError("needs at least a year of data", where=self.label, found=f"{found} periods", hint=hint)
        if 2 * self.harmonics > year:
            expected = f"at most {int(year // 2)}"
            raise InputError(
                "too many harmonics for the periods", where=self.label, found=self.harmonics, expected=expected
            )
        dims = (f"{self.label}_{_COEFFICIENT}", *((self.by,) if self.by else ()))
        labels = [f"{wave}_{h}" for h in range(1, self.harmonics + 1) for wave in ("sin", "cos")]
        prior = Independent(f"sigma_{self.label}", prior=self.sigma)
        block = by_labels(panel, self.label, dims, prior, {dims[0]: labels}, self._basis(panel.periods, panel.freq))
        return (block,)

    def _basis(self, periods: pd.DatetimeIndex, freq: str) -> Array:
        angle = 2 * np.pi * np.outer(np.arange(1, self.harmonics + 1), year_fraction(periods, freq))
        return np.stack([np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 1, 1, len(periods))

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The year goes on."""
        return self._basis(periods, panel.freq)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label} = {self.harmonics} harmonics of the year ~ Normal(0, sigma²), sigma ~ {self.sigma}"
