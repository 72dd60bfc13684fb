"""The level of all cells."""

from dataclasses import dataclass

import numpy as np

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Block
from forecast.model.latents import Independent
from forecast.model.terms.base import Term
from forecast.panel.panel import Panel

__all__ = ["Intercept"]


@dataclass(frozen=True)
class Intercept(Term):
    """One level for all cells: Normal(centre, sd).

    Parameters
    ----------
    centre : float, optional
        Mean of the prior. By default the mean over the series of log((attacks + ½) / exposure) on the training panel,
        both summed over the periods, at most that of all series together; of published counts, that of their sums.
    sd : float
        Standard deviation of the prior.

    Examples
    --------
    >>> fc.Intercept().equation()
    'intercept ~ Normal(mean log count, 2)'
    """

    centre: float | None = None
    sd: float = 2.0

    label = "intercept"

    def __post_init__(self) -> None:
        if not self.sd > 0:
            raise InputError("is a number above 0", where="Intercept.sd", found=self.sd)

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One number."""
        centre = self.centre
        if centre is None:
            centre = _log_level(panel)
        return (Block(self.label, (), {}, Independent(self.sd, centre)),)

    def equation(self) -> str:
        """Printed form."""
        centre = "mean log count" if self.centre is None else f"{self.centre:g}"
        return f"intercept ~ Normal({centre}, {self.sd:g})"


def _log_level(panel: Panel) -> float:
    """Mean over the series of their log counts per exposure, at most the log of all counts per exposure.

    Half an attack in a series without any may be more than others have. Of published counts only sums are known.
    """
    exposure = panel.recorded_exposure.values
    total, of_total = panel.observations.totals(exposure)
    most = float(np.log((total + 0.5) / of_total))
    if panel.observations.is_published:
        return most
    observed = panel.dataset[names.OBSERVED].values
    attacks, exposed = ((values * observed).sum(axis=2) for values in (panel.dataset[names.ATTACKS].values, exposure))
    seen = exposed > 0
    return min(float(np.log((attacks[seen] + 0.5) / exposed[seen]).mean()), most)
