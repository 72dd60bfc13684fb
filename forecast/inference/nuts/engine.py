"""The reference engine: the No-U-Turn sampler, by nutpie in whitened coordinates, or on a model's PyMC form."""

from typing import Any

import numpy as np
import xarray as xr

from forecast.errors import InputError
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.backend import import_pymc, quiet
from forecast.inference.posterior.base import conditioned
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.pymc_form import build_pymc
from forecast.model.spec import BoundModel, Model
from forecast.panel.panel import Panel

__all__ = ["sample_nuts"]

# What is kept of nutpie's statistics.
_STATS = ("diverging", "energy", "depth", "maxdepth_reached", "n_steps", "step_size", "logp")


def sample_nuts(model: Model, panel: Panel, options: NutsOptions = NutsOptions(), *, seed: int) -> BayesianFit:
    """Sample the posterior of a model.

    Parameters
    ----------
    model : Model
        What to fit.
    panel : Panel
        The data.
    options : NutsOptions
        How to sample.
    seed : int
        The same seed, with the same versions and sampler, gives the same draws.

    Returns
    -------
    BayesianFit
        The posterior.

    Raises
    ------
    InputError
        Where the panel cannot serve the model.
    """
    if seed < 0:
        raise InputError("is a whole number from 0", where="seed", found=seed)
    bound = model.bind(panel)
    from forecast.inference.posterior.labels import assemble

    sampled = (_whitened if options.sampler == "nutpie" else _by_pymc)(bound, options, seed)
    notes = (*conditioned(model), *bound.dropped)
    return BayesianFit(model, panel, seed, notes, groups=assemble(bound, sampled), engine="nuts")


def _whitened(bound: BoundModel, options: NutsOptions, seed: int) -> dict[str, xr.Dataset]:
    """The groups `posterior` and `sample_stats` by nutpie, on the density that `Whitened` has."""
    from forecast.inference.nuts.chains import sample_chains
    from forecast.inference.nuts.whitened import Whitened
    from forecast.inference.posterior.labels import SAMPLES, named_draws

    seeds = [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(options.chains)]
    chains = sample_chains(Whitened(bound), options, seeds)
    draws, stats = (
        {name: np.stack([getattr(chain, part)[name] for chain in chains]) for name in getattr(chains[0], part)}
        for part in ("draws", "stats")
    )
    posterior = named_draws(bound, draws)
    statistics = xr.Dataset({name: (SAMPLES, stats[name]) for name in _STATS}, posterior[list(SAMPLES)].coords)
    return {"posterior": posterior, "sample_stats": statistics}


def _by_pymc(bound: BoundModel, options: NutsOptions, seed: int) -> Any:
    """InferenceData by PyMC's sampler, on the model's PyMC form."""
    pm = import_pymc()
    with quiet(), build_pymc(bound):
        return pm.sample(
            draws=options.draws,
            tune=options.tune,
            chains=options.chains,
            cores=options.cores,
            # As samplers take it: 32 bits.
            random_seed=int(np.random.SeedSequence(seed).generate_state(1)[0]),
            progressbar=options.shows_progress,
            compute_convergence_checks=False,
            target_accept=options.target_accept,
            max_treedepth=options.max_depth,
            compile_kwargs={"mode": "NUMBA"},
        )
