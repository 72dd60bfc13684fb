"""What a term is, and what every term can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast.model.blocks import Array, Block
from forecast.model.priors import Prior
from forecast.panel.panel import Panel

__all__ = ["FutureValues", "Term"]

# Covariates in the periods to come, by name: (province, tactic, period). Those that were measured with error:
# (sample, force, period), with the periods of the panel before them.
FutureValues = Mapping[str, npt.NDArray[np.float64]]


class Term(ABC):
    """One summand of eta; see the subclasses."""

    # Periods at the start of a panel that the term looks back on, and that are conditioned on.
    lags: int = 0
    feeds_back: ClassVar[bool] = False

    @property
    @abstractmethod
    def label(self) -> str:
        """Its name in the posterior."""

    @abstractmethod
    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """Latents, labels, design and prior against a panel; an `InputError` where the panel cannot serve it."""

    @abstractmethod
    def equation(self) -> str:
        """How it stands in the printed model."""

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The block's basis in the periods after the panel (terms with a path or without a basis need none)."""
        return block.basis

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the name of the term under 'term', and its options that differ from the defaults."""
        plain: dict[str, Any] = {"term": type(self).__name__}
        for part in fields(self):  # type: ignore[arg-type]
            value = getattr(self, part.name)
            if value != part.default:
                plain[part.name] = value.to_dict() if isinstance(value, Prior) else value
        return plain
