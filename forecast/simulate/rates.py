"""Expected attacks of the simulated events: published order and first totals, the rest invented."""

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.events.places import Gazetteer
from forecast.simulate.processes import Floats, autoregression, felt_by_province, season, unit_autoregression

__all__ = ["DEMO_TACTICS", "FORCES", "SHARES", "expected_attacks"]

DEMO_TACTICS = names.TACTICS[:6]
FORCES = ("ISF", "KSF", "SDF")

# Share of a country's attacks by province. The order of the first five (Iraq) and six (Syria) is that of published
# reports; the sizes, and all that stands after them, are invented.
SHARES = {
    "IQG10": 0.30,  # Diyala
    "IQG16": 0.195,  # Salah al-Din
    "IQG13": 0.165,  # Kirkuk
    "IQG01": 0.125,  # Anbar
    "IQG15": 0.095,  # Nineveh
    "IQG08": 0.05,  # Baghdad
    "IQG11": 0.016,
    "IQG07": 0.015,
    "IQG06": 0.014,
    "IQG09": 0.006,
    "IQG12": 0.004,
    "IQG18": 0.004,
    "IQG02": 0.003,
    "IQG04": 0.002,
    "IQG03": 0.001,
    "IQG05": 0.001,
    "IQG14": 0.001,
    "IQG17": 0.001,
    "SY04": 0.27,  # Homs
    "SY09": 0.23,  # Deir ez-Zor
    "SY02": 0.14,  # Aleppo
    "SY07": 0.105,  # Idlib
    "SY11": 0.075,  # Raqqa
    "SY08": 0.05,  # Hasakah
    "SY05": 0.04,
    "SY12": 0.03,
    "SY03": 0.02,
    "SY13": 0.008,
    "SY01": 0.006,
    "SY06": 0.002,
    "SY14": 0.002,
    "SY10": 0.001,
}
# Attacks in a year. Iraq's 2019 is the published total (oir_attack_totals.csv), its 2020 adds an assumed fourth quarter
# to the three published ones; the rest is a plausible course. Years before and after carry on the first and last.
_TOTALS = {
    "Iraq": {2019: 1669, 2020: 2314, 2021: 1150, 2022: 600, 2023: 330, 2024: 220},
    "Syria": {2019: 720, 2020: 560, 2021: 460, 2022: 400, 2023: 370, 2024: 690},
}
_TACTIC_SHARES = {
    "Iraq": (0.30, 0.36, 0.12, 0.09, 0.07, 0.06),
    "Syria": (0.25, 0.40, 0.06, 0.14, 0.08, 0.07),
}
# Change of log expected attacks per SD of the force's capability, and the dispersion of the counts, by tactic.
_SLOPES = (-0.30, -0.25, -0.20, -0.35, -0.40, -0.25)
_DISPERSION = (4.0, 5.0, 3.0, 4.0, 3.0, 3.0)
_SEASON = np.array([[-0.12, 0.08], [0.03, -0.04]])
_CELL_SD, _PROVINCE_WALK_SD, _TACTIC_WALK_SD = 0.25, 0.06, 0.04
_FITTING_STEPS = 200
_WALK_HALF_LIFE, _CAPABILITY_HALF_LIFE = 18.0, 16.0


