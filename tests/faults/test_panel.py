"""Faults of ready counts and of published totals, and of the files that settings name, through `forecast check`."""

import re
from pathlib import Path

import pytest
from answers import Answer, Fault, check_answer
from bad_input import (
    CAPABILITY,
    CELLS,
    COUNTS,
    COVARIATE,
    GAZETTEER,
    INDICATORS,
    PLAIN,
    READY,
    SETTINGS,
    STRIKES,
    changed,
    table,
    within,
)

CHECK = "check forecast.toml"
LONG = "9" * 4400
TOTALS = table(
    "period_start,period_end,zone,provinces,tactic,attacks,definition,bound,publisher",
    *(
        f"2020-{month:02d}-01,2020-{month:02d}-{28 + month % 2 * 3},z,SY02|SY04,all,6,confirmed,exact,X"
        for month in (1, 3)
    ),
)
REPORTS = 'horizon = 2\ndraws = 100\nmodel = "quick"\n[data]\nsource = "published"\npaths = ["events.csv"]\n'
EXPOSED = table("province,tactic,period,attacks,exposure", *(f"{p},ied,2020-{m:02d}-01,{m},100000" for p, m in CELLS))


def cell(text: str) -> dict[str, str]:
    return {"forecast.toml": READY, "events.csv": changed(COUNTS, "01,1\n", f'01,"{text}"\n')}


def exposure(text: str) -> dict[str, str]:
    return {"forecast.toml": READY, "events.csv": changed(EXPOSED, "03-01,3,100000", f"03-01,3,{text}")}


def total(text: str) -> dict[str, str]:
    return {"forecast.toml": REPORTS, "events.csv": changed(TOTALS, ",6,", f',"{text}",')}


def named(section: str, line: str, text: str = SETTINGS, **files: str) -> dict[str, str]:
    """Good events, and settings that name more files."""
    return {"forecast.toml": within(section, line, text), "events.csv": PLAIN} | {
        name.replace("_", "."): content for name, content in files.items()
    }


GAP = r"a gap: the cell is not observed"
NO_EXPOSURE = "cells without an exposure: .*not observed"
WHOLE = r"events\.csv: row 2, column attacks: .*expected a whole number from 0 to 10,000,000"
HUGE = "x" * 200_000

# fmt: off
FAULTS = [
    *(Fault(f"{text} in a cell", Answer.RIGHT, "thousands separators|Panel", cell(text), CHECK)
      for text in ("1_000", "١٢")),
    *(Fault(f"{text[:12]} in a cell", Answer.SAID, GAP, cell(text), CHECK) for text in ("12 attacks", LONG)),
    Fault("one blank exposure", Answer.SAID, NO_EXPOSURE, exposure(""), CHECK),
    Fault("exposure with a word", Answer.SAID, NO_EXPOSURE, exposure("100000 people"), CHECK),
    Fault("exposure of many digits", Answer.SAID, NO_EXPOSURE, exposure(LONG), CHECK),
    *(Fault(f"total of {text[:13] or 'nothing'}", Answer.REFUSED, WHOLE, total(text), CHECK)
      for text in ("1000000000000", "12 attacks", "", "inf", LONG)),
    Fault("total of the future", Answer.REFUSED, r"column period_start: .*up to today",
          {"forecast.toml": REPORTS, "events.csv": TOTALS.replace("2020", "2120")}, CHECK),
    Fault("definition that is part of itself", Answer.REFUSED, r"subset_of: a definition would be part of itself",
          {"forecast.toml": REPORTS + '[published]\nsubset_of = { confirmed = "confirmed" }\n', "events.csv": TOTALS},
          CHECK),
    Fault("swapped columns", Answer.RIGHT, "3 provinces",
          {"forecast.toml": within("data", 'columns = { province = "tactic", tactic = "province" }', READY),
           "events.csv": changed(re.sub(r"^(\w+),(\w+)", r"\2,\1", COUNTS, flags=re.M), "tactic,province",
                                 "province,tactic")}, CHECK),
    Fault("gazetteer with a long cell", Answer.SAID, "Kirkuk",
          named("places", 'gazetteer = "g.csv"', g_csv=changed(GAZETTEER, "Kirkuk", HUGE)), CHECK + " --accept-loss"),
    Fault("gazetteer with a long header", Answer.REFUSED, r"g\.csv: .*columns are missing|holds columns",
          named("places", 'gazetteer = "g.csv"', g_csv=changed(GAZETTEER, "latitude", HUGE)), CHECK),
    Fault("latitude of many digits", Answer.REFUSED, r"g\.csv: row 2, column latitude: is no coordinate",
          named("places", 'gazetteer = "g.csv"', g_csv=changed(GAZETTEER, "33.8", LONG)), CHECK),
    Fault("zone with a long name", Answer.RIGHT, "3 provinces",
          named("places", 'zones = "z.csv"', z_csv=table("zone,provinces", f"{HUGE},IQG01")), CHECK),
    Fault("covariate of many digits", Answer.REFUSED, r"covariate strikes: (row 2|holds infinite)",
          {"forecast.toml": SETTINGS + COVARIATE, "events.csv": PLAIN,
           "strikes.csv": changed(STRIKES, ",1\n", f",{LONG}\n")}, CHECK),
    Fault("indicator of many digits", Answer.REFUSED, r"i\.csv: row 2, column value: ",
          {"forecast.toml": SETTINGS + CAPABILITY, "events.csv": PLAIN,
           "i.csv": changed(INDICATORS, ",2,ord", f",{LONG},ord")}, CHECK),
    Fault("indicator scale of many digits", Answer.REFUSED, r"i\.csv: row 2, column scale: ",
          {"forecast.toml": SETTINGS + CAPABILITY, "events.csv": PLAIN,
           "i.csv": changed(INDICATORS, "1-3", f"1-{LONG}")}, CHECK),
]
# fmt: on


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_faults(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_answer(fault, folder, monkeypatch)
