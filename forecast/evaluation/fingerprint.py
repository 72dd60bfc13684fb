"""A hash of anything that numbers are made from, the same in every process: models, futures, sources of panels."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.panel.panel import Panel, panel_hash

__all__ = ["fingerprint"]

_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


def fingerprint(value: Any) -> str:
    """SHA-256, in hexadecimal, of all that a value declares: the fields of dataclasses, tables, arrays, collections.

    Of an object that declares nothing its class and printed form count, without addresses in memory.
    """
    digest = hashlib.sha256()
    for part in _parts(value):
        digest.update(f"{len(part)}:".encode() + part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    yield type(value).__qualname__.encode()
    if isinstance(value, Mapping | Set | list | tuple):
        # So that it is known where they end.
        yield str(len(value)).encode()
    if isinstance(value, Panel):
        yield panel_hash(value).encode()
    elif isinstance(value, _PLAIN):
        yield repr(value).encode()
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield part.name.encode()
            yield from _parts(getattr(value, part.name))
    elif isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        frame = value.to_frame() if isinstance(value, pd.Series | pd.Index) else value
        yield repr([*frame.columns, *frame.dtypes]).encode()
        yield pd.util.hash_pandas_object(frame).to_numpy().tobytes()
    elif isinstance(value, xr.Dataset | xr.DataArray):
        yield from _parts(value.to_dict(data="array"))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode()
        yield repr(value.tolist()).encode() if value.dtype.kind in "OUST" else np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        for key, held in value.items():
            yield from _parts(key)
            yield from _parts(held)
    elif isinstance(value, Set):
        yield from sorted(fingerprint(held).encode() for held in value)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _parts(held)
    else:
        yield re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value)).encode()
