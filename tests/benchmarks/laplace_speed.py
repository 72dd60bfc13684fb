"""Seconds of the fast engine on the panels that it was made for, cold and warm, and beside the floor of its algebra.

    python tests/benchmarks/laplace_speed.py [--only] [--growth growth.png] [--peers FOLDER] [--nutpie]

Cold: the first fit in a process, after the import; warm: the next, without `start=`; started: the next with `start=`.
Each panel in a process of its own, from the panel to 1,000 joint draws of 12 steps. The floor is the number of
factorisations times the time of one. --growth fits the exponent of cost and memory in periods and draws it. --peers
runs hhh4.R and glmmtmb.R of a folder beside what matches them: glmmTMB's own model, and on the real weekly panel
one-step forecasts from 21 origins with their scores. --nutpie samples the standard model in its PyMC form (4 × 1,000),
which takes long. --only leaves the rest out. Times on a busy machine are upper bounds: processor seconds are printed
beside those of the clock.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scoringrules import crps_ensemble

import forecast as fc
from forecast.inference.gaussian.block_arrow import BlockArrow
from forecast.inference.laplace.engine import approximate
from forecast.inference.machine import one_thread

sys.path.insert(0, str(Path(__file__).parents[1] / "statistical" / "reference"))
SIMULATED = (33, 6, 120)
PERIODS = (60, 120, 240, 480, 960)
TARGETS = {("quick", "cold"): 8.0, ("quick", "warm"): 5.0, ("walk per series", "cold"): 120.0}


def with_walks() -> fc.Model:
    """The quick model with a walk per series beside those by province and tactic."""
    quick = fc.quick_model()
    return fc.Model([*quick.terms, fc.Walk(by=("province", "tactic"))], quick.family, "walk per series")


def panel_of(name: str) -> fc.Panel:
    """The simulated panel, or a real one of the agreement gate."""
    if name == "simulated":
        return fc.simulate_panel(*SIMULATED, seed=1).panel
    from engines_models import CASES

    return CASES[name].panel()


@dataclass
class Seen:
    """How many matrices were factorised, and the last one."""

    count: int = 0
    last: BlockArrow | None = None

    def one(self, matrix: BlockArrow) -> None:
        """Take note of one more."""
        self.count, self.last = self.count + 1, matrix


def timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    """What an action gives, and its seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - clock, time.process_time() - processor


def measured(name: str, model: fc.Model, started: bool) -> list[tuple[str, float, float]]:
    """Cold, warm and started fits with their forecasts, then the floor and the peak of memory in GB."""
    panel = panel_of(name)
    rows, fit = [], None
    factorise, seen = BlockArrow.factorise, Seen()
    for how in ("cold", "warm", "started") if started else ("cold",):
        begun = fit if how == "started" else None

        def road(begun: Any = begun) -> Any:
            made = approximate(model, panel, start=begun, seed=1)
            fc.predict(made, 12, seed=1)
            return made

        BlockArrow.factorise = lambda self: seen.one(self) or factorise(self)  # type: ignore[method-assign]
        fit, clock, processor = timed(road)
        BlockArrow.factorise = factorise  # type: ignore[method-assign]
        rows.append((how, clock, processor))
        if how == "cold":
            number, matrix = seen.count, seen.last
            with one_thread():
                _, each, own = timed(lambda matrix=matrix: [factorise(matrix) for _ in range(3)])
            rows.append((f"floor of {number} factorisations", number * each / 3, number * own / 3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [*rows, ("peak GB", peak, peak)]


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function's result from a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def growth(periods: int) -> tuple[float, float]:
    """Processor seconds of a second fit, and the peak of memory, on a panel of so many periods."""
    panel = fc.simulate_panel(12, 3, periods, seed=1).panel
    approximate(fc.quick_model(), panel, seed=1)
    _, _, processor = timed(lambda: approximate(fc.quick_model(), panel, seed=1))
    return processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sampled() -> float:
    """Seconds of PyMC and nutpie on the simulated panel, compilation in."""
    import nutpie

    from forecast.inference.posterior.pymc_form import build_pymc

    def road() -> Any:
        form = build_pymc(fc.quick_model().bind(panel_of("simulated")))
        return nutpie.sample(nutpie.compile_pymc_model(form), draws=1000, chains=4, seed=1, progress_bar=False)

    return timed(road)[1]


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
    panel = panel_of("simulated")
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Pooled("tactic"), fc.Pooled("province", "tactic")]
    model = fc.Model([*terms, fc.Excitation()], fc.NegativeBinomial(by=None), "with a lag")
    own = [timed(lambda: approximate(model, panel, seed=1))[1] for _ in range(2)]
    theirs = peer(script, panel)["fit_s"]
    ratio = theirs / own[1]
    print(f"glmmTMB {theirs:.2f}, here {own[0]:.2f} and then {own[1]:.2f}: {ratio:.1f} times as fast (target 20)")


def beside_hhh4(script: Path, origins: int = 21) -> None:
    """One step ahead from the last origins of the real weekly panel, each fit starting from the one before."""
    panel = panel_of("iraq_weekly")
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

    found = np.array([in_a_process(growth, periods) for periods in PERIODS])
    _, axes = plt.subplots(1, 2, figsize=(8, 3.5))
    for axis, label, column in zip(axes, ("seconds", "GB"), found.T, strict=True):
        slope, level = np.polyfit(np.log(PERIODS), np.log(column), 1)
        print(f"{label} at {PERIODS} periods: {column.round(2)}; exponent {slope:.2f} (target 1.15)")
        axis.loglog(PERIODS, column, "o", PERIODS, np.exp(level) * np.array(PERIODS, dtype=float) ** slope)
        axis.set(xlabel="periods", ylabel=label, title=f"exponent {slope:.2f}")
    plt.tight_layout()
    plt.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="store_true", help="leave the panels out")
    parser.add_argument("--growth", type=Path, metavar="PNG")
    parser.add_argument("--peers", type=Path, metavar="FOLDER")
    parser.add_argument("--nutpie", action="store_true")
    given = parser.parse_args()
    panels = (
        ("simulated", fc.quick_model()),
        ("simulated", with_walks()),
        ("iraq_weekly", with_walks()),
    )
    for panel, model in () if given.only else panels:
        for how, clock, processor in in_a_process(measured, panel, model, model.name == "quick"):
            target = TARGETS.get((model.name, how)) if panel == "simulated" else None
            told = "" if target is None else f" (target {target:g}: {'met' if clock <= target else 'NOT met'})"
            print(f"{panel}, {model.name}, {how}: {clock:.2f}, processor {processor:.2f}{told}", flush=True)
    if given.growth:
        growth_plotted(given.growth)
    if given.peers:
        in_a_process(beside_glmmtmb, given.peers / "glmmtmb.R")
        in_a_process(beside_hhh4, given.peers / "hhh4.R")
    if given.nutpie:
        rows = in_a_process(measured, "simulated", fc.quick_model(), True)
        warm = next(clock for how, clock, _ in rows if how == "warm")
        theirs = in_a_process(sampled)
        print(f"PyMC and nutpie {theirs:.0f}, here {warm:.2f}: {theirs / warm:.0f} times as fast (target 300)")


if __name__ == "__main__":
    main()
