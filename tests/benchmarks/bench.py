"""`make bench`: cost of the fast engine and skill of its model as ratios, kept in history.csv; a loss over 20 % fails.

    python tests/benchmarks/bench.py [--accept]

Cost is processor seconds of a second fit with its forecast over those of a fixed computation (Cholesky factors,
exponentials, gamma draws) in the same process, so that numbers of two machines can be compared, roughly on a busy one.
Skill is the CRPS of log(1 + count) over that of `recent_mean`, from the last four origins of simulated panels. Of both
less is better. Each is held against the median of the last five runs that were kept; where it is more than a fifth
above, the run is not kept and the exit code is 1, unless the loss is accepted.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg

import forecast as fc
from forecast.baselines.naive import RecentMean

sys.path.insert(0, str(Path(__file__).parent))
HISTORY = Path(__file__).parent / "history.csv"
KEY = ["table", "row", "measure"]
LOSS, RUNS = 1.2, 5
ENGINE = ("demo", "simulated-quick", "zeros")
SKILL = ("calm", "decline", "sparse")
ORIGINS, DRAWS = 4, 500


def main() -> None:
    """Measure, print, compare, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="keep the run whatever it lost")
    accept = parser.parse_args().accept
    from engine import in_a_process

    tables = [in_a_process(cost, row) for row in ENGINE] + [in_a_process(skill, panel) for panel in SKILL]
    run = pd.concat(tables, ignore_index=True)
    history = pd.read_csv(HISTORY) if HISTORY.is_file() else pd.DataFrame(columns=["day", "version", *KEY, "ratio"])
    compared = against(history, run)
    print(compared.to_string(index=False))
    lost = compared[compared["lost"]]
    if len(lost) and not accept:
        sys.exit(f"{len(lost)} of {len(compared)} are over {100 * (LOSS - 1):.0f} % worse than before; not kept")
    kept = run.assign(day=f"{date.today():%Y-%m-%d}", version=fc.__version__, ratio=run["ratio"].round(4))
    pd.concat([history, kept[history.columns]], ignore_index=True).to_csv(HISTORY, index=False)


def against(history: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """A run beside the median of the last ones that were kept; what is new is lost to none."""
    before = history.groupby(KEY)["ratio"].apply(lambda ratios: ratios.tail(RUNS).median())
    compared = run.merge(before.rename("before").astype(float), how="left", left_on=KEY, right_index=True)
    change = compared["ratio"] / compared["before"]
    return compared.assign(change=change, lost=change > LOSS)


def cost(row: str) -> pd.DataFrame:
    """Processor seconds of a row of `engine.py` over those of the fixed computation, around it in time."""
    from engine import ROWS, timed

    from forecast.inference.laplace.engine import approximate

    panel, model, _, _ = ROWS[row]
    data = panel()

    def road() -> bool:
        fit = approximate(model(), data, seed=1)
        fc.predict(fit, 12, seed=1)
        return bool(fit.diagnostics["passed"].all())

    road()
    first = timed(reference)[2]
    passed, _, seconds = timed(road)
    fixed = (first + timed(reference)[2]) / 2
    if not passed:
        sys.exit(f"{row}: the fit did not pass its checks")
    return pd.DataFrame({"table": ["engine"], "row": [row], "measure": ["cost"], "ratio": [seconds / fixed]})


def reference() -> None:
    """A fixed computation of the kind that the engine does."""
    rng = np.random.default_rng(1)
    square = rng.normal(size=(400, 400))
    matrix = square @ square.T + 400 * np.eye(400)
    for _ in range(60):
        linalg.cho_factor(matrix)
        np.exp(rng.gamma(1.5, size=200_000) - 5.0).sum()


def skill(name: str) -> pd.DataFrame:
    """CRPS of log counts of the quick model over that of the mean of recent periods, for cells and totals."""
    from panels import PANELS

    tuned = PANELS[name]
    panel = tuned.panel()
    days = tuned.days(panel)[-ORIGINS:]
    models = [fc.quick_model(), RecentMean()]
    how = {"horizon": tuned.horizon, "draws": DRAWS, "seed": 1, "baselines": False}
    done = fc.backtest(models, panel, origins=days, **how)
    means = done.scores.groupby(["level", "model"])["crps_log"].mean().unstack()
    ratios = means["quick"] / means["recent_mean"]
    rows = {"table": "skill", "row": name, "measure": [f"crps_log {level}" for level in ("cell", "total")]}
    return pd.DataFrame(rows | {"ratio": ratios[["cell", "total"]].to_numpy()})


if __name__ == "__main__":
    main()
