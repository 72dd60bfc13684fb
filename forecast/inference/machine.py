"""Machine code that is kept on disk, and who may use how many threads."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

import numba
from threadpoolctl import threadpool_limits

from forecast.caches import check_caches

__all__ = ["compiled", "in_threads", "one_core", "one_thread"]

Result = TypeVar("Result")
_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS and LAPACK."""
    with threadpool_limits(1, user_api="blas"):
        yield


def in_threads(function: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
    """What a function makes of each item (or of each of several lists), in their order; one thread per core.

    For calls that take tens of milliseconds, most of it in machine code or NumPy, which let other threads run.
    """
    # The caller's deadline holds in the threads too.
    calls = [partial(copy_context().run, function, *item) for item in zip(*items, strict=True)]
    with ThreadPoolExecutor(1 if _ALONE.get() else os.cpu_count()) as pool:
        return list(pool.map(lambda call: call(), calls))


@contextmanager
def one_core() -> Iterator[None]:
    """One thread for all of the package: where processes share the cores. Results do not depend on it."""
    token = _ALONE.set(True)
    try:
        with one_thread():
            yield
    finally:
        _ALONE.reset(token)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code, kept on disk: beside the package, in the home folder, or where `check_caches` sends it."""
    machine_code: Callable[..., Any]
    try:
        machine_code = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        check_caches()
        try:
            machine_code = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
        except RuntimeError:
            machine_code = numba.njit(nogil=True, error_model="numpy")(function)
    return machine_code
