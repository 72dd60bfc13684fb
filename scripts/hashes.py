"""Hashes of what the package answers on fixed inputs and seeds: the same before and after a move of code.

    python scripts/hashes.py > before.txt
    … move code …
    python scripts/hashes.py | diff before.txt -

They belong to a machine and its libraries (sums are in another order elsewhere), so that the repository keeps none.
`tests/scripts/test_hashes.py` asks that another process gives the same ones, and another seed others.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecast as fc
from forecast.init.look import look
from forecast.init.told import describe

DATA = Path(__file__).resolve().parents[1] / "data"
SEEDS = (1, 2, 3)
HORIZON, DRAWS = 3, 200


def every_term() -> tuple[fc.Panel, fc.Model]:
    """A model with each kind of term, on a panel that serves them all."""
    terms = [
        fc.Intercept(),
        fc.Pooled("province", "tactic"),
        fc.Spatial(),
        fc.Walk(by="province", breaks="2016-06-01"),
        fc.Walk(by="tactic", damping=1),
        fc.Shock(),
        fc.Season(1, by="tactic"),
        fc.Step("2016-03-01", by="province"),
        fc.Covariate("capability", by="tactic", lag=1),
        fc.Covariate("ramadan"),
        fc.Excitation(),
        fc.Spillover(),
    ]
    panel = fc.simulate_panel(4, 2, 30, seed=1, mean=3.0, capability_slope=-0.3).panel
    return panel, fc.Model(terms, fc.NegativeBinomial())


def quick() -> tuple[fc.Panel, fc.Model]:
    """Walks of provinces and of tactics."""
    return fc.simulate_panel(6, 3, 40, seed=2).panel, fc.quick_model()


def many_zeros() -> tuple[fc.Panel, fc.Model]:
    """A family with two parameters, on a panel that is mostly zero."""
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Walk(by=())]
    return fc.simulate_panel(4, 2, 30, seed=3, mean=0.5).panel, fc.Model(terms, fc.ZeroInflatedNegativeBinomial())


def published() -> tuple[fc.Panel, fc.Model]:
    """Totals and parts of a zone, as publishers print them."""
    table = pd.read_csv(DATA / "syria_reports.csv")
    months = pd.to_datetime(table["period_start"]).between("2021-01-01", "2022-12-01")
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Walk(by="zone")]
    return fc.Panel.from_published(table[months]), fc.Model(terms, fc.NegativeBinomial(by=None))


def naive() -> tuple[fc.Panel, Any]:
    """A baseline."""
    return fc.simulate_panel(6, 3, 40, seed=4).panel, fc.NegativeBinomialRegression()


FILES = {"ucdp_myanmar": "ucdp", "ucdp_syria_is": "ucdp", "demo_events_simulated": "plain"}


def of_events(name: str) -> str:
    """Hash of a shipped file's events with their ledger, and of what `init` sees in it."""
    path = DATA / f"{name}.csv.gz"
    events = fc.read_events(path, source=FILES[name], nearest=True)
    texts = [
        part.to_csv()
        for part in (events.table, events.unlocated, events.older, events.ledger.to_frame())
        if part is not None
    ]
    return hashlib.sha256("\n".join([*texts, describe(look([path]))]).encode()).hexdigest()


FORECASTS: Mapping[str, Callable[[], tuple[fc.Panel, Any]]] = {
    case.__name__: case for case in (every_term, quick, many_zeros, published, naive)
}


def of_forecast(case: str, seed: int) -> str:
    """Hash of a fit's draws ahead."""
    panel, model = FORECASTS[case]()
    if isinstance(model, fc.Model):
        fitted = fc.approximate(model, panel, fc.LaplaceOptions(draws=DRAWS), seed=seed)
    else:
        fitted = fc.fit(model, panel, seed=seed)
    futures = {name: fc.hold_last() for name in panel.covariates}
    draws = fc.predict(fitted, HORIZON, futures=futures, seed=seed).draws
    return hashlib.sha256(np.ascontiguousarray(draws.values)).hexdigest()


def main() -> None:
    """One line for each case and seed."""
    for case in FORECASTS:
        for seed in SEEDS:
            print(case, seed, of_forecast(case, seed), flush=True)
    for name in FILES:
        print(name, "-", of_events(name))


if __name__ == "__main__":
    sys.exit(main())
