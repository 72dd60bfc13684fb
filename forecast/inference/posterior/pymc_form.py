"""A bound model as a PyMC model, with named dims."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.inference.likelihood.counts import OBSERVATION, add_likelihood
from forecast.inference.likelihood.published import add_published, likelihood_parameters
from forecast.inference.posterior.backend import import_pymc, quiet
from forecast.model.blocks import Block
from forecast.model.latents import Direct, Independent
from forecast.model.priors import Normal
from forecast.model.spec import BoundModel

__all__ = ["STANDARD", "build_pymc", "coords_of", "is_centred"]

# What the standard normal numbers of non-centred latents are called, after the name of the latents.
STANDARD = "_z"
# Levels that each carry this many counts (in the median) are sampled as they are, not through standard normal numbers:
# their likelihood is then narrower than their prior, and the non-centred form would be a funnel (Betancourt & Girolami
# 2015).
_STRONG = 100.0


def build_pymc(bound: BoundModel) -> Any:
    """The PyMC model of a model against a panel.

    Returns
    -------
    pymc.Model
        Free variables: the hyperparameters, the family's parameters, latents with a prior of their own, latents of
        strong groups, and `<name>_z` (standard normal) for all others. Deterministics: the other latents, by their
        names and dims, and `phi`. Observed: `attacks` over `observation`. All data are `pm.Data`.
    """
    pm = import_pymc()
    import pytensor.tensor as pt

    with quiet(), pm.Model(coords=coords_of(bound)) as model:
        theta = {name: prior.to_pymc(name) for name, prior in bound.hyperparameters.items()}
        roots = bound.roots
        for name, (prior, dims, labels) in likelihood_parameters(bound).items():
            if name in roots and isinstance(prior, Normal):
                root = prior.sd * roots[name]
                theta[name] = pm.MvNormal(name, np.full(len(root), prior.mean), chol=root, dims=dims)
            else:
                theta[name] = prior.to_pymc(name, dims, (len(labels),) * len(dims))
        if "log_phi" in theta:
            pm.Deterministic(names.PHI, pt.exp(theta["log_phi"]), dims=bound.parameters["log_phi"][1])
        latents = {block.name: _latents(bound, block, theta) for block in bound.blocks}
        errors = {}
        for name, error in bound.errors.items():
            errors[name] = error.on_grid(latents[name], pm.Data(f"rows_{name}", error.rows, shape=error.rows.shape))
        eta: Any = 0.0
        for block in bound.blocks:
            basis: Any = None
            if block.basis is not None:
                basis = pm.Data(f"basis_{block.name}", block.basis, shape=block.basis.shape)
            if block.error is not None:
                basis = basis + errors[block.error.latents]
            eta = eta + block.on_grid(latents[block.name], basis)
        if bound.is_published:
            add_published(bound, partial(_at_cells, bound, eta), theta)
        else:
            add_likelihood(bound, _at_cells(bound, eta, bound.cells), theta)
    return model


def is_centred(bound: BoundModel, block: Block) -> bool:
    """Whether the levels of a group are strong: half of them carry many counts (weighed by the squared basis)."""
    if not isinstance(block.prior, Independent) or block.prior.prior is None:
        return False
    observed = np.nan_to_num(bound.panel.attacks.values).ravel()
    carried = block.design(bound.grid).power(2).T @ observed
    return bool(np.median(carried) > _STRONG)


def coords_of(bound: BoundModel) -> dict[str, Any]:
    """Labels of every dim that a posterior has."""
    coords: dict[str, Any] = {names.TACTIC: bound.panel.tactics, OBSERVATION: bound.rows}
    coords |= {dim: list(labels) for _, dims, labels in likelihood_parameters(bound).values() for dim in dims}
    for block in bound.blocks:
        coords.update({dim: list(labels) for dim, labels in block.coords.items()})
        for dim, size in zip(_standard_dims(block), block.prior.z_shape(block.shape), strict=True):
            coords.setdefault(dim, np.arange(size))
    return coords


def _standard_dims(block: Block) -> tuple[str, ...]:
    """Dims of the standard normal numbers: the block's, but for a last one that has another length."""
    shape = block.prior.z_shape(block.shape)
    return block.dims if shape == block.shape else (*block.dims[:-1], f"{block.name}{STANDARD}_dim")


def _latents(bound: BoundModel, block: Block, theta: dict[str, Any]) -> Any:
    import pymc as pm

    prior = block.prior
    if isinstance(prior, Direct):
        return prior.prior.to_pymc(block.name, block.dims, block.shape)
    if is_centred(bound, block) and isinstance(prior, Independent):
        return pm.Normal(block.name, prior.mean, theta[str(prior.sd)], dims=block.dims, shape=block.shape)
    if isinstance(prior, Independent) and prior.prior is None:
        # The intercept's centre comes from the data.
        prior = replace(prior, mean=pm.Data(f"mean_{block.name}", np.array(prior.mean)))
    z = pm.Normal(f"{block.name}{STANDARD}", dims=_standard_dims(block) or None, shape=block.prior.z_shape(block.shape))
    return pm.Deterministic(block.name, prior.transform(z, theta), dims=block.dims or None)


def _at_cells(bound: BoundModel, eta: Any, cell: npt.NDArray[np.intp]) -> Any:
    """Eta with exposure at cells, as a vector."""
    import pymc as pm
    import pytensor.tensor as pt

    log_exposure = pm.Data("log_exposure", bound.log_exposure.ravel()[cell])
    return pt.broadcast_to(eta, bound.grid).reshape((-1,))[pm.Data("cell", cell)] + log_exposure
