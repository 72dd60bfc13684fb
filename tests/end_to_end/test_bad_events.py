"""Broken files of events, each through the command line: one clear line, exit code 2, nothing half-written."""

import gzip
from pathlib import Path

import pytest
from bad_input import (
    ACLED,
    ACLED_WORDS,
    BOOK,
    COUNTS,
    FILES,
    GAZETTEER,
    GTD,
    INGEST,
    PLAIN,
    READY,
    Bad,
    broken_sheet,
    call,
    changed,
    check_case,
    check_own,
    contents,
    damaged_workbook,
    events,
    settings,
    table,
    write,
    wrong_source,
    zipped,
)
from raw_files import workbook

# The tables keep their own line breaks: one case, one or two lines.
# fmt: off

EVENT_FILES = [
    events("empty file", r"events\.csv: is empty\. Download", ""),
    events("blank file", r"events\.csv: is empty", "\n  \n"),
    events("header only", r"events\.csv: holds a header and no rows", "date,province,type\n"),
    events("no date column", r"header: lacks a date.*found stage, province, type; expected date",
           changed(PLAIN, "date,", "stage,")),
    events("no place column", r"header: .*found date, where, type.*province or latitude and longitude",
           changed(PLAIN, "province", "where")),
    events("two columns of one name", r"header: holds columns of the same name \(found type\)\. Rename",
           changed(PLAIN, "province,type", "type,type")),
    events("row that is too long", r"row 3: has too many fields \(found 4 fields; expected 3.*double quotes",
           changed(PLAIN, "2020-01-15,Anbar", "2020-01-15,Anbar,x")),
    events("quote without end", r"row 3: has a double quote that is not closed", changed(PLAIN, "Anbar", '"Anbar')),
    events("two quotes without end", r"row 3: has a double quote that is not closed \(found ',' expected after",
           changed(PLAIN, "Anbar", '"Anbar').replace("2020-05-15,Anbar", '2020-05-15,"Anbar')),
    events("NUL byte", r"line 3: holds a NUL byte", changed(PLAIN, "Anbar", "An\0bar")),
    events("binary file", r"events\.csv: is not a text file", bytes(range(256)) * 20),
    events("web page", r"is a web page or XML, not a table", "<!DOCTYPE html><html>login</html>"),
    events("UTF-16", r"is encoded as UTF-16\. Save it as CSV in UTF-8", PLAIN.encode("utf-16")),
    events("no readable date", r"column date: no row has a date.*found two thousand.*expected dates such as 2019",
           PLAIN.replace("2020", "two thousand twenty")),
    events("both orders of day and month",
           r"column date: .*in one file \(found 13/02/2020 in row 2, 02/14/2020 in row 3",
           table("date,province", "13/02/2020,Diyala", "02/14/2020,Diyala")),
    events("day or month", r"column date: day and month cannot be told apart \(found 01/02/2020.*set day_first",
           table("date,province", "01/02/2020,Diyala", "03/04/2020,Anbar")),
    events("only future dates", r"dropped were 18 \(future dates: .*row 2: 2120-01-01\)\. Check the year",
           PLAIN.replace("2020", "2120")),
    events("negative count", r"events\.csv: row 3, column attacks: a negative count \(found -3; expected 0 or more",
           table("date,province,attacks", "2020-01-01,Diyala,2", "2020-01-02,Diyala,-3")),
    events("fractional count", r"row 2, column attacks: not a whole number \(found 1\.5",
           table("date,province,attacks", "2020-01-01,Diyala,1.5")),
    events("implausible count", r"row 2, column attacks: an implausible count \(found 99999999999",
           table("date,province,attacks", "2020-01-01,Diyala,99999999999")),
    events("negative deaths", r"row 2, column fatalities: a negative count \(found -1",
           table("date,province,fatalities", "2020-01-01,Diyala,-1")),
    events("unknown precision", r"row 2, column place_precision: .*found roughly; expected exact, district",
           table("date,province,place_precision", "2020-01-01,Diyala,roughly")),
    events("no known province",
           r"dropped were 18 \(unknown province: .*Dyiala \(nearest names: Diyala.*Correct the names",
           PLAIN.replace("Diyala", "Dyiala").replace("Anbar", "Anbra").replace("Kirkuk", "Kirkkuk")),
    Bad("other country", r"dropped were 1 \(country: .*such as Mali \(1 row\)\)\. Give the gazetteer",
        {"events.csv": table("date,country,province", "2020-01-01,Mali,Gao"), "g.csv": GAZETTEER},
        INGEST + " --gazetteer g.csv"),
    events("points out of range", r"dropped were 1 \(no place: .*such as row-2\)\. Check the coordinates",
           table("date,lat,lon", "2020-01-01,333.4,443.3")),
    events("points far away", r"dropped were 2 \(no place: .*10 km outside the polygon.*Check the coordinates",
           table("date,lat,lon", "2020-01-01,-33.4,-43.3", "2020-01-01,33,-43.3")),
    events("only imprecise places", r"dropped were 1 \(imprecise place: known only to an area larger than a province",
           table("date,country,place_precision,lat,lon", "2020-01-01,Iraq,country,33,44")),
    events("only protests", r"no record is left; dropped were 1 \(not an attack: event type (Protests|Riots)",
           ACLED.replace("Battles", "Protests").replace("Explosions/Remote violence", "Riots"), ACLED_WORDS),
    events("cut gz", r"is damaged or cut short, and cannot be unpacked.*ended before",
           gzip.compress(PLAIN.encode())[:-40]),
    events("gz of nothing", r"holds an empty file", gzip.compress(b"")),
    events("gz by its first bytes only", r"is damaged or cut short", b"\x1f\x8b" + PLAIN.encode()),
    events("zip with a path outside", r"path leads outside the archive \(found \.\./events\.csv\)\. Do not trust",
           zipped({"../events.csv": PLAIN})),
    events("zip with two tables", r"exactly one table \(found a\.csv, b\.csv\)\. Unpack it and name the files",
           zipped({"a.csv": PLAIN, "b.csv": PLAIN})),
    events("zip without a table", r"exactly one table \(found a\.exe\)\. Give a CSV", zipped({"a.exe": PLAIN})),
    events("zip that grows", r"implausibly many bytes \(found 44,000,000 bytes or more from [0-9,]{6,7};",
           lambda: zipped({"a.csv": "2020-01-01,Diyala,IED\n" * 2_000_000})),
    events("gz that grows", r"implausibly many bytes \(found [0-9,]{10} bytes or more from [0-9,]{6,7};",
           lambda: gzip.compress(PLAIN.encode() + b"2020-01-01,Diyala,IED\n" * 2_000_000)),
    events("encrypted zip", r"a\.csv: is encrypted\. Unpack it with its password", zipped({"a.csv": PLAIN},
           encrypted=True)),
    events("cut zip", r"cannot be unpacked \(found File is not a zip file", zipped({"a.csv": PLAIN})[:-30]),
    events("workbook without that sheet", r"sheet Sheet9: no such sheet \(expected Data, Notes\)",
           workbook(Data=BOOK, Notes=[]), INGEST + " --sheet Sheet9"),
    events("empty sheet", r"Notes: the sheet is empty", workbook(Notes=[])),
    events("corrupt workbook", r"cannot be read as an xlsx workbook.*save it again",
           zipped({"[Content_Types].xml": "<x", "xl/workbook.xml": "<y"})),
    events("workbook with a broken sheet", r"cannot be read as an xlsx workbook", broken_sheet),
    events("workbook with damaged bytes", r"cannot be read as an xlsx workbook \(found Error -3 while decompressing",
           damaged_workbook),
    events("old workbook", r"is an old or encrypted Excel workbook\. Save it as xlsx",
           b"\xd0\xcf\x11\xe0" + b"\0" * 99),
    events("broken JSON", r"is not valid JSON \(found Expecting", '[{"date": "2020-01-01"'),
    events("JSON without records", r'does not hold records \(.*expected a list of records', '{"Result": 5}'),
    events("deep JSON", r"is not valid JSON \(found maximum recursion", "[" * 100_000),
    events("mapping to no column", r"header: no such columns \(found date, province, type; expected Day\)",
           PLAIN, INGEST + " --column date=Day"),
    events("mapping of no name", r"column mapping \(found when; expected event_id, date", PLAIN,
           INGEST + " --column when=date"),
    events("mapping without =", r"--column: is no pair \(found date; expected ours=theirs", PLAIN,
           INGEST + " --column date"),
    events("mapping of nothing", r"--column: is no pair \(found =type", PLAIN, INGEST + " --column =type"),
    events("mapping of a name twice", r"--column: maps a name twice \(found date\)", PLAIN,
           INGEST + " --column date=date --column date=type"),
    events("mapping for another source", r"columns: the source acled does not know this option", ACLED,
           ACLED_WORDS + " --column date=event_date"),
    events("unknown source",
           r"source: unknown source \(found acledd; expected acled, acled-aggregated, gtd, plain, ucdp\)",
           PLAIN, INGEST.replace("plain", "acledd")),
    events("counts as a source of events", r"source: ready counts are not read as events\. Name them in the settings",
           COUNTS, INGEST.replace("plain", "counts")),
    Bad("no such file", r"nothing\.csv: no such file\. Check the path", {}, INGEST.replace("events", "nothing")),
    Bad("folder as a file", r"events\.csv: is a folder where a file is needed", {"events.csv/a.csv": PLAIN}, INGEST),
    Bad("the same file twice", r"copy\.csv: is given twice, under this or another name",
        {"events.csv": PLAIN, "copy.csv": PLAIN}, INGEST.replace("events.csv", "events.csv copy.csv")),
    events("rounded ids", r"row 2, column eventid: an id was rounded.*found 2\.02003E\+11; expected 12 digits",
           changed(GTD, "202003010001", "2.02003E+11"), INGEST.replace("plain", "gtd")),
    events("commands for the terminal", r"unknown province: .*such as no place of the gazetteer \[31m in red",
           table("date,province", *["2020-01-01,no place of the gazetteer \x1b[31m in red"] * 9)),
    events("output over the input", r"events\.csv: is an input and would be overwritten\. Choose another output path",
           PLAIN, INGEST.replace("--output out", "--output .")),
    Bad("no gazetteer", r"places\.csv: no such file", {"events.csv": PLAIN}, INGEST + " --gazetteer places.csv"),
    Bad("output below a file", r"blocker: is a file where a folder is needed\. Choose another output path",
        {"events.csv": PLAIN, "blocker": ""}, INGEST.replace("--output out", "--output blocker/out")),
    Bad("folder in the place of a result", r"out.ledger\.csv: is a folder where a file is to be written",
        {"events.csv": PLAIN, "out/ledger.csv/x": ""}, INGEST),
    Bad("output name that is too long", r"the folder cannot be made: File name too long",
        {"events.csv": PLAIN}, INGEST.replace("--output out", "--output " + "o" * 300)),
]

