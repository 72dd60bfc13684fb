"""The random pieces that simulated panels and events share: autoregressive paths, a season, counts."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.panel.calendar import periods_per_year, year_fraction

__all__ = [
    "Floats",
    "Ints",
    "Texts",
    "autoregression",
    "felt_by_province",
    "generators",
    "season",
    "unit_autoregression",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]


def generators(seed: int, n: int) -> list[np.random.Generator]:
    """`n` independent generators of one seed, so that a change in one piece leaves the draws of the others alone."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(n)]


def autoregression(rng: np.random.Generator, n: int, periods: int, *, sd: float, half_life: float, freq: str) -> Floats:
    """`n` stationary AR(1) paths around 0, shape (n, periods).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n, periods : int
        Number of paths and their length.
    sd : float
        Standard deviation of the innovation of one month (log scale); a week's is that by the square root of its
        share of a month.
    half_life : float
        Months after which half of a shock is left.
    freq : str
        'MS' or 'W-MON'.
    """
    months = 12 / periods_per_year(freq)
    damping = 2.0 ** (-months / half_life)
    stationary_sd = sd * np.sqrt(months / (1 - damping**2))
    return np.asarray(stationary_sd * unit_autoregression(rng, n, periods, half_life=half_life, freq=freq))


def unit_autoregression(rng: np.random.Generator, n: int, periods: int, *, half_life: float, freq: str) -> Floats:
    """Paths like those of `autoregression` whose stationary standard deviation is 1."""
    damping = 2.0 ** (-12 / periods_per_year(freq) / half_life)
    shocks = rng.normal(size=(n, periods))
    paths = np.empty((n, periods))
    paths[:, 0] = shocks[:, 0]
    for period in range(1, periods):
        paths[:, period] = damping * paths[:, period - 1] + np.sqrt(1 - damping**2) * shocks[:, period]
    return paths


def season(periods: pd.DatetimeIndex, freq: str, coefficients: Floats) -> Floats:
    """Sum of harmonics of the year at each period's middle; `coefficients` has shape (harmonics, 2): cosine, sine."""
    angles = 2 * np.pi * np.outer(np.arange(1, len(coefficients) + 1), year_fraction(periods, freq))
    return np.asarray(coefficients[:, 0] @ np.cos(angles) + coefficients[:, 1] @ np.sin(angles))


def felt_by_province(capability: xr.DataArray, forces: Texts) -> xr.DataArray:
    """Capability by (force, period) as it is felt by (province, period): that of each province's force, 0 for none."""
    held = (forces[:, None] == capability[names.FORCE].values[None, :]).astype(float)
    felt = held @ capability.transpose(names.FORCE, names.PERIOD).values
    return xr.DataArray(felt, dims=(names.PROVINCE, names.PERIOD))
