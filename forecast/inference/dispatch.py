"""`fit`: one verb for every kind of model."""

from functools import singledispatch
from typing import Any

from forecast.errors import InputError
from forecast.inference.posterior.base import Fit
from forecast.model.spec import Model
from forecast.panel.panel import Panel

__all__ = ["fit"]

_ENGINES = ["auto", "laplace", "nuts"]


@singledispatch
def fit(
    model: Any,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> Fit:
    """Fit a model to a panel.

    Parameters
    ----------
    model : Model, or a baseline such as `RecentMean()`
        What to fit; its type decides how.
    panel : Panel
        The data. It is not changed.
    engine : str
        How to fit a `Model`: 'laplace' (fast, with a certificate in `diagnostics`), 'nuts' (the reference, by sampling,
        which takes minutes to hours), or 'auto', which is 'laplace' and never samples: where the certificate fails, it
        says what the fit is good for. Baselines have one way ('auto').
    start : Fit, optional
        An earlier fit by 'laplace' of the same model, also to fewer periods: its modes are where this one starts.
    max_seconds : float, optional
        After so long the fast engine returns what it has, with its certificate and a note that time ran out. It takes
        longer only to find the mode and explore about it, without which there is nothing. Where time runs out, the
        same seed need not give the same fit. Baselines take no time, and 'nuts' cannot be stopped so.
    seed : int
        The same seed gives the same fit.

    Returns
    -------
    Fit
        Of the subclass that belongs to the model.

    Raises
    ------
    InputError
        Where the panel cannot serve the model, an argument is wrong, or the engine cannot do what is asked for.
    DiagnosticsError
        Where the fast engine finds no mode.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.quick_model(), panel, seed=1)
    >>> fitted.model.name
    'quick'
    """
    raise InputError("cannot be fitted", found=type(model).__name__, expected="a model or a baseline")


@fit.register
def _fit_model(
    model: Model,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> Fit:
    if engine not in _ENGINES:
        raise InputError("unknown engine", where="engine", found=engine, expected=_ENGINES)
    if engine == "nuts" and max_seconds is not None:
        hint = "Fit it by engine 'auto', or sample fewer draws: sample_nuts with NutsOptions"
        raise InputError("engine 'nuts' cannot be stopped early", where="max_seconds", found=max_seconds, hint=hint)
    if engine == "nuts":
        # The sampler's libraries take seconds to import.
        from forecast.inference.nuts.engine import sample_nuts

        return sample_nuts(model, panel, seed=seed)
    from forecast.inference.laplace.engine import LaplaceOptions, approximate

    return approximate(model, panel, LaplaceOptions(max_seconds=max_seconds), start=start, seed=seed)
