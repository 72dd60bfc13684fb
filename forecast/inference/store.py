"""Fits on disk and in ArviZ's form: the only module that knows which ArviZ is installed.

A fit is one netCDF file: groups of the posterior and of the panel, and as attributes the model in TOML, the panel's
hash, versions and seed. Nothing in it is run when it is read.
"""

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import forecast
from forecast import names
from forecast.errors import InputError
from forecast.inference.backend import import_arviz
from forecast.inference.bayesian import BayesianFit
from forecast.inference.graph import STANDARD, coords_of
from forecast.inference.likelihood import OBSERVATION, observed_values
from forecast.inference.published import published_parameters
from forecast.ledger import Ledger
from forecast.model.spec import BoundModel, Model
from forecast.panel.netcdf import read_tree, write_tree
from forecast.panel.panel import Panel, panel_hash

__all__ = ["SAMPLES", "assemble", "inference_data", "load_fit", "named_draws", "save_fit"]

_KIND = "forecast.BayesianFit"
_PANEL, _STATE = "panel", "state"
_SAMPLED = ("posterior", "sample_stats")
SAMPLES = (names.CHAIN, names.DRAW)
_LIBRARIES = ("arviz", "nutpie", "numpy", "pymc", "pytensor")


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
    dims |= {name: along for name, (_, along) in bound.model.family.parameters().items()}
    dims |= {name: along for name, (_, along, _) in published_parameters(bound).items()}
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


def inference_data(groups: Mapping[str, xr.Dataset]) -> Any:
    """Groups as ArviZ's InferenceData."""
    return import_arviz().InferenceData(**groups)


def save_fit(fit: BayesianFit, path: str | Path) -> None:
    """Write a fit to one netCDF file, whole or not at all."""
    if not fit.groups:
        raise InputError("has no posterior to save", where="fit")
    groups = dict(fit.datasets)
    if fit.state is not None:
        groups[_STATE] = fit.state
    groups[_PANEL] = fit.panel.dataset.assign_attrs(ledger=fit.panel.ledger.to_json())
    attrs = {
        "kind": _KIND,
        "model": fit.model.to_toml(),
        "panel_hash": panel_hash(fit.panel),
        "versions": json.dumps(_versions()),
        "seed": str(fit.seed),
        "engine": fit.engine,
        "notes": json.dumps(list(fit.notes), ensure_ascii=False),
    }
    if fit.certificate is not None:
        attrs["certificate"] = json.dumps(fit.certificate.to_dict("records"), ensure_ascii=False)
    write_tree(path, groups, attrs)


def load_fit(path: str | Path, panel: Panel | None = None) -> BayesianFit:
    """Read a fit that `save_fit` wrote.

    Parameters
    ----------
    path : path
        The file.
    panel : Panel, optional
        The data that it is thought to be of: a note says where they differ.

    Returns
    -------
    BayesianFit
        With notes on what differs: versions, panel.

    Raises
    ------
    InputError
        For a file that is none, holds something else, was cut short, or whose panel was changed.
    """
    groups, attrs = read_tree(path, _KIND)
    try:
        dataset = groups.pop(_PANEL)
        ledger = Ledger.from_json(dataset.attrs.pop("ledger"))
        stored, model = Panel(dataset, ledger), Model.from_toml(attrs["model"])
        posterior = groups["posterior"]
        versions, notes = json.loads(attrs["versions"]), json.loads(attrs["notes"])
        seed, engine, hashed = int(attrs["seed"]), attrs["engine"], attrs["panel_hash"]
        certificate = pd.DataFrame(json.loads(attrs["certificate"])) if "certificate" in attrs else None
    except (KeyError, ValueError) as error:
        raise InputError("lacks a part of a fit", source=path, found=str(error)) from error
    if panel_hash(stored) != hashed:
        raise InputError("the panel in it is not the one that was fitted", source=path, hint="Fit again")
    bound = model.bind(stored)
    missing = sorted({block.name for block in bound.blocks} - set(posterior.data_vars))
    if missing:
        raise InputError("the posterior does not belong to the model", source=path, expected=missing)
    notes += [
        f"fitted with {name} {versions.get(name)}, loaded with {now}"
        for name, now in _versions().items()
        if versions.get(name) != now
    ]
    if panel is not None and panel_hash(panel) != hashed:
        notes.append("was fitted to other data than the panel given")
    state = groups.pop(_STATE, None)
    return BayesianFit(
        model, stored, seed, tuple(notes), groups=groups, engine=engine, certificate=certificate, state=state
    )


def _versions() -> dict[str, str]:
    found = {"attack-forecast": forecast.__version__}
    for library in _LIBRARIES:
        found[library] = metadata.version(library)
    return found
