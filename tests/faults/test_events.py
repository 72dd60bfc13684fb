"""Faults of files of events, through `forecast ingest`: how a count may be written, and what a cell may hold."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from answers import Answer, Fault, check_answer
from bad_input import AGGREGATED, INGEST, PLAIN, changed, table

WEEKS = INGEST.replace("plain", "acled-aggregated")
LONG = "9" * 4400


def counts(cell: str) -> str:
    return table("date,province,attacks", f'2020-01-01,Diyala,"{cell}"', "2020-01-02,Anbar,7")


def weeks(cell: str) -> str:
    return changed(AGGREGATED, "Armed clash,3", f'Armed clash,"{cell}"')


def counted(number: int | None, folder: Path) -> bool:
    """Whether the record of Diyala counts so many attacks, None for a gap."""
    table = pd.read_csv(folder / "out" / "events.csv")
    return table.loc[table["province"] == "IQG10", "attacks"].dropna().tolist() == ([] if number is None else [number])


READ = {"1_000": 1000, "1,020": 1020, "١٢": 12, "１２": 12}
UNREAD = ("12 attacks", "0x10", "inf", LONG)
LOST = INGEST + " --accept-loss"
UNKNOWN = "unknown counts: the number is missing"
STRAY = PLAIN.replace("ambush", "Überfall").encode() + b"2020-06-29,Anbar,\xe9t\xe9\n"
SIGNS = table("date,province,actor", "2020-01-01,Diyala,＝1+1", "2020-01-02,Anbar,x;=1+1|cmd")
IN_JSON = '[{"date": "2020-01-01", "province": "Diyala", %s}]'


def holds(text: str, folder: Path) -> bool:
    return text in (folder / "out" / "events.csv").read_text(encoding="utf-8").lower()


# fmt: off
FAULTS = [
    *(Fault(f"{cell} attacks", Answer.RIGHT, "2 rows", {"events.csv": counts(cell)}, INGEST, partial(counted, number))
      for cell, number in READ.items()),
    *(Fault(f"{cell[:12]} in a cell", Answer.SAID, UNKNOWN, {"events.csv": counts(cell)}, LOST, partial(counted, None))
      for cell in UNREAD),
    Fault("Arabic digits in a table of weeks", Answer.RIGHT, "2 rows", {"events.csv": weeks("١٢")}, WEEKS,
          partial(counted, 12)),
    Fault("words in a table of weeks", Answer.SAID, UNKNOWN, {"events.csv": weeks("12 attacks")},
          WEEKS + " --accept-loss", partial(counted, None)),
    Fault("one Latin-1 byte", Answer.SAID, r"not UTF-8: .*but for these rows.*\(row 20\)", {"events.csv": STRAY},
          INGEST, partial(holds, "überfall")),
    Fault("cell of 200 kB", Answer.RIGHT, "18 rows", {"events.csv": changed(PLAIN, "IED", "x" * 200_000)}, INGEST),
    Fault("JSON numbers of 4,400 digits", Answer.REFUSED, "no row has a count",
          {"events.csv": IN_JSON % f'"attacks": {LONG}'}, INGEST),
    Fault("JSON of NaN and Infinity", Answer.SAID, "fatalities not a number",
          {"events.csv": IN_JSON % '"fatalities": Infinity, "lat": NaN, "lon": NaN'}, INGEST),
    Fault("formulas behind other signs", Answer.RIGHT, "2 rows", {"events.csv": SIGNS}, INGEST,
          lambda folder: holds(",'＝1+1,", folder) and holds(",x;'=1+1|cmd,", folder)),
    Fault("escape codes", Answer.SAID, r"not in the crosswalk: .*\( \]0;x ",
          {"events.csv": changed(PLAIN, "IED", "\x1b]0;x\x07")}, INGEST),
]
# fmt: on


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_faults(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_answer(fault, folder, monkeypatch)
