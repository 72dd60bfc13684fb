"""Seconds, memory and effective draws of the fast engine on the panels that it was made for.

    python tests/benchmarks/engine.py [ROW ...] [--growth growth.png] [--peers FOLDER]

Cold: the first fit in a process, after the import (machine code is on disk from the second run of this script on);
warm: the next one with `start=`. Each row in a process of its own, from the panel to 1,000 joint draws of 12 steps.
--growth fits the exponents of cost and memory in periods and in series, and draws them. --peers runs hhh4.R and
glmmtmb.R of a folder beside what matches them: glmmTMB's own model, and on the real weekly panel one-step forecasts
from 21 origins with their scores. Times on a busy machine are upper bounds: processor seconds are printed beside
those of the clock.
"""

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scoringrules import crps_ensemble

import forecast as fc
from forecast.config import Settings
from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inputs import load_source

sys.path.insert(0, str(Path(__file__).parents[1] / "statistical" / "reference"))
SHARED = Path(__file__).parents[3] / "shared" / "data"
SIMULATED = (33, 6, 120)
PERIODS, PROVINCES = (60, 120, 240, 480, 960), (7, 20, 60, 200)


def with_walks() -> fc.Model:
    """The quick model with a walk per series beside those by province and tactic."""
    quick = fc.quick_model()
    return fc.Model([*quick.terms, fc.Walk(by=("province", "tactic"))], quick.family, "walk per series")


def syria() -> fc.Panel:
    """Attacks of IS in Syria by month, from UCDP GED."""
    settings = {
        "data": {"source": "ucdp", "paths": [SHARED / "ucdp_ged_syria_2016_2019.csv.gz"]},
        "places": {"countries": ["Syria"]},
        "panel": {"freq": "MS", "actor": "IS", "start": "2016-01-01", "end": "2019-11-30"},
    }
    return load_source(Settings.model_validate(settings)).at()


def simulated() -> fc.Panel:
    """33 provinces, 6 tactics, 120 months."""
    return fc.simulate_panel(*SIMULATED, seed=1).panel


def iraq() -> fc.Panel:
    """The real weekly panel of the agreement gate."""
    from engines_models import CASES

    return CASES["iraq_weekly"].panel()


# Panel, model, and what a first and a warm fit must take, in seconds on two cores.
ROWS: dict[str, tuple[Callable[[], fc.Panel], Callable[[], fc.Model], float, float | None]] = {
    "syria": (syria, fc.standard_model, 30, None),
    "simulated-quick": (simulated, fc.quick_model, 4, 4),
    "simulated-walks": (simulated, with_walks, 25, None),
    "iraq": (iraq, fc.standard_model, 8, 4),
    "sparse": (lambda: fc.simulate_panel(46, 4, 72, seed=3, mean=0.25).panel, fc.standard_model, 60, None),
    "demo": (fc.load_demo, fc.quick_model, 15, None),
    "zeros": (lambda: fc.simulate_panel(18, 4, 72, seed=1, mean=1e-9).panel, fc.quick_model, 30, None),
    "500-provinces": (lambda: fc.simulate_panel(500, 1, 48, seed=1).panel, fc.quick_model, 120, None),
}


def timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    """What an action gives, and its seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - clock, time.process_time() - processor


def measured(row: str) -> list[str]:
    """Lines on a cold and a warm fit with their forecasts, and on memory."""
    panel, model, cold, warm = ROWS[row]
    data, made, lines, fit = panel(), model(), [], None
    for how, must in (("cold", cold), ("warm", warm)):

        def road(start: Any = fit) -> Any:
            found = approximate(made, data, start=start, seed=1)
            fc.predict(found, 12, seed=1)
            return found

        fit, clock, processor = timed(road)
        checks = ", ".join(f"{check} {value:.3g}" for check, value in fit.diagnostics[["check", "value"]].to_numpy())
        told = "" if must is None else f" (must {must:g}: {'met' if clock <= must else 'NOT met'})"
        passed = "passed" if fit.diagnostics["passed"].all() else "NOT passed"
        lines.append(f"{row}, {made.name}, {how}: {clock:.1f} s{told}, processor {processor:.1f}; {passed}: {checks}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [*lines, f"{row}: peak {peak:.2f} GB"]


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function's result from a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def growth(provinces: int, periods: int) -> tuple[float, float]:
    """Processor seconds of a second fit, and the peak of memory, on a panel of three tactics."""
    panel = fc.simulate_panel(provinces, 3, periods, seed=1).panel
    approximate(fc.quick_model(), panel, LaplaceOptions(draws=100), seed=1)
    _, _, processor = timed(lambda: approximate(fc.quick_model(), panel, LaplaceOptions(draws=100), seed=1))
    return processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


# Beside peers --------------------------------------------------------------------------------------------------------


def peer(script: Path, panel: fc.Panel, *arguments: str) -> dict[str, Any]:
    """What a peer's script prints for a panel."""
    frame = panel.to_frame()
    frame["t"] = frame["period"].rank(method="dense").astype(int) - 1
    frame["series"] = frame["province"].astype(str) + "." + frame["tactic"].astype(str)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "panel.csv"
        frame[["series", "province", "tactic", "t", "attacks"]].to_csv(table, index=False)
        done = subprocess.run(["Rscript", script, table, *arguments], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def beside_glmmtmb(script: Path) -> None:
    """The model that glmmTMB can express too: a lag and random intercepts."""
    panel = simulated()
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Pooled("tactic"), fc.Pooled("province", "tactic")]
    model = fc.Model([*terms, fc.Excitation()], fc.NegativeBinomial(by=None), "with a lag")
    own = [timed(lambda: approximate(model, panel, seed=1))[1] for _ in range(2)]
    theirs = peer(script, panel)["fit_s"]
    ratio = theirs / own[1]
    print(f"glmmTMB {theirs:.2f}, here {own[0]:.2f} and then {own[1]:.2f}: {ratio:.1f} times as fast (target 20)")


