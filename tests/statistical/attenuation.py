"""What becomes of a slope on capability that is known through a noisy indicator: four ways, over many replicates.

    python tests/statistical/attenuation.py --replicates 200 --seed 1       # writes data/attenuation.csv

One force, 72 months, one indicator as noisy as the path is wide, a slope of −0.4. `raw`: the indicator itself as the
covariate; `cut`: paths drawn without the counts, a fit to each, the posteriors pooled; `mean`: the path's mean taken
for the truth; `error`: the default. One row per replicate and way: estimate, 90 % bounds, and `theory`: the slope that
the true path has on the covariate, times −0.4, which is what a regression on it finds.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import forecast as fc
from forecast.datasets import data_path
from forecast.simulate.processes import unit_autoregression

REFERENCE = data_path("attenuation.csv")
SLOPE, MONTHS, PROVINCES, MEAN, PHI, HALF_LIFE = -0.4, 72, 3, 6.0, 5.0, 12.0
WAYS = ("raw", "cut", "mean", "error")
# Paths that are drawn for `cut`.
PATHS = 20


def replicate(seed: int) -> pd.DataFrame:
    """One row per way."""
    rng = np.random.default_rng(seed)
    path = unit_autoregression(rng, 1, MONTHS, half_life=HALF_LIFE, freq="MS")[0]
    indicator = path + rng.standard_normal(MONTHS)
    panel = _panel(rng, path)
    measured = fc.measure_capability(_indicators(panel, indicator), seed=seed)
    attached = measured.attach(panel)
    mean = measured.mean.values[0]
    drawn = measured.dataset["path"].values[:, 0]
    # What the true path has on each covariate: on drawn paths, that of the pooled regression.
    found = {
        "raw": np.polyfit(indicator, path, 1)[0],
        "cut": np.mean([np.polyfit(each, path, 1)[0] for each in drawn]),
        "mean": np.polyfit(mean, path, 1)[0],
    }
    rows = []
    for way in WAYS:
        if way == "raw":
            slopes, passed = _fitted_to(panel, [indicator], seed)
        elif way == "cut":
            slopes, passed = _fitted_to(panel, _paths(attached, seed), seed)
        else:
            fit = fc.fit(_model(way), attached, engine="laplace", seed=seed)
            slopes, passed = fit.posterior["slope_capability"].values, bool(fit.diagnostics["passed"].all())
        lower, estimate, upper = np.quantile(slopes, [0.05, 0.5, 0.95])
        rows.append((seed, way, estimate, lower, upper, SLOPE * found.get(way, 1.0), passed))
    return pd.DataFrame(rows, columns=["seed", "way", "estimate", "lower", "upper", "theory", "passed"])


def _model(propagate: str = "error") -> fc.Model:
    terms = [fc.Intercept(), fc.Pooled("province"), fc.Covariate("capability", propagate=propagate)]
    return fc.Model(terms, fc.NegativeBinomial(by=None))


def _paths(attached: fc.Panel, seed: int) -> np.ndarray:
    """Paths of the force drawn from what the indicators say of it, (path, period)."""
    measured = attached.measured("capability")
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    return measured.paths(rng.standard_normal((PATHS, measured.factor.shape[2])))[:, 0]


def _fitted_to(panel: fc.Panel, paths: Iterable[np.ndarray], seed: int) -> tuple[np.ndarray, bool]:
    """Slopes on paths that are taken for the truth, those of all pooled, and whether every fit passed its checks."""
    slopes, passed, fit = [], True, None
    for number, path in enumerate(paths):
        known = xr.DataArray(path, {"period": panel.dataset["period"]}, ("period",), "capability")
        attached = panel.with_covariate("capability", known)
        fit = fc.fit(_model(), attached, engine="laplace", start=fit, seed=seed + number)
        # A covariate without a unit of its own is standardised.
        slopes.append(fit.posterior["slope_capability"].values.ravel() / path.std())
        passed = passed and bool(fit.diagnostics["passed"].all())
    return np.concatenate(slopes), passed


def _panel(rng: np.random.Generator, path: np.ndarray) -> fc.Panel:
    template = fc.simulate_panel(PROVINCES, 1, MONTHS, seed=0, n_forces=1).panel
    level = 0.5 * rng.standard_normal(PROVINCES)
    mu = MEAN * np.exp(level[:, None, None] + SLOPE * path)
    counts = rng.poisson(mu * rng.gamma(PHI, size=mu.shape) / PHI)
    dims = template.dataset["attacks"].dims
    force = np.full((PROVINCES, MONTHS), "F")
    return replace(template, dataset=template.dataset.assign(attacks=(dims, counts), force=(dims[::2], force)))


def _indicators(panel: fc.Panel, values: np.ndarray) -> fc.Indicators:
    table = pd.DataFrame({"period_start": panel.periods, "period_end": panel.dataset["period_end"].values})
    return fc.Indicators.from_frame(table.assign(force="F", indicator="i", value=values, scale="index", direction=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=REFERENCE)
    given = parser.parse_args()
    tables = []
    for number in range(given.replicates):
        tables.append(replicate(1000 * given.seed + number))
        pd.concat(tables).round(5).to_csv(given.output, index=False)
        print(number, flush=True)


if __name__ == "__main__":
    main()
