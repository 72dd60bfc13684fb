"""`write_demo`: the simulated demo files that ship in data/."""

import gzip
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.events.places import read_gazetteer
from forecast.files import safe_write, write_csv
from forecast.simulate.events import SimulatedEvents, simulate_events
from forecast.simulate.indicators import simulate_indicators

__all__ = ["DEMO_SEED", "write_demo"]

DEMO_SEED = 1
# Share of the indicators' values that nobody published.
_MISSING = 0.2


def write_demo(folder: str | Path, *, seed: int = DEMO_SEED) -> tuple[Path, ...]:
    """Write the demo's event file, its capability series, indicators of it and its truth, and return their paths.

    `demo_events_simulated.csv.gz` is a raw file of source 'plain'; `demo_capability_simulated.csv` has the columns
    force, period, capability (SDs); `demo_indicators_simulated.csv` has indicators of it, for `read_indicators`;
    `demo_truth_simulated.csv.gz` has one row per province, tactic and month: the attacks simulated and expected, the
    force there and its capability, the slope on it and the dispersion.
    """
    simulated = simulate_events(seed=seed)
    events = Path(folder, "demo_events_simulated.csv.gz")
    capability = Path(folder, "demo_capability_simulated.csv")
    indicators = Path(folder, "demo_indicators_simulated.csv")
    truth = Path(folder, "demo_truth_simulated.csv.gz")
    _write_gzip(events, simulated.events)
    write_csv(capability, simulated.truth["capability"].round(3).to_series().reset_index())
    simulate_indicators(simulated.truth["capability"], seed=seed, missing=_MISSING).indicators.save(indicators)
    _write_gzip(truth, _truth_table(simulated))
    return events, capability, indicators, truth


def _truth_table(simulated: SimulatedEvents) -> pd.DataFrame:
    """One row per province, tactic and month: attacks, expected, force, capability, slope, dispersion."""
    truth = simulated.truth
    cells = truth[[names.ATTACKS, names.MU]].to_dataframe().reset_index()
    force = read_gazetteer().table["partner_force"]
    capability = truth["capability"].to_series().rename("capability")
    table = cells.assign(force=cells[names.PROVINCE].map(force)).join(capability, on=[names.FORCE, names.PERIOD])
    for name, column in {"slope": "slope", names.PHI: "dispersion"}.items():
        table[column] = table[names.TACTIC].map(truth[name].to_series())
    table["expected"] = table[names.MU].map(lambda value: float(f"{value:.4g}"))
    table["capability"] = table["capability"].round(3)
    columns = [names.PROVINCE, names.TACTIC, names.PERIOD, names.ATTACKS, "expected", names.FORCE]
    return table[[*columns, "capability", "slope", "dispersion"]]


def _write_gzip(path: Path, table: pd.DataFrame) -> None:
    """Compressed CSV that is the same file for the same table: no time and no name in its header."""
    text = table.to_csv(index=False, lineterminator="\n")
    with safe_write(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
