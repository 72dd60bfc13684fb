"""Another `forecast` than ours ends the command in one clear sentence, whatever it holds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import attack_forecast
from forecast import __version__

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "from attack_forecast import main; main()"


def call(folder: Path, path: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def check(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "an environment of its own" in done.stderr


@pytest.mark.parametrize("words", [("-m", "attack_forecast", "--version"), ("-c", COMMAND)])
def test_a_file_in_the_working_directory(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "forecast.py").write_text("raise SystemExit('it was run')")
    check(call(tmp_path, str(ROOT), *words), f"another 'forecast' ({tmp_path / 'forecast.py'}) before")


@pytest.mark.parametrize("content", ["cli.py", "__init__.py"])
def test_a_package_of_another_distribution(content: str, tmp_path: Path) -> None:
    """Also one that has a command line of its own, and one that is a folder without `__init__.py`."""
    other = tmp_path / "other" / "forecast"
    other.mkdir(parents=True)
    (other / content).write_text("def main(): print('another')")
    done = call(tmp_path, f"{tmp_path / 'other'}{os.pathsep}{ROOT}", "-m", "attack_forecast", "--version")
    if content == "cli.py":  # a namespace, which a package with `__init__.py` goes before
        assert (done.returncode, done.stdout.strip()) == (0, __version__)
    else:
        check(done, f"another 'forecast' ({other / '__init__.py'})")


def test_one_that_was_installed_over_ours(tmp_path: Path) -> None:
    shutil.copy(ROOT / "attack_forecast.py", tmp_path)
    (tmp_path / "forecast").mkdir()
    (tmp_path / "forecast" / "__init__.py").write_text("")
    (tmp_path / "forecast" / "cli.py").write_text("def main(): print('another')")
    check(call(tmp_path, str(tmp_path), "-m", "attack_forecast", "--version"), "another package has replaced files")


def test_what_else_cannot_be_imported_is_no_shadow(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import nothing_of_this_name")
    done = call(tmp_path, str(ROOT), "-m", "attack_forecast", "--version")
    assert done.returncode == 1
    assert "nothing_of_this_name" in done.stderr


def test_both_commands_are_this_one() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'forecast = "attack_forecast:main"\nattack-forecast = "attack_forecast:main"' in text
    assert attack_forecast.main.__module__ == "attack_forecast"
