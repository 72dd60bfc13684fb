"""Data and tables that make no panel: one clear line, exit code 2, nothing half-written."""

import re
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
    changed,
    check_case,
    check_own,
    counts,
    covariate,
    settings,
    table,
    within,
)

# The tables keep their own line breaks: one case, one or two lines.
# fmt: off

CASES = [
    settings("provinces that are none", r"panel\.provinces: unknown province \(found Anbaar\)\. Nearest: Anbar",
             within("panel", 'provinces = ["Anbaar"]')),
    settings("tactics that are none", r"tactics: unknown tactics \(found IED; expected ied, complex_attack\)",
             within("panel", 'tactics = ["IED"]')),
    settings("tactics of an empty list", r"panel\.tactics: .*at least 1 item", within("panel", "tactics = []")),
    settings("actor that does not occur", r"actor: no record has this actor \(found ISIS; expected IS, Army",
             within("panel", 'actor = "ISIS"'),
             events__csv=changed(PLAIN.replace("IED", "IED,IS,Army").replace("ambush", "ambush,IS,Army"), "type",
                                 "type,actor,opponent")),
    settings("target that does not occur", r"target: no record has this target \(found police", within("panel",
             'target = "police"')),
    settings("gap in an unknown province", r"gaps: unknown province \(found Dyiala\)\. Nearest: Diyala, ",
             within("panel", 'gaps = [[2020-03-01, 2020-04-01, ["Dyiala"]]]')),
    settings("no complete period", r"2020-01-01 to 2020-01-20: holds no complete period \(expected a whole month\)",
             changed(SETTINGS, "2020-06-30", "2020-01-20")),
    settings("no complete week", r"2020-01-01 to 2020-01-03: holds no complete period \(expected a whole week\)",
             within("panel", 'freq = "W"', changed(SETTINGS, "2020-06-30", "2020-01-03"))),
    settings("start after the data", r"2021-01-01 to 2020-06-28: the data end before they start",
             changed(changed(SETTINGS, "2020-01-01", "2021-01-01"), "end = 2020-06-30\n", "")),
    settings("span without attacks", r"1990-01-01 to 1990-12-31: no attack falls into the panel\. Check start, end",
             changed(changed(SETTINGS, "2020-01-01", "1990-01-01"), "2020-06-30", "1990-12-31")),
    settings("more held out than there is",
             r"evaluation\.periods: more periods than the data have \(found 6; expected at most 5",
             changed(SETTINGS, "periods = 0", "periods = 6")),
    settings("counts with a cell twice",
             r"events\.csv: row 20: a cell stands there twice \(found Diyala, ied, 2020-01-01\)",
             READY, events__csv=COUNTS + "Diyala,ied,2020-01-20,5\n"),
    counts("negative counts", r"events\.csv: row 3, column attacks: .*found -2; expected a whole number from 0",
           "2020-02-01,2", "2020-02-01,-2"),
    counts("fractional counts", r"events\.csv: row 2, column attacks: .*found 1\.5; expected a whole number", "01,1\n",
           "01,1.5\n"),
    counts("huge counts", r"events\.csv: row 2, column attacks: .*found 1e30; .*to 10,000,000", "01,1\n", "01,1e30\n"),
    counts("counts without a period", r"events\.csv: period: columns are missing \(found province, tactic, stage",
           "period", "stage"),
    counts("counts in a month that is none", r"events\.csv: row 4, column period: .*found 2020-13-01", "2020-03",
           "2020-13"),
    counts("counts with the day first", r"column period: day and month cannot be told apart \(found 01/02/2020\)",
           "2020-01-01", "01/02/2020"),
    counts("counts of the first century", r"row 2, column period: .*found 0020-01-01", "2020-01-01", "0020-01-01"),
    counts("counts of nowhere", r"row 2, column province: .*expected a label", "Diyala,", ","),
    settings("counts of the future", r"events\.csv: column period: lies in the future \(found 2120-06-01\)",
             changed(READY, "end = 2020-06-30\n", ""), events__csv=COUNTS.replace("2020", "2120")),
    settings("counts with exposure 0", r"events\.csv: row 2, column exposure: .*found 0; expected a number above 0",
             READY, events__csv=table("province,tactic,period,attacks,exposure", "Diyala,ied,2020-01-01,1,0")),
    settings("counts without a number", r"tactic: was never observed \(found ied\)",
             READY, events__csv=re.sub(r",\d+\n", ",\n", COUNTS)),
    settings("counts outside the span",
             r"no period of the panel lies in it \(expected within 2020-01-01 to 2020-06-30\)",
             changed(changed(READY, "2020-01-01", "2010-01-01"), "2020-06-30", "2010-06-30"), events__csv=COUNTS),
    settings("counts with a mapping to no column",
             r"events\.csv: header: no such columns \(found province.*expected n\)",
             within("data", 'columns = { attacks = "n" }', READY), events__csv=COUNTS),
    settings("events as counts",
             r"events\.csv: attacks: columns are missing \(found date, province, type\)", READY),
    covariate("covariate with a gap", r"covariate strikes: 1 period is missing \(found 2020-03-01\)\. .*fill the gaps",
              "2020-03-01,3\n", ""),
    covariate("covariate that ends early", r"covariate strikes: 2 periods are missing \(found 2020-05-01, 2020-06-01\)",
              "2020-05-01,5\n2020-06-01,6\n", ""),
    covariate("covariate with a blank cell", r"covariate strikes: 1 period is missing \(found 2020-04-01\)", "01,4",
              "01,NA"),
    covariate("covariate with text", r"covariate strikes: row 4, column strikes: .*found few; expected a number",
              "01,3", "01,few"),
    covariate("covariate with a broken date", r"covariate strikes: row 4, column period: .*found 2020-33-01",
              "2020-03", "2020-33"),
    covariate("infinite covariate", r"covariate strikes: holds infinite values", "01,3", "01,inf"),
    covariate("covariate of another name",
              r"covariate strikes: columns are missing \(found period, bombs.*strikes \(or value\)",
              "strikes", "bombs"),
    covariate("covariate with a period twice", r"covariate strikes: has several values for one cell \(found 2020-06-01",
              "2020-06-01,6\n", "2020-06-01,6\n2020-06-01,7\n"),
    settings("covariate of one province",
             r"covariate strikes: 2 values of province are missing \(found IQG10, IQG13\).*every province",
             SETTINGS + COVARIATE, strikes__csv=changed(STRIKES, "p", "province,p").replace("\n2020", "\nIQG01,2020")),
    settings("covariate of another force", r"covariate strikes: 1 value of force is missing \(found ISF\)",
             SETTINGS + COVARIATE, strikes__csv=changed(STRIKES, "p", "force,p").replace("\n2020", "\nMNF,2020")),
    covariate("covariate named like the counts", r"covariate attacks: the name is taken", "strikes", "attacks",
              SETTINGS + changed(COVARIATE, "covariates.strikes", "covariates.attacks")),
    covariate("covariate with a path as its name", r"covariate a/b: is no name \(expected letters", "strikes", "a/b",
              SETTINGS + changed(COVARIATE, "covariates.strikes", 'covariates."a/b"')),
    settings("empty covariate", r"strikes\.csv: is empty", SETTINGS + COVARIATE, strikes__csv=""),
    settings("future that ends too early",
             r"future of covariate strikes: 1 period is missing \(found 2020-08-01\).*of the horizon",
             changed(SETTINGS, "recent_mean", "regression") + changed(COVARIATE, "hold_last", "later.csv"),
             strikes__csv=STRIKES, later__csv=table("period,strikes", "2020-07-01,3")),
    settings("covariate of events that are none", r"strikes\.csv: header: lacks a date",
             SETTINGS + changed(COVARIATE, "path", 'events = "plain"\npath'), strikes__csv=STRIKES),
]

# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refusals(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_case(case, folder, monkeypatch)


def test_every_case_is_its_own() -> None:
    check_own(CASES)
