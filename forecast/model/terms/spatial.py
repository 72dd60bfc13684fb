"""Levels of provinces that resemble their neighbours'."""

from dataclasses import dataclass

from forecast import names
from forecast.model.blocks import Block
from forecast.model.latents import BYM2
from forecast.model.priors import Beta, Prior, Share
from forecast.model.terms.base import Term
from forecast.model.terms.labels import by_labels, neighbours
from forecast.panel.panel import Panel

__all__ = ["Spatial"]


@dataclass(frozen=True)
class Spatial(Term):
    """Structured and unstructured levels of provinces (BYM2, Riebler et al. 2016) on the panel's neighbours.

    Parameters
    ----------
    sigma : Prior
        Of the standard deviation; a `Share` falls with the number of levels.
    mixing : Prior
        Of the share of the variance that is structured.

    Examples
    --------
    >>> fc.Spatial().equation()
    'spatial[province] ~ BYM2(neighbours), sigma ~ Share(1), mixing ~ Beta(0.5, 0.5)'
    """

    sigma: Prior = Share(1.0)
    mixing: Beta = Beta(0.5, 0.5)

    label = "spatial"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One level per province."""
        adjacency = neighbours(panel, self.label)
        prior = BYM2("sigma_spatial", "mixing_spatial", self.sigma, self.mixing, adjacency)
        return (by_labels(panel, self.label, (names.PROVINCE,), prior),)

    def equation(self) -> str:
        """Printed form."""
        return f"spatial[province] ~ BYM2(neighbours), sigma ~ {self.sigma}, mixing ~ {self.mixing}"
