"""PyMC, PyTensor and nutpie made ready: without a C compiler, and without warnings that nobody can act on."""

import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from forecast.caches import check_caches
from forecast.errors import InputError

__all__ = ["import_arviz", "import_pymc", "quiet"]


def import_pymc() -> ModuleType:
    """PyMC, with PyTensor told beforehand where there is no C compiler (it warns otherwise; Numba does the work)."""
    check_caches()
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" not in sys.modules and "cxx" not in flags and not (shutil.which("g++") or shutil.which("clang++")):
        os.environ["PYTENSOR_FLAGS"] = ",".join(part for part in (flags, "cxx=") if part)
    with quiet(compiling=False):
        return importlib.import_module("pymc")


def import_arviz() -> ModuleType:
    """ArviZ, without its announcement of changes to come.

    Raises
    ------
    InputError
        Where ArviZ cannot write down that it made the announcement, without which it cannot be imported.
    """
    check_caches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        # The note of the day is written by each process that finds none, under one name: of two that are begun together
        # (chains, say), one finds that it is gone, and the next time that it stands.
        with suppress(FileNotFoundError):
            return importlib.import_module("arviz")
        try:
            return importlib.import_module("arviz")
        except OSError as error:
            hint = "Set HOME to a folder that can be written to"
            raise InputError(
                f"ArviZ cannot write to its cache: {error.strerror}", source=error.filename or "", hint=hint
            ) from error


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
