"""`fit`: one verb for every kind of model."""

from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import pandas as pd

from forecast.errors import DiagnosticsError, InputError
from forecast.model.spec import Model
from forecast.panel.panel import Panel

__all__ = ["Fit", "conditioned", "fit"]

_ENGINES = ["auto", "laplace", "nuts"]


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
        What the user must be told (a fallback, say).
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

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} of {self.model}", f"  to {self.panel!r}".replace("\n", "\n  ")]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def conditioned(model: Model) -> tuple[str, ...]:
    """The note that periods at the start are not fitted, where a model looks back on them."""
    return (f"the first {model.lags} periods are conditioned on, not fitted",) if model.lags else ()


@singledispatch
def fit(model: Any, panel: Panel, *, engine: str = "auto", start: Fit | None = None, seed: int) -> Fit:
    """Fit a model to a panel.

    Parameters
    ----------
    model : Model, or a baseline such as `RecentMean()`
        What to fit; its type decides how.
    panel : Panel
        The data. It is not changed.
    engine : str
        How to fit a `Model`: 'laplace' (fast, with a certificate in `diagnostics`), 'nuts' (the reference, by
        sampling), or 'auto': 'laplace', and on to 'nuts' where the certificate fails or observations are sums over
        cells, with a note that says so. Baselines have one way ('auto').
    start : Fit, optional
        An earlier fit by 'laplace' of the same model, also to fewer periods: its modes are where this one starts.
    seed : int
        The same seed gives the same fit.

    Returns
    -------
    Fit
        Of the subclass that belongs to the model.
    """
    raise InputError("cannot be fitted", found=type(model).__name__, expected="a model or a baseline")


@fit.register
def _fit_model(model: Model, panel: Panel, *, engine: str = "auto", start: Fit | None = None, seed: int) -> Fit:
    if engine not in _ENGINES:
        raise InputError("unknown engine", where="engine", found=engine, expected=_ENGINES)
    if engine == "nuts":
        return _sampled(model, panel, seed)
    bound = model.bind(panel)
    if engine == "auto" and not bound.is_cellwise and not bound.is_published:
        return _sampled(model, panel, seed, "observations are sums over cells: sampled by engine 'nuts'")
    from forecast.inference.laplace import approximate

    try:
        fitted = approximate(model, panel, start=start, seed=seed)
    except DiagnosticsError as error:
        if engine == "laplace":
            raise
        return _sampled(model, panel, seed, f"engine 'laplace' failed ({error}): sampled by engine 'nuts'")
    failed = fitted.diagnostics.loc[~fitted.diagnostics["passed"]]
    if engine == "laplace" or failed.empty:
        return fitted
    told = ", ".join(f"{row['check']} = {row['value']:.3g}" for _, row in failed.iterrows())
    return _sampled(model, panel, seed, f"engine 'laplace' failed its certificate ({told}): sampled by engine 'nuts'")


def _sampled(model: Model, panel: Panel, seed: int, *notes: str) -> Fit:
    """By the reference engine, with notes why."""
    # The sampler's libraries take seconds to import.
    from forecast.inference.nuts import sample_nuts

    fitted = sample_nuts(model, panel, seed=seed)
    return replace(fitted, notes=(*notes, *fitted.notes))
