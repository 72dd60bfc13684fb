"""What long work tells while it goes on: where it is, how long it will take, and whether there is time for more.

Nothing is shown of work in its first two seconds. Afterwards there is a bar in a notebook and on a terminal; on the
command line without a terminal a line on standard error, at most every 15 seconds; and in a program of one's own
without a terminal the same line goes to the logger 'forecast', at level INFO. Work within work is shown with it.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from html import escape
from importlib import import_module
from typing import Any, Protocol

__all__ = ["InTime", "OutOfTime", "Progress", "check_deadline", "deadline", "on_command_line", "progress", "silent"]

# Told what share is done; whether there is time for more.
InTime = Callable[[float], bool]
# In seconds: work so long is shown, time between two lines, and between two looks at what has changed.
_SHOWN_AFTER, _BETWEEN_LINES, _LOOK = 2.0, 15.0, 0.5
# Shares from which the time that is left can be told.
_TELLING = 0.02
_LINES: ContextVar[bool] = ContextVar("lines", default=False)
_DISPLAY: ContextVar["_Display | None"] = ContextVar("display", default=None)
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class OutOfTime(Exception):
    """Work that cannot give half a result has taken longer than it may."""


class Progress:
    """A piece of work under way; made by `progress`, and called with the share that is done.

    Attributes
    ----------
    what : str
        What is done, in a few words.
    share : float
        The largest share that was told, from 0 to 1.
    """

    def __init__(
        self, what: str, max_seconds: float | None, even: bool, clock: Callable[[], float], look: Callable[[], None]
    ) -> None:
        self.what, self.share = _printable(what), 0.0
        self._max_seconds, self._even, self._clock, self._look = max_seconds, even, clock, look
        self._began = self._last = clock()
        # The stage that is under way: the shares from which and up to which it is the work, when it began, and what
        # share of it is done.
        self._stage, self._stage_began, self._within = (0.0, 1.0), self._began, 0.0

    def __call__(self, share: float, what: str | None = None) -> bool:
        """Tell the share that is done, and what is done now; whether there is time for more.

        A smaller share than before says that there is more to do than was thought: then there is more time left.
        """
        self.what = _printable(what) if what else self.what
        self._tell(share, 0.0, 1.0)
        return self.is_in_time()

    def _tell(self, share: float, first: float, last: float) -> None:
        if self._stage != (first, last):
            self._stage, self._stage_began = (first, last), self._last
        self._last, self._within = self._clock(), min(max(share, 0.0), 1.0)
        self.share = max(self.share, first + (last - first) * self._within)
        self._look()

    def part(self, first: float, last: float) -> InTime:
        """What a stage is given to tell its own share to: it is the work from one share to another."""

        def told(share: float) -> bool:
            self._tell(share, first, last)
            return self.is_in_time()

        return told

    def is_in_time(self) -> bool:
        """Whether less than the time has gone."""
        return self._max_seconds is None or self.elapsed < self._max_seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._began

    @property
    def left(self) -> float | None:
        """About how many seconds it will take yet, None where that is not known.

        By the time that the stage under way has taken so far, and those after it in proportion.
        """
        if not self._even or self.share < _TELLING:
            return None
        (first, last), spent, within = self._stage, self._clock() - self._stage_began, self._within
        if within < _TELLING:
            first, last, spent, within = 0.0, 1.0, self.elapsed, self.share
        return spent / within * (1 - within + (1 - last) / (last - first))

    @property
    def of_time(self) -> float:
        """The share of the time that has gone, where that is known: it falls where more is left than was thought."""
        return self.share if self.left is None else self.elapsed / max(self.elapsed + self.left, 1e-9)

    @property
    def in_words(self) -> str:
        """`left`, in words; '' where it is not known."""
        return "" if self.left is None else f"about {_in_words(self.left)} left"

    @property
    def line(self) -> str:
        """Where it is, in one line."""
        if not self._even:
            return self.what
        return f"{self.what}: {100 * self.of_time:.0f} %" + (f", {self.in_words}" if self.in_words else "")


@contextmanager
def progress(
    what: str, *, max_seconds: float | None = None, even: bool = True, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Show work while it goes on.

    Parameters
    ----------
    what : str
        What is done, in a few words.
    max_seconds : float, optional
        After which there is no time for more.
    even : bool
        Whether shares grow about evenly with time, so that one can tell from them how long it will take.
    clock : function
        Gives seconds.
    """
    display = _DISPLAY.get() or _Display(_screen(clock))
    work = Progress(what, max_seconds, even, clock, display.look)
    token = _DISPLAY.set(display)
    display.add(work)
    try:
        yield work
    finally:
        display.remove(work)
        _DISPLAY.reset(token)


@contextmanager
def on_command_line() -> Iterator[None]:
    """Within this, where there is no terminal, lines go to standard error."""
    token = _LINES.set(True)
    try:
        yield
    finally:
        _LINES.reset(token)


