"""Every field of a run's and a backtest's record, missing or of another type: each verb that reads it says so."""

import json
import sys

import pandas as pd
import pytest

from forecast import cli
from forecast.baselines.naive import RecentMean
from forecast.config import read_settings
from forecast.errors import InputError
from forecast.evaluation.rolling import backtest
from forecast.evaluation.rolling_disk import origin_folder
from forecast.evaluation.rolling_disk import read_record as read_backtest_record
from forecast.inputs import load_source
from forecast.prediction.draws import Forecast
from forecast.run_files import read_record, write_report_again
from forecast.run_prepared import prepare

SETTINGS = """
horizon = 2
draws = 100
model = "recent_mean"
output = "out"
[data]
source = "counts"
paths = ["counts.csv"]
[evaluation]
periods = 0
[backtest]
output = "bt"
[[triggers]]
name = "many"
threshold = 5
horizon = 1
probability = 0.5
"""
MONTHS = [f"{year}-{month:02d}-01" for year in (2021, 2022) for month in range(1, 13)]
RUN, BACKTEST = "out/2022-11-30/run.json", "bt/backtest.json"
WRONG = {"str": 5, "int": "x", "float": "x", "bool": "yes", "list": {"x": 5}, "dict": ["x"], "NoneType": {"x": 5}}
# What the report says less without.
OPTIONAL = {
    "capability",
    "backtest",
    "backtest.vintages",
    "previous",
    *(f"previous.{name}" for name in ("span", "periods", "p_value", "levels", "series", "outlook", "outlook_span")),
    *(
        f"previous.{name}"
        for name in ("revised", "recent", "moved", "notes", "bands", "published", "reports", "covered")
    ),
    "covariates",
    "backtest.places",
    "triggers",
    "triggers.first",
    "triggers.last",
    "onsets",
    "issued",
    *(f"onsets.{name}" for name in ("origins", "first", "last", "classes")),
    "events",
}


def counts(last):
    """Monthly counts of two provinces up to a month."""
    days = MONTHS[: MONTHS.index(last) + 1]
    rows = [f"{p},ied,{day},{(7 * n + len(p)) % 5}" for p in ("Anbar", "Diyala") for n, day in enumerate(days)]
    return "\n".join(["province,tactic,period,attacks", *rows]) + "\n"


