"""How the default model is chosen and judged: it and its rivals on the tuning panels (`panels.py`), at five levels.

    python tests/benchmarks/protocol.py --output out/protocol [--panels syria iraq] [--half first|second] [--workers 2]

Choose by the first half of each panel's origins, with cells and totals weighing the same; look at the second once. The
table gives each model's CRPS of log(1 + count) over that of the best model of the same panel and level (1 is the best),
the share of randomised PITs of cells and of totals in the central 90 %, and mean ranks. Beside the default stand its
members, the other baselines, and pools with equal weights and with weights learned from all origins before. The default
learns from six past days, every second period; here from the six origins before, whose forecasts are there.
Backtests are kept in the folder; a run that was broken off goes on.
"""

import argparse
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from panels import PANELS

import forecast as fc
from forecast.evaluation.pool import among, plausible
from forecast.evaluation.weights import distances, pool_weights

LEVELS = {
    "cell": lambda forecast: forecast,
    "province": lambda forecast: forecast.aggregate(tactics=True),
    "tactic": lambda forecast: forecast.aggregate("total"),
    "country": lambda forecast: forecast.aggregate("country", tactics=True),
    "total": lambda forecast: forecast.aggregate("total", tactics=True),
}
MEMBERS = tuple(member.name for member in fc.default_model().members)
EQUAL, OF_ALL = "equal_pool", "pool_of_all_origins"
DRAWS = 1000


def backtested(name: str, panel: fc.Panel, folder: Path, workers: int) -> fc.Backtest:
    """The members and all baselines on a panel, each origin kept in the folder."""
    tried = PANELS[name]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        return fc.backtest(
            [fc.quick_model()],
            panel,
            origins=tried.days(panel),
            horizon=tried.horizon,
            draws=DRAWS,
            seed=1,
            engine="laplace",
            executor=executor,
            folder=folder,
            resume=True,
        )


def with_pools(done: fc.Backtest, panel: fc.Panel) -> dict[pd.Timestamp, dict[str, fc.Forecast]]:
    """At each origin the forecasts of all models, of the default pool, and of pools with other weights."""
    models = [str(model) for model in done.scores["model"].unique()]
    default, known, by_origin = fc.default_model(), [], {}
    for number, origin in enumerate(done.origins):
        forecasts: dict[str, fc.Forecast] = {model: done.forecast(model, origin) for model in models}
        members = {model: forecasts[model] for model in MEMBERS}
        kept, _ = plausible(members, panel.between(end=origin))
        for label, past in ((default.name, known[-default.origins :]), (OF_ALL, known), (EQUAL, [])):
            learned = pool_weights(past, origin) if past else dict.fromkeys(members, 1.0)
            forecasts[label] = fc.pool(kept, among(kept, learned), name=label, draws=DRAWS, seed=number)
        known.append(distances(members, panel))
        by_origin[origin] = forecasts
    return by_origin


def scored(forecasts: Mapping[pd.Timestamp, Mapping[str, fc.Forecast]], panel: fc.Panel) -> pd.DataFrame:
    """Scores of every model at every origin and level."""
    tables = []
    for by_model in forecasts.values():
        for forecast in by_model.values():
            tables += [fc.score(summed(forecast), panel).assign(level=level) for level, summed in LEVELS.items()]
    return pd.concat(tables, ignore_index=True)


def table(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per model and level: CRPS of log, over the best model's, and the share of PITs in the central 90 %."""
    rows = []
    for (level, model), own in scores.groupby(["level", "model"]):
        inside = fc.coverage(own, levels=[0.9], seed=1)["share"].iloc[0]
        rows.append((level, model, own["crps_log"].mean(), own["crps"].mean(), own["log_score"].mean(), inside))
    found = pd.DataFrame(rows, columns=["level", "model", "crps_log", "crps", "log_score", "inside_90"])
    found["relative"] = found["crps_log"] / found.groupby("level")["crps_log"].transform("min")
    found["rank"] = found.groupby("level")["crps_log"].rank()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--panels", nargs="*", choices=PANELS, default=list(PANELS))
    parser.add_argument("--half", choices=["first", "second"], default="first")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    tables = []
    for name in given.panels:
        began, panel = time.perf_counter(), PANELS[name].panel()
        done = backtested(name, panel, given.output / name, given.workers)
        origins = done.origins
        half = origins[: len(origins) // 2] if given.half == "first" else origins[len(origins) // 2 :]
        pooled = with_pools(done, panel)
        scores = scored({origin: pooled[origin] for origin in half}, panel)
        own = table(scores).assign(panel=name)
        print(f"\n## {name}: {len(half)} origins, {time.perf_counter() - began:.0f} s, {len(done.failures)} failed")
        print(own.pivot(index="model", columns="level", values="crps_log").round(4).to_string())
        print(own.pivot(index="model", columns="level", values="inside_90").round(2).to_string(), flush=True)
        tables.append(own)
        pd.concat(tables).to_csv(given.output / f"{given.half}.csv", index=False)
    whole = pd.concat(tables)
    whole = whole[~((whole["level"] == "country") & (whole["panel"] != "calm"))]
    print("\n## Over the panels: mean relative CRPS of log and mean rank")
    for value in ("relative", "rank"):
        print(whole.pivot_table(index="model", columns="level", values=value).round(3).to_string())


if __name__ == "__main__":
    main()
