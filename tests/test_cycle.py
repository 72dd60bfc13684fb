"""Watching a run and making the next one: what is printed, exit codes, and that earlier runs stay as they were."""

import json
import re
import shutil
import sys

import pandas as pd
import pytest

from forecast import cli
from forecast.config import read_settings
from forecast.cycle import earlier_runs, next_folder, watch, watch_panel
from forecast.errors import InputError
from forecast.report.previous import RULE
from forecast.report.previous_chain import is_doubted

SETTINGS = """
horizon = 3
draws = 400
model = "recent_mean"
[data]
source = "counts"
paths = ["data/*.csv"]
[evaluation]
periods = 0
"""
EVENTS = """
horizon = 2
draws = 200
model = "recent_mean"
[data]
source = "plain"
paths = ["events.csv"]
[evaluation]
periods = 0
"""
MONTHS = [f"{year}-{month:02d}-01" for year in (2021, 2022) for month in range(1, 13)]


def counts(last, **changed):
    """Monthly counts of three provinces up to a month, some of them changed."""
    lines = ["province,tactic,period,attacks"]
    for place in ("Anbar", "Diyala", "Kirkuk"):
        for number, day in enumerate(MONTHS[: MONTHS.index(last) + 1]):
            value = changed.get(f"{place}_{day[:7].replace('-', '_')}", (number * 7 + len(place)) % 5)
            lines.append(f"{place},ied,{day},{value}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "forecast.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """A folder with a run of the counts up to October 2022, issued once."""
    folder = tmp_path_factory.mktemp("issued")
    (folder / "data").mkdir()
    (folder / "data" / "counts.csv").write_text(counts("2022-10-01"))
    (folder / "forecast.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["forecast", "run", "forecast.toml", "--output", "last"])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert not stop.value.code
    return folder / "last"


def command(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["forecast", *words.split()])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr()
    return stop.value.code or 0, told.out, told.err


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_new_data_within_the_forecast_end_with_0(folder, issued, monkeypatch, capsys):
    (folder / "new.csv").write_text(counts("2022-12-01"))
    before = contents(issued)
    code, out, _ = command(f"watch {issued} new.csv", monkeypatch, capsys)
    assert code == 0
    assert re.search(r"3 provinces,? .* in Nov to Dec 2022 as the report with data up to 31 Oct 2022 said", out)
    assert "That is within chance" in out
    assert re.search(r"Each province +6 +\d+% +\d+% +\d+\.\d%", out)
    assert out.endswith(f"{RULE}\nNothing needs eyes.\n")
    # The same by a settings file, and nothing was written.
    (folder / "data" / "counts.csv").write_text(counts("2022-12-01"))
    assert command(f"watch {issued} --settings forecast.toml", monkeypatch, capsys)[:2] == (0, out)
    assert contents(issued) == before


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Kirkuk_2022_11": 90}, r"what came is further off than chance explains \(\d\.\d%\)"),
        ({"Anbar_2022_03": 40}, "revisions moved 37 attacks of the 70 in the last 12 months up to 31 Oct 2022"),
    ],
)
def test_what_needs_eyes_ends_with_1_and_is_no_defect(changed, reason, folder, issued, monkeypatch, capsys):
    (folder / "new.csv").write_text(counts("2022-11-01", **changed))
    code, out, err = command(f"watch {issued} new.csv", monkeypatch, capsys)
    assert code == 1
    assert re.fullmatch(f"NEEDS EYES: {reason}\\.", out.splitlines()[-1])
    assert "error" not in err
    if "Kirkuk_2022_11" in changed:
        assert "in Kirkuk 90 came where" in out
    else:
        assert "Counts up to 31 Oct 2022 were revised since, in 1 province and 1 month: 40 attacks are recorded" in out


