"""A folder for each test, and a finished run to spoil."""

import shutil
from pathlib import Path

import pytest
from bad_input import GOOD_RUN, RUN, WRITTEN, call, contents, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good inputs and the results of a run on them in `out`."""
    place = tmp_path_factory.mktemp("finished")
    write(place, GOOD_RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        done = call(RUN, patch)
    assert (done.code, done.err) == (0, ""), done
    assert set(contents(place / "out")) == set(WRITTEN)
    return place


@pytest.fixture
def again(finished: Path, folder: Path) -> Path:
    """A copy of a finished run to spoil."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    return folder
