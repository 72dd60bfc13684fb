"""Any field of a run, a backtest or of settings may be changed: commands are right, or say in one line what is wrong.

Never exit code 1, and no file is lost: what a command refuses stays as it was.
"""

import contextlib
import io
import json
import math
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import pandas as pd
import pytest
import tomli_w
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from progress_lines import without_progress

from forecast import cli
from forecast.files import sha256

SETTINGS = """
title = "Mutations"
notes = ["made up"]
horizon = 1
draws = 100
seed = 1
model = "recent_mean"
[data]
source = "counts"
paths = ["counts.csv"]
[panel]
freq = "MS"
start = "2020-01-01"
[evaluation]
periods = 1
[backtest]
origins = 2
output = "bt"
horizon = 1
"""
MONTHS = pd.date_range("2020-01-01", periods=30, freq="MS").strftime("%Y-%m-%d")
COUNTS = "province,tactic,period,attacks\n" + "".join(
    f"{place},ied,{month},{(number * 7 + len(place)) % 5}\n"
    for place in ("Anbar", "Diyala")
    for number, month in enumerate(MONTHS)
)
TEXTS = [
    "",
    "x",
    "-1",
    "1e999",
    "2020-02-30",
    "2020-01-31",
    "../../x",
    "=1+1",
    "\x1b[31m",
    "ı\u202e",
    "a" * 5000,
    "None",
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    7,
    2**63,
    10**400,
    1e308,
    math.nan,
    math.inf,
    -0.5,
    [],
    {},
    [[]],
    {"x": 5},
]
VALUES += [*TEXTS, ["x"], [None], {"": None}, [{}], [1, "x"]]


