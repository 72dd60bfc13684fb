"""What every engine and every baseline returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.model.spec import Model
from forecast.panel.panel import Panel

if TYPE_CHECKING:
    from forecast import Forecast

__all__ = ["Fit", "conditioned"]


@dataclass(frozen=True, repr=False)
class Fit:
    """A fitted model: what every engine and every baseline returns, in a subclass of its own.

    Attributes
    ----------
    model : object
        The declaration that was fitted.
    panel : Panel
        The data that it was fitted to.
    seed : int
        The seed that fitting used.
    notes : tuple of str
        What the user must be told (that time ran out, say).
    """

    model: Any
    panel: Panel
    seed: int
    notes: tuple[str, ...] = field(default=())

    @property
    def diagnostics(self) -> pd.DataFrame:
        """One row per check: check, value, passed, advice. Empty for a model that has none."""
        return pd.DataFrame({"check": [], "value": [], "passed": [], "advice": []})

    @property
    def equation(self) -> str:
        """The model with its priors, for a report; '' for a model that has none."""
        return ""

    @property
    def parameters(self) -> pd.DataFrame:
        """Main parameters for a report: parameter, mean, sd, lower_90, upper_90; empty for a model that has none."""
        return pd.DataFrame({"parameter": [], "mean": [], "sd": [], "lower_90": [], "upper_90": []})

    def summary(self) -> pd.DataFrame:
        """What was estimated: the main parameters with their 90 % intervals."""
        return self.parameters

    def predict(
        self, horizon: int, *, futures: Mapping[str, Any] | None = None, draws: int | None = None, seed: int
    ) -> "Forecast":
        """`forecast.predict` of this fit."""
        from forecast import predict

        given: dict[str, Any] = {"futures": futures, "draws": draws}
        return predict(self, horizon, seed=seed, **{name: value for name, value in given.items() if value is not None})

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} of {self.model}", f"  to {self.panel!r}".replace("\n", "\n  ")]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def conditioned(model: Model) -> tuple[str, ...]:
    """The note that periods at the start are not fitted, where a model looks back on them."""
    return (f"the first {model.lags} periods are conditioned on, not fitted",) if model.lags else ()
