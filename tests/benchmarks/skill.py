"""Skill on two real panels: variants, chosen on the first half of the origins, and the ensemble, told on the second.

    python tests/benchmarks/skill.py iraq --output out/iraq --only standard [--workers 2] [--half second]
    python tests/benchmarks/skill.py syria --output out/syria

Iraq by week (18 provinces, three tactics): origins after weeks 26 to 62, eight weeks ahead. Syria by month (attacks in
which IS stands on either side, province and type of violence): origins after months 24 to 41, six months ahead. The
panel's hash is printed, so that a table can be told to be of these data. Beside the models stand the baselines and,
where R is, surveillance::hhh4 (`hhh4.R`): several steps by its `simulate`, one step by its own scores. Forecasts are
kept in the folder; a run that was broken off goes on.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import forecast as fc
from forecast.evaluation.rolling import add_forecasts
from forecast.panel.panel import panel_hash

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "statistical" / "reference"))
PANELS = {"iraq": ("iraq_weekly", range(26, 63), 8), "syria": ("syria_monthly", range(24, 42), 6)}
MEASURES = ("crps", "crps_log", "ignorance")
MEMBERS = ("recent_mean", "regression", "smoothing")
LEVELS = ("cell", "country", "tactic", "total")
DRAWS = 1000


def variants() -> dict[str, fc.Model]:
    """What was tried beside the standard model."""
    quick = fc.quick_model()
    levels = [term for term in quick.terms if not isinstance(term, fc.Walk)]
    by = {"country": (), "province": ("province",), "tactic": ("tactic",), "series": ("province", "tactic")}

    def walks(*which: str, damping: str | int = "learned") -> list[fc.Walk]:
        return [fc.Walk(by=by[each], damping=damping) for each in which]

    three, four = ("country", "province", "tactic"), tuple(by)
    terms = {
        "undamped": [*levels, *walks("province", "tactic", damping=1)],
        "shared": [*levels, *walks(*three)],
        "shared_undamped": [*levels, *walks(*three, damping=1)],
        "excitation": [*quick.terms, fc.Excitation()],
        "shared_lags": [*levels, *walks(*three), fc.Excitation(lags=4)],
        "series": [*levels, *walks("province", "tactic", "series")],
        "all_undamped": [*levels, *walks(*four, damping=1)],
        "all_excited": [*levels, *walks(*four), fc.Excitation()],
    }
    found = {"standard": fc.standard_model(), "quick": quick}
    return found | {name: fc.Model(each, quick.family, name) for name, each in terms.items()}


def hhh4(
    panel: fc.Panel, numbers: range, horizon: int, folder: Path
) -> tuple[list[fc.Forecast], pd.DataFrame, dict[str, float]]:
    """hhh4's simulated futures at each origin, its own scores one step ahead, and its seconds."""
    folder.mkdir(exist_ok=True)
    counts = panel.attacks.values
    shape, origins = counts.shape, list(numbers)
    series, period = np.divmod(np.arange(counts.size), shape[2])
    table = pd.DataFrame({"series": series, "t": period + 1, "attacks": counts.ravel().astype(int)})
    table.to_csv(folder / "panel.csv", index=False)
    pd.DataFrame({"t": origins}).to_csv(folder / "origins.csv", index=False)
    words = [folder / "panel.csv", folder, folder / "origins.csv", horizon, DRAWS]
    done = subprocess.run(["Rscript", HERE / "hhh4.R", *map(str, words)], check=True, capture_output=True, text=True)
    forecasts = []
    for number in origins:
        draws = pd.read_csv(folder / f"{number}.csv", header=None).to_numpy(np.int64)
        draws = draws.reshape(DRAWS, horizon, *shape[:2]).transpose(0, 2, 3, 1)
        past = panel.between(end=pd.Timestamp(panel.dataset["period_end"].values[number - 1]))
        forecasts.append(fc.Forecast.from_draws(past, draws, model="hhh4", seed=number))
    return forecasts, pd.read_csv(folder / "scores.csv"), json.loads(done.stdout.splitlines()[-1])


def told(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.round(4).to_string(index=False)}", flush=True)


def against_all(scores: pd.DataFrame, model: str) -> pd.DataFrame:
    """A model against each rival: mean difference with its interval, in each measure."""
    rows = []
    for rival in sorted(set(scores["model"]) - {model}):
        for measure in MEASURES:
            own = fc.skill(scores[scores["model"].isin([model, rival])], rival, measure)
            rows.append(own.assign(rival=rival, measure=measure))
    table = pd.concat(rows, ignore_index=True)
    return table[["rival", "measure", "score", "baseline", "skill", "difference", "lower", "upper", "p_value"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", choices=PANELS)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="variants; all by default")
    parser.add_argument("--half", choices=["first", "second"], default="first")
    given = parser.parse_args()
    from engines_models import CASES

    name, numbers, horizon = PANELS[given.panel]
    panel = CASES[name].panel()
    ends = panel.dataset["period_end"].values
    origins = [pd.Timestamp(ends[number - 1]) for number in numbers]
    print(
        f"{panel!r}\nhash {panel_hash(panel)}; {len(origins)} origins, {origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}"
    )
    chosen = {key: model for key, model in variants().items() if not given.only or key in given.only}
    begun = time.perf_counter()
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as executor:
        done = fc.backtest(
            chosen,
            panel,
            origins=origins,
            horizon=horizon,
            draws=DRAWS,
            seed=1,
            engine="laplace",
            executor=executor,
            folder=given.output / "backtest",
            resume=True,
            step=lambda text, number, total: print(f"{number}/{total} {text}", flush=True),
        )
    print(f"{time.perf_counter() - begun:.0f} s; {len(done.failures)} failed", flush=True)
    half = origins[len(origins) // 2]
    if shutil.which("Rscript"):
        forecasts, steps, seconds = hhh4(panel, numbers, horizon, given.output / "hhh4")
        done = add_forecasts(done, forecasts, panel)
        late = steps.tail(21)[["logs", "rps"]].mean().round(4).to_dict()
        print("hhh4", seconds, f"one step by its own scores, the last {len(steps.tail(21))} origins: {late}")
    for number, model in enumerate(chosen):
        pooled, weights = fc.ensemble(done, panel, [model, *MEMBERS], draws=DRAWS, seed=2 + number)
        scores = pooled.scores[~pooled.scores["model"].isin(set(chosen) - {model})]
        part = scores[(scores["origin"] < half) if given.half == "first" else (scores["origin"] >= half)]
        print(f"\n##### {model}, {given.half} half")
        for level in LEVELS:
            rows = part[part["level"] == level]
            columns = ["model", "n", *MEASURES, "inside_90", "log_score"]
            told(level, fc.summarise(rows).sort_values("crps_log")[columns])
            told(f"{level}: share of PITs in the middle 90 %", fc.coverage(rows, levels=[0.9], seed=1))
            told(f"{level}: the ensemble against each", against_all(rows, "ensemble"))
        print("mean weights", weights.groupby("model")["weight"].mean().round(3).to_dict())
        step = scores[(scores["level"] == "cell") & (scores["horizon"] == 1)]
        late = step[step["origin"].isin(sorted(step["origin"].unique())[-21:])]
        told("one step, the last 21 origins", late.groupby("model")[["log_score", "crps"]].mean().reset_index())


if __name__ == "__main__":
    main()
