"""Imperfect files of events that go through: what was mended stands in the ledger."""

import csv
import gzip
import io
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from bad_input import (
    ACLED,
    ACLED_WORDS,
    BOOK,
    GTD,
    INGEST,
    PLAIN,
    RUN,
    SETTINGS,
    Content,
    call,
    changed,
    contents,
    table,
    within,
    write,
)
from raw_files import workbook

from forecast.run_files import RUN_FILES


@dataclass(frozen=True)
class Mended:
    """An imperfect input that goes through: the rule of the ledger, its rows, and what stands in the line."""

    name: str
    rule: str
    rows: int
    line: str
    content: Content
    words: str = INGEST


WHOLE = Mended("whole", "events without an id", 18, "ids made from row numbers", PLAIN)
DATED = "event_id,date,province,type\n"

# fmt: off

FLAWED = [
    WHOLE,
    replace(WHOLE, name="byte order mark", content="\ufeff" + PLAIN),
    replace(WHOLE, name="semicolons", content=PLAIN.replace(",", ";")),
    replace(WHOLE, name="cell of several lines", content=changed(PLAIN, "2020-05-01,Diyala,IED",
        '2020-05-01,Diyala,"IED\n"')),
    replace(WHOLE, name="old line ends", content=PLAIN.replace("\n", "\r\n")),
    replace(WHOLE, name="gz", content=gzip.compress(PLAIN.encode())),
    replace(WHOLE, name="workbook under another name", content=workbook(Data=BOOK)),
    Mended("Latin-1", "encoding", 1, "not UTF-8 and was read as Windows-1252",
           (DATED + "a,2020-01-01,Diyala,attaque à pied\n").encode("latin-1")),
    Mended("blank rows", "blank rows", 2, "excluded", PLAIN + "\n,,\n"),
    Mended("rows that end early", "rows that end early", 1, "row 20", PLAIN + "2020-06-29,Diyala\n"),
    Mended("mixed forms of date", "unknown dates", 1, "row 5",
           DATED + "a,2020-01-01,Diyala,x\nb,16 May 2020,Diyala,x\nc,20200103,Diyala,x\nd,some day,Diyala,x\n"),
    Mended("day first", "dates of two numbers", 2, "13/02/2020 in row 2 allows nothing else",
           DATED + "a,13/02/2020,Diyala,x\nb,01/02/2020,Diyala,x\n"),
    Mended("day of no calendar", "unknown dates", 1, "row 3", DATED + "a,2020-02-29,Diyala,x\nb,2021-02-29,Diyala,x\n"),
    Mended("future dates", "future dates", 1, "row 3: 2120-01-01",
           DATED + "a,2020-01-01,Diyala,x\nb,2120-01-01,Diyala,x\n"),
    Mended("duplicate ids", "duplicate id", 1, "came again", DATED + "a,2020-01-01,Diyala,x\na,2020-01-02,Diyala,x\n"),
    Mended("some unknown names", "unknown province", 6, "Dyiala (nearest names: Diyala, ", PLAIN.replace("Diyala",
           "Dyiala")),
    Mended("another country", "country", 1, "Mali",
           "date,country,province\n2020-01-01,Mali,Gao\n2020-01-01,Iraq,Diyala\n"),
    Mended("points out of range", "coordinates", 1, "row 3: 433.8, 45",
           "date,province,lat,lon\n2020-01-01,Diyala,33.8,45\n2020-01-01,Diyala,433.8,45\n"),
    Mended("point at null island", "no place", 1, "row-3", "date,lat,lon\n2020-01-01,33.8,45\n2020-01-01,0,0\n"),
    Mended("end before the beginning", "ends before the beginning", 1, "row 2: 2020-01-05 to 2020-01-01",
           "date,date_end,province\n2020-01-05,2020-01-01,Diyala\n"),
    Mended("rows of no attack", "counts of nothing", 1, "row 2",
           "date,province,attacks\n2020-01-05,Diyala,0\n2020-01-05,Diyala,2\n"),
    Mended("rows of unknown counts", "unknown counts", 2, "not observed",
           "date,province,attacks\n2020-01-05,Diyala,n/a\n2020-01-05,Diyala,2\n2020-01-06,Diyala,\n"),
    Mended("deaths in fractions", "fatalities not a whole number", 1, "row 2: 1.5",
           "date,province,fatalities\n2020-01-05,Diyala,1.5\n"),
    Mended("deaths in words", "fatalities not a number", 1, "row 2: many",
           "date,province,fatalities\n2020-01-05,Diyala,many\n"),
    Mended("label that is new", "label not in the crosswalk", 1, "kept as a tactic of its own",
           DATED + "a,2020-01-01,Diyala,sorcery\n"),
    Mended("no tactic", "no tactic", 1, "their kind is not known", DATED + "a,2020-01-01,Diyala,\n"),
    Mended("protests", "not an attack", 1, "Protests", changed(ACLED, "Battles", "Protests"), ACLED_WORDS),
    Mended("deaths coded as unknown", "nkill coded as unknown", 1, "-9 and -99", changed(GTD, "IS,2\n", "IS,-99\n"),
           INGEST.replace("plain", "gtd")),
    Mended("unknown day", "day unknown", 1, "spans its month", changed(GTD, "2020,3,1", "2020,3,0"),
           INGEST.replace("plain", "gtd")),
]

