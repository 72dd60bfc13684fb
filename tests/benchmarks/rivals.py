"""Forecasts of other packages on the tuning panels, beside the default's: AutoETS, AutoTheta, boosted trees and hhh4.

    pip install -c constraints.txt '.[rivals]'
    python tests/benchmarks/rivals.py --scores out/protocol/second.csv --half second [--panels syria iraq]

AutoETS and AutoTheta (statsforecast) forecast the log of (count + 1) of each series with normal intervals. They are
fitted to the sums at each level (province, tactic, total) themselves, which favours them: their forecasts of cells and
of totals need not agree. Boosted trees (LightGBM) are one model of all cells: a Tweedie mean given the last twelve
counts, their means, the month and the series, and negative binomial counts about it, drawn step by step so that sums
are sums of the same draws. Where R and its package surveillance are, so is hhh4 (`hhh4.R`), with simulated paths.
`--scores` is the table that `protocol.py` wrote of the same half.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from panels import PANELS

from forecast.counts import draw_counts
from forecast.evaluation.metrics import crps
from forecast.panel.panel import Panel

Array = npt.NDArray[np.float64]
# Equally spaced quantiles that stand for a distribution, and draws of what is simulated.
QUANTILES, DRAWS, LAGS = 200, 500, 12
LEVELS: dict[str, tuple[int, ...]] = {"cell": (), "province": (1,), "tactic": (0,), "total": (0, 1)}


def of_series(counts: Array, horizon: int, model: str, season: int) -> Array:
    """Quantiles (sample, series, period) of the counts of each series by a model of statsforecast."""
    from scipy import stats
    from statsforecast.models import AutoETS, AutoTheta

    makes: dict[str, Callable[[], object]] = {
        "AutoETS": lambda: AutoETS(season_length=season),
        "AutoTheta": lambda: AutoTheta(season_length=season),
    }
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    made = []
    for series in np.log1p(counts):
        if not series.any():
            made.append(np.zeros((QUANTILES, horizon)))
            continue
        fitted = makes[model]().fit(series)  # type: ignore[attr-defined]
        given = fitted.predict(horizon, level=[90])
        sd = (given["hi-90"] - given["lo-90"]) / (2 * stats.norm.ppf(0.95))
        made.append(np.expm1(np.maximum(given["mean"] + stats.norm.ppf(levels)[:, None] * sd, 0.0)))
    return np.round(np.stack(made, axis=1))


def boosted(counts: Array, horizon: int, season: int, seed: int) -> Array:
    """Draws (sample, cell, period) of one model of all cells (cell, period)."""
    import lightgbm

    cells, periods = counts.shape

    def features(past: Array, cell: npt.NDArray[np.intp], period: int) -> Array:
        """Of (case, period up to the last)."""
        recent = np.log1p(past[:, -LAGS:])
        means = [past[:, -size:].mean(axis=1) for size in (3, 6, 12)]
        return np.column_stack([recent, *means, np.full(len(past), period % season), cell])

    everyone = np.arange(cells)
    table = np.concatenate([features(counts[:, :at], everyone, at) for at in range(LAGS, periods)])
    target = counts[:, LAGS:].T.ravel()
    data = lightgbm.Dataset(table, target, categorical_feature=[table.shape[1] - 1], free_raw_data=False)
    settings = {"objective": "tweedie", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 20}
    fitted = lightgbm.train({**settings, "seed": seed, "verbose": -1, "num_threads": 1}, data, num_boost_round=150)
    expected = np.maximum(fitted.predict(table), 1e-3)
    # Moments: the squares beyond what Poisson counts have are mean² / phi.
    phi = float((expected**2).sum() / max(((target - expected) ** 2 - target).sum(), 1e-9))
    rng = np.random.default_rng(seed)
    paths = np.repeat(counts[None], DRAWS, axis=0).reshape(DRAWS * cells, periods)
    for ahead in range(horizon):
        mean = np.maximum(fitted.predict(features(paths, np.tile(everyone, DRAWS), periods + ahead)), 1e-3)
        paths = np.column_stack([paths, draw_counts(rng, mean, phi)])
    return paths[:, periods:].reshape(DRAWS, cells, horizon)


def hhh4(counts: Array, knows: Sequence[int], horizon: int) -> dict[int, Array]:
    """Draws (sample, cell, period) of hhh4 at origins that know so many periods of counts (cell, period)."""
    cell, period = np.divmod(np.arange(counts.size), counts.shape[1])
    table = pd.DataFrame({"series": cell, "t": period + 1, "attacks": counts.ravel().astype(int)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_csv(folder / "panel.csv", index=False)
        pd.DataFrame({"t": knows}).to_csv(folder / "origins.csv", index=False)
        words = folder / "panel.csv", folder, folder / "origins.csv", horizon, DRAWS
        script = Path(__file__).with_name("hhh4.R")
        subprocess.run(["Rscript", script, *map(str, words)], check=True, capture_output=True)
        paths = {now: pd.read_csv(folder / f"{now}.csv", header=None).to_numpy(float) for now in knows}
    return {now: each.reshape(DRAWS, horizon, -1).transpose(0, 2, 1) for now, each in paths.items()}


def scored(panel: Panel, now: int, horizon: int, seed: int, drawn: Mapping[str, Array]) -> list[tuple[str, str, float]]:
    """CRPS of log(1 + count) of each rival at each level, from one origin that knows so many periods.

    `drawn` are draws (sample, cell, period) of rivals beside those that are fitted here.
    """
    attacks = panel.attacks.fillna(0.0).values
    past, came = attacks[..., :now], attacks[..., now : now + horizon]
    season = 12 if panel.freq == "MS" else 52
    paths = {"boosted trees": boosted(past.reshape(-1, now), horizon, season, seed), **drawn}
    rows = []
    for level, axes in LEVELS.items():
        outcome = came.sum(axis=axes).reshape(-1, horizon)
        summed = past.sum(axis=axes).reshape(-1, now)
        over = tuple(axis + 1 for axis in axes)
        forecasts = {
            model: draws.reshape(DRAWS, *came.shape).sum(axis=over).reshape(DRAWS, -1, horizon)
            for model, draws in paths.items()
        }
        for model in ("AutoETS", "AutoTheta"):
            forecasts[model] = of_series(summed, horizon, model, season if now >= 3 * season else 1)
        for model, values in forecasts.items():
            sample = np.sort(np.log1p(np.moveaxis(values, 0, -1).reshape(outcome.size, -1)), axis=1)
            # Quantiles stand for the whole distribution, draws are a sample of it.
            pairs = None if model in paths else QUANTILES**2
            rows.append((level, model, float(crps(np.log1p(outcome.ravel()), sample, pairs).mean())))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--half", choices=["first", "second"], default="first")
    parser.add_argument("--panels", nargs="*", choices=PANELS, default=list(PANELS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    ours = pd.read_csv(given.scores)
    ours = ours[ours["model"] == "pool"].set_index(["panel", "level"])["crps_log"]
    rows = []
    for name in given.panels:
        tried, began = PANELS[name], time.perf_counter()
        panel = tried.panel()
        origins = tried.days(panel)
        half = origins[: len(origins) // 2] if given.half == "first" else origins[len(origins) // 2 :]
        ends = pd.DatetimeIndex(panel.dataset["period_end"].values)
        knows = [int(ends.get_loc(end)) + 1 for end in half]
        counts = panel.attacks.fillna(0.0).values.reshape(-1, len(ends))
        simulated = hhh4(counts, knows, tried.horizon) if shutil.which("Rscript") else {}
        for seed, now in enumerate(knows):
            drawn = {"hhh4": simulated[now]} if simulated else {}
            rows += [(name, *row) for row in scored(panel, now, tried.horizon, seed, drawn)]
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    table = pd.DataFrame(rows, columns=["panel", "level", "model", "crps_log"])
    means = table.groupby(["panel", "level", "model"])["crps_log"].mean()
    relative = means.div(ours.reindex(means.index.droplevel("model")).to_numpy())
    print("\nCRPS of log(1 + count), over the default model's:")
    print(relative.unstack("level")[list(LEVELS)].round(3).to_string())
    print("\nMean over the panels:")
    print(relative.groupby(["model", "level"]).mean().unstack("level")[list(LEVELS)].round(3).to_string())


if __name__ == "__main__":
    main()
