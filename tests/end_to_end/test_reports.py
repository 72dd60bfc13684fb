"""Published totals through the whole road: settings, the example's data, a run and its report, and what is refused."""

import html
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
source = "published"
paths = ["reports.csv"]
[published]
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
        ('"published"', '"counts"', r"published\.zone_ends, published\.activity has no use with ready counts"),
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


def _reported(folder: Path, months: int, last: int) -> Path:
    """Settings beside a table of so many monthly totals, and of claimed ones among them; the last is given."""
    rows = [row("SY08|SY09", 20 + step % 3, f"2021-{step:02d}") for step in range(1, months)]
    rows.append(row("SY08|SY09", last, f"2021-{months:02d}"))
    rows += [row("SY08|SY09", 8 + step % 2, f"2021-{step:02d}", definition="claimed") for step in range(1, months + 1)]
    pd.DataFrame(rows).to_csv(folder / "reports.csv", index=False)
    text = SETTINGS.replace('activity = "activity.csv"\n', "").replace("draws = 100", "draws = 400")
    text = text.replace("zone_ends = { central = 2021-04-30 }\n", "")
    (folder / "forecast.toml").write_text(text)
    return folder / "forecast.toml"


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """The folder of a run whose data end in August."""
    folder = tmp_path_factory.mktemp("issued")
    with pytest.MonkeyPatch.context() as patch:
        words = ("run", _reported(folder, 8, 21), "--output", folder / "out", "--allow-unconverged")
        assert _run(patch, *words) in (0, None)
    return folder / "out"


@pytest.mark.parametrize(("came", "code", "said"), [(21, 0, "Nothing needs eyes."), (400, 1, "NEEDS EYES: what came")])
def test_what_publishers_said_is_held_against_what_was_expected_of_them(
    issued, tmp_path, monkeypatch, capsys, came, code, said
):
    _reported(tmp_path, 9, came)
    assert _run(monkeypatch, "watch", issued, tmp_path / "reports.csv") in (code, code or None)
    text = capsys.readouterr().out
    assert said in text
    assert ("All 2 publishers' totals had as many attacks in Sep 2021" in text) == (code == 0)
    assert ("in northeast: recorded, RIC 400 came where" in text) == (code == 1)
    # Claimed attacks are some of those recorded: no sum of them is told.
    assert "in all" not in text
    assert "Each publisher's total" in text


def test_a_revised_total_and_one_that_has_not_come(issued, tmp_path, monkeypatch, capsys):
    _reported(tmp_path, 8, 60)
    assert _run(monkeypatch, "watch", issued, tmp_path / "reports.csv") == 1
    text = capsys.readouterr().out
    assert "None of the months" in text
    assert "in 1 publisher's total and 1 month: 60 attacks are recorded there now, where the last report had 21" in text


def test_the_next_run_of_published_totals_tells_of_the_last(tmp_path, monkeypatch, capsys):
    for months in (8, 9):
        words = ("update", _reported(tmp_path, months, 21), "--output", tmp_path / "out", "--allow-unconverged")
        assert _run(monkeypatch, *words) in (0, None)
    page = html.unescape((tmp_path / "out" / "2021-09-30" / "report.html").read_text())
    assert "What the last report said and what came." in page
    assert "All 2 publishers' totals had as many attacks in Sep 2021" in page
    assert "No publisher's total has another outlook" in page
    assert "Publisher's totals, the furthest off first" in page
    # There is no total of all of them, whose evidence would count.
    compared = json.loads((tmp_path / "out" / "2021-09-30" / "run.json").read_text())["previous"]["reports"]
    assert [(row["pit_lower"], row["pit_upper"]) for row in compared] == [(0, 1)]
