"""The reference engine: the No-U-Turn sampler, by nutpie in whitened coordinates, or on a model's PyMC form."""

import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from forecast.errors import InputError
from forecast.inference.backend import import_pymc, quiet
from forecast.inference.bayesian import BayesianFit
from forecast.inference.dispatch import conditioned
from forecast.inference.graph import build_pymc
from forecast.model.spec import BoundModel, Model
from forecast.panel.panel import Panel

__all__ = ["NutsOptions", "sample_nuts"]

Sampler = Literal["nutpie", "pymc"]
# What is kept of nutpie's statistics.
_STATS = ("diverging", "energy", "depth", "maxdepth_reached", "n_steps", "step_size", "logp")


@dataclass(frozen=True)
class NutsOptions:
    """How to sample.

    Attributes
    ----------
    draws, tune : int
        Kept and warm-up draws per chain.
    chains : int
        Chains.
    sampler : {'nutpie', 'pymc'}
        Who samples: nutpie in whitened coordinates, or PyMC on the model's PyMC form.
    target_accept : float
        Mean acceptance that the step size is tuned to; higher is slower and safer.
    max_depth : int
        Largest depth of a trajectory's tree.
    cores : int, optional
        Chains at one time; as many as the machine has by default.
    progress : bool, optional
        Whether progress is shown: by default in notebooks and on terminals; if True elsewhere too, as lines.
    """

    draws: int = 1000
    tune: int = 500
    chains: int = 4
    sampler: Sampler = "nutpie"
    target_accept: float = 0.8
    max_depth: int = 10
    cores: int | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains", "max_depth"):
            if getattr(self, name) < 1:
                raise InputError("is a whole number from 1", where=f"NutsOptions.{name}", found=getattr(self, name))
        if self.sampler not in get_args(Sampler):
            raise InputError(
                "unknown sampler", where="NutsOptions.sampler", found=self.sampler, expected=get_args(Sampler)
            )
        if not 0 < self.target_accept < 1:
            raise InputError("lies between 0 and 1", where="NutsOptions.target_accept", found=self.target_accept)

    @property
    def shows_progress(self) -> bool:
        """Whether a sampler of the PyMC form shows its own progress bar."""
        return sys.stderr.isatty() if self.progress is None else self.progress


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
    from forecast.inference.store import assemble

    sampled = (_whitened if options.sampler == "nutpie" else _by_pymc)(bound, options, seed)
    notes = (*conditioned(model), *bound.dropped)
    return BayesianFit(model, panel, seed, notes, groups=assemble(bound, sampled), engine="nuts")


def _whitened(bound: BoundModel, options: NutsOptions, seed: int) -> dict[str, xr.Dataset]:
    """The groups `posterior` and `sample_stats` by nutpie, on the density that `Whitened` has."""
    from forecast.inference.chains import sample_chains
    from forecast.inference.store import SAMPLES, named_draws
    from forecast.inference.whitened import Whitened

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