@contextmanager
def silent() -> Iterator[None]:
    """Within this nothing is shown: in one of several processes or threads, say, that share a terminal."""
    token = _DISPLAY.set(_Display(None))
    try:
        yield
    finally:
        _DISPLAY.reset(token)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within this, `check_deadline` raises `OutOfTime` after so many seconds."""
    token = _DEADLINE.set(min(_DEADLINE.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def check_deadline() -> None:
    """Raise `OutOfTime` where the time of `deadline` has gone: asked before each piece of work that may take long."""
    if time.monotonic() > _DEADLINE.get():
        raise OutOfTime


# How it is shown ------------------------------------------------------------------------------------------------------


class _Screen(Protocol):
    """Where work is shown."""

    def show(self, works: Sequence[Progress]) -> None:
        """Show pieces of work, each of which is part of the one before."""

    def close(self) -> None:
        """Take away what was shown, where it can be."""


class _Display:
    """The pieces of work under way, from the outermost to the innermost, and the screen that they are shown on."""

    def __init__(self, screen: _Screen | None) -> None:
        self._screen, self._works = screen, list[Progress]()
        # Work in several threads may tell its shares at one time.
        self._lock, self._ended = threading.RLock(), threading.Event()

    def add(self, work: Progress) -> None:
        with self._lock:
            self._works.append(work)
        if len(self._works) == 1 and self._screen is not None:
            # Work may go on for minutes without telling anything.
            threading.Thread(target=copy_context().run, args=(self._watch,), daemon=True).start()

    def remove(self, work: Progress) -> None:
        with self._lock:
            self._works.remove(work)
            if not self._works and self._screen is not None:
                self._ended.set()
                with suppress(OSError, ValueError):
                    self._screen.close()

    def look(self) -> None:
        if self._screen is None:
            return
        with self._lock:
            works = [work for work in self._works if work.elapsed >= _SHOWN_AFTER]
            if works:
                # Nobody may be there any more to be told.
                with suppress(OSError, ValueError):
                    self._screen.show(works)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            self.look()


def _screen(clock: Callable[[], float]) -> _Screen | None:
    """The one that belongs to where this runs."""
    if _is_notebook():
        return _Notebook(clock)
    if sys.stderr is not None and sys.stderr.isatty():
        return _Terminal()
    if _LINES.get():
        return _Lines(lambda line: print(line, file=sys.stderr, flush=True), clock)
    logger = logging.getLogger("forecast")
    return _Lines(logger.info, clock) if logger.isEnabledFor(logging.INFO) else None


def _is_notebook() -> bool:
    """Whether this runs in a kernel of Jupyter."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return "IPKernelApp" in getattr(shell, "config", {})


class _Lines:
    """A line now and then."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._write, self._clock, self._last = write, clock, -float("inf")

    def show(self, works: Sequence[Progress]) -> None:
        now = self._clock()
        if now - self._last < _BETWEEN_LINES:
            return
        self._last = now
        # Of work in uneven steps the part that is done now says more.
        told = [work for work in works[:-1] if work._even]
        self._write("; ".join(work.line for work in (*told, works[-1])))

    def close(self) -> None:
        """Lines stay."""


class _Terminal:
    """A bar for each piece of work."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._tasks: dict[Progress, Any] = {}

    def show(self, works: Sequence[Progress]) -> None:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            columns = (
                # A name in square brackets is no markup.
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
            )
            self._bars = Bars(SpinnerColumn(), *columns, console=Console(stderr=True), transient=True)
            self._bars.start()
        for gone in set(self._tasks) - set(works):
            self._bars.remove_task(self._tasks.pop(gone))
        for work in works:
            if work not in self._tasks:
                self._tasks[work] = self._bars.add_task(work.what, left="")
                # It began before it was shown.
                self._bars.tasks[-1].start_time = self._bars.get_time() - work.elapsed
            done = {"completed": work.of_time, "total": 1.0 if work.share > 0 else None}
            self._bars.update(self._tasks[work], description=work.what, left=work.in_words, **done)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()


class _Notebook:
    """A bar of HTML for each piece of work (those of Rich would need ipywidgets)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._last = clock, -float("inf")
        self._handle: Any = None

    def show(self, works: Sequence[Progress]) -> None:
        now = self._clock()
        if now - self._last < _LOOK:
            return
        self._last = now
        self._put(
            "".join(
                f'<div><progress max="1" value="{work.of_time:.3f}"></progress> {escape(work.line)}</div>'
                for work in works
            )
        )

    def close(self) -> None:
        if self._handle is not None:
            self._put("")

    def _put(self, html: str) -> None:
        ipython: Any = import_module("IPython.display")
        if self._handle is None:
            self._handle = ipython.display(ipython.HTML(html), display_id=True)
        else:
            self._handle.update(ipython.HTML(html))


def _printable(text: str) -> str:
    """Without what a terminal would obey: names come from settings and files."""
    return "".join(character if character.isprintable() else " " for character in text)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
