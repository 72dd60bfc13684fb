"""Published totals through the whole road: settings, the example's data, a run and its report, and what is refused."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from published_rows import row

from forecast import cli
from forecast.config import read_settings
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.evaluation.rolling import load_backtest
from forecast.inputs import load_source
from forecast.model.library import quick_model
from forecast.report.backtest import backtest_part, backtest_said

SETTINGS = """
horizon = 2
draws = 100
engine = "laplace"
notes = ["made for a test"]
[data]
source = "reports"
paths = ["reports.csv"]
[reports]
zone_ends = { central = 2021-04-30 }
activity = "activity.csv"
[model]
name = "levels"
family = { family = "NegativeBinomial" }
terms = [{ term = "Intercept" }, { term = "Pooled", by = ["province"] }]
"""


@pytest.fixture
def settings(tmp_path):
    """Write settings beside a table of reports, with one text in place of another; returns the file."""

    def write(old: str = "", new: str = "") -> Path:
        rows = [row("SY08|SY09", 20 + step, f"2021-{step:02d}") for step in range(1, 7)]
        rows += [row("SY08", 5, "2021-02"), row("SY04", 9, "2021-03", zone="central", publisher="CEP")]
        pd.DataFrame(rows).to_csv(tmp_path / "reports.csv", index=False)
        (tmp_path / "activity.csv").write_text(
            "force,indicator,period_start,period_end,value,scale\nSDF,raids,2021-02-01,2021-02-28,7,count\n"
        )
        assert old in SETTINGS
        (tmp_path / "forecast.toml").write_text(SETTINGS.replace(old, new) if old else SETTINGS)
        return tmp_path / "forecast.toml"

    return write


def _run(monkeypatch, *words: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["forecast", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code


def test_a_run_and_its_report(settings, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert _run(monkeypatch, "run", settings(), "--output", out, "--allow-unconverged") in (0, None)
    record = json.loads((out / "run.json").read_text())
    assert "made for a test" in record["notes"]
    assert [given["path"] for given in record["inputs"]] == ["reports.csv", "activity.csv"]
    table = pd.read_csv(out / "forecast.csv")
    assert sorted(set(table["province"])) == ["SY08", "SY09@northeast"]
    assert len(table) == 2 * 2
    page = (out / "report.html").read_text()
    assert "The next expected reports" in page
    assert "from a table of published totals (reports.csv)" in page
    (out / "report.html").unlink()
    assert _run(monkeypatch, "report", out) in (0, None)
    assert (out / "report.html").read_text() == page


def test_the_example(monkeypatch, capsys):
    panel = load_source(read_settings(data_path("syria_reports.toml"))).at()
    assert panel.origin == pd.Timestamp("2025-03-31")
    assert (len(panel.provinces), int(panel.ended.sum())) == (9, 5)
    assert _run(monkeypatch, "demo", "--capability", "--example", "syria-reports") == 2
    assert "goes with the simulated example only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["reports.csv"]', '["reports.csv", "activity.csv"]', "stand in one table"),
        ("[model]\n", "[evaluation]\nperiods = 2\n[model]\n", r"evaluation\.periods has no use with published totals"),
        ("[model]\n", "[panel]\nactor = 'IS'\n[model]\n", r"panel\.actor has no use with published totals"),
        ('"reports"', '"counts"', r"reports\.zone_ends, reports\.activity has no use with ready counts"),
        ("[model]\n", "[capability]\nindicators = 'activity.csv'\n[model]\n", "capability has no use with published"),
    ],
)
def test_what_published_totals_cannot_serve_is_refused(settings, old, new, message):
    with pytest.raises(InputError, match=message):
        read_settings(settings(old, new))


def test_published_totals_need_a_hierarchical_model(settings):
    without = SETTINGS[: SETTINGS.index("[model]")]
    assert read_settings(settings(SETTINGS, without)).built_model() == quick_model()
    with pytest.raises(InputError, match=r"regression needs counts of single cells.*such as model = 'quick'"):
        read_settings(settings(SETTINGS, 'model = "regression"' + without))


def test_a_backtest_and_its_section(settings, tmp_path, monkeypatch):
    file = settings("[model]\n", "[backtest]\noutput = 'backtest'\norigins = 1\nhorizon = 1\n[model]\n")
    folder = tmp_path / "backtest"
    assert _run(monkeypatch, "backtest", file, "--output", folder) in (0, None)
    assert set(pd.read_csv(folder / "skill.csv")["level"]) == {"zone"}
    part = backtest_part(load_backtest(folder), "levels")
    assert set(part.scores["level"]) == {"zone"}
    assert "Each publisher's total of a zone: levels came" in " ".join(backtest_said(part))
