"""Finished runs that were damaged are refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_input import PLAIN, SETTINGS, call, changed, check_refusal, contents, write

from forecast.files import sha256


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


# fmt: off

OTHER = r" is damaged \(found other content than the run wrote\)\. Run the forecast again, in another folder"

DAMAGED = [
    ("run.json", cut, r"out.run\.json: is damaged \(found .*Run the forecast again"),
    ("run.json", lambda _: b"[]", r"out.run\.json: is damaged \(found no JSON object"),
    ("run.json", lambda text: text.replace(b'"zones"', b'"zonen"'), r"out.run\.json: .*\(found zones: missing"),
    ("run.json", lambda text: text.replace(b'"equation"', b'"equations"'), r"found model\.equation: missing, and"),
    ("run.json", lambda text: text.replace(b'"inputs": [', b'"inputs": ["x", '), r"\(found inputs\.0: should be "),
    ("run.json", lambda text: text.replace(b'"format": 1', b'"format": 7'), r"run\.json: is damaged \(found not ver"),
    ("run.json", lambda text: text.replace(b'"ledger.csv"', b'"../x"'), r"found files: \.\./x is written by no"),
    ("run.json", lambda _: b'{"kind": "run", "format": 1}', r"out: is no folder of a finished run"),
    ("run.json", None, r"out: is no folder of a finished run \(expected a folder with run\.json\)\. Give the output"),
    ("panel.nc", cut, rf"out.panel\.nc:{OTHER}"),
    ("panel.nc", lambda _: b"", r"out.panel\.nc: is damaged"),
    ("panel.nc", None, r"out.panel\.nc: is missing\. Run the forecast again"),
    ("forecast.nc", cut, rf"out.forecast\.nc:{OTHER}"),
    ("forecast.nc", None, r"out.forecast\.nc: is missing"),
    ("forecast.csv", lambda text: text.replace(b"1", b"2"), rf"out.forecast\.csv:{OTHER}"),
    ("ledger.csv", cut, rf"out.ledger\.csv:{OTHER}"),
    ("scores.csv", lambda _: b"model,score\nx,1\n", rf"out.scores\.csv:{OTHER}"),
    ("scores.csv", None, r"out.scores\.csv: is missing"),
    ("capability.nc", cut, rf"out.capability\.nc:{OTHER}"),
    ("boundaries.json", lambda text: text.replace(b"44.0", b"45.0"), rf"out.boundaries\.json:{OTHER}"),
]
# As if the run had written them: what they hold is checked too.
SEALED = [
    ("panel.nc", cut, r"out.panel\.nc: is damaged \(found is no netCDF file, or was cut short\)\. Run"),
    ("panel.nc", lambda _: b"not a panel", r"out.panel\.nc: is damaged \(found is no netCDF"),
    ("forecast.nc", cut, r"out.forecast\.nc: is damaged"),
    ("scores.csv", lambda _: b"model,score\nx,1\n", r"out.scores\.csv: is damaged"),
    ("capability.nc", cut, r"out.capability\.nc: is damaged"),
    ("capability.nc", lambda _: b"no path", r"out.capability\.nc: is damaged \(found is no netCDF"),
    ("boundaries.json", cut, r"out.boundaries\.json: is damaged"),
    ("boundaries.json", lambda text: text.replace(b"44.0", b'"x"'),
     r"out.boundaries\.json: is damaged \(found is no polygon"),
]

# fmt: on


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGED)
def test_damaged_runs(
    name: str, damage: Callable[[bytes], bytes] | None, message: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = again / "out" / name
    if damage is None:
        file.unlink()
    else:
        whole = file.read_bytes()
        file.write_bytes(damage(whole))
        assert file.read_bytes() != whole
    was = contents(again)
    check_refusal(call("report out", monkeypatch), message)
    assert contents(again) == was


def seal(folder: Path, name: str) -> None:
    """Let the record of a run take a file for what the run wrote."""
    record = json.loads((folder / "run.json").read_text())
    record["files"][name] = sha256(folder / name)
    (folder / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize(("name", "damage", "message"), SEALED)
def test_damaged_runs_whose_record_was_changed_too(
    name: str, damage: Callable[[bytes], bytes], message: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = again / "out" / name
    file.write_bytes(damage(file.read_bytes()))
    seal(again / "out", name)
    was = contents(again)
    check_refusal(call("report out", monkeypatch), message)
    assert contents(again) == was


def test_panel_and_forecast_of_two_runs(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        again,
        {
            "forecast.toml": changed(SETTINGS, '["Iraq"]', '["Iraq", "Syria"]') + "",
            "events.csv": PLAIN.replace("Anbar", "Homs"),
        },
    )
    assert call("run forecast.toml --output other", monkeypatch).code == 0
    shutil.copy(again / "other" / "panel.nc", again / "out" / "panel.nc")
    check_refusal(call("report out", monkeypatch), rf"out.panel\.nc:{OTHER}")
    seal(again / "out", "panel.nc")
    check_refusal(
        call("report out", monkeypatch), r"forecasts: the forecast is of other provinces or tactics than the panel"
    )
