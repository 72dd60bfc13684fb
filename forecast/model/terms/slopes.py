"""Slopes that differ between labels, as a step and a covariate have them."""

from forecast.model.blocks import Array, Block
from forecast.model.latents import Independent
from forecast.model.priors import Normal, Prior
from forecast.model.terms.base import Term
from forecast.model.terms.labels import by_labels
from forecast.panel.panel import Panel

__all__ = ["Slopes"]


class Slopes(Term):
    """Common to `Step` and `Covariate`: one slope, and with `by` its deviations per label, pooled."""

    by: str | None

    def _slope_blocks(self, panel: Panel, prior: Normal, sigma: Prior, basis: Array) -> tuple[Block, ...]:
        main = Block(self.label, (), {}, Independent(prior.sd, prior.mean), basis)
        if self.by is None:
            return (main,)
        name = f"{self.label}_{self.by}"
        return main, by_labels(panel, name, (self.by,), Independent(f"sigma_{name}", prior=sigma), basis=basis)

    def _slope_equation(self, prior: Normal, sigma: Prior, what: str) -> str:
        deviations = f" + {self.label}_{self.by}[{self.by}] ~ Normal(0, sigma²), sigma ~ {sigma}" if self.by else ""
        return f"({self.label} ~ {prior}{deviations}) · {what}"
