"""What long work tells: when, in which words, and whether there is time for more; by a clock that stands still."""

import logging
import sys
from types import SimpleNamespace

import pytest

from forecast import progress as module
from forecast.inference.machine import in_threads
from forecast.progress import OutOfTime, check_deadline, deadline, on_command_line, progress, silent


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Seconds pass when it is said, and the watch does not look."""
    monkeypatch.setattr(module, "_LOOK", 1e6)
    return Clock()


@pytest.fixture
def work(clock, capsys):
    """Tells a share at so many seconds after the beginning, and gives what was then written."""

    def told(shown, seconds, share, what=None):
        clock.now = 100.0 + seconds
        shown(share) if what is None else shown(share, what)
        return capsys.readouterr().err

    return told


def test_lines_say_what_how_far_and_how_long_at_most_every_15_seconds(clock, work):
    with on_command_line(), progress("Fitting standard", clock=clock) as told:
        assert work(told, 1.9, 0.1) == ""
        assert work(told, 2.0, 0.1) == "Fitting standard: 10 %, about 18 s left\n"
        assert work(told, 16.9, 0.2) == ""
        assert work(told, 17.0, 0.05) == "Fitting standard: 5 %, about 5 min left\n"
        assert work(told, 60.0, 0.25) == "Fitting standard: 25 %, about 3 min left\n"
        assert work(told, 4000.0, 0.25) == "Fitting standard: 25 %, about 3.3 h left\n"
    with on_command_line(), progress("Fitting", clock=clock) as told:
        assert work(told, 4010.0, 0.0) == "Fitting: 0 %\n"


def test_the_time_left_is_that_of_the_stage_under_way(clock, work):
    """A stage that takes longer than its share of the work says so, and one that has more to do than it thought."""
    with on_command_line(), progress("Fitting", clock=clock) as told:
        early, late = told.part(0.0, 0.5), told.part(0.5, 1.0)
        # 20 s of 40, and as much for the rest.
        assert work(early, 20.0, 0.5) == "Fitting: 25 %, about 60 s left\n"
        assert work(early, 40.0, 1.0) == "Fitting: 50 %, about 40 s left\n"
        # Nothing is known of the second stage yet.
        assert work(late, 56.0, 0.01) == "Fitting: 50 %, about 55 s left\n"
        assert work(late, 80.0, 0.1) == "Fitting: 18 %, about 6 min left\n"
        assert work(late, 100.0, 0.05) == "Fitting: 8 %, about 19 min left\n"


def test_work_within_work_is_told_in_one_line(clock, work):
    with on_command_line(), progress("backtest", clock=clock) as outer:
        outer(0.5)
        clock.now += 10
        with progress("Fitting quick", clock=clock) as inner:
            assert work(inner, 11.0, 0.5) == "backtest: 50 %, about 11 s left\n"
            assert work(inner, 30.0, 0.5) == "backtest: 50 %, about 30 s left; Fitting quick: 50 %, about 20 s left\n"
        assert work(outer, 50.0, 0.5) == "backtest: 50 %, about 50 s left\n"


def test_of_steps_that_are_not_alike_no_time_is_told(clock, work):
    with on_command_line(), progress("starting", even=False, clock=clock) as told:
        assert work(told, 3.0, 0.5, "fitting") == "fitting\n"
        with progress("Fitting quick", clock=clock) as inner:
            assert work(inner, 20.0, 0.5) == "Fitting quick: 50 %, about 17 s left\n"


def test_it_goes_on_telling_while_the_work_tells_nothing(monkeypatch, capsys):
    clock, shown = Clock(), []
    monkeypatch.setattr(module, "_LOOK", 0.01)
    with on_command_line(), progress("Compiling", clock=clock):
        clock.now += 3
        for _ in range(500):
            module.time.sleep(0.01)
            shown.append(capsys.readouterr().err)
            if shown[-1]:
                break
    assert shown[-1] == "Compiling: 0 %\n"


def test_without_a_terminal_a_program_of_ones_own_is_told_through_the_log(clock, work, caplog):
    with progress("Fitting", clock=clock) as told:
        assert work(told, 3.0, 0.5) == ""
    assert not caplog.records
    with caplog.at_level(logging.INFO, "forecast"), progress("Fitting", clock=clock) as told:
        assert work(told, 6.0, 0.5) == ""
    assert caplog.messages == ["Fitting: 50 %, about 3 s left"]


def test_a_terminal_has_bars_from_two_seconds_on_which_go_at_the_end(clock, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    # What decides for Rich.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with on_command_line(), progress("Fitting [b]", clock=clock) as told:
        told(0.5)
        assert capsys.readouterr().err == ""
        clock.now += 10
        told(0.5)
        module._DISPLAY.get()._screen._bars.refresh()
        first = capsys.readouterr().err
        with progress("Within", clock=clock) as inner:
            clock.now += 10
            inner(0.5)
            module._DISPLAY.get()._screen._bars.refresh()
            assert "Within" in capsys.readouterr().err
    assert "Fitting [b]" in first
    assert "about 10 s left" in first
    assert "0:00:10" in first
    # The last word clears the lines.
    assert capsys.readouterr().err.endswith("\x1b[2K")


def test_a_notebook_has_a_bar_that_goes_at_the_end(clock, monkeypatch):
    shown = []

    class Html:
        def __init__(self, text):
            self.text = text

    def display(html, display_id):
        shown.append(html.text)
        return SimpleNamespace(update=lambda html: shown.append(html.text))

    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=Html, display=display))
    monkeypatch.setattr(module, "_LOOK", 5.0)
    with progress("Fitting <quick>", clock=clock) as told:
        told(0.1)
        clock.now += 3
        told(0.25)
        clock.now += 1
        told(0.3)
    assert len(shown) == 2
    assert '<progress max="1" value="0.250"></progress> Fitting &lt;quick&gt;: 25 %, about 9 s left' in shown[0]
    assert shown[1] == ""


def test_nothing_is_shown_where_it_is_silent(clock, work):
    with on_command_line(), silent(), progress("Fitting", clock=clock) as told:
        assert work(told, 30.0, 0.5) == ""


def test_whether_there_is_time_for_more(clock):
    with progress("Fitting", clock=clock) as told:
        clock.now += 1e9
        assert told(0.5)
    with progress("Fitting", max_seconds=10.0, clock=clock) as told:
        early, late = told.part(0.0, 0.5), told.part(0.5, 1.0)
        assert told(0.0)
        assert early(0.5)
        assert told.share == 0.25
        clock.now += 9
        assert late(0.0)
        clock.now += 1
        assert not early(1.0)
        assert not late(1.0)
        assert not told(0.1)
        assert told.share == 1.0


def test_a_stream_that_is_gone_stops_no_work(clock, monkeypatch):
    def gone(*args, **options):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", gone)
    with on_command_line(), progress("Fitting", clock=clock) as told:
        clock.now += 3
        assert told(0.5)


def test_names_hold_nothing_that_a_terminal_would_obey():
    with silent(), progress("Fitting \x1b]0;x\x07") as told:
        assert told.line.startswith("Fitting  ]0;x ")
        told(0.5, "scoring \x1b[2J")
        assert told.line.startswith("scoring  [2J")


def test_a_deadline_holds_within_it_in_threads_too_and_an_outer_one_within_an_inner():
    check_deadline()
    with deadline(0.0):
        for late in (check_deadline, lambda: in_threads(lambda _: check_deadline(), range(3))):
            with pytest.raises(OutOfTime):
                late()
        with deadline(1e6), pytest.raises(OutOfTime):
            check_deadline()
    with deadline(1e6):
        in_threads(lambda _: check_deadline(), range(3))
    check_deadline()
