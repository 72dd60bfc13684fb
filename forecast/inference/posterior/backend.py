"""PyMC, PyTensor and nutpie made ready: without a C compiler, and without warnings that nobody can act on."""

import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

__all__ = ["import_arviz", "import_pymc", "quiet"]


def import_pymc() -> ModuleType:
    """PyMC, with PyTensor told beforehand where there is no C compiler (it warns otherwise; Numba does the work)."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" not in sys.modules and "cxx" not in flags and not (shutil.which("g++") or shutil.which("clang++")):
        os.environ["PYTENSOR_FLAGS"] = ",".join(part for part in (flags, "cxx=") if part)
    with quiet(compiling=False):
        return importlib.import_module("pymc")


def import_arviz() -> ModuleType:
    """ArviZ, without its announcement of changes to come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return importlib.import_module("arviz")


@contextmanager
def quiet(compiling: bool = True) -> Iterator[None]:
    """Hide what is said of BLAS, which Numba brings itself; compile small functions without the C compiler."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS", category=UserWarning)
        warnings.filterwarnings("ignore", message=r"np\.dot\(\) is faster on contiguous arrays")
        if not compiling:
            yield
            return
        import pytensor

        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            yield
