"""The reference engine: the No-U-Turn sampler, by nutpie in whitened coordinates, or on a model's PyMC form."""

import sys
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from forecast.errors import InputError
from forecast.inference.backend import import_pymc, quiet, require
from forecast.inference.bayesian import BayesianFit
from forecast.inference.dispatch import conditioned
from forecast.inference.graph import build_pymc, structure
from forecast.model.spec import BoundModel, Model
from forecast.panel.panel import Panel

__all__ = ["NutsOptions", "sample_nuts"]

Sampler = Literal["nutpie", "pymc", "numpyro"]
# What nutpie compiled in this process, by the structure of the model; the oldest goes first.
_COMPILED: OrderedDict[Hashable, Any] = OrderedDict()
_KEPT = 4
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
    sampler : {'nutpie', 'pymc', 'numpyro'}
        Who samples: nutpie in whitened coordinates (for sums over cells the PyMC form), PyMC or NumPyro the PyMC form;
        NumPyro needs the extra of that name.
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
        Where the panel cannot serve the model, or the sampler is not installed.
    """
    if seed < 0:
        raise InputError("is a whole number from 0", where="seed", found=seed)
    if options.sampler == "numpyro":
        require("numpyro", "numpyro")
    bound = model.bind(panel)
    from forecast.inference.store import assemble

    if options.sampler == "nutpie" and (bound.is_cellwise or bound.is_published):
        sampled = _whitened(bound, options, seed)
    else:
        pymc_model = build_pymc(bound)
        with quiet():
            run = _by_nutpie if options.sampler == "nutpie" else _by_pymc
            sampled = run(bound, pymc_model, options, _number(seed))
    return BayesianFit(model, panel, seed, conditioned(model), groups=assemble(bound, sampled), engine="nuts")


def _number(seed: int) -> int:
    """The seed as samplers take it: 32 bits."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


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


def _by_nutpie(bound: BoundModel, pymc_model: Any, options: NutsOptions, seed: int) -> Any:
    import nutpie

    compiled = _compiled(bound, pymc_model)
    return nutpie.sample(
        compiled,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=options.cores,
        seed=seed,
        save_warmup=False,
        progress_bar=options.shows_progress,
        target_accept=options.target_accept,
        maxdepth=options.max_depth,
    )


def _compiled(bound: BoundModel, pymc_model: Any) -> Any:
    """The model as nutpie compiled it, with this panel's data; compiled anew only for a new structure."""
    import nutpie

    key = structure(bound)
    if key not in _COMPILED:
        _COMPILED[key] = nutpie.compile_pymc_model(pymc_model, backend="numba")
        if len(_COMPILED) > _KEPT:
            _COMPILED.popitem(last=False)
        return _COMPILED[key]
    _COMPILED.move_to_end(key)
    compiled = _COMPILED[key]
    return compiled.with_data(**{name: pymc_model[name].get_value() for name in compiled.shared_data})


def _by_pymc(bound: BoundModel, pymc_model: Any, options: NutsOptions, seed: int) -> Any:
    pm = import_pymc()
    own = options.sampler == "pymc"
    settings: dict[str, Any] = {"target_accept": options.target_accept}
    if own:
        settings |= {"max_treedepth": options.max_depth, "compile_kwargs": {"mode": "NUMBA"}}
    else:
        settings["nuts_sampler"] = "numpyro"
        settings["nuts_sampler_kwargs"] = {"nuts_kwargs": {"max_tree_depth": options.max_depth}}
    with pymc_model:
        return pm.sample(
            draws=options.draws,
            tune=options.tune,
            chains=options.chains,
            cores=options.cores,
            random_seed=seed,
            progressbar=options.shows_progress,
            compute_convergence_checks=False,
            **settings,
        )
