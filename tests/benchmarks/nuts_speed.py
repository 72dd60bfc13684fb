"""Minimum bulk ESS per second, compile time in, of one benchmark model: our engine, the obvious way, PyMC's default.

    python tests/benchmarks/nuts_speed.py [--small] [--seed 1]

The model: three pooled terms (province, tactic, province × tactic), a lag, a covariate and a season, negative binomial
with a dispersion per tactic, on the simulated panel of 33 provinces × 6 tactics × 120 months. The obvious way has the
same priors, all levels non-centred, one long vector of cells with indices, and `pm.NegativeBinomial`. Targets: 5 × the
obvious way with the same nutpie, and 10 × PyMC's default sampler. All are measured in one run, each over the same
parameters, in a process of its own, so that none finds what another compiled; --small is a quick look at less.
"""

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

import forecast as fc
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.backend import import_pymc, quiet
from forecast.model.families import NegativeBinomial
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Excitation, Intercept, Pooled, Season
from forecast.panel.panel import Panel

TARGETS = {"obvious, nutpie": 5.0, "obvious, PyMC's default": 10.0}
MODEL = Model(
    [
        Intercept(),
        Pooled("province"),
        Pooled("tactic"),
        Pooled("province", "tactic"),
        Excitation(),
        Covariate("capability"),
        Season(2),
    ],
    NegativeBinomial(),
    "benchmark",
)
# Parameters that all ways name alike; the smallest effective size is taken over every element of them.
COMPARED = (
    "intercept",
    "level_province",
    "level_tactic",
    "level_province_tactic",
    "sigma_level_province",
    "sigma_level_tactic",
    "sigma_level_province_tactic",
    "excitation",
    "slope_capability",
    "season",
    "sigma_season",
    "log_phi",
)


def benchmark_panel(small: bool, seed: int) -> Panel:
    """33 × 6 × 120, or 10 × 3 × 60."""
    sizes = (10, 3, 60) if small else (33, 6, 120)
    return fc.simulate_panel(*sizes, seed=seed, capability_slope=-0.2, excitation=0.2).panel


def obvious(panel: Panel) -> Any:
    """The same model as most would write it."""
    pm = import_pymc()
    import pytensor.tensor as pt

    bound = MODEL.bind(panel)
    province, tactic, period = np.unravel_index(bound.cells, bound.grid)
    block = {each.name: each for each in bound.blocks}
    past = block["excitation"].basis[0, province, tactic, period]
    covariate = np.broadcast_to(block["slope_capability"].basis[0], bound.grid)[province, tactic, period]
    waves = block["season"].basis[:, 0, 0, period]
    with quiet(compiling=False), pm.Model() as model:

        def level(name: str, shape: int | tuple[int, ...]) -> Any:
            sigma = pm.HalfNormal(f"sigma_{name}", 1.0)
            return pm.Deterministic(name, sigma * pm.Normal(f"{name}_z", 0.0, 1.0, shape=shape))

        eta = pm.Normal("intercept", block["intercept"].prior.mean, 2.0)
        eta += level("level_province", bound.grid[0])[province]
        eta += level("level_tactic", bound.grid[1])[tactic]
        eta += level("level_province_tactic", bound.grid[:2])[province, tactic]
        eta += pm.TruncatedNormal("excitation", 0.0, 0.3, lower=-1.0, upper=1.0) * past
        eta += pm.Normal("slope_capability", 0.0, 1.0) * covariate
        season = pm.HalfNormal("sigma_season", 0.5) * pm.Normal("season_z", 0.0, 1.0, shape=len(waves))
        eta += pt.dot(pm.Deterministic("season", season), waves)
        phi = pm.math.exp(pm.Normal("log_phi", 1.0, 1.0, shape=bound.grid[1]))
        mu = pm.math.exp(eta + bound.log_exposure.ravel()[bound.cells])
        pm.NegativeBinomial("attacks", mu=mu, alpha=phi[tactic], observed=bound.counts.value)
    return model


def sampled(way: str, panel: Panel, draws: int, seed: int) -> Any:
    """The posterior (ArviZ) in one of the ways."""
    if way == "ours":
        return sample_nuts(MODEL, panel, NutsOptions(draws=draws, tune=draws, progress=False), seed=seed).idata
    pm = import_pymc()
    model = obvious(panel)
    if way == "obvious, nutpie":
        import nutpie

        compiled = nutpie.compile_pymc_model(model)
        options = NutsOptions()
        return nutpie.sample(
            compiled,
            draws=draws,
            tune=draws,
            chains=options.chains,
            seed=seed,
            target_accept=options.target_accept,
            progress_bar=False,
        )
    # PyMC's own sampler, with its own defaults.
    with model:
        return pm.sample(draws, tune=draws, chains=4, nuts_sampler="pymc", random_seed=seed, progressbar=False)


def measure(way: str, small: bool, seed: int, draws: int) -> dict[str, Any]:
    """Seconds from the panel to the posterior, imports left out, and the smallest effective sizes."""
    import arviz
    import nutpie  # noqa: F401  (imports are not what is compared)

    panel = benchmark_panel(small, seed)
    import_pymc()
    begun = time.perf_counter()
    idata = sampled(way, panel, draws, seed)
    seconds = time.perf_counter() - begun
    found = {name: arviz.ess(idata, var_names=[name])[name].values.min() for name in COMPARED}
    worst = min(found, key=found.__getitem__)
    steps = "n_steps" if "n_steps" in idata.sample_stats else "tree_size" if "tree_size" in idata.sample_stats else ""
    return {
        "seconds": seconds,
        "ess": float(found[worst]),
        "worst": worst,
        "rhat": float(max(arviz.rhat(idata, var_names=[name])[name].values.max() for name in COMPARED)),
        "steps": float(idata.sample_stats[steps].mean()) if steps else float("nan"),
        "mean_excitation": float(idata.posterior["excitation"].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="10 × 3 × 60, 300 draws: a quick look, not the figures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=0, help="kept draws per chain, and as many of warm-up")
    given = parser.parse_args()
    draws = given.draws or (300 if given.small else 1000)
    rates: dict[str, float] = {}
    for way in ("ours", *TARGETS):
        # Not multiprocessing's own pool: its workers may have no children, and PyMC would run its chains in turn.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            result = pool.submit(measure, way, given.small, given.seed, draws).result()
        rates[way] = result["ess"] / result["seconds"]
        shown = ", ".join(f"{key} {value:.4g}" if key != "worst" else f"in {value}" for key, value in result.items())
        print(f"{way}: {rates[way]:.2f} effective draws per second ({shown})", flush=True)
    for way, target in TARGETS.items():
        ratio = rates["ours"] / rates[way]
        print(f"ours / {way}: {ratio:.1f} (target {target:g}: {'met' if ratio >= target else 'NOT met'})")


if __name__ == "__main__":
    main()
