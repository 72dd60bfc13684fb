"""Levels of labels, pooled."""

from dataclasses import dataclass

from forecast import names
from forecast.model.blocks import Block
from forecast.model.latents import Independent
from forecast.model.priors import Prior, Share
from forecast.model.terms.base import Term
from forecast.model.terms.labels import by_labels, grid_dims
from forecast.panel.panel import Panel

__all__ = ["Pooled"]


@dataclass(frozen=True)
class Pooled(Term):
    """One level per label, or combination of labels: Normal(0, sigma²), sigma learned.

    Parameters
    ----------
    by : tuple of str
        Any of 'province' (or a coordinate of it: 'country', 'zone', 'pcode') and 'tactic'.
    sigma : Prior
        Prior of the standard deviation; a `Share` falls with the number of levels.

    Examples
    --------
    >>> fc.Pooled("province", "tactic").label
    'level_province_tactic'
    """

    by: tuple[str, ...] = (names.PROVINCE,)
    sigma: Prior = Share(1.0)

    def __init__(self, *by: str, sigma: Prior = Share(1.0)) -> None:
        object.__setattr__(self, "by", grid_dims(by or (names.PROVINCE,), "Pooled"))
        object.__setattr__(self, "sigma", sigma)

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "level_" + "_".join(self.by)

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of levels."""
        return (by_labels(panel, self.label, self.by, Independent(f"sigma_{self.label}", prior=self.sigma)),)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label}[{', '.join(self.by)}] ~ Normal(0, sigma²), sigma ~ {self.sigma}"
