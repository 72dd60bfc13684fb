"""Seconds of a backtest of one model, by number of workers; the scores must be the same.

    python tests/benchmarks/backtest_speed.py iraq quick standard [--workers 1 2]
    python tests/benchmarks/backtest_speed.py simulated quick --workers 2

iraq: the weekly panel, 37 origins, eight weeks ahead. simulated: 54 series, 120 months, 60 origins, twelve ahead. The
imports of the workers are counted.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

import forecast as fc

sys.path.insert(0, str(Path(__file__).parents[1] / "statistical" / "reference"))
MODELS = {"quick": fc.quick_model, "standard": fc.standard_model}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", choices=["iraq", "simulated"])
    parser.add_argument("models", nargs="+", choices=MODELS)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    given = parser.parse_args()
    if given.panel == "iraq":
        from engines_models import CASES

        panel, horizon = CASES["iraq_weekly"].panel(), 8
        ends = panel.dataset["period_end"].values
        origins = [pd.Timestamp(ends[number - 1]) for number in range(26, 63)]
    else:
        panel, horizon, origins = fc.simulate_panel(18, 3, 120, seed=1).panel, 12, 60
    for name in given.models:
        seconds, scores = [], []
        for workers in given.workers:
            begun = time.perf_counter()
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
                done = fc.backtest(
                    [MODELS[name]()],
                    panel,
                    origins=origins,
                    horizon=horizon,
                    baselines=False,
                    seed=1,
                    engine="laplace",
                    executor=executor,
                )
            seconds.append(time.perf_counter() - begun)
            scores.append(done.scores)
            print(f"{given.panel} {name}: {seconds[-1]:.1f} s with {workers} workers", flush=True)
            assert done.failures.empty
            pd.testing.assert_frame_equal(scores[0], scores[-1])
        if len(seconds) > 1:
            gain = seconds[0] / seconds[-1]
            print(f"{gain:.2f} times as fast, {gain / given.workers[-1] * given.workers[0]:.0%} of what is there")


if __name__ == "__main__":
    main()
