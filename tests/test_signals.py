"""Ctrl-C, SIGTERM and a closed terminal end a command in order."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from forecast import signals
from forecast.files import write_together
from forecast.signals import orderly_end, uninterrupted

NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def _heeded():
    """What a shell lets a program ignore that it starts in the background is heeded here."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in NUMBERS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_an_interruption_and_told(number, tmp_path):
    before = signal.getsignal(number)
    with orderly_end() as ending:
        with pytest.raises(KeyboardInterrupt), write_together(tmp_path, ["a.txt"]) as temporary:
            (temporary / "a.txt").write_text("half")
            signal.raise_signal(number)
            time.sleep(1)
        assert ending.code == 128 + number
    assert signal.getsignal(number) == before
    assert list(tmp_path.iterdir()) == []


def test_short_work_is_finished_first():
    done = []
    with orderly_end() as ending:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                done.append("inner")
            done.append("outer")
        assert ending.number == signal.SIGTERM
    assert done == ["inner", "outer"]
    with uninterrupted():
        pass


def test_what_was_swallowed_comes_again(monkeypatch):
    monkeypatch.setattr(signals, "_ONCE_MORE", 0.05)
    swallowed = 0
    with orderly_end() as ending, pytest.raises(KeyboardInterrupt):
        while swallowed < 2:
            try:
                if not swallowed:
                    signal.raise_signal(signal.SIGINT)
                time.sleep(5)
            except KeyboardInterrupt:
                swallowed += 1
        time.sleep(5)
    assert ending.code == 130


def test_ignored_signals_and_other_threads_are_left_alone():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with orderly_end() as ending:
            signal.raise_signal(signal.SIGTERM)
        assert ending.code is None
    finally:
        signal.signal(signal.SIGTERM, before)

    def elsewhere():
        with orderly_end(), uninterrupted():
            handlers.append(signal.getsignal(signal.SIGTERM))

    handlers = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert handlers == [before]


# A command whose work swallows an interruption, as libraries do where an object is cleared away.
SWALLOWS = """
import os, signal, sys
from forecast import cli
def work(words):
    try:
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        signal.pause()
    except BaseException:
        if sys.argv[2] == "silently":
            return 0
        raise ValueError("of something else")
cli._called = work
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("how", ["silently", "as an error"])
@pytest.mark.skipif(os.name != "posix", reason="the system has no such signals")
def test_the_exit_code_says_what_ended_a_command(name, how):
    done = subprocess.run([sys.executable, "-c", SWALLOWS, name, how], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + getattr(signal, name), "", "")