def beside_hhh4(script: Path, origins: int = 21) -> None:
    """One step ahead from the last origins of the real weekly panel, each fit starting from the one before."""
    panel = iraq()
    theirs = peer(script, panel, str(origins))
    print(
        f"hhh4: fit {theirs['fit_s']:.2f}, {origins} origins {theirs['rolling_s']:.2f} s, "
        f"log score {theirs['logs']:.3f}, RPS {theirs['rps']:.3f}",
        flush=True,
    )
    for model in (fc.quick_model(), with_walks()):
        fit, scores, seconds = None, [], []
        for number in range(len(panel.periods) - origins, len(panel.periods)):
            training = panel.between(end=panel.dataset["period_end"].values[number - 1])

            def road(model: fc.Model = model, training: fc.Panel = training, begun: Any = fit) -> Any:
                made = approximate(model, training, start=begun, seed=1)
                return made, fc.predict(made, 1, seed=1)

            (fit, ahead), clock, _ = timed(road)
            seconds.append(clock)
            scores.append(one_step_scores(ahead, panel.attacks.values[:, :, number]))
        log_score, rps = np.mean(scores, axis=0)
        print(
            f"{model.name}: first fit {seconds[0]:.2f}, {origins} origins {sum(seconds):.2f} s, "
            f"log score {log_score:.3f}, RPS {rps:.3f}",
            flush=True,
        )


def one_step_scores(ahead: fc.Forecast, observed: Any) -> tuple[float, float]:
    """Mean log score (of the mixture of the draws' negative binomials) and ranked probability score of the cells."""
    mu, phi = ahead.dataset["mu"].values[..., 0], ahead.dataset["phi"].values[:, None, :]
    mass = stats.nbinom.pmf(observed, phi, phi / (phi + mu)).mean(axis=0)
    draws = np.moveaxis(ahead.draws.values[..., 0], 0, -1).astype(float)
    return float(-np.log(mass).mean()), float(crps_ensemble(observed, draws, estimator="pwm").mean())


def growth_plotted(path: Path) -> None:
    """The exponents, printed and drawn."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(8, 7))
    by_series = {"periods": [(12, periods) for periods in PERIODS], "series": [(number, 72) for number in PROVINCES]}
    for row, (what, sizes) in zip(axes, by_series.items(), strict=True):
        numbers = np.array(PERIODS if what == "periods" else 3 * np.array(PROVINCES), dtype=float)
        found = np.array([in_a_process(growth, *size) for size in sizes])
        for axis, label, column in zip(row, ("seconds", "GB"), found.T, strict=True):
            slope, level = np.polyfit(np.log(numbers), np.log(column), 1)
            print(f"{label} at {numbers.astype(int).tolist()} {what}: {column.round(2)}; exponent {slope:.2f}")
            axis.loglog(numbers, column, "o", numbers, np.exp(level) * numbers**slope)
            axis.set(xlabel=what, ylabel=label, title=f"exponent {slope:.2f}")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--growth", type=Path, metavar="PNG")
    parser.add_argument("--peers", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    for row in given.rows or ([] if given.growth or given.peers else ROWS):
        print(*in_a_process(measured, row), sep="\n", flush=True)
    if given.growth:
        growth_plotted(given.growth)
    if given.peers:
        in_a_process(beside_glmmtmb, given.peers / "glmmtmb.R")
        in_a_process(beside_hhh4, given.peers / "hhh4.R")


if __name__ == "__main__":
    main()
