"""What several terms need: labels that they vary by, a block over them, days and neighbours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Array, Block
from forecast.model.latents import Latents
from forecast.panel.panel import Panel

__all__ = ["by_labels", "day_text", "grid_dims", "neighbours"]

_GROUPS = (names.COUNTRY, names.ZONE, names.PCODE)


def grid_dims(by: Sequence[str], term: str) -> tuple[str, ...]:
    """Dims in the order of the grid; at most one along the provinces."""
    spatial = [dim for dim in by if dim == names.PROVINCE or dim in _GROUPS]
    other = [dim for dim in by if dim == names.TACTIC]
    if len(spatial) > 1 or len(other) > 1 or len(spatial) + len(other) != len(by):
        expected = [names.PROVINCE, *_GROUPS, names.TACTIC]
        raise InputError("cannot vary by this", where=term, found=list(by), expected=expected)
    return (*spatial, *other)


def day_text(given: object, where: str) -> str:
    """A day as YYYY-MM-DD."""
    day = pd.to_datetime(given, errors="coerce")  # type: ignore[call-overload]
    if pd.isna(day):
        raise InputError("is no date", where=where, found=str(given), expected="YYYY-MM-DD")
    return f"{day:%Y-%m-%d}"


def by_labels(
    panel: Panel,
    name: str,
    dims: tuple[str, ...],
    prior: Latents,
    coords: Mapping[str, Sequence[Any]] | None = None,
    basis: Array | None = None,
) -> Block:
    """Latents over dims of the grid (or `coords` of their own), with the panel's labels and each province's group."""
    labels: dict[str, Sequence[Any]] = dict(coords or {})
    groups = {}
    for dim in dims:
        if dim in _GROUPS:
            of_province = panel.dataset[dim].values.astype(str)
            labels[dim] = list(dict.fromkeys(of_province))
            groups[dim] = pd.Index(labels[dim]).get_indexer(pd.Index(of_province))
        elif dim not in labels:
            labels[dim] = list(panel.dataset[dim].values)
    return Block(name, dims, labels, prior, basis, groups)


def neighbours(panel: Panel, term: str) -> tuple[tuple[int, ...], ...]:
    """Positions of each province's neighbours; an `InputError` where the panel has none."""
    matrix: xr.DataArray = panel.dataset[names.ADJACENCY]
    if not matrix.values.any():
        raise InputError("the panel has no neighbours", where=term, hint="Build it with a gazetteer that names them")
    either = matrix.values | matrix.values.T
    return tuple(tuple(int(near) for near in np.flatnonzero(row)) for row in either)
