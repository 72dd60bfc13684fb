"""The command as a user runs it: pipes, locales, limits, folders that cannot be written."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bad_input import (
    DAYS,
    GOOD_RUN,
    INGEST,
    PLAIN,
    RUN,
    SETTINGS,
    Outcome,
    call,
    changed,
    check_refusal,
    contents,
    write,
)
from progress_lines import without_progress

import forecast


def command(*words: str, env: Mapping[str, str] = {}, **options: Any) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "forecast", *words],
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(forecast.__file__).parents[1])} | env,
        text=True,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )
    return Outcome(done.returncode, done.stdout or "", without_progress(done.stderr))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize(
    "words",
    ["run pipe", f"{INGEST} --boundaries pipe", f"{INGEST} --gazetteer pipe", INGEST.replace("events.csv", "pipe")],
)
def test_pipes_are_not_waited_for(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN})
    os.mkfifo("pipe")
    check_refusal(call(words, monkeypatch), r"^error: pipe: is a pipe, a socket or a device where a file is needed")


def test_a_pipe_that_settings_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"forecast.toml": SETTINGS})
    os.mkfifo("events.csv")
    check_refusal(call(RUN, monkeypatch), r"data\.paths\.0: is a pipe, a socket or a device, not a file: .*events\.csv")


def test_names_that_are_no_text_or_not_of_the_locale(folder: Path) -> None:
    names = [os.fsdecode(b"ev\xff.csv"), "événements.csv"]
    for number, name in enumerate(names):
        write(folder, {name: PLAIN.replace("2020", f"201{number}")})
    for output, env in (("a", {}), ("b", {"LC_ALL": "POSIX", "PYTHONUTF8": "0"})):
        done = command("ingest", *names, "--source", "plain", "--output", os.fsdecode(b"out\xff") + output, env=env)
        assert done.code == 0, done
        ledger = pd.read_csv(folder / (os.fsdecode(b"out\xff") + output) / "ledger.csv")
        assert set(ledger["source"].dropna()) == {r"ev\xff.csv", "événements.csv"}
        assert len(pd.read_csv(folder / (os.fsdecode(b"out\xff") + output) / "events.csv")) == 2 * len(DAYS)


def test_output_that_nobody_reads_ends_quietly(folder: Path) -> None:
    write(folder, {"events.csv": PLAIN})
    for words in (INGEST, "--help", "ingest nothing.csv --source plain"):
        reading, writing = os.pipe()
        os.close(reading)
        done = command(*words.split(), stdout=writing)
        os.close(writing)
        if "nothing" in words:
            check_refusal(done, "nothing.csv: no such file")
        else:
            assert (done.code, done.err) == (141, ""), done
    assert len(pd.read_csv(folder / "out" / "events.csv")) == len(DAYS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_output_to_a_full_disk(folder: Path) -> None:
    write(folder, {"events.csv": PLAIN})
    with open("/dev/full", "w") as full:
        check_refusal(command(*INGEST.split(), stdout=full), "standard output cannot be written: No space left")


@pytest.mark.parametrize("words", [RUN, "demo", "report out", "backtest forecast.toml"])
def test_without_docstrings_nothing_can_be_drawn(words: str, folder: Path) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    done = command(*words.split(), env={"PYTHONOPTIMIZE": "2"})
    check_refusal(done, r"PYTHONOPTIMIZE or -OO: no chart can be drawn without docstrings\. Set it to 1")


def test_in_a_process_of_its_own(folder: Path) -> None:
    write(folder, {"events.csv": changed(PLAIN, "Anbar", "An\0bar"), "forecast.toml": SETTINGS})
    check_refusal(command(*RUN.split()), r"events\.csv: line 3: holds a NUL byte")
    debugged = command(*RUN.split(), "--debug")
    assert debugged.code == 1
    assert "Traceback" in debugged.err
    assert contents(folder / "out") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on the size of files is POSIX")
def test_a_limit_of_the_system_on_written_files(folder: Path) -> None:
    """A real failure of write(2), in the first netCDF file: the HDF5 library must not end the process."""
    import resource

    write(folder, GOOD_RUN)
    was = contents(folder)
    done = command(*RUN.split(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000)))
    check_refusal(done, r"out.panel\.nc: cannot be written: File too large")
    assert contents(folder) == was


@pytest.mark.parametrize("words", [INGEST, RUN])
def test_read_only_output(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    (folder / "out").mkdir(mode=0o555)
    if os.access("out", os.W_OK):  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    check_refusal(call(words, monkeypatch), r"out: the folder cannot be written to\. Choose another output path")
    assert contents(folder / "out") == {}


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that takes no folders")
@pytest.mark.parametrize("words", [INGEST, RUN])
def test_output_where_nothing_can_be_made(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    check_refusal(
        call(words.replace("output out", "output /proc/out"), monkeypatch), r"/proc/out: the folder cannot be made"
    )
