"""Ctrl-C, SIGTERM and a closed terminal end a command in order: what it was writing is cleared away, or whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Ending", "orderly_end", "uninterrupted"]

# Those that systems lack are left out.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# Seconds after which work that goes on is interrupted once more: libraries swallow an exception now and then, such as
# one that is raised while they import something or while an object is cleared away.
_ONCE_MORE = 5.0


@dataclass
class Ending:
    """Whether a command was told to end, and how.

    Attributes
    ----------
    number : int or None
        Of the first signal that came.
    """

    number: int | None = None
    _depth: int = 0
    _is_due: bool = False

    @property
    def code(self) -> int | None:
        """The exit code that shells give to a program which a signal ended; None where none came."""
        return None if self.number is None else 128 + self.number

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if self._depth:
            self._is_due = True
        else:
            raise KeyboardInterrupt


_current: Ending | None = None


@contextmanager
def orderly_end() -> Iterator[Ending]:
    """Within this, signals that ask the process to end raise KeyboardInterrupt, so that every `finally` is passed.

    Signals that are ignored, as after `nohup`, or handled by somebody else stay so; in other threads than the main one
    nothing is changed.
    """
    global _current
    ending, ended, before = Ending(), threading.Event(), {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        usual = (signal.SIG_DFL, signal.default_int_handler)
        before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) in usual}
    outer, _current = _current, ending
    for number in before:
        signal.signal(number, ending._handle)
    if before:
        threading.Thread(target=_remind, args=(ending, ended), name="signals", daemon=True).start()
    try:
        yield ending
    finally:
        ended.set()
        _current = outer
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What this holds is short, and is finished before a signal of `orderly_end` ends the command."""
    ending = _current
    if ending is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    ending._depth += 1
    try:
        yield
    finally:
        ending._depth -= 1
    if ending._is_due and not ending._depth:
        ending._is_due = False
        raise KeyboardInterrupt


def _remind(ending: Ending, ended: threading.Event) -> None:
    """Send the signal again to work that has not ended some seconds after it came."""
    while not ended.wait(_ONCE_MORE):
        number = ending.number
        if number is not None and not ended.wait(_ONCE_MORE):
            _send_to_main_thread(number)


def _send_to_main_thread(number: int) -> None:
    """As the system would, so that waiting ends too."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)
