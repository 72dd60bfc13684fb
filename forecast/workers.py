"""Processes that work for this one, and end when it ends, however that comes about."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

__all__ = ["end_with_input", "end_with_parent", "kill_workers", "process_pool"]

# Whether this process is to end with another one.
_bound = threading.Event()


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with this one, and at once where the block is left by an error or an interruption."""
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker)
    try:
        yield pool
    except BaseException:
        kill_workers(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def kill_workers(executor: Executor) -> None:
    """End the processes of a process pool, which would else finish what they do; other executors are left alone."""
    # Python 3.14 has a method for it.
    for process in list((getattr(executor, "_processes", None) or {}).values()):
        if isinstance(process, multiprocessing.process.BaseProcess):
            process.kill()


def end_with_parent() -> None:
    """Let this process, where it is one of multiprocessing's, end when the process that started it ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        _end_after(parent.join)


def end_with_input() -> None:
    """Let this process end when its standard input does: that is held by the process that started it."""
    # Not through `sys.stdin`, whose lock would be held while the interpreter shuts down.
    _end_after(lambda: os.read(0, 1))


def _begin_worker() -> None:
    # Ctrl-C goes to all processes of a terminal: the parent is the one that answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _end_after(wait: Callable[[], object]) -> None:
    def watch() -> None:
        wait()
        os._exit(1)

    if not _bound.is_set():
        _bound.set()
        threading.Thread(target=watch, daemon=True).start()
