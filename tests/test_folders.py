"""Folders that commands write: marked, kept to one command at a time, and never over files of somebody else's."""

import json
import multiprocessing
import os
import stat
import subprocess
import sys

import pytest

from forecast.errors import InputError
from forecast.files import TEMPORARY_FILES, safe_write, sha256, write_text, write_together
from forecast.folders import BACKTEST, EVENTS, PLACES, RUN, check_folder, locked, mark, write_folder

KINDS = [RUN, BACKTEST, EVENTS, PLACES]


def texts(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fill(folder, kind, text="ours"):
    with write_folder(folder, kind, {"title": text}) as temporary:
        write_text(temporary / kind.files[0], text)


@pytest.mark.parametrize("kind", [RUN, EVENTS, PLACES], ids=lambda kind: kind.name)
def test_a_folder_says_what_it_is_and_what_was_written(kind, tmp_path):
    fill(tmp_path / "out", kind)
    record = json.loads((tmp_path / "out" / f"{kind.name}.json").read_text())
    assert list(record)[:2] == ["kind", "format"]
    assert record == {
        "kind": kind.name,
        "format": 1,
        "title": "ours",
        "files": {kind.files[0]: sha256(tmp_path / "out" / kind.files[0])},
    }
    fill(tmp_path / "out", kind, "new")
    assert (tmp_path / "out" / kind.files[0]).read_text() == "new"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_files_of_somebody_else_are_neither_replaced_nor_removed(kind, tmp_path):
    for name in (*kind.files, kind.marker):
        folder = tmp_path / name
        write_text(folder / name, "mine")
        write_text(folder / "notes.txt", "mine")
        with pytest.raises(InputError, match=rf"{name}: is there already.* without a {kind.name}"):
            fill(folder, kind)
        assert texts(folder) == {name: "mine", "notes.txt": "mine"}


def test_a_link_that_leads_nowhere_is_somebody_elses(tmp_path):
    (tmp_path / "forecast.csv").symlink_to(tmp_path / "later.csv")
    with pytest.raises(InputError, match="is there already"):
        check_folder(tmp_path, RUN)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_folder_of_another_kind_is_refused(kind, tmp_path):
    for other in KINDS:
        mark(tmp_path / other.name, other, {})
        if other != kind:
            with pytest.raises(InputError, match=f"is a folder of another kind, with {other.name}.json"):
                check_folder(tmp_path / other.name, kind)
    check_folder(tmp_path / kind.name, kind)
    check_folder(tmp_path / "new", kind)


@pytest.mark.parametrize("text", ['{"kind": "run", "format": 1, "ti', '{\n "kind": "run",\n "format": 1}', None])
def test_a_marker_that_was_cut_short_still_tells(text, tmp_path):
    fill(tmp_path, RUN)
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    check_folder(tmp_path, RUN)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"kind": "runs", "format": 1}', '{"format": 1, "kind": "run"}', "\0" * 300, "[" * 100_000]
)
def test_what_is_no_marker_is_somebody_elses(text, tmp_path):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: is there already"):
        check_folder(tmp_path, RUN)


def test_a_newer_version_is_left_alone(tmp_path):
    (tmp_path / "run.json").write_text('{"kind": "run", "format": 2}')
    with pytest.raises(InputError, match="was written by a newer version"):
        check_folder(tmp_path, RUN)


def test_a_gazetteer_that_was_edited_is_kept(tmp_path):
    with write_folder(tmp_path, EVENTS) as temporary:
        write_text(temporary / "gazetteer.csv", "written")
    fill(tmp_path, EVENTS)
    assert not (tmp_path / "gazetteer.csv").exists()
    with write_folder(tmp_path, EVENTS) as temporary:
        write_text(temporary / "gazetteer.csv", "written")
    (tmp_path / "gazetteer.csv").write_text("edited")
    before = texts(tmp_path)
    with pytest.raises(InputError, match=r"gazetteer\.csv: was edited since it was written"):
        fill(tmp_path, EVENTS)
    assert texts(tmp_path) == before


def test_what_fails_leaves_the_folder_as_it_was(tmp_path):
    fill(tmp_path, RUN)
    before = texts(tmp_path)
    with pytest.raises(RuntimeError), write_folder(tmp_path, RUN) as temporary:
        write_text(temporary / "forecast.csv", "half")
        raise RuntimeError
    assert texts(tmp_path) == before


def test_moves_that_stop_half_way_leave_a_bare_marker(tmp_path, monkeypatch):
    from pathlib import Path

    fill(tmp_path, RUN)
    original = Path.replace

    def stop(path, target):
        if path.name == "scores.csv":
            raise KeyboardInterrupt
        return original(path, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt), write_folder(tmp_path, RUN) as temporary:
        for name in ("forecast.csv", "scores.csv"):
            write_text(temporary / name, "new")
    monkeypatch.undo()
    assert json.loads((tmp_path / "run.json").read_text()) == {"kind": "run", "format": 1}
    fill(tmp_path, RUN)
    assert (tmp_path / "report.html").read_text() == "ours"


def hold(folder, begun, end):
    with locked(folder):
        begun.set()
        end.wait(60)


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such locks")
def test_a_folder_is_kept_to_one_command_until_it_ends(tmp_path):
    context = multiprocessing.get_context("fork")
    begun, end = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(tmp_path, begun, end))
    holder.start()
    assert begun.wait(60)
    with pytest.raises(InputError, match="is in use by another command"), locked(tmp_path):
        pass
    with pytest.raises(InputError, match="is in use by another command"):
        fill(tmp_path, RUN)
    holder.kill()
    holder.join()
    with locked(tmp_path), locked(tmp_path):
        fill(tmp_path, RUN)
    assert set(texts(tmp_path)) == {"run.json", "report.html"}


def test_a_folder_that_cannot_be_locked_is_used_without(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("forecast.folders._locks.flock", fail)
    fill(tmp_path, RUN)
    monkeypatch.setattr("forecast.folders._locks", None)
    fill(tmp_path, RUN)


def test_what_killed_commands_left_is_removed(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from forecast.files import safe_write, write_together\n"
        "with write_together(sys.argv[1], ['a.txt']) as folder, safe_write(Path(sys.argv[1]) / 'b.txt') as file:\n"
        "    (folder / 'a.txt').write_text('half'); file.write_text('half'); os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9
    (tmp_path / ".forecast-notes").write_text("mine")
    assert len(list(tmp_path.glob(TEMPORARY_FILES))) == 2
    with locked(tmp_path):
        assert texts(tmp_path) == {".forecast-notes": "mine"}


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
def test_files_have_the_rights_of_the_umask(mask, tmp_path):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
        with write_together(tmp_path, ("b.txt",)) as temporary, safe_write(temporary / "b.txt") as file:
            file.write_text("x")
        fill(tmp_path / "out", RUN)
    finally:
        os.umask(before)
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert rights == dict.fromkeys(("a.txt", "b.txt", "report.html", "run.json"), 0o666 & ~mask)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask
