"""Broken settings and command lines: one clear line, exit code 2, nothing half-written."""

from pathlib import Path

import pytest
from bad_input import (
    COUNTS,
    COVARIATE,
    PLAIN,
    READY,
    SETTINGS,
    STRIKES,
    Bad,
    call,
    changed,
    check_case,
    check_own,
    contents,
    settings,
    within,
)

# The tables keep their own line breaks: one case, one or two lines.
# fmt: off

SETTINGS_FILES = [
    Bad("no settings file", r"forecast\.tml: no such file", {}, "run forecast.tml"),
    Bad("settings are a folder", r"forecast\.toml: is a folder where a file is needed", {"forecast.toml/x": ""}),
    Bad("settings below a file", r"x/forecast\.toml: cannot be read: Not a directory", {"x": ""},
        "run x/forecast.toml"),
    settings("settings are not text", r"forecast\.toml: is no valid TOML \(found 'utf-8'", b"\xff\xfe\x00horizon"),
    settings("TOML without a quote", r"is no valid TOML \(found .*line 6", changed(SETTINGS, '"plain"', '"plain')),
    settings("deep TOML", r"is no valid TOML \(found maximum recursion", "a = " + "[" * 5000),
    settings("number of many digits", r"is no valid TOML \(found Exceeds the limit", "seed = " + "9" * 5000),
    settings("empty settings", r"forecast\.toml: 1 setting is wrong: data: is required", ""),
    settings("typo at the top", r"1 setting is wrong: horizont: unknown key, did you mean horizon\?",
             changed(SETTINGS, "horizon", "horizont")),
    settings("typo in data", r"2 settings .*data\.paths: is required.*data\.path: unknown key, did you mean paths\?",
             changed(SETTINGS, "paths", "path")),
    settings("typo in places", r"places\.country: unknown key, did you mean countries\?",
             changed(SETTINGS, "countries", "country")),
    settings("typo in panel", r"panel\.begin: unknown key, expected one of: freq, start, end",
             changed(SETTINGS, "start", "begin")),
    settings("typo in evaluation", r"evaluation\.period: unknown key, did you mean periods\?",
             changed(SETTINGS, "periods", "period")),
    settings("typo in a covariate", r"covariates\.strikes\.futur: unknown key, did you mean future\?",
             SETTINGS + changed(COVARIATE, "future", "futur"), strikes__csv=STRIKES),
    settings("typo of a section", r"evalution: unknown key, did you mean evaluation\?",
             changed(SETTINGS, "[evaluation]", "[evalution]")),
    settings("several errors at once",
             r"4 settings are wrong: (?=.*horizon: .*found 0)(?=.*seeds: unknown key, did you mean seed\?)"
             r"(?=.*model: unknown model \(found magic; expected auto, zero, )(?=.*evaluation\.periods: .*found -1)",
             changed(SETTINGS, "horizon = 2", "horizon = 0\nseeds = 1").replace("recent_mean", "magic")
             .replace("periods = 0", "periods = -1")),
    settings("horizon 0", r"1 setting is wrong: horizon: .*greater than or equal to 1, found 0",
             changed(SETTINGS, "horizon = 2", "horizon = 0")),
    settings("horizon as text", r"horizon: .*valid integer, found 'six'", changed(SETTINGS, "horizon = 2",
             'horizon = "six"')),
    settings("fractional horizon", r"horizon: .*valid integer, found 2\.5", changed(SETTINGS, "horizon = 2",
             "horizon = 2.5")),
    settings("yes as a number", r"horizon: .*valid integer, found True", changed(SETTINGS, "horizon = 2",
             "horizon = true")),
    settings("too few draws", r"draws: .*100, found 10", changed(SETTINGS, "draws = 100", "draws = 10")),
    settings("negative seed", r"seed: .*0, found -1", "seed = -1\n" + SETTINGS),
    settings("unknown model", r"model: unknown model \(found recent_men; expected .*recent_mean",
             changed(SETTINGS, "recent_mean", "recent_men")),
    settings("source that is none", r"data\.source: .*'gtd'.*found 'sigacts'", changed(SETTINGS, '"plain"',
             '"sigacts"')),
    settings("paths as text", r"data\.paths: .*valid list, found 'events\.csv'", changed(SETTINGS, '["events.csv"]',
             '"events.csv"')),
    settings("no paths", r"data\.paths: .*at least 1 item", changed(SETTINGS, '["events.csv"]', "[]")),
    settings("missing path", r"data\.paths\.1: no such file: .*more\.csv", changed(SETTINGS, '.csv"',
             '.csv", "more.csv"')),
    settings("folder as a path", r"data\.paths\.0: is a folder, not a file", changed(SETTINGS, "events.csv", ".")),
    settings("path that is too long", r"data\.paths\.0: cannot be read: File name too long",
             changed(SETTINGS, "events.csv", "e" * 300)),
    settings("section as a value", r"evaluation: should be a table of keys and values, found 6",
             changed(changed(SETTINGS, "[evaluation]\nperiods = 0\n", ""), "horizon", "evaluation = 6\nhorizon")),
    settings("columns as a list", r"data\.columns: should be a table of keys and values", within("data",
             'columns = ["type"]')),
    settings("end before start", r"panel: end \(2019-06-30\) lies before start \(2020-01-01\)",
             changed(SETTINGS, "2020-06-30", "2019-06-30")),
    settings("end in the future", r"panel\.end \(2120-06-30\) lies in the future", changed(SETTINGS, "2020-06-30",
             "2120-06-30")),
    settings("date as text", r"panel\.end: .*date.*found 'June'", changed(SETTINGS, "2020-06-30", '"June"')),
    settings("year of the first century", r"panel\.start: .*1900-01-01", changed(SETTINGS, "2020-01-01", "0020-01-01")),
    settings("unknown frequency", r"panel\.freq: .*unknown frequency \(found daily; expected M, MONTH",
             within("panel", 'freq = "daily"')),
    settings("gap backwards", r"panel: a gap ends \(2020-02-01\) before it starts \(2020-03-01\)",
             within("panel", "gaps = [[2020-03-01, 2020-02-01]]")),
    settings("gap of one day", r"panel\.gaps\.0\.1: is required", within("panel", "gaps = [[2020-03-01]]")),
    settings("covariate without a path", r"covariates\.strikes\.path: is required",
             SETTINGS + changed(COVARIATE, 'path = "strikes.csv"\n', "")),
    settings("covariate without a future", r"covariates\.strikes\.future: is required \('hold_last', or the path",
             SETTINGS + changed(COVARIATE, 'future = "hold_last"\n', ""), strikes__csv=STRIKES),
    settings("missing future file",
             r"1 setting is wrong: covariates\.strikes\.future: .*'hold_last'.* or no such file: .*later",
             SETTINGS + changed(COVARIATE, "hold_last", "later.csv"), strikes__csv=STRIKES),
    settings("option of another source", r"tactic_by: the source plain does not know", within("data",
             'tactic_by = "dyad"')),
    settings("time for the sampler", r"max_seconds has no use with engine = 'nuts', which cannot be stopped early",
             'engine = "nuts"\nmax_seconds = 5\n' + SETTINGS),
    settings("option without use for counts", r"panel\.actor has no use with ready counts",
             within("panel", 'actor = "IS"', READY), events__csv=COUNTS),
    settings("option without use for events", r"panel\.missing has no use with events", within("panel",
             'missing = "zero"')),
    Bad("run over an input", r"forecast\.csv: is an input and would be overwritten\. Choose another output path",
        {"forecast.toml": changed(SETTINGS, "events.csv", "forecast.csv"), "forecast.csv": PLAIN},
        "run forecast.toml --output ."),
    Bad("run below a file", r"blocker: is a file where a folder is needed",
        {"forecast.toml": SETTINGS, "events.csv": PLAIN, "blocker": ""}, "run forecast.toml --output blocker/a/b"),
]

