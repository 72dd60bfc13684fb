"""How often the test and the interval of `skill` see a difference that is not there, in simulated backtests.

    python tests/statistical/skill_size.py [--runs 5000]

Score differences of two models that are equally good by construction, at consecutive origins, several periods ahead:

- overlap: the difference h periods ahead is the sum of the shocks of those h periods, as when two models err to
  opposite sides; forecasts of neighbouring origins share most of their shocks;
- rivals: 20 series with log levels that are AR(1) (.9) with a common part, and counts around them; each of two models
  knows the levels but for errors of its own, common and by series, that last over the origins (AR(1), .8); the
  difference is that of their mean absolute errors.

Writes `reference/skill_size.csv`: design, origins, horizon, runs, size (share of runs that find a difference at 5 %:
the interval leaves out 0 exactly where p is below .05) and error (of that share, by Monte Carlo).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from forecast.evaluation.skill import long_run_error
from forecast.files import write_csv

REFERENCE = Path(__file__).parent / "reference" / "skill_size.csv"
SETTINGS = ((12, 6), (24, 6), (12, 1), (39, 8))
RUNS = 5000
SERIES = 20


def autoregressive(rng, shape, damping, sd):
    """Stationary AR(1) paths along the first axis, whose innovations have this SD."""
    path = np.empty(shape)
    path[0] = rng.normal(0, sd / np.sqrt(1 - damping**2), shape[1:])
    for time in range(1, shape[0]):
        path[time] = damping * path[time - 1] + rng.normal(0, sd, shape[1:])
    return path


def overlap(rng, origins, horizon, runs):
    """Score differences over (run, origin, horizon); see above."""
    sums = np.cumsum(np.concatenate([np.zeros((runs, 1)), rng.normal(size=(runs, origins + horizon))], axis=1), axis=1)
    return np.stack([sums[:, o + 1 : o + 1 + horizon] - sums[:, o : o + 1] for o in range(origins)], axis=1)


def rivals(rng, origins, horizon, runs):
    """Score differences over (run, origin, horizon); see above."""
    periods, damping = origins + horizon, 0.9
    shape = (periods, runs, SERIES)
    level = autoregressive(rng, (periods, runs, 1), damping, 0.3) + autoregressive(rng, shape, damping, 0.3)
    came = level + rng.normal(0, 0.5, shape)
    errors = [autoregressive(rng, (periods, runs, 1), 0.8, 0.15) + autoregressive(rng, shape, 0.8, 0.15) for _ in "ab"]
    differences = np.empty((runs, origins, horizon))
    for origin in range(origins):
        for ahead in range(1, horizon + 1):
            expected = level[origin] * damping**ahead
            first, second = (np.abs(came[origin + ahead] - expected - error[origin]).mean(axis=-1) for error in errors)
            differences[:, origin, ahead - 1] = first - second
    return differences


DESIGNS = {"overlap": overlap, "rivals": rivals}


def by_target(differences):
    """Sums by target period over (run, period), and of how many differences each is."""
    runs, origins, horizon = differences.shape
    total, size = np.zeros((runs, origins + horizon - 1)), np.zeros(origins + horizon - 1)
    for origin in range(origins):
        total[:, origin : origin + horizon] += differences[:, origin]
        size[origin : origin + horizon] += 1
    return total, size


def found(differences):
    """Which runs find a difference at 5 %."""
    total, size = by_target(differences)
    error, degrees = long_run_error(total, np.broadcast_to(size, total.shape))
    return 2 * stats.t.sf(np.abs(total.sum(axis=1) / size.sum()) / error, degrees) < 0.05


def sizes(runs, settings=SETTINGS, seed=1):
    """The table of the reference."""
    rows = []
    for design, simulate in DESIGNS.items():
        for origins, horizon in settings:
            rng = np.random.default_rng([seed, origins, horizon])
            share = float(found(simulate(rng, origins, horizon, runs)).mean())
            rows.append((design, origins, horizon, runs, share, np.sqrt(share * (1 - share) / runs)))
    return pd.DataFrame(rows, columns=["design", "origins", "horizon", "runs", "size", "error"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    table = sizes(parser.parse_args().runs).round(4)
    write_csv(REFERENCE, table)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
