"""Libraries keep machine code in the home folder, or in a temporary one where that takes no files."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import forecast
from forecast.caches import check_caches
from forecast.inference.posterior import backend


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    """A folder that takes no files, whoever asks: below a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "home"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, without what says where caches lie, as it was afterwards."""
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "PYTENSOR_FLAGS"):
        monkeypatch.setenv(name, "")
    return monkeypatch


def test_a_home_that_takes_files_is_used(
    environment: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("HOME", str(tmp_path / "new"))
    check_caches.__wrapped__()
    assert os.environ["XDG_CACHE_HOME"] == ""
    assert caplog.records == []
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_takes_none_is_told_and_left(
    environment: pytest.MonkeyPatch, unwritable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("HOME", str(unwritable))
    environment.setenv("PYTENSOR_FLAGS", "cxx=")
    check_caches.__wrapped__()
    temporary = Path(os.environ["XDG_CACHE_HOME"])
    assert temporary.is_dir()
    assert os.environ["PYTENSOR_FLAGS"] == f"cxx=,base_compiledir={temporary / 'pytensor'}"
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"nothing can be written to {unwritable / '.cache'} and {unwritable}" in record.getMessage()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere caches lie in other folders")
def test_arviz_is_imported_without_a_home(unwritable: Path) -> None:
    code = "from forecast.inference.posterior.backend import import_arviz; import_arviz()"
    left_out = ("XDG_CACHE_HOME", "MPLCONFIGDIR", "PYTENSOR_FLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"HOME": str(unwritable), "PYTHONPATH": str(Path(forecast.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment, timeout=120
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert "machine code is kept in a temporary folder" in done.stderr


def test_two_processes_that_import_arviz_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds that the first has moved the file away which both wrote: it tries again."""
    tried = []

    def raced(name: str) -> ModuleType:
        tried.append(name)
        if len(tried) == 1:
            raise FileNotFoundError(2, "No such file or directory", "daily_warning.tmp")
        return sys.modules["forecast"]

    monkeypatch.setattr(backend.importlib, "import_module", raced)
    assert backend.import_arviz() is sys.modules["forecast"]
    assert tried == ["arviz", "arviz"]