# fmt: on


@pytest.mark.parametrize("case", FLAWED, ids=lambda case: case.name)
def test_what_is_mended_stands_in_the_ledger(case: Mended, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": case.content})
    done = call(f"{case.words} --accept-loss", monkeypatch)
    assert (done.code, done.err) == (0, ""), done
    ledger = pd.read_csv(folder / "out" / "ledger.csv", keep_default_na=False).set_index("rule")
    assert ledger["rows"].get(case.rule) == case.rows, ledger.to_string()
    line = " ".join(map(str, ledger.loc[case.rule]))
    assert case.line in line
    given = case.content() if callable(case.content) else case.content
    kept = pd.read_csv(folder / "out" / "events.csv")
    if case.words == INGEST and isinstance(given, str):
        rows = len(list(csv.reader(io.StringIO(given)))) - 1
        gone = ledger["rows"][ledger["action"].isin(["dropped", "excluded"])].sum()
        assert len(kept) == rows - gone, "every row is accounted for"


def test_a_run_tells_what_it_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the span, in an incomplete month, of an unused column: each stands in the ledger or in the report."""
    text = changed(SETTINGS, "2020-06-30", "2020-06-15").replace("start = 2020-01-01", "start = 2020-02-01")
    write(folder, {"events.csv": PLAIN, "forecast.toml": text})
    done = call(RUN, monkeypatch)
    assert (done.code, done.err) == (0, ""), done
    ledger = pd.read_csv(folder / "out" / "ledger.csv", keep_default_na=False).set_index("rule")
    assert ledger.loc["outside the periods", "rows"] == 6
    assert "the last month is left out" in (folder / "out" / "report.html").read_text().lower()


def test_a_second_vintage_is_read_with_its_own_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run over an older, larger one leaves nothing of it behind."""
    write(folder, {"events.csv": PLAIN, "forecast.toml": within("places", 'gazetteer = "data"')})
    assert call(RUN, monkeypatch).code == 0
    assert (folder / "out" / "gazetteer.csv").exists()
    write(folder, {"forecast.toml": SETTINGS})
    assert call(RUN, monkeypatch).code == 0
    assert set(contents(folder / "out")) == set(RUN_FILES) - {"capability.nc", "gazetteer.csv", "totals.nc"}


def test_formulas_and_markup_are_inert(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        "date,province,actor",
        "2020-01-01,Diyala,=cmd|' /C calc'!A0",
        "2020-01-02,=1+1,@SUM(A1)",
        "2020-01-03,Anbar,<script>",
    ]
    write(folder, {"events.csv": table(*rows)})
    assert call(f"{INGEST} --accept-loss", monkeypatch).code == 0
    for name in ("events.csv", "ledger.csv"):
        cells = pd.read_csv(folder / "out" / name, dtype=str).stack()
        assert not cells.str.startswith(("=", "@", "+", "-")).any(), cells
