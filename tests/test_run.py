"""A run hashes what it read, outlives rivals that fail, and writes over nobody's files; a backtest says what failed."""

import re
import sys

import numpy as np
import pandas as pd
import pytest

from forecast import cli, run_prepared
from forecast import run as road
from forecast.baselines.naive import RecentMean
from forecast.config import read_settings
from forecast.errors import InputError
from forecast.files import sha256
from forecast.report.wording import day_label
from forecast.run import run, run_backtest
from forecast.run_files import load_run

SETTINGS = """
horizon = 1
draws = 100
model = "recent_mean"
[data]
source = "counts"
paths = ["counts.csv"]
[evaluation]
periods = 1
[backtest]
origins = 3
"""
COUNTS = "province,tactic,period,attacks\n" + "".join(
    f"{place},ied,20{year}-{month:02d}-01,{(month * 7 + len(place)) % 5}\n"
    for place in ("Anbar", "Diyala")
    for year in (20, 21, 22)
    for month in range(1, 13)
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "counts.csv").write_text(COUNTS)
    (tmp_path / "forecast.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def after(function, change):
    """The function, and then a change."""

    def changed(*args, **kwargs):
        result = function(*args, **kwargs)
        change()
        return result

    return changed


def command(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["forecast", *words.split()])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr()
    return stop.value.code or 0, told.out, told.err


def texts(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("change", ["other content", "removed"])
def test_an_input_that_changes_while_it_is_read_is_refused(change, folder, monkeypatch):
    file = folder / "counts.csv"
    action = file.unlink if change == "removed" else lambda: file.write_text(COUNTS.replace(",3", ",4"))
    monkeypatch.setattr(run_prepared, "load_source", after(run_prepared.load_source, action))
    with pytest.raises(InputError, match=r"counts\.csv: was changed while it was read"):
        run(read_settings("forecast.toml"))


def test_an_input_that_changes_during_the_fit_is_the_one_that_was_read(folder, monkeypatch):
    read = sha256(folder / "counts.csv")
    monkeypatch.setattr(road, "fit", after(road.fit, lambda: (folder / "counts.csv").write_text("changed")))
    record = run(read_settings("forecast.toml")).record
    assert [given.model_dump() for given in record.inputs] == [{"path": "counts.csv", "sha256": read}]


def fail(*_, **__):
    raise np.linalg.LinAlgError("Singular matrix")


def test_a_rival_that_fails_does_not_end_the_run(folder, monkeypatch):
    monkeypatch.setattr("forecast.baselines.regression.maximum_likelihood", fail)
    monkeypatch.setattr("forecast.baselines.smoothing.draw_counts", fail)
    result = run(read_settings("forecast.toml"))
    assert not {"regression", "smoothing"} & set(result.scores["model"])
    for name in ("regression", "smoothing"):
        assert [note for note in result.record.notes if note.startswith(f"{name} is not scored: ")]


def test_a_backtest_says_which_forecasts_failed(folder, monkeypatch, capsys):
    monkeypatch.setattr("forecast.baselines.regression.maximum_likelihood", fail)
    code, out, _ = command("backtest forecast.toml --output bt", monkeypatch, capsys)
    assert code == 0
    assert "FAILED: regression at 3 origins from 2022-09-30 to 2022-11-30: InputError: panel: the baseline" in out
    _, failures = run_backtest(read_settings("forecast.toml"), "bt", resume=True)
    assert failures["model"].tolist() == ["regression"] * 3


@pytest.mark.parametrize(
    ("words", "mine"),
    [
        ("run forecast.toml --output .", ("forecast.csv", "scores.csv", "boundaries.json", "capability.nc")),
        ("run run.json --output .", ("run.json",)),
        ("demo --output .", ("panel.nc",)),
        ("backtest forecast.toml --output .", ("skill.csv",)),
        ("ingest counts.csv --source plain --output .", ("gazetteer.csv",)),
        ("ingest counts.csv --source plain --output .", ("events.csv",)),
        ("places places.csv --output .", ("boundaries.geojson", "places.csv")),
    ],
)
def test_no_command_writes_over_files_of_somebody_else(words, mine, folder, monkeypatch, capsys):
    for name in mine:
        (folder / name).write_text(
            {"run.json": SETTINGS, "places.csv": "province,country\nA,Mali\nB,Mali\n"}.get(name, "mine")
        )
    before = texts(folder)
    code, _, err = command(words, monkeypatch, capsys)
    assert (code, err.count("\n")) == (2, 1), err
    assert texts(folder) == before


def test_an_input_of_ingest_is_not_removed(folder, monkeypatch, capsys):
    """The gazetteer that an earlier one made of the data's names, unchanged, and given back."""
    (folder / "raw.csv").write_text("date,province,country\n2020-01-01,Gao,Mali\n2020-06-01,Kayes,Mali\n")
    words = "ingest raw.csv --source plain --gazetteer {} --output ."
    assert command(words.format("data"), monkeypatch, capsys)[0] == 0
    before = texts(folder)
    assert {"events.csv", "events.json", "gazetteer.csv"} < set(before)
    code, _, err = command(words.format("gazetteer.csv"), monkeypatch, capsys)
    assert code == 2
    assert "gazetteer.csv: is an input and would be overwritten" in err
    assert texts(folder) == before
    assert command(words.format("data"), monkeypatch, capsys)[0] == 0


def cut(folder, last):
    """The counts up to a month alone."""
    rows = COUNTS.splitlines(keepends=True)
    kept = [rows[0], *(row for row in rows[1:] if row.split(",")[2] <= last)]
    (folder / "counts.csv").write_text("".join(kept))


def test_a_report_says_what_the_last_one_said_and_is_made_again_with_it(folder, monkeypatch, capsys):
    (folder / "forecast.toml").write_text(SETTINGS.replace("periods = 1", "periods = 0"))
    cut(folder, "2022-11-01")
    assert command("run forecast.toml --output out/last", monkeypatch, capsys)[0] == 0
    kept = texts(folder / "out" / "last")
    (folder / "counts.csv").write_text(COUNTS)
    code, _, err = command("run forecast.toml --previous out/last --output out/new", monkeypatch, capsys)
    assert code == 0, err
    page = (folder / "out" / "new" / "report.html").read_text()
    assert re.search(
        r"(All|Of) 2 provinces,? .* in Dec 2022 as the report with data up to 30 Nov 2022 said \(90% intervals\)", page
    )
    assert "No count up to 30 Nov 2022 was revised since." in page
    assert str(folder) not in page + (folder / "out" / "new" / "run.json").read_text()
    # What was issued stays, and the page is made from the folder alone.
    assert texts(folder / "out" / "last") == kept
    (folder / "out" / "last").rename(folder / "elsewhere")
    assert command("report out/new", monkeypatch, capsys)[0] == 0
    assert (folder / "out" / "new" / "report.html").read_text() == page
    # A report that was made without it can be given it later.
    assert command("run forecast.toml --output out/plain", monkeypatch, capsys)[0] == 0
    assert "What the last report said" not in (folder / "out" / "plain" / "report.html").read_text()
    assert command("report out/plain --previous elsewhere", monkeypatch, capsys)[0] == 0
    assert "What the last report said" in (folder / "out" / "plain" / "report.html").read_text()
    assert '"previous": {' in (folder / "out" / "plain" / "run.json").read_text()


def test_an_earlier_run_that_cannot_be_compared_is_refused_before_any_fit(folder, monkeypatch, capsys):
    assert command("run forecast.toml --output out/last", monkeypatch, capsys)[0] == 0
    monkeypatch.setattr(road, "fit", fail)
    for words, problem in (
        ("run forecast.toml --previous out --output out/new", "out: is no folder of a finished run"),
        (
            "run forecast.toml --previous out/last --output out/last",
            "out/last: is the earlier run, which would be replac",
        ),
    ):
        code, _, err = command(words, monkeypatch, capsys)
        assert (code, err.count("\n")) == (2, 1), err
        assert f"error: {problem}" in err
    (folder / "counts.csv").write_text(COUNTS.replace("Anbar", "Basra").replace("Diyala", "Ninewa"))
    for words in ("run forecast.toml --previous out/last --output out/new", "check forecast.toml"):
        (folder / "forecast.toml").write_text('previous = "out/last"\n' + SETTINGS)
        code, _, err = command(words, monkeypatch, capsys)
        assert code == 2
        assert "out/last: has no province in common with the new data" in err


TRIGGERS = """
[[triggers]]
name = "anything"
threshold = 1
probability = 0.5
[[triggers]]
name = "much"
where = "Diyala"
tactic = "ied"
threshold = 50
probability = 0.5
"""


def test_triggers_are_judged_with_their_past(folder, monkeypatch, capsys):
    plain = SETTINGS.replace("periods = 1", "periods = 0")
    settings = plain.replace("origins = 3", 'origins = 3\noutput = "bt"') + TRIGGERS
    (folder / "forecast.toml").write_text(settings)
    monkeypatch.setattr("forecast.evaluation.rolling.default_baselines", lambda: {"recent_mean": RecentMean()})
    assert command("backtest forecast.toml", monkeypatch, capsys)[0] == 0
    result = run(read_settings("forecast.toml"))
    first, second = result.record.triggers["triggers"]
    assert (first["where"], first["origins"], second["where"]) == ("all provinces", 3, "Diyala")
    assert (second["fires"], second["hits"], second["false_alarms"]) == (False, 0, 0)
    assert result.record.onsets == {"horizon": 1, "origins": 0, "first": "", "last": "", "classes": []}
    # The last three months had attacks in one of the provinces.
    assert first["happened"] == sum(
        any(f"2022-{month:02d}-01,{count}" in COUNTS for count in (1, 2, 3, 4)) for month in (10, 11, 12)
    )
    for wrong, problem in (
        (
            TRIGGERS.replace("Diyala", "Diyalah"),
            r"triggers\.much: unknown province \(found Diyalah\)\. Nearest: Diyala",
        ),
        (TRIGGERS.replace('tactic = "ied"', 'tactic = "drone"'), r"triggers\.much: unknown tactic \(found drone"),
    ):
        (folder / "forecast.toml").write_text(SETTINGS + wrong)
        with pytest.raises(InputError, match=problem):
            run(read_settings("forecast.toml"))


EVENTS = """
[[events]]
name = "a truce"
date = 2022-03-01
end = 2022-04-15
where = "Diyala"
[[events]]
name = "an election"
date = 2023-01-20
"""


def test_dated_events_stand_in_the_run_and_in_its_report(folder, monkeypatch, capsys):
    plain = SETTINGS.replace("periods = 1", "periods = 0")
    (folder / "forecast.toml").write_text(plain + EVENTS)
    assert command("run forecast.toml --output out", monkeypatch, capsys)[0] == 0
    page = (folder / "out" / "report.html").read_text()
    assert "<li><b>A</b> a truce (Diyala), 1 Mar 2022 to 15 Apr 2022</li>" in page
    assert "<li><b>B</b> an election, 20 Jan 2023</li>" in page
    assert command("report out", monkeypatch, capsys)[0] == 0
    assert (folder / "out" / "report.html").read_text() == page
    for wrong, problem in (
        (
            EVENTS.replace('"Diyala"', '"Diyalah"'),
            r"events\.a truce: unknown province \(found Diyalah\)\. Nearest: Diyala",
        ),
        (
            EVENTS.replace("2023-01-20", "2023-02-01"),
            r"events\.an election: lies outside the data and the forecast \(found 2023-02-01; expected from 2020-01-01 "
            r"to 2023-01-31\)",
        ),
    ):
        (folder / "forecast.toml").write_text(plain + wrong)
        code, _, err = command("run forecast.toml --output other", monkeypatch, capsys)
        assert (code, err.count("\n")) == (2, 1), err
        assert re.search(problem, err), err


def test_contact_and_population_stand_in_the_run_and_in_its_report(folder, monkeypatch, capsys):
    given = '[report]\ncontact = "Early Warning Unit"\npopulation = "people.csv"\n'
    (folder / "forecast.toml").write_text(SETTINGS + given)
    (folder / "people.csv").write_text("province,population\nanbar Governorate,200000\nElsewhere,5\n")
    code, told, _ = command("run forecast.toml --output out", monkeypatch, capsys)
    assert code == 0
    assert "people.csv, names what is no province of the data: Elsewhere" in told
    assert "people.csv, lacks Diyala" in told
    done = load_run(folder / "out")
    assert done.record.population["provinces"] == [{"province": "Anbar", "population": 200000.0}]
    assert "people.csv" in {given.path for given in done.record.inputs}
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "<dt>Contact</dt><dd>Early Warning Unit</dd>" in page
    assert f"<dt>Issued on</dt><dd>{day_label(pd.Timestamp(done.record.issued))}</dd>" in page
    assert "attacks per 100,000" in page
    assert command("report out", monkeypatch, capsys)[0] == 0
    assert (folder / "out" / "report.html").read_text(encoding="utf-8") == page
    (folder / "people.csv").write_text("province,population\nAnbar,some\n")
    code, _, told = command("check forecast.toml", monkeypatch, capsys)
    assert code == 2
    assert "people.csv: row 2, column population: is no number of people" in told