def call(words, capsys=None):
    """Exit code and the last line of standard error of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["forecast", *words.split()])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    told = capsys.readouterr().err.splitlines() if capsys else []
    return stop.value.code or 0, told[-1] if told else ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A backtest, and a run with every part that goes without a fit: held against an earlier one, with a trigger."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "forecast.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "counts.csv").write_text(counts("2022-10-01"))
        assert call("run forecast.toml --output out/2022-10-31") == (0, "")
        (folder / "counts.csv").write_text(counts("2022-11-01"))
        source = load_source(read_settings("forecast.toml"))
        backtest([RecentMean()], source, origins=2, horizon=1, baselines=False, draws=50, seed=1, folder="bt")
        assert call("run forecast.toml --output out/2022-11-30 --previous out/2022-10-31") == (0, "")
    (folder / "counts.csv").write_text(counts("2022-12-01"))
    return folder


@pytest.fixture
def folder(whole, monkeypatch):
    """The folder of these; its records and reports are put back."""
    monkeypatch.chdir(whole)
    kept = {file: (whole / file).read_bytes() for file in (RUN, BACKTEST, "out/2022-11-30/report.html")}
    yield whole
    for file, content in kept.items():
        (whole / file).write_bytes(content)


def paths(value, path=()):
    """Where all fields of a record lie; the first row of a table stands for all."""
    members = value.items() if isinstance(value, dict) else enumerate(value[:1] if isinstance(value, list) else ())
    return [place for key, member in members for place in ((*path, key), *paths(member, (*path, key)))]


def changed(record, path, how):
    """The text of a record without a field, or with one of another type."""
    record = json.loads(json.dumps(record))
    parent = record
    for key in path[:-1]:
        parent = parent[key]
    old = parent.pop(path[-1])
    if how == "changed":
        parent.insert(0, WRONG[type(old).__name__]) if path[-1] == 0 else parent.update(
            {path[-1]: WRONG[type(old).__name__]}
        )
    return json.dumps(record)


def refused(folder, file, read, own):
    """Changes of a record that are not refused by the name of the field, of all that can be made."""
    record = json.loads((folder / file).read_text())
    accepted = set()
    for path, how in ((path, how) for path in paths(record) for how in ("removed", "changed")):
        if path[0] in own and len(path) > 1:
            continue
        (folder / file).write_text(changed(record, path, how))
        named = "not version 1" if path[0] in ("kind", "format") else path[0]
        said = ""
        try:
            read((folder / file).parent)
            accepted.add((".".join(map(str, path)), how))
        except InputError as error:
            said = str(error)
        assert not said or f"{file}: is damaged (found {named}" in said, path
    return accepted


def test_every_field_of_a_run(folder):
    # What is needed of the settings is said by the verb that needs it; a table of one row may have any columns.
    accepted = refused(folder, RUN, read_record, ("settings", "versions"))
    one_row = ("triggers.triggers.0.", "previous.reports.0.")
    accepted = {path for path in accepted if not path[0].startswith(one_row)}
    lists = {(path, how) for path, how in accepted if path.endswith(".0")}
    assert accepted - lists == {(path, "removed") for path in OPTIONAL}
    assert {how for _, how in lists} == {"removed"}


def test_every_field_of_a_backtest(folder):
    accepted = refused(folder, BACKTEST, read_backtest_record, ())
    # As many models and origins as there are.
    assert accepted == {("models.recent_mean", "removed"), ("origins.0", "removed")}


@pytest.mark.parametrize(
    "words",
    [
        "report out/2022-11-30",
        "report out/2022-10-31 --previous out/2022-11-30",
        "watch out/2022-11-30 counts.csv",
        "update forecast.toml",
        "run forecast.toml --output new --previous out/2022-11-30",
    ],
)
def test_every_verb_refuses_a_damaged_run_and_writes_nothing(words, folder, capsys):
    text = (folder / RUN).read_text()
    record = json.loads(text)
    page = (folder / "out/2022-11-30/report.html").read_bytes()
    damaged = {
        "zones": changed(record, ("zones",), "removed"),
        "previous.periods": changed(record, ("previous", "periods"), "changed"),
        "EOF": text[: len(text) // 2],
        "not version 1": text.replace('"format": 1', '"format": 0'),
    }
    for named, content in damaged.items():
        (folder / RUN).write_text(content)
        code, said = call(words, capsys)
        assert (code, f"{RUN}: is damaged (found {named}" in said) == (2, True), said
    assert (folder / "out/2022-11-30/report.html").read_bytes() == page
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["2022-10-31", "2022-11-30"]
    assert not (folder / "new").exists() or not any((folder / "new").iterdir())


@pytest.mark.parametrize(
    ("path", "how", "named"),
    [
        (("data",), "removed", "data.source"),
        (("data",), "changed", "settings.data"),
        (("data", "source"), "removed", "data.source"),
        (("data", "source"), "changed", "data.source"),
        (("panel",), "changed", "settings.panel"),
        (("panel", "freq"), "changed", "panel.freq"),
    ],
)
def test_settings_that_watch_needs_are_named(path, how, named, folder, capsys):
    record = json.loads((folder / RUN).read_text())
    (folder / RUN).write_text(changed(record, ("settings", *path), how))
    code, said = call("watch out/2022-11-30 counts.csv", capsys)
    assert (code, named in said, RUN in said) == (2, True, True), said


def test_what_cannot_be_told_by_the_record_alone_is_told_when_the_page_is_drawn(folder):
    record = json.loads((folder / RUN).read_text())
    (folder / RUN).write_text(changed(record, ("triggers", "triggers", 0, "chance"), "removed"))
    with pytest.raises(InputError, match=r"run\.json: was edited or damaged, and cannot be shown \(found .*chance"):
        write_report_again(folder / "out/2022-11-30")


def test_a_file_that_the_record_does_not_list_is_told(folder):
    record = json.loads((folder / RUN).read_text())
    strange = folder / "out/2022-11-30/boundaries.json"
    strange.write_text("{}")
    try:
        with pytest.raises(InputError, match=r"run\.json: is damaged \(found files\.boundaries\.json: missing"):
            read_record(strange.parent)
    finally:
        strange.unlink()
    (folder / RUN).write_text(json.dumps(record | {"files": {}}))
    with pytest.raises(InputError, match="files: missing"):
        read_record(strange.parent)


@pytest.mark.parametrize("damage", ["removed", "cut", "scores", "forecast"])
def test_a_damaged_backtest_stops_no_run_and_is_not_gone_on_with(damage, folder, capsys):
    """The run says in a note what it lacks; the backtest itself is refused in one sentence."""
    file = folder / BACKTEST
    text = file.read_text()
    scores = folder / "bt/recent_mean/2022-10-31/scores.csv"
    forecast = scores.with_name("forecast.nc")
    kept = {path: path.read_bytes() for path in (scores, forecast)}
    try:
        if damage in ("removed", "cut"):
            file.write_text(changed(json.loads(text), ("data",), "removed") if damage == "removed" else text[:300])
        else:
            {"scores": scores, "forecast": forecast}[damage].write_bytes(b"x")
        ready = prepare(read_settings("forecast.toml"))
        lacking = (
            "how triggers would have fired, and what came of calm provinces, is not told: "
            if damage == "forecast"
            else "the backtest in bt is not shown: "
        )
        assert len(ready.notes) == 1 + (damage == "forecast")
        assert ready.notes[-1].startswith(f"{lacking}bt/"), ready.notes
        assert (ready.backtest is None) == (damage != "forecast")
        assert ready.trigger_history.empty
        if damage in ("removed", "cut"):
            code, said = call("backtest forecast.toml --output bt --resume", capsys)
            assert (code, "bt/backtest.json: is damaged" in said) == (2, True), said
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def test_a_forecast_of_a_backtest_is_read_once(folder, monkeypatch):
    """For triggers and for calm provinces together."""
    loaded = []
    load = Forecast.load.__func__
    monkeypatch.setattr(Forecast, "load", classmethod(lambda cls, path: loaded.append(path) or load(cls, path)))
    ready = prepare(read_settings("forecast.toml"))
    assert len(ready.trigger_history) > 1
    assert ready.onsets is not None
    assert len(loaded) == len(set(loaded)) == ready.trigger_history["origin"].nunique()


def test_the_longest_name_of_a_model_is_that_of_a_folder(tmp_path):
    """Names are 60 characters at most, of which one may be four bytes; a file system takes 255 bytes."""
    place = origin_folder(tmp_path, "\U0001f600" * 60, pd.Timestamp("2024-01-31"))
    place.mkdir(parents=True)
    assert len(place.parent.name.encode()) < 255
