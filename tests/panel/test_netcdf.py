"""netCDF files: whole, and refused in plain words where they are damaged."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from forecast.errors import InputError
from forecast.panel.netcdf import read_netcdf, write_netcdf

DATASET = xr.Dataset(
    {"attacks": ("period", np.arange(200))},
    {"period": np.arange(200).astype("datetime64[D]").astype("datetime64[ns]"), "name": ("period", ["ä"] * 200)},
    {"kind": "test"},
)


def test_what_was_written_comes_back(tmp_path):
    write_netcdf(tmp_path / "a.nc", DATASET, {"attacks": {"zlib": True}})
    assert read_netcdf(tmp_path / "a.nc", "test").identical(DATASET)
    with pytest.raises(InputError, match=r"a\.nc: holds something else .found test; expected panel"):
        read_netcdf(tmp_path / "a.nc", "panel")
    with pytest.raises(InputError, match=r"b\.nc: no such file"):
        read_netcdf(tmp_path / "b.nc", "test")


def test_damage_is_one_error_and_prints_nothing(tmp_path):
    """Random bytes in random places; in a process of its own, because h5netcdf prints tracebacks as it clears up."""
    write_netcdf(tmp_path / "a.nc", DATASET)
    code = """
import sys, random
from pathlib import Path
from forecast.errors import InputError
from forecast.panel.netcdf import read_netcdf
path, refused = Path(sys.argv[1]), 0
whole, rng = path.read_bytes(), random.Random(1)
for number in range(40):
    content = bytearray(whole[: rng.randrange(len(whole))] if number % 4 == 0 else whole)
    for _ in range(30):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(bytes(content))
    try:
        read_netcdf(path, "test")
    except InputError:
        refused += 1
print(refused)
"""
    words = [sys.executable, "-c", code, str(tmp_path / "a.nc")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 10
