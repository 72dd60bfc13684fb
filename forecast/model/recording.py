"""What counts miss, and how surely it is known: the error of a coverage that was learned, as latents."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import names
from forecast.model.blocks import Array, Block
from forecast.model.latents import Independent
from forecast.model.terms import FutureValues, Term
from forecast.panel.panel import Panel

__all__ = ["Recording"]


@dataclass(frozen=True)
class Recording(Term):
    """The error of the log of a panel's coverage: what is recorded of exposure · exp(eta) is a share that is uncertain.

    A panel that has `coverage_error` brings it to every model. Forecasts are of all attacks: it ends with the data.
    """

    label = names.COVERAGE_ERROR

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """Independent standard normal components, whose basis is the panel's."""
        error = panel.dataset[names.COVERAGE_ERROR]
        (dim,) = (str(dim) for dim in error.dims if dim not in names.CELL_DIMS)
        basis = error.transpose(dim, *names.CELL_DIMS).values
        return (Block(self.label, (dim,), {dim: list(range(len(basis)))}, Independent(1.0), basis),)

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array:
        """None of it."""
        assert block.basis is not None
        return np.zeros((len(block.basis), 1, 1, 1))

    def equation(self) -> str:
        """Printed form."""
        return "error of log coverage ~ Normal(0, as learned from earlier periods, or by another source)"
