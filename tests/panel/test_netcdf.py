"""netCDF files: whole, and refused in plain words where they are damaged."""

import subprocess
import sys

import h5py
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


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_a_file_that_takes_its_content_from_another_is_refused(tmp_path, kind):
    secret = tmp_path / "secret"
    write_netcdf(secret, xr.Dataset({"x": ("t", [1.0, 2.0])}, attrs={"kind": "test"}))
    crafted = tmp_path / "a.nc"
    write_netcdf(crafted, xr.Dataset({"y": ("t", [1.0, 2.0])}, attrs={"kind": "test"}))
    with h5py.File(crafted, "a") as file:
        if kind == "link":
            file["x"] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "storage":
            file.create_dataset("x", (2,), "f8", external=[(str(secret), 0, 16)])
        else:
            layout = h5py.VirtualLayout((2,), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "x", (2,))
            file.create_virtual_dataset("x", layout)
    with pytest.raises(InputError, match="takes its content from other files"):
        read_netcdf(crafted, "test")
    assert read_netcdf(secret, "test")["x"].values.tolist() == [1.0, 2.0]
