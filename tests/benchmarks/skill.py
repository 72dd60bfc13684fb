"""Skill on two real panels: variants, chosen on the first half of the origins, and the ensemble, told on the second.

    python tests/benchmarks/skill.py iraq --output out/skill_iraq [--workers 2]
    python tests/benchmarks/skill.py syria --output out/skill_syria

Iraq by week (18 provinces, three tactics): origins after weeks 26 to 62, eight weeks ahead. Syria by month (attacks in
which IS stands on either side, province and type of violence): origins after months 24 to 41, six months ahead. The
panel's hash is printed, so that a table can be told to be of these data. Forecasts are kept in the folder; a run that
was broken off goes on.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import forecast as fc
from forecast.inference.store import panel_hash

sys.path.insert(0, str(Path(__file__).parents[1] / "statistical" / "reference"))
PANELS = {"iraq": ("iraq_weekly", range(26, 63), 8), "syria": ("syria_monthly", range(24, 42), 6)}
MEASURES = ("crps", "crps_log", "ignorance")


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


def told(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.round(4).to_string(index=False)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", choices=PANELS)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="variants; all by default")
    given = parser.parse_args()
    from engines_models import CASES

    name, numbers, horizon = PANELS[given.panel]
    panel = CASES[name].panel()
    ends = panel.dataset["period_end"].values
    origins = [pd.Timestamp(ends[number - 1]) for number in numbers]
    print(
        f"{panel!r}\nhash {panel_hash(panel)}; {len(origins)} origins, {origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}"
    )
    models = {key: model for key, model in variants().items() if not given.only or key in given.only}
    begun = time.perf_counter()
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as executor:
        done = fc.backtest(
            models,
            panel,
            origins=origins,
            horizon=horizon,
            seed=1,
            engine="laplace",
            executor=executor,
            folder=given.output,
            resume=True,
            step=lambda text, number, total: print(f"{number}/{total} {text}", flush=True),
        )
    print(f"{time.perf_counter() - begun:.0f} s; {len(done.failures)} failed")
    done, weights = fc.ensemble(done, panel, seed=2)
    half = origins[len(origins) // 2]
    for part, chosen in (("first half", done.scores["origin"] < half), ("second half", done.scores["origin"] >= half)):
        scores = done.scores[chosen]
        for level in ("cell", "country", "tactic", "total"):
            rows = scores[scores["level"] == level].drop(columns="level")
            told(
                f"{part}, {level}",
                fc.summarise(rows).sort_values("crps_log")[["model", "n", *MEASURES, "inside_90", "log_score"]],
            )
            for measure in MEASURES:
                table = fc.skill(rows, "recent_mean", measure)
                told(f"{part}, {level}: {measure} against recent_mean", table.drop(columns=["n", "origins"]))
            inside = fc.pit_table(rows, seed=1).groupby("model")["inside_90"].first().reset_index()
            told(f"{part}, {level}: share of PITs in the middle 90 %", inside)
    last = weights[weights["origin"] == weights["origin"].max()]
    told("weights at the last origin", last[["model", "weight"]])
    print("mean weights", weights.groupby("model")["weight"].mean().round(3).to_dict())
    print(
        "CRPS of one step, cells",
        {
            model: round(float(np.mean(rows["crps"])), 3)
            for model, rows in done.of("cell")[done.of("cell")["horizon"] == 1].groupby("model")
        },
    )


if __name__ == "__main__":
    main()