def expected_attacks(
    rng: np.random.Generator, gazetteer: Gazetteer, periods: pd.DatetimeIndex, scale: float
) -> xr.Dataset:
    """The truth of the simulated events: log expected attacks, the pieces they are the sum of, and what shaped them.

    Returns
    -------
    Dataset
        `eta` and `mu` over (province, tactic, period), `phi` and `slope` over tactic, `capability` over (force,
        period; mean 0 and SD 1), and the pieces of eta: `capability_effect`, `level` and `cell_level` of provinces,
        the `trend` of the province's country, two walks, and the `season`. In expectation each province has its share
        of its country's attacks, and each calendar year its country's total times `scale`.
    """
    table = gazetteer.table
    size = {names.PROVINCE: len(table), names.TACTIC: len(DEMO_TACTICS), names.PERIOD: len(periods)}

    def walk(dim: str, sd: float) -> tuple[list[str], Floats]:
        paths = autoregression(rng, size[dim], len(periods), sd=sd, half_life=_WALK_HALF_LIFE, freq=names.MONTHLY)
        return [dim, names.PERIOD], paths

    shares = np.log([_TACTIC_SHARES[country] for country in table[names.COUNTRY]])
    pieces = {
        "cell_level": ([names.PROVINCE, names.TACTIC], shares + rng.normal(scale=_CELL_SD, size=shares.shape)),
        "province_walk": walk(names.PROVINCE, _PROVINCE_WALK_SD),
        "tactic_walk": walk(names.TACTIC, _TACTIC_WALK_SD),
        "season": ([names.PERIOD], season(periods, names.MONTHLY, _SEASON)),
    }
    labels = {names.PROVINCE: [str(key) for key in table.index], names.TACTIC: list(DEMO_TACTICS)}
    truth = xr.Dataset(pieces, coords={**labels, names.PERIOD: periods, names.FORCE: list(FORCES)})
    paths = unit_autoregression(rng, len(FORCES), len(periods), half_life=_CAPABILITY_HALF_LIFE, freq=names.MONTHLY)
    truth["capability"] = ([names.FORCE, names.PERIOD], _standardised(paths))
    truth["slope"] = ([names.TACTIC], np.array(_SLOPES))
    truth[names.PHI] = ([names.TACTIC], np.array(_DISPERSION))
    forces = table["partner_force"].to_numpy(str)
    truth["capability_effect"] = truth["slope"] * felt_by_province(truth["capability"], forces)

    parts = sum((truth[name] for name in (*pieces, "capability_effect")), xr.DataArray(0.0))
    relative = parts.transpose(*names.CELL_DIMS)
    level, trend = _levels_and_trend(np.exp(relative.values).sum(axis=1), table, periods, scale)
    truth["level"] = ([names.PROVINCE], level)
    truth["trend"] = ([names.PROVINCE, names.PERIOD], trend)
    truth["eta"] = relative + truth["level"] + truth["trend"]
    truth[names.MU] = np.exp(truth["eta"])
    return truth


def _standardised(paths: Floats) -> Floats:
    """Paths whose mean over the months is 0 and whose standard deviation is 1; 0 where there is one month only."""
    deviations = paths - paths.mean(axis=1, keepdims=True)
    return np.asarray(deviations / np.maximum(paths.std(axis=1, keepdims=True), np.finfo(float).tiny))


def _levels_and_trend(
    relative: Floats, table: pd.DataFrame, periods: pd.DatetimeIndex, scale: float
) -> tuple[Floats, Floats]:
    """Province levels, and trends log-linear between mid-years, that give each province and year its total.

    `relative` has shape (province, period). Both are scaled in turn until they agree (iterative proportional fitting).
    """
    years = np.arange(periods[0].year, periods[-1].year + 1)
    in_year = periods.year.to_numpy()[None, :] == years[:, None]
    moments = periods.year.to_numpy() + (periods.month.to_numpy() - 0.5) / 12
    level, trend = np.zeros(len(relative)), np.zeros_like(relative)
    for country in table[names.COUNTRY].unique():
        rows = np.flatnonzero(table[names.COUNTRY] == country)
        totals = _TOTALS[country]
        clamped = np.clip(years, min(totals), max(totals))
        wanted_years = scale * np.array([totals[year] for year in clamped]) * in_year.sum(axis=1) / 12
        weights = np.array([SHARES[key] for key in table.index[rows]])
        wanted_provinces = weights / weights.sum() * wanted_years.sum()
        knots, levels = np.log(wanted_years), np.zeros(len(rows))
        for _ in range(_FITTING_STEPS):
            path = np.interp(moments, years + 0.5, knots)
            expected = relative[rows] * np.exp(levels[:, None] + path)
            levels += np.log(wanted_provinces / expected.sum(axis=1))
            expected = relative[rows] * np.exp(levels[:, None] + path)
            knots += np.log(wanted_years / (in_year @ expected.sum(axis=0)))
        level[rows], trend[rows] = levels, np.interp(moments, years + 0.5, knots)
    return level, trend