COMMANDS = [
    Bad("no such command", r"[Nn]o such command 'forcast'.*See 'forecast --help'", {}, "forcast"),
    Bad("no such option", r"[Nn]o such option: --ouput", {"forecast.toml": SETTINGS}, "run forecast.toml --ouput out"),
    Bad("no settings named", r"[Mm]issing argument 'settings'", {}, "run"),
    Bad("no source named", r"[Mm]issing option '--source'", {"events.csv": PLAIN}, "ingest events.csv"),
    Bad("report of an empty folder", r"empty: is no folder of a finished run \(expected a folder with run\.json\)",
        {"empty/readme": ""}, "report empty"),
    Bad("report of no folder", r"nowhere: is no folder of a finished run", {}, "report nowhere"),
    Bad("fetch from an unknown source", r"source: unknown source \(found acled; expected ucdp-ged", {},
        "fetch acled --version 25.1 --output out"),
    Bad("fetch of a version that is none", r"version: is no version \(found latest; expected one such as 25\.1", {},
        "fetch ucdp-ged --version latest --output out"),
    Bad("fetch of a path as version", r"version: is no version \(found \.\./\.\./etc", {},
        "fetch ucdp-ged --version ../../etc --output out"),
    Bad("fetch to below a file", r"blocker: is a file where a folder is needed\. Choose", {"blocker": ""},
        "fetch ucdp-ged --version 25.1 --output blocker/out"),
]

CASES = [*SETTINGS_FILES, *COMMANDS]

# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refusals(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_case(case, folder, monkeypatch)


def test_every_case_is_its_own() -> None:
    check_own(CASES)


def test_without_a_command_help_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("", monkeypatch)
    assert (done.code, done.err) == (0, "")
    assert "Usage: forecast" in done.out
    assert contents(folder) == {}