LARGE = [
    events("header of 200 kB", r"header: lacks a date, .*found nnn.*…; expected date", "n" * 200_000 + ",type\n1,2\n"),
    events("quote before the header", r"row 1: has a double quote that is not closed", '"' + PLAIN * 800),
    events("count of many digits", r"column attacks: no row has a count",
           table("date,province,attacks", "2020-01-01,Diyala," + "9" * 4400)),
    events("date of many digits", r"column date: no row has a date", table("date,province", "9" * 4400 + ",Diyala")),
    settings("exposure of many digits", r"row 2, column exposure: .*expected a number", READY,
             events__csv=table("province,tactic,period,attacks,exposure", "Diyala,ied,2020-01-01,1," + "9" * 4400)),
]

WRONG_SOURCES = [
    events(f"{kind} as {source}", wrong_source(kind, source), FILES[kind], INGEST.replace("plain", source))
    for kind in FILES for source in FILES if kind != source and source != "counts"
]

CASES = [*EVENT_FILES, *LARGE]

# fmt: on


@pytest.mark.parametrize("case", [*CASES, *WRONG_SOURCES], ids=lambda case: case.name)
def test_refusals(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_case(case, folder, monkeypatch)


def test_every_case_is_its_own() -> None:
    check_own(CASES)
    assert len({case.name for case in WRONG_SOURCES}) == len(WRONG_SOURCES) == 25


@pytest.mark.parametrize("source", [source for source in FILES if source != "counts"])
def test_the_base_inputs_are_good(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": FILES[source]})
    done = call(INGEST.replace("plain", source), monkeypatch)
    assert (done.code, done.err) == (0, "")
    assert set(contents(folder)) == {"events.csv", "out/events.csv", "out/events.json", "out/ledger.csv"}
