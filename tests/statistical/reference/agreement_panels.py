"""The panels on which other software was run, made anew from their seeds, and the table that the other software reads.

python tests/statistical/reference/agreement_panels.py FOLDER      # writes bambi_panel.csv and glmmtmb_panel.csv
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from stated_priors import with_stated_priors

import forecast as fc
from forecast.files import write_text
from forecast.model.families import NegativeBinomial
from forecast.model.spec import Model
from forecast.model.terms import Excitation, Intercept, Pooled
from forecast.panel.panel import Panel

STILL = {"province_walk_sd": 0.0, "tactic_walk_sd": 0.0, "season_sd": 0.0}
MODEL = Model(
    [Intercept(), Pooled("province"), Pooled("tactic"), Pooled("province", "tactic"), Excitation()],
    NegativeBinomial(by=None),
)


def model_of(panel: Panel) -> Model:
    """With the priors that the other software was given."""
    return with_stated_priors(MODEL, panel)


def panel_of(name: str) -> Panel:
    """The panel by the name of the software: levels and a lag, no walks."""
    size, seed = {"bambi": ((8, 3, 48), 31), "glmmtmb": ((20, 6, 80), 32)}[name]
    return fc.simulate_panel(*size, seed=seed, mean=2.0, excitation=0.2, **STILL).panel


def table_of(panel: Panel) -> str:
    """CSV of the cells that are fitted (all periods but the first), with the lag as `Excitation` has it, centred."""
    counts = panel.attacks.values.astype(int)
    lag = np.log1p(counts)[..., :-1] - np.log1p(counts).mean()
    rows, columns, times = np.indices(lag.shape).reshape(3, -1)
    table = pd.DataFrame(
        {
            "province": [f"p{row:02d}" for row in rows],
            "tactic": [f"t{column}" for column in columns],
            "series": [f"p{row:02d}_t{column}" for row, column in zip(rows, columns, strict=True)],
            "t": times + 1,
            "attacks": counts[..., 1:].ravel(),
            "lag": lag.ravel(),
            "centre": np.log((counts.sum() + 0.5) / counts.size),
        }
    )
    return str(table.to_csv(index=False, float_format="%.10f", lineterminator="\n"))


def table_hash(text: str) -> str:
    """SHA-256 of the table."""
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    for name in ("bambi", "glmmtmb"):
        write_text(Path(sys.argv[1]) / f"{name}_panel.csv", table_of(panel_of(name)))
