"""Seconds of the fast engine on the panels that it was made for, cold and warm, and beside the floor of its algebra.

    python tests/benchmarks/laplace_speed.py [--growth] [--nuts]

Cold: the first fit in a process, after the import; warm: the next, without `start=`; started: the next with `start=`.
Each panel in a process of its own, from the panel to 1,000 joint draws of 12 steps. The floor is the number of
factorisations times the time of one. --growth fits the exponent of cost and memory in periods; --nuts also samples the
standard model on the simulated panel (4 × 1,000), which takes long. Times on a busy machine are upper bounds: processor
seconds are printed beside those of the clock.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import forecast as fc
from forecast.inference.laplace import approximate
from forecast.inference.linalg import BlockArrow, one_thread

sys.path.insert(0, str(Path(__file__).parents[1] / "statistical" / "reference"))
SIMULATED = (33, 6, 120)
PERIODS = (60, 120, 240, 480, 960)
TARGETS = {("standard", "cold"): 8.0, ("standard", "warm"): 5.0, ("walk per series", "cold"): 120.0}


def with_walks() -> fc.Model:
    """The standard model with a walk per series beside those by province and tactic."""
    standard = fc.standard_model()
    return fc.Model([*standard.terms, fc.Walk(by=("province", "tactic"))], standard.family, "walk per series")


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
    approximate(fc.standard_model(), panel, seed=1)
    _, _, processor = timed(lambda: approximate(fc.standard_model(), panel, seed=1))
    return processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sampled() -> float:
    """Seconds of the sampler on the simulated panel, imports and compilation in."""
    return timed(lambda: fc.fit(fc.standard_model(), panel_of("simulated"), engine="nuts", seed=1))[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--nuts", action="store_true")
    given = parser.parse_args()
    warm = np.nan
    for panel, model in (
        ("simulated", fc.standard_model()),
        ("simulated", with_walks()),
        ("iraq_weekly", with_walks()),
    ):
        for how, clock, processor in in_a_process(measured, panel, model, model.name == "standard"):
            target = TARGETS.get((model.name, how)) if panel == "simulated" else None
            told = "" if target is None else f" (target {target:g}: {'met' if clock <= target else 'NOT met'})"
            print(f"{panel}, {model.name}, {how}: {clock:.2f}, processor {processor:.2f}{told}", flush=True)
            warm = clock if (panel, model.name, how) == ("simulated", "standard", "warm") else warm
    if given.growth:
        found = np.array([in_a_process(growth, periods) for periods in PERIODS])
        for label, column in zip(("seconds", "GB"), found.T, strict=True):
            slope = np.polyfit(np.log(PERIODS), np.log(column), 1)[0]
            print(f"{label} at {PERIODS} periods: {column.round(2)}; exponent {slope:.2f} (target 1.15)")
    if given.nuts:
        print(f"the sampler takes {in_a_process(sampled) / warm:.0f} times as long (target 300)")


if __name__ == "__main__":
    main()
