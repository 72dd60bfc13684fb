"""What passes with its period."""

from dataclasses import dataclass

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Block
from forecast.model.latents import Shocks
from forecast.model.priors import HalfNormal
from forecast.model.terms.base import Term
from forecast.model.terms.labels import by_labels, grid_dims
from forecast.panel.panel import Panel

__all__ = ["Shock"]


@dataclass(frozen=True)
class Shock(Term):
    """What passes with its period: one number per label and period, independent of all others.

    Beside walks it tells what passes from what lasts. Without it a month of many attacks everywhere counts as a lasting
    change, and walks grow so volatile that they add up to totals no data ever showed.

    Parameters
    ----------
    by : str or tuple of str
        'province' (or a coordinate of it), 'tactic', or both; () for shocks that all cells share.
    sigma : HalfNormal
        Of the standard deviation.

    Examples
    --------
    >>> fc.Shock().equation()
    'shock[period] ~ Normal(0, sigma²), sigma ~ HalfNormal(0.3)'
    """

    by: str | tuple[str, ...] = ()
    sigma: HalfNormal = HalfNormal(0.3)

    def __post_init__(self) -> None:
        by = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        object.__setattr__(self, "by", grid_dims(by, "Shock"))

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "_".join(("shock", *self.by))

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of shocks."""
        periods = len(panel.periods)
        if periods < 2:
            raise InputError("needs at least two periods", where=self.label, found=periods)
        prior = Shocks(f"sigma_{self.label}", self.sigma, periods)
        return (by_labels(panel, self.label, (*self.by, names.PERIOD), prior),)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label}[{', '.join((*self.by, names.PERIOD))}] ~ Normal(0, sigma²), sigma ~ {self.sigma}"
