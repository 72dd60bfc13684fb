"""Chains of the No-U-Turn sampler on a whitened posterior: one after the other, or in processes of their own.

A process is a new interpreter that is given its work through a pipe. So a script needs no guard around its main part,
and no library of the parent is forked.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from forecast.caches import check_caches
from forecast.inference.machine import one_thread
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.nuts.whitened import Whitened
from forecast.inference.posterior.backend import import_arviz
from forecast.progress import Progress, on_command_line, progress, silent
from forecast.workers import end_with_input

__all__ = ["Chain", "sample_chains", "work"]

Array = npt.NDArray[np.float64]
Told = Callable[[int], None]
# Other processes take seconds to start: worth it for sampling that takes about this long (in seconds) in one.
_WORTH = 15.0
# Steps of a typical trajectory, to say how long sampling takes.
_STEPS = 12
# Draws between two reports of progress.
_REPORT = 20
# Who shows progress, by `NutsOptions.progress`.
_AS_ASKED: dict[bool | None, Callable[[], AbstractContextManager[None]]]
_AS_ASKED = {None: nullcontext, True: on_command_line, False: silent}
# What a new interpreter runs; it finds the package where this one does.
_PROGRAM = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from forecast.inference.nuts.chains import work
work()
"""


@dataclass(frozen=True)
class Chain:
    """Draws by name, each (draw, …), and the sampler's statistics, each (draw)."""

    draws: dict[str, Array]
    stats: dict[str, npt.NDArray[Any]]


def sample_chains(density: Whitened, options: NutsOptions, seeds: list[int]) -> list[Chain]:
    """Sample one chain per seed; the result does not depend on the number of cores.

    Parameters
    ----------
    density : Whitened
        The posterior.
    options : NutsOptions
        How to sample.
    seeds : list of int
        One per chain.
    """
    # Before other interpreters start, which share what this one settles.
    check_caches()
    # Laid out before it is sent or timed.
    _ = density.pilot
    cores = options.cores or os.cpu_count() or 1
    workers = min(cores, len(seeds)) if _is_long(density, options) and _can_be_sent(density) else 1
    processes = _Processes()
    with _AS_ASKED[options.progress](), progress(f"Sampling {density.bound.model.name}") as shown:
        told = _Counted(shown, (options.draws + options.tune) * len(seeds))
        if workers == 1:
            return [_chain(density, options, seed, told) for seed in seeds]
        with ThreadPoolExecutor(workers) as pool:
            shares = [seeds[first::workers] for first in range(workers)]
            try:
                chains = list(pool.map(lambda share: _in_a_process(processes, density, options, share, told), shares))
            except BaseException:
                # The pool waits for its threads, and these for their processes.
                processes.kill()
                raise
    return [chains[number % workers][number // workers] for number in range(len(seeds))]


def _is_long(density: Whitened, options: NutsOptions) -> bool:
    point = np.zeros(density.size)
    density(point)
    began = perf_counter()
    density(point)
    return (perf_counter() - began) * _STEPS * (options.draws + options.tune) * options.chains > _WORTH


def _can_be_sent(density: Whitened) -> bool:
    """Another interpreter does not have what a script or notebook defines itself."""
    model = density.bound.model
    return "__main__" not in {type(part).__module__ for part in (*model.terms, model.family)}


class _Counted:
    """Progress by the number of draws; chains tell it from several threads."""

    def __init__(self, shown: Progress, total: int) -> None:
        self._shown, self._total, self._done, self._lock = shown, total, 0, threading.Lock()

    def __call__(self, number: int) -> None:
        with self._lock:
            self._done += number
            self._shown(self._done / self._total)


def _chain(density: Whitened, options: NutsOptions, seed: int, told: Told) -> Chain:
    import_arviz()
    import nutpie

    shapes = {name: np.shape(value) for name, value in density.draws(np.zeros(density.size)).items()}
    drawn = 0

    def named(point: Array) -> dict[str, Array]:
        nonlocal drawn
        drawn += 1
        if drawn % _REPORT == 0:
            told(_REPORT)
        return {name: np.asarray(value, dtype=float) for name, value in density.draws(point).items()}

    compiled = nutpie.compiled_pyfunc.from_pyfunc(
        density.size,
        lambda: density,
        lambda *seeds: named,
        [np.dtype(float)] * len(shapes),
        list(shapes.values()),
        list(shapes),
        make_initial_point_fn=lambda chain_seed: np.random.default_rng(chain_seed).normal(size=density.size),
    )
    with one_thread():
        trace = nutpie.sample(
            compiled,
            draws=options.draws,
            tune=options.tune,
            chains=1,
            cores=1,
            seed=seed,
            save_warmup=False,
            progress_bar=False,
            target_accept=options.target_accept,
            maxdepth=options.max_depth,
        )
    if trace["posterior"].sizes["draw"] < options.draws:
        # What nutpie makes of an interruption.
        raise KeyboardInterrupt
    told((options.draws + options.tune) % _REPORT)
    draws, stats = (
        {str(name): variable.values[0] for name, variable in trace[group].data_vars.items()}
        for group in ("posterior", "sample_stats")
    )
    return Chain(draws, stats)


# In a process of its own --------------------------------------------------------------------------------------


class _Processes:
    """The interpreters at work, so that all can be ended from another thread."""

    def __init__(self) -> None:
        self._lock, self._started, self._ended = threading.Lock(), list[subprocess.Popen[bytes]](), False

    def start(self, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise RuntimeError("no more chains")
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
            self._started.append(process)
        return process

    def kill(self) -> None:
        with self._lock:
            self._ended = True
            for process in self._started:
                process.kill()


def _in_a_process(
    processes: _Processes, density: Whitened, options: NutsOptions, seeds: list[int], told: Told
) -> list[Chain]:
    chains: list[Chain] = []
    with tempfile.TemporaryFile() as errors:
        process = processes.start(errors)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for part in (sys.path, (density, options, seeds)):
                pickle.dump(part, process.stdin)
            process.stdin.flush()
            while len(chains) < len(seeds):
                message = pickle.load(process.stdout)
                if isinstance(message, Chain):
                    chains.append(message)
                else:
                    told(message)
        except (EOFError, OSError) as error:
            process.wait()
            errors.seek(0)
            raise RuntimeError(f"a chain ended early: {errors.read().decode(errors='replace').strip()}") from error
        finally:
            # What is left of an interrupted one.
            process.kill()
            process.wait()
            process.stdout.close()
            with suppress(OSError):
                process.stdin.close()
    return chains


def work() -> None:
    """The work of a process: what it is told through standard input, and its chains to standard output."""
    results = os.fdopen(os.dup(1), "wb")
    # What libraries print must not stand between the results.
    os.dup2(2, 1)

    def say(message: Any) -> None:
        pickle.dump(message, results)
        results.flush()

    # Ctrl-C goes to all processes of a terminal: the parent is the one that answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    density, options, seeds = pickle.load(sys.stdin.buffer)
    end_with_input()
    for seed in seeds:
        say(_chain(density, options, seed, say))
