"""`simulate_panel`: a panel of counts drawn from a known model, with everything that went into it."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.panel.calendar import normalise_freq, period_end, period_range, period_start
from forecast.panel.panel import Panel
from forecast.simulate.processes import (
    Floats,
    Ints,
    Texts,
    autoregression,
    felt_by_province,
    generators,
    season,
    unit_autoregression,
)

__all__ = ["SimulatedPanel", "simulate_panel"]

_SEASON_HARMONICS = 2
_CAPABILITY_HALF_LIFE = 12.0
_PIECES = (
    "intercept",
    "province_level",
    "tactic_level",
    "cell_level",
    "province_walk",
    "tactic_walk",
    "season",
    "capability_effect",
)


@dataclass(frozen=True)
class SimulatedPanel:
    """A simulated panel and the truth behind it.

    Attributes
    ----------
    panel : Panel
        The counts, marked as simulated.
    truth : xarray.Dataset
        `eta` (log of the expected count) and `mu` (expected attacks) over (province, tactic, period); the pieces that
        eta is the sum of: `intercept`, `province_level`, `tactic_level`, `cell_level` (province, tactic),
        `province_walk` (province, period), `tactic_walk` (tactic, period), `season` (period), `capability_effect`
        and `excitation_effect` (province, tactic, period); `phi` (tactic; infinite for Poisson counts), `capability`
        (force, period) and the `slope` on it (tactic), `excitation` (the slope on past counts) and
        `excitation_centre` (what is taken off log(1 + past counts)).
    """

    panel: Panel
    truth: xr.Dataset


def simulate_panel(
    n_provinces: int = 33,
    n_tactics: int = 6,
    n_periods: int = 120,
    *,
    freq: str = names.MONTHLY,
    seed: int,
    start: str = "2015-01-01",
    mean: float = 1.0,
    province_sd: float = 1.0,
    tactic_sd: float = 0.5,
    cell_sd: float = 0.3,
    province_walk_sd: float = 0.1,
    tactic_walk_sd: float = 0.05,
    half_life: float = 24.0,
    season_sd: float = 0.1,
    dispersion: float = 3.0,
    n_forces: int = 3,
    capability_slope: float = 0.0,
    excitation: float = 0.0,
) -> SimulatedPanel:
    """Draw a panel of negative binomial counts with levels, walks, a season, and optionally capability and excitation.

    Parameters
    ----------
    n_provinces, n_tactics, n_periods : int
        Size of the grid. Provinces lie on a square lattice; those beside each other are neighbours.
    freq : {'MS', 'W'}
        Calendar months, or weeks from Monday to Sunday.
    seed : int
        The same seed and sizes give the same numbers.
    start : str
        A day in the first period.
    mean : float
        Attacks per cell that the intercept stands for (the mean of all cells is larger: levels are on the log scale).
    province_sd, tactic_sd, cell_sd : float
        Standard deviations of the levels by province, tactic, and province and tactic (log scale).
    province_walk_sd, tactic_walk_sd : float
        Standard deviations of the walks' innovations in a month (log scale).
    half_life : float
        Months after which half of a walk's shock is left.
    season_sd : float
        Standard deviation of the two harmonics' coefficients (log scale).
    dispersion : float
        phi of every tactic: the variance is mu + mu²/phi. `numpy.inf` gives Poisson counts.
    n_forces : int
        Partner forces, each of a block of provinces; as many provinces again as one block have none.
    capability_slope : float
        Mean over tactics of the slope on capability (per SD); where it is not 0, the panel carries the covariate
        `capability` by force, and slopes differ between tactics by a fifth of it (SD).
    excitation : float
        Slope on log(1 + the cell's count one period before), from -1 to 1.

    Raises
    ------
    InputError
        For sizes below 1 and values outside their range.

    Examples
    --------
    >>> simulated = fc.simulate_panel(4, 2, 36, seed=1)
    >>> simulated.panel.attacks.shape
    (4, 2, 36)
    """
    _check(n_provinces, n_tactics, n_periods, mean, dispersion, half_life, excitation)
    freq = normalise_freq(freq)
    periods = period_range(period_start(pd.DatetimeIndex([start]), freq)[0], n_periods, freq)
    levels, walks, other, counts = generators(seed, 4)
    forces = _forces(n_provinces, n_forces)

    def walk(n: int, sd: float) -> Floats:
        return autoregression(walks, n, n_periods, sd=sd, half_life=half_life, freq=freq)

    coefficients = other.normal(scale=season_sd, size=(_SEASON_HARMONICS, 2))
    slope = capability_slope * (1 + 0.2 * other.normal(size=n_tactics))
    capability = unit_autoregression(other, n_forces, n_periods, half_life=_CAPABILITY_HALF_LIFE, freq=freq)
    truth = xr.Dataset(
        {
            "intercept": ([], np.log(mean)),
            "province_level": ([names.PROVINCE], levels.normal(scale=province_sd, size=n_provinces)),
            "tactic_level": ([names.TACTIC], levels.normal(scale=tactic_sd, size=n_tactics)),
            "cell_level": ([*names.CELL_DIMS[:2]], levels.normal(scale=cell_sd, size=(n_provinces, n_tactics))),
            "province_walk": ([names.PROVINCE, names.PERIOD], walk(n_provinces, province_walk_sd)),
            "tactic_walk": ([names.TACTIC, names.PERIOD], walk(n_tactics, tactic_walk_sd)),
            "season": ([names.PERIOD], season(periods, freq, coefficients)),
            "capability": ([names.FORCE, names.PERIOD], capability),
            "slope": ([names.TACTIC], slope),
            names.PHI: ([names.TACTIC], np.full(n_tactics, float(dispersion))),
            "excitation": ([], float(excitation)),
        },
        coords=_coordinates(n_provinces, n_tactics, periods, freq, n_forces),
    )
    truth["capability_effect"] = truth["slope"] * felt_by_province(truth["capability"], forces)
    truth, attacks = _with_counts(counts, truth)
    panel = _panel(truth, attacks, forces, freq, seed)
    if capability_slope:
        panel = panel.with_covariate("capability", truth["capability"])
    return SimulatedPanel(panel, truth)


def _with_counts(rng: np.random.Generator, truth: xr.Dataset) -> tuple[xr.Dataset, Ints]:
    """The truth with `eta`, `mu` and what past counts added; and the counts drawn."""
    eta = sum((truth[name] for name in _PIECES), xr.DataArray(0.0)).transpose(*names.CELL_DIMS)
    phi, slope = truth[names.PHI].values[None, :], float(truth["excitation"])
    centre = float(np.log1p(np.exp(eta)).mean())
    attacks: Ints = np.empty(eta.shape, dtype=np.int64)
    effect = np.zeros(eta.shape)
    for period in range(eta.shape[2]):
        if period:
            effect[:, :, period] = slope * (np.log1p(attacks[:, :, period - 1]) - centre)
        mu = np.exp(eta.values[:, :, period] + effect[:, :, period])
        attacks[:, :, period] = draw_counts(rng, mu, phi)
    truth = truth.assign(excitation_effect=(names.CELL_DIMS, effect), excitation_centre=([], centre))
    truth["eta"] = eta + truth["excitation_effect"]
    truth[names.MU] = np.exp(truth["eta"])
    return truth, attacks


def _coordinates(
    n_provinces: int, n_tactics: int, periods: pd.DatetimeIndex, freq: str, n_forces: int
) -> dict[str, object]:
    provinces = [f"P{number:02}" for number in range(1, n_provinces + 1)]
    rows, columns = _lattice(n_provinces)
    country = np.where(np.arange(n_provinces) < (n_provinces + 1) // 2, "Country A", "Country B")
    return {
        names.PROVINCE: provinces,
        names.PCODE: (names.PROVINCE, provinces),
        names.ZONE: (names.PROVINCE, [""] * n_provinces),
        names.PROVINCE_NAME: (names.PROVINCE, [f"Province {number}" for number in range(1, n_provinces + 1)]),
        names.COUNTRY: (names.PROVINCE, country),
        names.LATITUDE: (names.PROVINCE, 30.0 + rows),
        names.LONGITUDE: (names.PROVINCE, 40.0 + columns),
        names.TACTIC: [*names.TACTICS, *(f"tactic_{number}" for number in range(9, n_tactics + 1))][:n_tactics],
        names.PERIOD: periods,
        names.PERIOD_END: (names.PERIOD, period_end(periods, freq)),
        names.FORCE: [f"force_{number}" for number in range(1, n_forces + 1)],
    }


def _panel(truth: xr.Dataset, attacks: Ints, forces: Texts, freq: str, seed: int) -> Panel:
    n_provinces, n_periods = truth.sizes[names.PROVINCE], truth.sizes[names.PERIOD]
    rows, columns = _lattice(n_provinces)
    apart = np.abs(rows[:, None] - rows[None, :]) + np.abs(columns[:, None] - columns[None, :])
    coords = {name: truth[name] for name in [*names.CELL_DIMS, *names.PROVINCE_COORDS, names.PERIOD_END]}
    note = "simulated data: no real attacks"
    dataset = xr.Dataset(
        {
            names.ATTACKS: (names.CELL_DIMS, attacks),
            names.OBSERVED: (names.CELL_DIMS, np.ones(attacks.shape, dtype=bool)),
            names.EXPOSURE: (names.CELL_DIMS, np.ones(attacks.shape)),
            names.FORCE: ([names.PROVINCE, names.PERIOD], np.repeat(forces[:, None], n_periods, axis=1)),
            names.ADJACENCY: ([names.PROVINCE, names.NEIGHBOUR], apart == 1),
        },
        coords={**coords, names.NEIGHBOUR: truth[names.PROVINCE].values},
        attrs={"freq": freq, "provenance": json.dumps({"simulated": True, "seed": seed, "notes": [note]})},
    )
    return Panel(dataset)


def _lattice(n: int) -> tuple[Floats, Floats]:
    width = int(np.ceil(np.sqrt(n)))
    places = np.arange(n, dtype=float)
    return places // width, places % width


def _forces(n_provinces: int, n_forces: int) -> Texts:
    block = np.arange(n_provinces) * (n_forces + 1) // n_provinces
    return np.array([*(f"force_{number}" for number in range(1, n_forces + 1)), ""])[block]


def _check(
    n_provinces: int,
    n_tactics: int,
    n_periods: int,
    mean: float,
    dispersion: float,
    half_life: float,
    excitation: float,
) -> None:
    sizes = {"n_provinces": n_provinces, "n_tactics": n_tactics, "n_periods": n_periods}
    for name, size in sizes.items():
        if size < 1:
            raise InputError("is too small", where=name, found=size, expected="1 or more")
    for name, value in {"mean": mean, "dispersion": dispersion, "half_life": half_life}.items():
        if not value > 0:
            raise InputError("is not above 0", where=name, found=value)
    if not -1 < excitation < 1:
        raise InputError("is out of range", where="excitation", found=excitation, expected="between -1 and 1")
