"""Processes that work for another one end when it ends: killed, told to end, or interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks at processes in /proc")
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
ENDS = 5.0

# Both write a file for each process at work, named by its id.
CHAINS = """
import signal, subprocess, sys
from pathlib import Path
import forecast as fc
from forecast.inference.nuts import chains
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.nuts.engine import sample_nuts
signal.signal(signal.SIGINT, signal.default_int_handler)
chains._WORTH = 0.0
real = chains._Processes.start
def start(*args):
    process = real(*args)
    (Path(sys.argv[1]) / str(process.pid)).touch()
    return process
chains._Processes.start = start
chains._Counted.__call__ = lambda self, number: Path(sys.argv[2]).touch()
# They tell once that they sample, and no more: at the next word they would find nobody there.
chains._PROGRAM = chains._PROGRAM.replace("work()", '''
from forecast.inference.nuts import chains
real = chains._chain
def chain(density, options, seed, told):
    words = iter([told])
    return real(density, options, seed, lambda number: next(words, int)(number))
chains._chain = chain
work()''')
panel = fc.simulate_panel(2, 1, 20, seed=1).panel
model = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson())
sample_nuts(model, panel, NutsOptions(draws=10_000_000, tune=100, chains=2, cores=2), seed=1)
"""
BACKTEST = """
import multiprocessing, os, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import forecast as fc
from forecast.inference.dispatch import fit
from forecast.workers import process_pool

@dataclass(frozen=True)
class Slow:
    name: ClassVar[str] = "slow"

@fit.register
def _fit_slow(model: Slow, panel, *, engine="auto", start=None, seed):
    (Path(sys.argv[1]) / str(os.getpid())).touch()
    time.sleep(100)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    panel = fc.simulate_panel(2, 1, 60, seed=1).panel
    context = multiprocessing.get_context("spawn")
    with process_pool(2) if sys.argv[2] == "ours" else ProcessPoolExecutor(2, mp_context=context) as pool:
        fc.backtest([Slow()], panel, origins=50, horizon=1, baselines=False, seed=1, executor=pool)
"""


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended may still wait for somebody to ask how."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


@pytest.fixture
def started(tmp_path):
    """Starts a script with two workers in a group of its own; its process and the ids of the workers."""
    parents, at_work = [], tmp_path / "at work"
    at_work.mkdir()

    def workers():
        return [int(file.name) for file in at_work.iterdir()]

    def start(script, *words):
        (tmp_path / "script.py").write_text(script)
        command = [sys.executable, str(tmp_path / "script.py"), str(at_work), *words]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        errors = (tmp_path / "errors").open("w")
        parents.append(subprocess.Popen(command, env=environment, start_new_session=True, stderr=errors))
        assert wait_until(lambda: len(workers()) == 2, 60), (tmp_path / "errors").read_text()
        assert all(map(is_alive, workers()))
        return parents[0], workers()

    yield start
    for process in (*(parent.pid for parent in parents), *workers()):
        if is_alive(process):
            os.kill(process, signal.SIGKILL)
    for parent in parents:
        parent.wait()


@pytest.mark.parametrize("number", SIGNALS)
def test_chains_end_with_the_process_that_samples(number, started, tmp_path):
    sampling = tmp_path / "sampling"
    parent, workers = started(CHAINS, str(sampling))
    assert wait_until(sampling.is_file, 60)
    assert all(map(is_alive, workers))
    parent.send_signal(number)
    assert wait_until(lambda: not any(map(is_alive, (parent.pid, *workers))), ENDS)
    parent.wait()


@pytest.mark.parametrize(
    ("pool", "number"), [("ours", signal.SIGKILL), ("ours", signal.SIGINT), *(("theirs", each) for each in SIGNALS)]
)
def test_workers_of_a_backtest_end_with_it(number, pool, started):
    parent, workers = started(BACKTEST, pool)
    parent.send_signal(number)
    assert wait_until(lambda: not any(map(is_alive, (parent.pid, *workers))), ENDS)
    parent.wait()


def test_control_c_on_a_terminal_is_answered_by_the_parent_alone(started, tmp_path):
    parent, workers = started(BACKTEST, "ours")
    os.killpg(parent.pid, signal.SIGINT)
    assert wait_until(lambda: not any(map(is_alive, (parent.pid, *workers))), ENDS)
    parent.wait()
    assert (tmp_path / "errors").read_text().count("KeyboardInterrupt") == 1