def call(*words: str) -> tuple[int, str]:
    """Exit code and standard error of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["forecast", *words])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
            cli.main()
    code = int(stop.value.code or 0)
    if code > 128:
        # A signal was meant for the tests (a time limit, say), and came while the command listened for it.
        raise KeyboardInterrupt(f"signal {code - 128}")
    return code, without_progress(err.getvalue())


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


def check(words: tuple[str, ...], folder: Path, replaced: tuple[str, ...] = ()) -> int:
    """Run a command, which may replace some files where it ends well, and nothing else."""
    before = hashes(folder)
    code, said = call(*words)
    assert code in (0, 2), said
    after = hashes(folder)
    if code == 2:
        assert said.count("\n") == 1, said
        assert said.removesuffix("\n").isprintable()
        assert after == before, said
    else:
        assert {**after, **dict.fromkeys(replaced)} == {**before, **dict.fromkeys(replaced)}
    return code


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run and a backtest of one set of settings; the working folder is theirs."""
    place = tmp_path_factory.mktemp("whole")
    (place / "counts.csv").write_text(COUNTS)
    (place / "forecast.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for words in (("backtest", "forecast.toml", "--output", "bt"), ("run", "forecast.toml", "--output", "out")):
            code, said = call(*words)
            assert code == 0, said
        yield place


@contextlib.contextmanager
def changed(folder: Path, *names: str) -> Iterator[None]:
    """Files of a folder may be changed within; they are put back, with the report."""
    kept = {name: (folder / name).read_bytes() for name in (*names, "out/report.html")}
    try:
        yield
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where all values of plain data lie, from the whole to the single ones."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


def mutated(value: Any, data: st.DataObject) -> Any:
    """Plain data with one field that is another, missing, or there once more under another name."""
    path = data.draw(st.sampled_from(places(value)))
    if not path:
        return data.draw(st.sampled_from(VALUES))
    value = json.loads(json.dumps(value))
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    how = data.draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename"]))
    old = parent[path[-1]] if how == "replace" else parent.pop(path[-1])
    if how == "replace":
        parent[path[-1]] = data.draw(st.sampled_from([new for new in VALUES if new is not old]))
    elif how == "rename" and isinstance(parent, dict):
        parent[data.draw(st.sampled_from(TEXTS))] = old
    return value


def seal(folder: Path, name: str) -> None:
    """Let the record of the run take a file for what the run wrote."""
    record = json.loads((folder / "run.json").read_text())
    record["files"][name] = sha256(folder / name)
    (folder / "run.json").write_text(json.dumps(record))


def mutations(examples: int) -> Callable[[Any], Any]:
    """Always the same ones: as many as a reduced test takes."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def tried(test: Callable[[st.DataObject], None], full: bool, reduced: int) -> None:
    mutations(300 if full else reduced)(given(st.data())(test))()


@pytest.mark.slow
def test_the_record_of_a_run(whole: Path, full: bool) -> None:
    record = json.loads((whole / "out" / "run.json").read_text())

    def test(data: st.DataObject) -> None:
        with changed(whole, "out/run.json"):
            (whole / "out" / "run.json").write_text(json.dumps(mutated(record, data)))
            check(("report", "out"), whole, ("out/report.html",))

    tried(test, full, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["panel.nc", "forecast.nc"])
def test_attributes_of_netcdf(whole: Path, name: str, full: bool) -> None:
    with h5netcdf.File(whole / "out" / name) as file:
        spots = [("", key) for key in file.attrs] + [
            (variable, key) for variable in file.variables for key in file.variables[variable].attrs
        ]

    def test(data: st.DataObject) -> None:
        variable, key = data.draw(st.sampled_from(spots))
        value = data.draw(st.sampled_from([*TEXTS, 0, -1, 1e308, math.nan, '{"province": 5}', "{", "[]", None]))
        with changed(whole, f"out/{name}", "out/run.json"):
            with h5netcdf.File(whole / "out" / name, "a") as file:
                attrs = file.variables[variable].attrs if variable else file.attrs
                del attrs[key]
                if value is not None:
                    attrs[key] = value
            assert check(("report", "out"), whole) == 2
            seal(whole / "out", name)
            check(("report", "out"), whole, ("out/report.html",))

    tried(test, full, 4)


def cell_changed(file: Path, data: st.DataObject) -> None:
    """Another value in one cell, or header, of a table."""
    table = pd.read_csv(file, header=None, dtype=str, keep_default_na=False)
    row, column = (data.draw(st.integers(0, size - 1)) for size in table.shape)
    table.iloc[row, column] = data.draw(st.sampled_from([*TEXTS, "NaN", "inf", "-1e308", "3.5", "total", "\0"]))
    table.to_csv(file, header=False, index=False)


@pytest.mark.slow
def test_scores_of_a_run(whole: Path, full: bool) -> None:
    def test(data: st.DataObject) -> None:
        with changed(whole, "out/scores.csv", "out/run.json"):
            cell_changed(whole / "out" / "scores.csv", data)
            seal(whole / "out", "scores.csv")
            check(("report", "out"), whole, ("out/report.html",))

    tried(test, full, 4)


def test_the_record_of_a_backtest(whole: Path, full: bool) -> None:
    record = json.loads((whole / "bt" / "backtest.json").read_text())

    def test(data: st.DataObject) -> None:
        with changed(whole, "bt/backtest.json"):
            (whole / "bt" / "backtest.json").write_text(json.dumps(mutated(record, data)))
            check(("check", "forecast.toml"), whole)
            check(("backtest", "forecast.toml", "--output", "bt", "--resume"), whole)

    tried(test, full, 8)


def test_tables_of_a_backtest(whole: Path, full: bool) -> None:
    files = [str(file.relative_to(whole)) for file in sorted((whole / "bt").glob("*/*/*.csv"))]

    def test(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(files))
        own = ("bt/scores.csv", "bt/skill.csv", "bt/failures.csv")
        with changed(whole, name, *own):
            cell_changed(whole / name, data)
            check(("check", "forecast.toml"), whole)
            check(("backtest", "forecast.toml", "--output", "bt", "--resume"), whole, own)

    tried(test, full, 8)


def test_settings(whole: Path, full: bool) -> None:
    plain = tomllib.loads(SETTINGS)

    def test(data: st.DataObject) -> None:
        new = mutated(plain, data)
        with changed(whole, "forecast.toml"):
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # what TOML cannot hold
                (whole / "forecast.toml").write_text(tomli_w.dumps(new), encoding="utf-8")
            check(("check", "forecast.toml"), whole)

    tried(test, full, 25)


def test_a_backtest_goes_to_its_own_folder_only(whole: Path) -> None:
    """Neither a run into a backtest's folder, nor the other way about, nor either into the user's own."""
    (whole / "mine").mkdir()
    (whole / "mine" / "capability.nc").write_text("mine")
    for words in (
        ("run", "forecast.toml", "--output", "bt"),
        ("run", "forecast.toml", "--output", "mine"),
        ("backtest", "forecast.toml", "--output", "out"),
        ("backtest", "forecast.toml", "--output", "out", "--resume"),
        ("backtest", "forecast.toml", "--output", "bt"),
        ("backtest", "forecast.toml", "--output", "mine"),
        ("backtest", "forecast.toml", "--output", "."),
    ):
        assert check(words, whole) == 2
    shutil.rmtree(whole / "mine")
