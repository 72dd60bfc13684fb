"""Results are written whole or not at all: full disks, failures and interruptions on the way."""

import errno
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bad_input import GOOD_RUN, INGEST, PLAIN, RUN, SETTINGS, WRITTEN, call, changed, check_refusal, contents, write

from forecast import cli
from forecast.run_files import RUN_FILES, load_run


def fill_disk_at(name: str, patch: pytest.MonkeyPatch) -> None:
    """Writing a file of this name ends in the middle, as on a full disk."""
    original = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        if name not in path.name:
            return original(path, content)
        original(path, bytes(content)[:40])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def half_text(path: Path, text: str, **_: object) -> int:
        return half(path, text.encode())

    def half_table(frame: pd.DataFrame, path: Path, **options: Any) -> None:
        half(path, frame.to_csv(None, **options).encode())

    to_csv = pd.DataFrame.to_csv
    patch.setattr(Path, "write_bytes", half)
    patch.setattr(Path, "write_text", half_text)
    patch.setattr(
        pd.DataFrame,
        "to_csv",
        lambda frame, path=None, **o: half_table(frame, path, **o) if path else to_csv(frame, **o),
    )


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("before", ["no folder", "finished run"])
def test_a_full_disk_leaves_what_was_there(
    name: str, before: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before == "no folder":
        shutil.rmtree(again / "out")
    was = contents(again)
    with monkeypatch.context() as patch:
        fill_disk_at(name, patch)
        done = call(RUN, patch)
    check_refusal(
        done, rf"^error: out.{re.escape(name)}: cannot be written: No space left on device\. Check the folder"
    )
    assert contents(again) == was
    if before == "finished run":
        assert load_run(again / "out").record.title


@pytest.mark.parametrize("name", ["events.csv", "ledger.csv"])
def test_a_full_disk_while_cleaning(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"raw.csv": PLAIN})
    with monkeypatch.context() as patch:
        fill_disk_at(name, patch)
        done = call(INGEST.replace("events", "raw"), patch)
    check_refusal(done, rf"out.{re.escape(name)}: cannot be written: No space left on device")
    assert set(contents(folder)) == {"raw.csv"}


def test_a_full_disk_while_rendering_again(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = contents(again)
    with monkeypatch.context() as patch:
        fill_disk_at("report.html", patch)
        done = call("report out", patch)
    check_refusal(done, r"out.report\.html: cannot be written: No space left on device")
    assert contents(again) == was


@pytest.mark.parametrize("name", [RUN_FILES[0], "panel.nc", RUN_FILES[-1]])
def test_a_failure_between_two_files_leaves_no_finished_run(
    name: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worse than a full disk: moving the written files into place fails. Nothing then passes for a run."""
    original = Path.replace

    def stuck(path: Path, target: Path) -> Path:
        if path.name == name:  # under its own name already: it was written, and is now moved
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path), None, str(target))
        return original(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stuck)
        done = call(RUN, patch)
    check_refusal(done, rf"out.{re.escape(name)}: cannot be written: Input/output error")
    assert set(contents(again / "out")) <= set(RUN_FILES)
    check_refusal(call("report out", monkeypatch), r"out: is no folder of a finished run")
    # The marker says whose the folder is: the same command mends it.
    assert call(RUN, monkeypatch).code == 0
    assert load_run(again / "out").record.title


def test_an_interrupted_run_leaves_what_was_there(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = contents(again)
    with monkeypatch.context() as patch:
        patch.setattr("forecast.run_files.write_run_report", interrupt)
        done = call(RUN, patch)
    assert done.code == 130
    assert contents(again) == was


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_model_with_too_little_to_learn_from_is_left_out_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": changed(SETTINGS, "periods = 0", "periods = 5")})
    done = call(RUN, monkeypatch)
    assert done.code == 0
    notes = json.loads((folder / "out" / "run.json").read_text())["notes"]
    assert any(note.startswith("regression is not scored") for note in notes)
    assert "Regression is not scored" in (folder / "out" / "report.html").read_text()


def test_too_little_memory_is_no_defect(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD_RUN)

    def starve(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("forecast.run.predict", starve)
        done = call(RUN, patch)
    check_refusal(done, r"there is not enough memory\. Ask for fewer draws")


def test_a_defect_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not foreseen is one line too, with exit code 1, and a traceback only where it is asked for."""
    write(folder, GOOD_RUN)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("forecast.run.predict", fail)
    done = call(RUN, monkeypatch)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("error: a defect of the package, not of your input: RuntimeError: two lines")
    monkeypatch.setattr(sys, "argv", ["forecast", *RUN.split(), "--debug"])
    with pytest.raises(RuntimeError):
        cli.main()
