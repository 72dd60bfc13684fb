"""Fits on disk and in ArviZ's form: the only module that knows which ArviZ is installed.

A fit is one netCDF file: groups of the posterior and of the panel, and as attributes the model in TOML, the panel's
hash, versions and seed. Nothing in it is run when it is read.
"""

import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import forecast
from forecast.errors import InputError
from forecast.ledger import Ledger
from forecast.model.spec import Model
from forecast.panel.netcdf import read_tree, write_tree
from forecast.panel.panel import Panel, panel_hash

if TYPE_CHECKING:
    from forecast.inference.posterior.bayesian import BayesianFit

__all__ = ["load_fit", "save_fit"]

_KIND = "forecast.BayesianFit"
_PANEL, _STATE = "panel", "state"
_LIBRARIES = ("arviz", "nutpie", "numpy", "pymc", "pytensor")


def save_fit(fit: "BayesianFit", path: str | Path) -> None:
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


def load_fit(path: str | Path) -> dict[str, Any]:
    """Read the parts of a fit that `save_fit` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict of str to object
        The attributes of a `BayesianFit`, its notes on versions that differ.

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
    return {
        "model": model,
        "panel": stored,
        "seed": seed,
        "notes": tuple(notes),
        "groups": groups,
        "engine": engine,
        "certificate": certificate,
        "state": groups.pop(_STATE, None),
    }


def _versions() -> dict[str, str]:
    versions = {"attack-forecast": forecast.__version__}
    for library in _LIBRARIES:
        versions[library] = metadata.version(library)
    return versions
