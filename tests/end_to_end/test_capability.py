"""`[capability]` on the command line: from indicators to slopes and scenarios in the report."""

import json

import numpy as np
import pandas as pd
import pytest
from progress_lines import without_progress

import forecast as fc
from forecast import cli
from forecast.simulate.indicators import simulate_indicators

SETTINGS = """
horizon = 3
draws = 200
[data]
source = "counts"
paths = ["counts.csv"]
simulated = true
[places]
countries = ["Syria"]
[evaluation]
periods = 2
[model]
name = "small"
[[model.terms]]
term = "Intercept"
[[model.terms]]
term = "Pooled"
by = ["province", "tactic"]
[capability]
indicators = "indicators.csv"
[[capability.scenarios]]
name = "SDF <weakens>"
force = "SDF"
shift_sd = -1.0
start = 2023-02-01
ramp = 2
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three years of two tactics in three provinces, two of them the SDF's, and indicators of it."""
    folder = tmp_path_factory.mktemp("capability")
    months = pd.date_range("2020-01-01", periods=36, freq="MS")
    truth = fc.simulate_panel(3, 2, 36, seed=1, start="2020-01-01", n_forces=1, capability_slope=-0.6).truth[
        "capability"
    ]
    path = truth.assign_coords(force=["SDF"])
    simulate_indicators(path, seed=2).indicators.save(folder / "indicators.csv")
    expected = 6 * np.exp(np.outer([-0.6, -0.6, 0.0], path.values[0]))
    counts = np.random.default_rng(3).poisson(np.repeat(expected[:, None], 2, axis=1))
    labels = [["SY08", "SY11", "SY04"], ["ied", "small_arms"], months]
    cells = pd.MultiIndex.from_product(labels, names=["province", "tactic", "period"])
    pd.Series(counts.ravel(), index=cells, name="attacks").to_csv(folder / "counts.csv")
    return folder


def run(files, folder, text, monkeypatch, *words):
    """The command's exit code, in a folder with the files and these settings."""
    for name in ("counts.csv", "indicators.csv"):
        if not (folder / name).exists():
            (folder / name).write_bytes((files / name).read_bytes())
    (folder / "forecast.toml").write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["forecast", *(words or ("run", "forecast.toml", "--output", "out"))])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code


def test_a_run_with_capability_answers_and_can_be_rendered_again(files, tmp_path, monkeypatch):
    assert run(files, tmp_path, SETTINGS, monkeypatch) in (0, None)
    out = tmp_path / "out"
    record = json.loads((out / "run.json").read_text())
    tables = {name: pd.DataFrame(rows) for name, rows in record["capability"].items()}
    assert set(tables) == {"slopes", "decomposition", "scenarios", "pull"}
    total = tables["scenarios"].set_index("level").loc["total"]
    assert total["scenario"] > total["base"]
    assert tables["slopes"].set_index(["force", "tactic"]).loc[("SDF", "all"), "upper"] < 0
    assert any(given["path"] == "indicators.csv" for given in record["inputs"])
    assert fc.Capability.load(out / "capability.nc").forces == ["SDF"]
    page = (out / "report.html").read_text()
    assert "SDF &lt;weakens&gt;" in page
    assert "SDF <weakens>" not in page
    assert "These are associations, not effects" in page
    assert "slope_capability" in page
    assert run(files, tmp_path, SETTINGS, monkeypatch, "report", "out") in (0, None)
    assert (out / "report.html").read_text() == page


def test_a_baseline_shows_the_paths_and_no_slopes(files, tmp_path, monkeypatch):
    text = SETTINGS[: SETTINGS.index("[model]")] + SETTINGS[SETTINGS.index("[capability]") :]
    assert run(files, tmp_path, 'model = "regression"\n' + text, monkeypatch) in (0, None)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "The indicators behind the paths" in page
    assert "What if capability changed" not in page
    assert json.loads((tmp_path / "out" / "run.json").read_text())["capability"] == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('indicators = "indicators.csv"', 'indicators = "none.csv"', r"capability\.indicators.*no such file"),
        ('force = "SDF"', 'force = "ISF"', r"unknown force.*ISF.*SDF"),
        ("shift_sd = -1.0", "shift = -1.0", r"did you mean shift_sd"),
        ("shift_sd = -1.0", "shift_sd = nan", r"shift_sd"),
        ("start = 2023-02-01", "start = 2024-02-01", r"begins after the last period"),
        ("[capability]", '[capability]\nfuture = "hope"', r"capability\.future"),
        ("[capability]", "[capability]\ndirections = { raids = 1 }", r"raids"),
        ("[capability]", "[capability]\ndirections = { remote_help = 2 }", r"directions"),
        (
            "[capability]",
            '[covariates.capability]\npath = "counts.csv"\nfuture = "hold_last"\n[capability]',
            "stands there twice",
        ),
        (
            "[[capability.scenarios]]",
            '[[capability.scenarios]]\nname = "SDF <weakens>"\nforce = "SDF"\nshift_sd = 1.0\n[[capability.scenarios]]',
            "two scenarios have the same name",
        ),
    ],
)
def test_wrong_settings_of_capability_take_one_line(files, tmp_path, monkeypatch, capsys, old, new, message):
    import re

    assert old in SETTINGS
    assert run(files, tmp_path, SETTINGS.replace(old, new), monkeypatch) == 2
    told = without_progress(capsys.readouterr().err)
    assert re.search(message, told), told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out" / "run.json").exists()


def test_broken_indicators_take_one_line(files, tmp_path, monkeypatch, capsys):
    table = pd.read_csv(files / "indicators.csv")
    table.loc[3, "value"] = 1.7
    table.to_csv(tmp_path / "indicators.csv", index=False)
    assert run(files, tmp_path, SETTINGS, monkeypatch) == 2
    told = capsys.readouterr().err
    assert "indicators.csv" in told
    assert "row" in told


def test_a_backtest_measures_capability_anew_at_each_origin_and_can_be_resumed(files, tmp_path, monkeypatch, capsys):
    # The runs are about the backtest that they show: nothing is held out for them.
    text = SETTINGS.replace("periods = 2", "periods = 0") + '[backtest]\norigins = 2\nhorizon = 1\noutput = "bt"\n'
    words = ("backtest", "forecast.toml")
    assert run(files, tmp_path, text, monkeypatch) in (0, None)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No backtest lies in bt" in page
    assert run(files, tmp_path, text, monkeypatch, *words) in (0, None)
    told = capsys.readouterr().out
    assert "skill.csv" in told
    table = pd.read_csv(tmp_path / "bt" / "skill.csv")
    assert set(table["level"]) == {"cell", "country", "tactic", "total"}
    assert "small" in set(table["model"])
    assert pd.read_csv(tmp_path / "bt" / "failures.csv").empty
    before = (tmp_path / "bt" / "scores.csv").read_bytes()
    assert run(files, tmp_path, text, monkeypatch, *words) == 2
    assert "holds a backtest already" in capsys.readouterr().err
    assert run(files, tmp_path, text, monkeypatch, *words, "--resume") in (0, None)
    assert (tmp_path / "bt" / "scores.csv").read_bytes() == before
    assert run(files, tmp_path, text, monkeypatch, *words, "--resume", "--workers", "0") == 2
    assert run(files, tmp_path, text, monkeypatch) in (0, None)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'id="backtest"' in page
    assert "No backtest lies" not in page
    assert "on other data" not in page
    assert run(files, tmp_path, text.replace('name = "small"', 'name = "other"'), monkeypatch) in (0, None)
    assert "is of other models than other" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
