"""Fit the table of `agreement_panels.py` with Bambi, which the package does not depend on, and keep the moments.

    python bambi_reference.py bambi_panel.csv bambi.csv    # in an environment with Bambi 0.17, PyMC 5.28 and nutpie

Priors are those of the package. Bambi has the slope's Normal(0, 0.3) without the cut at ±1, which lies more than ten
posterior standard deviations away. `bambi.json` says versions, seed and the hash of the table.
"""

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import arviz as az
import bambi as bmb
import numpy as np
import pandas as pd

SEED, DRAWS, CHAINS = 7, 5000, 4


def main(source: Path, target: Path) -> None:
    data = pd.read_csv(source)
    level = bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfNormal", sigma=1))
    priors = {
        "Intercept": bmb.Prior("Normal", mu=float(data["centre"].iloc[0]), sigma=2),
        "lag": bmb.Prior("Normal", mu=0, sigma=0.3),
        "alpha": bmb.Prior("LogNormal", mu=1, sigma=1),
        **{f"1|{group}": level for group in ("province", "tactic", "series")},
    }
    model = bmb.Model(
        "attacks ~ 1 + lag + (1|province) + (1|tactic) + (1|series)",
        data, family="negativebinomial", priors=priors, center_predictors=False,
    )  # fmt: skip
    idata = model.fit(
        draws=DRAWS, tune=1000, chains=CHAINS, cores=2, random_seed=SEED, inference_method="nutpie",
        target_accept=0.95, progressbar=False,
    )  # fmt: skip
    posterior = idata.posterior
    kept = posterior[[name for name in posterior.data_vars if not str(name).endswith(("_offset", "__"))]]
    kept = kept.assign(log_phi=np.log(kept["alpha"])).drop_vars("alpha")
    moments = az.summary(kept, kind="all", round_to="none")
    moments["ess"] = moments[["ess_bulk", "ess_tail"]].min(axis=1)
    moments.index.name = "parameter"
    moments[["mean", "sd", "mcse_mean", "mcse_sd", "ess", "r_hat"]].to_csv(target, float_format="%.6f")
    facts = {name: version(name) for name in ("bambi", "pymc", "nutpie", "arviz")}
    facts |= {"seed": SEED, "draws": DRAWS, "chains": CHAINS, "table": hashlib.sha256(source.read_bytes()).hexdigest()}
    facts["divergences"] = int(idata.sample_stats["diverging"].sum())
    target.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
