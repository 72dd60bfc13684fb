"""`simulate_indicators`: indicators of a capability that is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit

from forecast import names
from forecast.capability.indicators import COUNT, SHARE, Indicators
from forecast.capability.measurement import Measurement
from forecast.errors import InputError
from forecast.panel.calendar import period_end
from forecast.simulate.processes import generators

__all__ = ["INDICATORS", "SimulatedIndicators", "simulate_indicators"]

# Scale, direction and months between two values of each.
INDICATORS = {
    "own_operations": (SHARE, 1, 1),
    "partnered_operations": (COUNT, 1, 1),
    "intelligence_rating": ("ordinal 1-5", 1, 3),
    "outside_surveillance": (SHARE, -1, 3),
    "remote_help": (SHARE, 1, 1),
}
_CUTS = (-1.5, -0.5, 0.5, 1.5)
# Operations that a share is taken of; partnered operations in a month at the middle, and SD of their log per SD.
_TOTAL, _USUAL, _LOG_SD = 60, 20.0, 0.5


@dataclass(frozen=True)
class SimulatedIndicators:
    """Simulated indicators and the truth behind them.

    Attributes
    ----------
    indicators : Indicators
        Monthly and quarterly values, marked as simulated.
    truth : xarray.Dataset
        `capability` (force, period), `loading` (force, indicator; signed), `level` (force, indicator) and `noise`
        (indicator): what the values were drawn from, on their working scales.
    """

    indicators: Indicators
    truth: xr.Dataset


def simulate_indicators(
    capability: xr.DataArray,
    *,
    seed: int,
    prior: Measurement = Measurement(),
    missing: float = 0.0,
) -> SimulatedIndicators:
    """Draw indicators of each force: parameters from their priors, then values.

    Parameters
    ----------
    capability : DataArray
        SDs, over (force, period), by month.
    seed : int
        The same seed gives the same values.
    prior : Measurement
        What loadings and noise are drawn from.
    missing : float
        Share of values that are left out, at random.

    Returns
    -------
    SimulatedIndicators
        own_operations (share of operations planned and run alone), partnered_operations (count), intelligence_rating
        (1 to 5, by quarter), outside_surveillance (share of operations that lean on it, by quarter; less is more) and
        remote_help (share of help that is remote).

    Raises
    ------
    InputError
        For a share outside 0 to 1, and too short a series.
    """
    if not 0 <= missing < 1:
        raise InputError("is a share below 1", where="missing", found=missing)
    periods = pd.DatetimeIndex(capability[names.PERIOD].values)
    if len(periods) < 3:
        raise InputError("is shorter than a quarter", where="capability", found=f"{len(periods)} months")
    parameters, values, gaps = generators(seed, 3)
    forces, number = [str(force) for force in capability[names.FORCE].values], len(INDICATORS)
    shape = len(forces), number
    loading = prior.loading.draw(parameters, (number,)) * np.exp(prior.between * parameters.standard_normal(shape))
    noise, level = prior.noise.draw(parameters, (number,)), parameters.standard_normal(shape)
    ends, rows = period_end(periods, names.MONTHLY), []
    for place, force in enumerate(forces):
        path = capability.sel({names.FORCE: force}).values
        for of, (name, (scale, direction, months)) in enumerate(INDICATORS.items()):
            loading[place, of] *= direction
            for last in range(months - 1, len(periods), months):
                felt = level[place, of] + loading[place, of] * path[last - months + 1 : last + 1].mean()
                value, total = _value(values, scale, felt, noise[of])
                if gaps.random() >= missing:
                    rows.append((force, name, periods[last - months + 1], ends[last], value, scale, direction, total))
    columns = [column for column in names.INDICATOR_COLUMNS if column not in ("reported", "source")]
    indicators = Indicators.from_frame(pd.DataFrame(rows, columns=columns), simulated=True)
    both = names.FORCE, names.INDICATOR
    truth = xr.Dataset(
        {
            "capability": capability,
            "loading": (both, loading),
            "level": (both, level),
            "noise": (names.INDICATOR, noise),
        },
        {names.INDICATOR: list(INDICATORS)},
    )
    return SimulatedIndicators(indicators, truth)


def _value(rng: np.random.Generator, scale: str, felt: float, noise: float) -> tuple[float, float]:
    """A value, and what a share is taken of."""
    shock = rng.standard_normal()
    if scale.startswith("ordinal"):
        return 1.0 + int(np.searchsorted(_CUTS, felt + shock)), np.nan
    if scale == SHARE:
        return round(rng.binomial(_TOTAL, float(expit(felt + noise * shock))) / _TOTAL, 4), float(_TOTAL)
    return float(rng.poisson(_USUAL * np.exp(_LOG_SD * (felt + noise * shock)))), np.nan
