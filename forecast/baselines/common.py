"""What the baselines share: their fit, the dispersion by maximum likelihood, draws, and cells without data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, xlogy

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.base import Fit
from forecast.panel.panel import Panel
from forecast.prediction.continuation import check_request
from forecast.prediction.futures import Future

__all__ = [
    "PHI_BOUNDS",
    "BaselineFit",
    "dispersion",
    "means_before",
    "numbers_fail_as_input",
    "require_auto",
    "start_drawing",
    "tactic_means",
]

Array = npt.NDArray[np.float64]

# Bounds of the dispersion: below the first a count is nearly always 0, above the second it is Poisson.
PHI_BOUNDS = (1e-3, 1e5)

Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, repr=False)
class BaselineFit(Fit):
    """A fitted baseline: labelled numbers, and nothing else, carry it into the future.

    Attributes
    ----------
    state : xarray.Dataset
        What was estimated; its variables are named in the description of each baseline.
    """

    state: xr.Dataset = field(default_factory=xr.Dataset)

    def to_frame(self) -> pd.DataFrame:
        """What was estimated, tidy: variable, its labels joined by ', ', value."""
        parts = [pd.DataFrame(columns=["variable", "label", names.VALUE])]
        for name, values in self.state.data_vars.items():
            flat = values.reset_coords(drop=True).to_series() if values.dims else pd.Series([values.item()], index=[""])
            labels = [", ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in flat.index]
            parts.append(pd.DataFrame({"variable": name, "label": labels, names.VALUE: flat.to_numpy()}))
        return pd.concat(parts[1:] or parts, ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """What was estimated, as a table."""
        return self.to_frame()

    def plot(self) -> Any:
        """Altair chart of what was estimated: a point per label, a row per variable."""
        from forecast.plots import alt

        return alt.Chart(self.to_frame()).mark_point().encode(x=f"{names.VALUE}:Q", y="label:N", row="variable:N")


def numbers_fail_as_input(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a baseline's arithmetic that fails on some counts be an InputError, which does not end the work of others."""

    @wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        try:
            return function(*args, **kwargs)
        except (ValueError, ArithmeticError) as error:
            # What libraries raise: of a matrix that has no inverse, of numbers that are too large.
            hint = "Correct the count or exposure that lies far from all others, or use another model"
            found = f"{type(error).__name__}: {error}"
            raise InputError(
                "the baseline cannot serve these counts", source="panel", found=found, hint=hint
            ) from error

    return wrapped


def require_auto(engine: str) -> None:
    """Refuse an engine by name: a baseline is fitted in one way."""
    if engine != "auto":
        raise InputError("a baseline is fitted in one way", where="engine", found=engine, expected="auto")


def start_drawing(
    fit: Fit, horizon: int, futures: Mapping[str, Future], draws: int, seed: int
) -> tuple[np.random.Generator, tuple[int, int, int, int]]:
    """The generator, and the shape of the draws: (sample, province, tactic, period)."""
    check_request(fit.panel.covariates, horizon, futures, draws, seed)
    shape = (draws, len(fit.panel.provinces), len(fit.panel.tactics), horizon)
    return np.random.default_rng(np.random.SeedSequence(seed)), shape


def tactic_means(panel: Panel) -> tuple[xr.DataArray, tuple[str, ...]]:
    """Mean count by tactic, which stands in for cells that were never observed, and the note that says so.

    Returns
    -------
    DataArray
        Dims (tactic).
    tuple of str
        One note, or none where every cell was observed at least once.

    Raises
    ------
    InputError
        When a tactic was never observed at all.
    """
    attacks = panel.completed
    never = attacks.isnull().all(names.PERIOD)
    hopeless = never.all(names.PROVINCE)
    if hopeless.any():
        found = [str(tactic) for tactic in hopeless[names.TACTIC].values[hopeless.values]]
        raise InputError("was never observed", where=names.TACTIC, found=found, hint="Leave it out with panel.select")
    note = f"{int(never.sum())} cells were never observed: they take the counts of their tactic elsewhere"
    return attacks.mean((names.PROVINCE, names.PERIOD)), ((note,) if never.any() else ())


def means_before(attacks: Array, window: int) -> Array:
    """Mean of the `window` observed counts before each period, and after the last one; NaN while there are fewer.

    The last entry, which forecasts start from, takes what there is where a series has fewer than `window`.
    """
    seen = ~np.isnan(attacks)
    number = np.concatenate([np.zeros((*seen.shape[:-1], 1), int), seen.cumsum(-1)], axis=-1)
    packed = np.take_along_axis(np.nan_to_num(attacks), np.argsort(~seen, axis=-1, kind="stable"), axis=-1)
    sums = np.concatenate([np.zeros((*seen.shape[:-1], 1)), packed.cumsum(-1)], axis=-1)
    first = np.maximum(number - window, 0)
    totals = np.take_along_axis(sums, number, -1) - np.take_along_axis(sums, first, -1)
    enough = number >= window
    enough[..., -1] = number[..., -1] > 0
    return np.where(enough, totals / np.maximum(number - first, 1), np.nan)


def dispersion(counts: Array, means: Array) -> float:
    """Dispersion phi of negative binomial counts with known means, by maximum likelihood.

    Returns
    -------
    float
        Infinite where the counts are no wider than Poisson, or where there are none.
    """
    counts, means = counts[means > 0], means[means > 0]
    if not counts.any():
        return np.inf
    values, inverse = np.unique(counts, return_inverse=True)

    def loss(log_phi: float) -> float:
        phi = np.exp(log_phi)
        rising = gammaln(values + phi) - gammaln(phi)
        return float(-np.sum(rising[inverse] - (counts + phi) * np.log1p(means / phi) - xlogy(counts, phi)))

    bounds = np.log(PHI_BOUNDS)
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return np.inf if best.x > bounds[1] - 0.01 else float(np.exp(best.x))