def test_before_anything_has_come_nothing_is_judged(folder, issued, monkeypatch, capsys):
    (folder / "new.csv").write_text(counts("2022-10-01"))
    code, out, _ = command(f"watch {issued} new.csv", monkeypatch, capsys)
    assert code == 0
    assert out.startswith("None of the months that the report with data up to 31 Oct 2022 forecast has come yet")
    assert "The data end on 2022-10-31." in out
    assert "chance" not in out.replace(RULE, "")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("watch {run}", "give new data, or --settings"),
        ("watch {run} new.csv --settings forecast.toml", "give new data, or --settings"),
        ("watch {run} nothing.csv", "nothing.csv: no such file"),
        ("watch . new.csv", "is no folder of a finished run"),
        ("watch {run} other.csv", "has no province in common with the new data"),
    ],
)
def test_what_the_user_can_mend_ends_with_2(words, problem, folder, issued, monkeypatch, capsys):
    (folder / "new.csv").write_text(counts("2022-11-01"))
    (folder / "other.csv").write_text(counts("2022-11-01").replace("Anbar", "Basra").replace("Diyala", "Erbil"))
    text = (folder / "other.csv").read_text()
    (folder / "other.csv").write_text("".join(row for row in text.splitlines(True) if "Kirkuk" not in row))
    code, out, err = command(words.format(run=issued), monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert problem in err


def events(provinces, days):
    rows = [f"{day},{place},Mali,ied" for place in provinces for day in days]
    return "\n".join(["date,province,country,tactic", *rows]) + "\n"


def test_new_events_are_read_as_those_of_the_run(folder, monkeypatch, capsys):
    """Own names of the data, whose gazetteer the run kept: a province without a new record is calm, not unknown."""
    days = [f"2022-{month:02d}-{day}" for month in range(1, 7) for day in ("01", "15", "28")]
    (folder / "events.csv").write_text(events(["Gao", "Kayes"], [*days, "2022-06-30"]))
    (folder / "forecast.toml").write_text(EVENTS)
    assert command("run forecast.toml --output last", monkeypatch, capsys)[0] == 0
    (folder / "new.csv").write_text(events(["Gao"], [*days, "2022-06-30", "2022-07-31"]))
    panel = watch_panel("last", [folder / "new.csv"], None)
    assert panel.provinces == ["gao", "kayes"]
    assert panel.attacks.sel(province="kayes").sum() == 0
    part = watch("last", panel)
    assert len(part.series[part.series["level"] == "province"]) == 2
    assert part.notes.empty
    # What else a run was made from is not known here.
    record = json.loads((folder / "last" / "run.json").read_text())
    record["settings"]["places"]["aliases"] = "aliases.csv"
    (folder / "last" / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"made from other files too \(found aliases\.csv\)\. Give --settings"):
        watch_panel("last", [folder / "new.csv"], None)


def test_update_makes_the_next_run_and_keeps_the_earlier_ones(folder, monkeypatch, capsys):
    data = folder / "data"
    (data / "counts_2022_10.csv").write_text(counts("2022-10-01"))
    code, out, err = command("update forecast.toml", monkeypatch, capsys)
    assert code == 0, err
    assert "No run of earlier data lies in out" in out
    assert out.endswith("out/2022-10-31/report.html\n")
    first = contents(folder / "out" / "2022-10-31")

    # The file is replaced by one with another name, which the pattern finds.
    (data / "counts_2022_10.csv").unlink()
    (data / "counts_2022_11.csv").write_text(counts("2022-11-01"))
    code, out, err = command("update forecast.toml", monkeypatch, capsys)
    assert code == 0, err
    assert "in Nov 2022 as the report with data up to 31 Oct 2022 said" in out
    assert "Nothing needs eyes.\n" in out
    assert out.endswith("out/2022-11-30/report.html\n")
    assert "What the last report said" in (folder / "out" / "2022-11-30" / "report.html").read_text()

    assert command("update forecast.toml", monkeypatch, capsys)[:2] == (
        0,
        "Nothing is new: the run of these data and settings is there already.\nout/2022-11-30/report.html\n",
    )

    # Revised data of the same months are another run, held against the same earlier one; what is off ends with 1.
    (data / "counts_2022_11.csv").write_text(counts("2022-11-01", Kirkuk_2022_11=90))
    code, out, err = command("update forecast.toml", monkeypatch, capsys)
    assert code == 1
    assert "in Kirkuk 90 came where" in out
    assert "NEEDS EYES: what came is further off" in out
    assert out.endswith("out/2022-11-30-2/report.html\n")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["2022-10-31", "2022-11-30", "2022-11-30-2"]
    assert contents(folder / "out" / "2022-10-31") == first


def test_updates_in_a_row_are_watched_together(folder, issued, monkeypatch, capsys):
    """Counts that are a little too high each month: no month is off by itself, and all of them together are."""
    out = folder / "out"
    out.mkdir()
    shutil.copytree(issued, out / "2022-10-31")
    file = folder / "data" / "counts.csv"
    high = {f"{place}_2022_{month}": 4 for place in ("Anbar", "Diyala", "Kirkuk") for month in (11, 12)}
    file.write_text(counts("2022-11-01", **high))
    code, said, err = command("update forecast.toml", monkeypatch, capsys)
    assert (code, "Taken together" in said) == (0, False), err
    file.write_text(counts("2022-12-01", **high))
    # The same is said of the second report by `watch`, before there is a third.
    code, said, _ = command("watch out/2022-11-30 data/counts.csv", monkeypatch, capsys)
    assert code == 0
    together = "Taken together, 2 reports are within chance (evidence "
    assert together in said
    assert "the total came above the middle of what was expected in 2 of 2." in said
    assert re.search(r"Compared over 2 reports +inside 50% over 2 reports", said)
    assert together in command("update forecast.toml", monkeypatch, capsys)[1]
    record = json.loads((out / "2022-12-31" / "run.json").read_text())
    assert [row["data_end"] for row in record["previous"]["reports"]] == ["31 Oct 2022", "30 Nov 2022"]
    # Of a run that was issued before reports were counted together, they are counted from then on.
    marker = out / "2022-11-30" / "run.json"
    older = json.loads(marker.read_text())
    del older["previous"]["reports"]
    covered = older["previous"].pop("covered")
    marker.write_text(json.dumps(older))
    code, said, _ = command("watch out/2022-11-30 data/counts.csv", monkeypatch, capsys)
    assert (code, "Taken together" in said) == (0, False)
    # Some more months of the same need eyes.
    same = record["previous"]["reports"][1:]
    number = next(number for number in range(1, 100) if is_doubted(pd.DataFrame(same * number))) - 1
    older["previous"] |= {"reports": same * number, "covered": covered}
    marker.write_text(json.dumps(older))
    code, said, _ = command("watch out/2022-11-30 data/counts.csv", monkeypatch, capsys)
    assert code == 1
    reason = f"NEEDS EYES: {number + 1} reports together are further off than chance explains (evidence 2"
    assert said.splitlines()[-1].startswith(reason)
    # What was edited is told.
    del older["previous"]["covered"][0]["outcomes"]
    older["previous"]["covered"] = older["previous"]["covered"][:1]
    marker.write_text(json.dumps(older))
    code, _, err = command("watch out/2022-11-30 data/counts.csv", monkeypatch, capsys)
    assert (code, "run.json: was edited or damaged" in err) == (2, True)


def test_only_finished_runs_are_earlier_ones(folder, issued):
    parent = folder / "out"
    for name in ("2022-10-31", "2022-10-31-2", "2022-10-31-10"):
        shutil.copytree(issued, parent / name)
    marker = (issued / "run.json").read_text()
    for name, text in {
        "killed": '{"kind": "run", "format": 1}',
        "backtest": marker.replace('"kind": "run"', '"kind": "backtest"'),
        "list": "[]",
    }.items():
        (parent / name).mkdir()
        (parent / name / "run.json").write_text(text)
    (parent / "empty").mkdir()
    (parent / "file").write_text("")
    runs = earlier_runs(parent)
    assert [run.folder.name for run in runs] == ["2022-10-31", "2022-10-31-2", "2022-10-31-10"]
    assert next_folder(parent, runs, runs[0].origin).name == "2022-10-31-3"
    assert next_folder(parent, [], runs[0].origin).name == "2022-10-31"
    assert earlier_runs(folder / "nowhere") == []
    # One that is damaged is none to be passed over: the next would be held against another, or take its place.
    (parent / "killed" / "run.json").write_text(marker[:200])
    with pytest.raises(InputError, match=r"killed.run\.json: is damaged .*Move that folder elsewhere"):
        earlier_runs(parent)


def test_patterns_of_paths_name_files(folder):
    for name in ("b.csv", "a.csv", "note.txt"):
        (folder / "data" / name).write_text(counts("2021-02-01"))
    assert [path.name for path in read_settings("forecast.toml").data.paths] == ["a.csv", "b.csv"]
    # A file whose name is like a pattern is that file.
    (folder / "data" / "[a].csv").write_text(counts("2021-02-01"))
    (folder / "forecast.toml").write_text(SETTINGS.replace("data/*.csv", "data/[a].csv"))
    assert [path.name for path in read_settings("forecast.toml").data.paths] == ["[a].csv"]
    (folder / "forecast.toml").write_text(SETTINGS.replace("data/*.csv", "data/*.xlsx"))
    with pytest.raises(InputError, match=r"data\.paths: no file matches data/\*\.xlsx"):
        read_settings("forecast.toml")
