"""Slopes of attacks on partner activity, real data: Iraq by week, 2007 to 2008, air strikes and raids of the coalition.

    python tests/statistical/reference/iraq_strikes.py      # writes data/iraq_strikes.csv, from the folder of real data

Two readings of the same records: as indicators (weekly numbers of strikes and of raids, direction 1 assumed) of one
path for the whole country, and as a covariate of each province (log of 1 + strikes and raids of the week before). Each
with and without walks. One row per reading, walks, and tactic.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from engines_models import CASES, DATA

import forecast as fc
from forecast.datasets import data_path
from forecast.files import write_csv

REFERENCE = data_path("iraq_strikes.csv")
FORCE = "partner"


def indicators_of(panel: fc.Panel) -> fc.Indicators:
    """Weekly numbers of strikes and of raids in the whole country."""
    raw = pd.read_csv(DATA / "iraq_strikes_2007_2008.csv.gz", parse_dates=["date"])
    week = raw["date"].dt.to_period("W-SUN").dt.start_time
    counts = pd.crosstab(week, raw["type"]).reindex(panel.periods, fill_value=0)
    table = counts.rename_axis(index="period_start", columns="indicator").stack().rename("value").reset_index()
    table["period_end"] = table["period_start"] + pd.Timedelta(days=6)
    return fc.Indicators.from_frame(table.assign(force=FORCE, scale="count", direction=1))


def in_provinces(panel: fc.Panel) -> xr.DataArray:
    """Log of 1 + strikes and raids of each province and week."""
    events = fc.read_events(
        DATA / "iraq_strikes_2007_2008.csv.gz",
        source="plain",
        columns={"tactic": "type"},
        gazetteer=fc.read_gazetteer().select(["Iraq"]),
        boundaries=fc.Boundaries({}),
        nearest=True,
        max_distance_km=300,
    )
    counted = fc.build_panel(
        events,
        freq="W",
        gazetteer=fc.read_gazetteer().select(["Iraq"]),
        start=panel.periods[0],
        end=panel.origin,
        seed=1,
    )
    return np.log1p(counted.attacks.sum("tactic")).sel(province=panel.provinces)


def main() -> None:
    panel = CASES["iraq_weekly"].panel()
    force = np.full(panel.dataset["force"].shape, FORCE)
    panel = replace(panel, dataset=panel.dataset.assign(force=(("province", "period"), force)))
    measured = fc.measure_capability(indicators_of(panel), freq="W", start=panel.periods[0], end=panel.origin, seed=1)
    print(measured, measured.loadings, sep="\n")
    levels = [fc.Intercept(), fc.Pooled("province"), fc.Pooled("tactic"), fc.Pooled("province", "tactic")]
    walks = [fc.Walk(by="country"), fc.Walk(by="province"), fc.Walk(by="tactic")]
    local = panel.with_covariate("capability", in_provinces(panel))
    rows = []
    for reading, data, lag in (
        ("path of the country", measured.attach(panel), 0),
        ("each province, week before", local, 1),
    ):
        for with_walks in (False, True):
            terms = [*levels, *(walks if with_walks else []), fc.Covariate("capability", by="tactic", lag=lag)]
            fit = fc.fit(fc.Model(terms), data, engine="laplace", seed=1)
            table = fc.percent_change(fit)
            table = table[table["force"] == "all"].drop(columns="force")
            rows.append(table.assign(reading=reading, walks=with_walks, passed=fit.diagnostics["passed"].all()))
            print(rows[-1].to_string(), fit.diagnostics.tail(2).to_string(), sep="\n", flush=True)
    write_csv(REFERENCE, pd.concat(rows).round(3))


if __name__ == "__main__":
    main()
