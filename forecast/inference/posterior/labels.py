"""What a posterior holds, by name and label: its latents and parameters, groups of draws, and eta from them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from forecast import names
from forecast.inference.likelihood.counts import OBSERVATION, observed_values
from forecast.inference.likelihood.published import likelihood_parameters
from forecast.inference.posterior.pymc_form import STANDARD, coords_of
from forecast.model.spec import BoundModel

__all__ = ["SAMPLES", "assemble", "eta", "named_draws", "posterior_names"]

Array = npt.NDArray[np.float64]
_SAMPLED = ("posterior", "sample_stats")
SAMPLES = (names.CHAIN, names.DRAW)


def posterior_names(bound: BoundModel) -> list[str]:
    """What a posterior holds of a model by name: latents, hyperparameters, parameters of the family and of reports."""
    return [*(block.name for block in bound.blocks), *bound.hyperparameters, *likelihood_parameters(bound)]


def assemble(bound: BoundModel, sampled: Any) -> dict[str, xr.Dataset]:
    """The groups of a fit: a model's parameters, labelled by this panel, and the data that it was fitted to.

    Parameters
    ----------
    bound : BoundModel
        Model and panel.
    sampled : arviz.InferenceData, or mapping of str to xarray.Dataset
        With the group `posterior`, and from a sampler `sample_stats`.
    """
    groups, coords = {}, coords_of(bound)
    for group in [name for name in _SAMPLED if name in sampled]:
        dataset = _without_hidden(sampled[group], bound)
        known = {dim: list(labels) for dim, labels in coords.items() if dim in dataset.dims}
        groups[group] = dataset.assign_coords(known)
    grid = {dim: bound.panel.dataset[dim].values for dim in names.CELL_DIMS}
    observation = {OBSERVATION: bound.rows}
    table = bound.panel.observations.table
    values = table[names.VALUE].to_numpy()[bound.rows] if bound.is_published else observed_values(bound)
    groups["observed_data"] = xr.Dataset({names.ATTACKS: (OBSERVATION, values)}, observation)
    constant = xr.Dataset(
        {name: (names.CELL_DIMS, bound.panel.dataset[name].values) for name in (names.EXPOSURE, names.OBSERVED)}, grid
    )
    if not bound.is_published:
        constant = constant.assign({"cell": (OBSERVATION, bound.cells)})
    groups["constant_data"] = constant
    return groups


def named_draws(bound: BoundModel, draws: Mapping[str, Any]) -> xr.Dataset:
    """The group `posterior` for `assemble`, from arrays by name, each (chain, draw, …), with phi beside log phi."""
    dims = {block.name: block.dims for block in bound.blocks}
    dims |= {name: along for name, (_, along, _) in likelihood_parameters(bound).items()}
    if "log_phi" in draws:
        draws, dims[names.PHI] = {**draws, names.PHI: np.exp(draws["log_phi"])}, dims["log_phi"]
    dataset = xr.Dataset({name: ((*SAMPLES, *dims.get(name, ())), values) for name, values in draws.items()})
    return dataset.assign_coords({dim: np.arange(dataset.sizes[dim]) for dim in SAMPLES})


def _without_hidden(dataset: xr.Dataset, bound: BoundModel) -> xr.Dataset:
    """Without what samplers keep besides a model's parameters, and the labels that only those have."""
    latents = {block.name for block in bound.blocks}
    # The standard normal numbers behind latents, and the unconstrained form of hyperparameters ("sigma_log__").
    standard = {f"{name}{STANDARD}" for name in latents} - latents
    hidden = [name for name in dataset.data_vars if name in standard or str(name).endswith("__")]
    kept = dataset.drop_vars(hidden)
    used = {dim for variable in kept.data_vars.values() for dim in variable.dims}
    return kept.drop_vars([name for name in kept.coords if not set(kept[name].dims) <= used])


def eta(bound: BoundModel, draws: Mapping[str, Array]) -> Array:
    """Log expected count per exposure over (sample, province, tactic, period), from joint draws of the latents."""
    samples = len(next(iter(draws.values())))
    total = np.zeros((samples, *bound.grid))
    for block in bound.blocks:
        total += block.added(draws)
    return total
