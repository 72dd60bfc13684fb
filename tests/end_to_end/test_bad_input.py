"""Broken files and settings, each through the command line: one clear line, exit code 2, nothing half-written."""

import contextlib
import csv
import errno
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from progress_lines import without_progress

import forecast
from forecast import cli
from forecast.files import sha256
from forecast.run_files import RUN_FILES, load_run

Content = str | bytes | Callable[[], bytes]

INGEST = "ingest events.csv --source plain --output out"
ACLED_WORDS = INGEST.replace("plain", "acled")
RUN = "run forecast.toml --output out"


# Small good inputs, from which the broken ones are made ---------------------------------------------------


def table(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


def changed(text: str, old: str, new: str) -> str:
    """`text` with `old` replaced, which must stand in it: a case that breaks nothing would test nothing."""
    assert old in text
    return text.replace(old, new, 1)


PLACES = ("Diyala", "Anbar", "Kirkuk")
DAYS = [f"2020-{month:02d}-{day:02d}" for month in range(1, 7) for day in (1, 15, 28)]
PLAIN = table(
    "date,province,type", *(f"{day},{PLACES[n % 3]},{('IED', 'ambush')[n % 2]}" for n, day in enumerate(DAYS))
)
CELLS = [(place, period) for place in PLACES for period in range(1, 7)]
COUNTS = table("province,tactic,period,attacks", *(f"{p},ied,2020-{m:02d}-01,{m}" for p, m in CELLS))
ACLED = table(
    "event_id_cnty,event_date,time_precision,event_type,sub_event_type,actor1,actor2,inter2,country,admin1,latitude,"
    "longitude,geo_precision,fatalities,timestamp",
    "IRQ1,01 March 2020,1,Battles,Armed clash,IS,Army,1,Iraq,Diyala,33.8,45.0,1,2,1583280000",
    "IRQ2,02 April 2020,1,Explosions/Remote violence,Remote explosive/landmine/IED,IS,Civilians,7,Iraq,Anbar,33.4,43.3,"
    "1,0,1585800000",
)
AGGREGATED = table(
    "WEEK,REGION,COUNTRY,ADMIN1,EVENT_TYPE,SUB_EVENT_TYPE,EVENTS,FATALITIES,DISORDER_TYPE,ID,CENTROID_LATITUDE,CENTROID_LONGITUDE",
    "2020-03-07,Middle East,Iraq,Diyala,Battles,Armed clash,3,2,Political violence,1,33.8,45.0",
    "2020-03-14,Middle East,Iraq,Anbar,Battles,Armed clash,1,0,Political violence,2,33.4,43.3",
)
UCDP = table(
    "id,type_of_violence,dyad_name,side_a,side_b,where_prec,adm_1,latitude,longitude,country,event_clarity,date_prec,"
    "date_start,date_end,best",
    "1,1,IS - Iraq,IS,Government of Iraq,1,Diyala governorate,33.8,45.0,Iraq,1,1,2020-03-01,2020-03-01,3",
    "2,3,IS - civilians,IS,Civilians,1,Anbar governorate,33.4,43.3,Iraq,1,1,2020-04-02,2020-04-02,1",
)
GTD = table(
    "eventid,iyear,imonth,iday,country_txt,provstate,latitude,longitude,specificity,attacktype1_txt,targtype1_txt,gname,nkill",
    "202003010001,2020,3,1,Iraq,Diyala,33.8,45.0,1,Bombing/Explosion,Military,IS,2",
    "202004020001,2020,4,2,Iraq,Anbar,33.4,43.3,1,Armed Assault,Police,IS,0",
)
FILES = {"acled": ACLED, "acled-aggregated": AGGREGATED, "ucdp": UCDP, "gtd": GTD, "plain": PLAIN, "counts": COUNTS}

SETTINGS = """
horizon = 2
draws = 100
model = "recent_mean"
[data]
source = "plain"
paths = ["events.csv"]
[places]
countries = ["Iraq"]
[panel]
start = 2020-01-01
end = 2020-06-30
[evaluation]
periods = 0
"""
READY = changed(changed(SETTINGS, '"plain"', '"counts"'), '[places]\ncountries = ["Iraq"]\n', "")
COVARIATE = '[covariates.strikes]\npath = "strikes.csv"\nfuture = "hold_last"\n'
STRIKES = table("period,strikes", *(f"2020-{month:02d}-01,{month}" for month in range(1, 7)))
CAPABILITY = '[capability]\nindicators = "i.csv"\n'
INDICATORS = table(
    "force,indicator,period_start,period_end,value,scale,direction",
    *(f"ISF,rating,2020-{month:02d}-01,2020-{month:02d}-28,{month % 3 + 1},ordinal 1-3,1" for month in range(1, 7)),
)
GAZETTEER = table(
    "province,country,province_name,latitude,longitude,partner_force,aliases,neighbours",
    "IQG10,Iraq,Diyala,33.8,45.0,ISF,,IQG01|IQG13",
    "IQG01,Iraq,Anbar,33.4,43.3,ISF,,IQG10",
    "IQG13,Iraq,Kirkuk,35.4,44.3,ISF,,IQG10",
)
UNITS = table(
    "province,country,province_name,latitude,longitude",
    "IQG10@north,Iraq,Diyala (north),34.5,45.0",
    "IQG10@south,Iraq,Diyala (south),33.3,45.0",
)


def square(name: str, west: float = 44.0, south: float = 33.0, **more: object) -> dict[str, object]:
    corners = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {
        "type": "Feature",
        "properties": {"name": name},
        "geometry": {"type": "Polygon", "coordinates": [corners]},
    } | more


def shapes(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def within(section: str, line: str, text: str = SETTINGS) -> str:
    """Settings with one more line in a section."""
    return changed(text, f"[{section}]", f"[{section}]\n{line}")


def zipped(members: Mapping[str, str | bytes], encrypted: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    packed = bytearray(buffer.getvalue())
    if encrypted:  # the flag of the local header and of the central directory; the module writes no encryption
        packed[6] |= 1
        packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def broken_sheet() -> bytes:
    """A workbook whose sheet does not end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(Data=BOOK))) as whole, zipfile.ZipFile(buffer, "w") as broken:
        for name in whole.namelist():
            content = whole.read(name)
            broken.writestr(name, content[:200] if "sheet1" in name else content)
    return buffer.getvalue()


def damaged_workbook() -> bytes:
    """A workbook in whose sheet some compressed bytes are wrong."""
    whole = bytearray(workbook(Data=BOOK))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    first = sheet.header_offset + 30 + len(sheet.filename)
    whole[first : first + 8] = b"\xff" * 8
    return bytes(whole)


def wrong_source(kind: str, source: str) -> str:
    """What is said of a file of one kind that is read as another: what it looks like, or what it lacks."""
    if kind in ("plain", "counts"):
        return r"events\.csv: header: lacks .*found (date|province), .*expected "
    told = rf"is not a file of the source {source}: it looks like {kind} " if source != "plain" else "lacks a date"
    return rf"events\.csv: header: {told}.*source='{kind}'"


BOOK = [row.split(",") for row in PLAIN.splitlines()]


# The command line -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def call(words: str, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """The command in this process, in the current folder."""
    monkeypatch.setattr(sys, "argv", ["forecast", *words.split()])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        cli.main()
    return Outcome(int(stop.value.code or 0), out.getvalue(), without_progress(err.getvalue()))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def write(folder: Path, files: Mapping[str, Content]) -> None:
    for name, content in files.items():
        content = content() if callable(content) else content
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def check_refusal(done: Outcome, message: str) -> None:
    """Exit code 2 and one line that says what is wrong, and nothing else."""
    assert done.code == 2, done
    assert done.err.startswith("error: "), done.err
    assert done.err.count("\n") == 1, done.err
    assert done.err.removesuffix("\n").isprintable()
    assert len(done.err) < 700, "nobody reads more"
    assert done.out == ""
    assert re.search(message, done.err), done.err
    assert not re.search(r"Traceback|a defect of|\.py\b|Exception|pydantic", done.err), done.err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@dataclass(frozen=True)
class Bad:
    """A broken input: its files, the command, and what the one line must say."""

    name: str
    message: str
    files: Mapping[str, Content]
    words: str = RUN


def events(name: str, message: str, content: Content, words: str = INGEST) -> Bad:
    return Bad(name, message, {"events.csv": content}, words)


def settings(name: str, message: str, text: str | bytes, **files: Content) -> Bad:
    """Broken settings, or broken files that settings name (`b__json` for b.json), beside good events."""
    named = {key.replace("__", "."): content for key, content in files.items()}
    return Bad(name, message, {"events.csv": PLAIN, "forecast.toml": text} | named)


def counts(name: str, message: str, old: str, new: str) -> Bad:
    return settings(name, message, READY, events__csv=changed(COUNTS, old, new))


def covariate(name: str, message: str, old: str, new: str, text: str = SETTINGS + COVARIATE) -> Bad:
    return settings(name, message, text, strikes__csv=changed(STRIKES, old, new))


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

PLACES_AND_LABELS = [
    settings("countries that are none", r"countries: unknown countries \(found Irak; expected Iraq, Syria\)",
             changed(SETTINGS, '["Iraq"]', '["Irak"]')),
    settings("all in another country", r"dropped were 18 \(unknown province: .*such as Diyala \(nearest names: D",
             changed(SETTINGS, '["Iraq"]', '["Syria"]')),
    settings("gazetteer without a column", r"g\.csv: latitude: columns are missing \(found province, country",
             within("places", 'gazetteer = "g.csv"'), g__csv=changed(GAZETTEER, "latitude", "lat")),
    settings("empty gazetteer", r"g\.csv: is empty", within("places", 'gazetteer = "g.csv"'), g__csv=""),
    settings("gazetteer without rows", r"g\.csv: holds a header and no rows",
             within("places", 'gazetteer = "g.csv"'), g__csv=GAZETTEER.splitlines()[0]),
    settings("gazetteer with a key twice", r"g\.csv: row 4, column province: stands there twice \(found IQG10",
             within("places", 'gazetteer = "g.csv"'), g__csv=changed(GAZETTEER, "IQG13,Iraq", "IQG10,Iraq")),
    settings("gazetteer beyond the pole", r"g\.csv: row 3, column latitude: is no coordinate \(found 334; .*-90 to 90",
             within("places", 'gazetteer = "g.csv"'), g__csv=changed(GAZETTEER, "33.4,", "334,")),
    settings("gazetteer with unknown neighbours",
             r"g\.csv: neighbours: names provinces that it does not hold \(found IQG99",
             within("places", 'gazetteer = "g.csv"'), g__csv=changed(GAZETTEER, "IQG01|IQG13", "IQG01|IQG99")),
    settings("gazetteer with a row too long", r"g\.csv: row 2: has too many fields",
             within("places", 'gazetteer = "g.csv"'), g__csv=changed(GAZETTEER, "IQG01|IQG13", "IQG01,IQG13")),
    settings("gazetteer that is no text", r"g\.csv: is not a text file|g\.csv: .*NUL",
             within("places", 'gazetteer = "g.csv"'), g__csv=b"\1\2\3" * 50),
    settings("units of unknown provinces", r"u\.csv: divides provinces that the gazetteer does not hold \(found XX01\)",
             within("places", 'units = "u.csv"'), u__csv=UNITS.replace("IQG10@", "XX01@")),
    settings("units that divide nothing",
             r"u\.csv: do not divide a province \(found IQG10, .*expected keys such as IQG10@north",
             within("places", 'units = "u.csv"'), u__csv=GAZETTEER),
    settings("zones of unknown provinces", r"z\.csv: row 2, column provinces: is no province \(found XX01",
             within("places", 'zones = "z.csv"'), z__csv=table("zone,provinces", "border,IQG01|XX01")),
    settings("zones outside the panel",
             r"z\.csv: zone border: lies outside the panel \(found SY03\)\. Take the zone out",
             within("places", 'zones = "z.csv"'), z__csv=table("zone,provinces", "border,IQG01|SY03")),
    settings("zone without provinces", r"z\.csv: row 2, column provinces: names no province",
             within("places", 'zones = "z.csv"'), z__csv=table("zone,provinces", "border,")),
    settings("zone twice", r"z\.csv: row 3, column zone: stands there twice \(found border",
             within("places", 'zones = "z.csv"'), z__csv=table("zone,provinces", "border,IQG01", "border,IQG10")),
    settings("forces without days", r"f\.csv: row 2, column start: is no date \(found soon; expected YYYY-MM-DD",
             within("places", 'forces = "f.csv"'), f__csv=table("province,force,start,end", "IQG01,ISF,soon,")),
    settings("forces that end first", r"f\.csv: row 2, column end: lies before the start \(found 2019-01-01",
             within("places", 'forces = "f.csv"'), f__csv=table("province,force,start,end",
             "IQG01,ISF,2020-01-01,2019-01-01")),
    settings("forces of unknown provinces", r"f\.csv: row 2, column province: is no province \(found Anbar",
             within("places", 'forces = "f.csv"'), f__csv=table("province,force,start,end", "Anbar,ISF,,")),
    settings("boundaries that are no JSON", r"b\.json: is no GeoJSON FeatureCollection \(found Expecting",
             within("places", 'boundaries = "b.json"'), b__json="{"),
    settings("boundaries that are other JSON", r"b\.json: is no GeoJSON FeatureCollection",
             within("places", 'boundaries = "b.json"'), b__json='{"features": [{"properties": 5}]}'),
    settings("deep boundaries", r"b\.json: is no GeoJSON FeatureCollection \(found maximum recursion",
             within("places", 'boundaries = "b.json"'), b__json="[" * 100_000),
    settings("boundaries without features", r"b\.json: no feature bears the name of a province \(found nothing",
             within("places", 'boundaries = "b.json"'), b__json=shapes()),
    settings("boundaries of points", r"b\.json: holds other shapes than polygons \(found Point\)",
             within("places", 'boundaries = "b.json"'),
             b__json=shapes(square("Anbar", geometry={"type": "Point", "coordinates": [44, 33]}))),
    settings("boundaries with an infinite height",
             r"b\.json: feature 1 \(IQG01\): is no polygon \(found .*no finite number",
             within("places", 'boundaries = "b.json"'),
             b__json=shapes(square("Anbar")).replace("33.0]", "33.0, Infinity]").replace("34.0]", "34.0, 1]")),
    settings("boundaries with a corner that is no number", r"b\.json: feature 1 .* is no polygon \(found a coordinate",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Anbar")).replace("45.0, 34", "NaN, 34")),
    settings("boundaries with an infinite corner", r"b\.json: feature 1 .* \(found a coordinate that is no finite",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Anbar")).replace("45.0", "1e999")),
    settings("boundaries with a number of many digits", r"b\.json: is no GeoJSON.*Exceeds the limit",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Anbar")).replace("45.0", "4" * 4400)),
    settings("boundaries elsewhere", r"b\.json: no feature bears the name of a province \(found Texas\)",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Texas"))),
    settings("boundaries with a broken ring", r"b\.json: feature 1 \(IQG01\): is no polygon",
             within("places", 'boundaries = "b.json"'),
             b__json=shapes(square("Anbar", geometry={"type": "Polygon", "coordinates": [[[44, 33], ["x", 34]]]}))),
    settings("boundaries in metres",
             r"b\.json: feature 1 \(IQG01\): is not in degrees \(found 430000 to 430001.*EPSG:4326",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Anbar", 430_000.0, 3_700_000.0))),
    settings("boundaries of districts", r"b\.json: several features are of one province \(found IQG01\).*dissolve",
             within("places", 'boundaries = "b.json"'), b__json=shapes(square("Anbar"), square("Anbar", 45.0))),
    settings("crosswalk with an unknown field",
             r"c\.csv: row 2, column field: .*found tactics; expected tactic, target",
             within("data", 'crosswalk = "c.csv"'), c__csv=table("source,field,label,value", "plain,tactics,IED,ied")),
    settings("crosswalk with an unknown target",
             r"c\.csv: row 2, column value: is no target \(found army; expected security",
             within("data", 'crosswalk = "c.csv"'), c__csv=table("source,field,label,value", "plain,target,army,army")),
    settings("crosswalk without a value", r"c\.csv: row 2, column value: .*found nothing; expected a value",
             within("data", 'crosswalk = "c.csv"'), c__csv=table("source,field,label,value", "plain,tactic,IED,")),
    settings("crosswalk with a label twice", r"c\.csv: row 3, column label: stands there twice \(found ied",
             within("data", 'crosswalk = "c.csv"'),
             c__csv=table("source,field,label,value", "plain,tactic,IED,ied", "plain,tactic,ied,other")),
    settings("crosswalk without a column", r"c\.csv: value: columns are missing",
             within("data", 'crosswalk = "c.csv"'), c__csv=table("source,field,label", "plain,tactic,IED")),
]

PANELS = [
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

CASES = [*EVENT_FILES, *LARGE, *WRONG_SOURCES, *SETTINGS_FILES, *PLACES_AND_LABELS, *PANELS, *COMMANDS]

# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refusals(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, case.files)
    before = contents(folder)
    check_refusal(call(case.words, monkeypatch), case.message)
    assert contents(folder) == before


def test_without_a_command_help_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("", monkeypatch)
    assert (done.code, done.err) == (0, "")
    assert "Usage: forecast" in done.out
    assert contents(folder) == {}


def test_every_case_is_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 200
    described = [case.message for case in CASES if case not in WRONG_SOURCES]
    assert len(set(described)) == len(described), "two cases ask for the same words"


@pytest.mark.parametrize("source", [source for source in FILES if source != "counts"])
def test_the_base_inputs_are_good(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": FILES[source]})
    done = call(INGEST.replace("plain", source), monkeypatch)
    assert (done.code, done.err) == (0, "")
    assert set(contents(folder)) == {"events.csv", "out/events.csv", "out/events.json", "out/ledger.csv"}


# What is cleaned and told: the ledger ----------------------------------------------------------------------


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
    Mended("no tactic", "no tactic", 1, "counted as 'other'", DATED + "a,2020-01-01,Diyala,\n"),
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
    assert set(contents(folder / "out")) == set(RUN_FILES) - {"capability.nc", "gazetteer.csv"}


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


# Results: whole or not at all ------------------------------------------------------------------------------

GOOD_RUN = {
    "events.csv": PLAIN,
    "forecast.toml": within("places", 'boundaries = "b.json"\ngazetteer = "g.csv"') + CAPABILITY,
    "b.json": shapes(square("Anbar")),
    "g.csv": GAZETTEER,
    "i.csv": INDICATORS,
}
# All but the provinces of data without a gazetteer.
WRITTEN = tuple(name for name in RUN_FILES if name != "gazetteer.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good inputs and the results of a run on them in `out`."""
    place = tmp_path_factory.mktemp("finished")
    write(place, GOOD_RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        done = call(RUN, patch)
    assert (done.code, done.err) == (0, ""), done
    assert set(contents(place / "out")) == set(WRITTEN)
    return place


@pytest.fixture
def again(finished: Path, folder: Path) -> Path:
    """A copy of a finished run to spoil."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    return folder


def fill_disk_at(name: str, patch: pytest.MonkeyPatch) -> None:
    """Writing a file of this name ends in the middle, as on a full disk."""
    original = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        if name not in path.name:
            return original(path, content)
        original(path, bytes(content)[:40])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def half_text(path: Path, text: str, **_: object) -> int:
        return half(path, text.encode())

    def half_table(frame: pd.DataFrame, path: Path, **options: Any) -> None:
        half(path, frame.to_csv(None, **options).encode())

    to_csv = pd.DataFrame.to_csv
    patch.setattr(Path, "write_bytes", half)
    patch.setattr(Path, "write_text", half_text)
    patch.setattr(
        pd.DataFrame,
        "to_csv",
        lambda frame, path=None, **o: half_table(frame, path, **o) if path else to_csv(frame, **o),
    )


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("before", ["no folder", "finished run"])
def test_a_full_disk_leaves_what_was_there(
    name: str, before: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before == "no folder":
        shutil.rmtree(again / "out")
    was = contents(again)
    with monkeypatch.context() as patch:
        fill_disk_at(name, patch)
        done = call(RUN, patch)
    check_refusal(
        done, rf"^error: out.{re.escape(name)}: cannot be written: No space left on device\. Check the folder"
    )
    assert contents(again) == was
    if before == "finished run":
        assert load_run(again / "out").record.title


@pytest.mark.parametrize("name", ["events.csv", "ledger.csv"])
def test_a_full_disk_while_cleaning(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"raw.csv": PLAIN})
    with monkeypatch.context() as patch:
        fill_disk_at(name, patch)
        done = call(INGEST.replace("events", "raw"), patch)
    check_refusal(done, rf"out.{re.escape(name)}: cannot be written: No space left on device")
    assert set(contents(folder)) == {"raw.csv"}


def test_a_full_disk_while_rendering_again(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = contents(again)
    with monkeypatch.context() as patch:
        fill_disk_at("report.html", patch)
        done = call("report out", patch)
    check_refusal(done, r"out.report\.html: cannot be written: No space left on device")
    assert contents(again) == was


@pytest.mark.parametrize("name", [RUN_FILES[0], "panel.nc", RUN_FILES[-1]])
def test_a_failure_between_two_files_leaves_no_finished_run(
    name: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worse than a full disk: moving the written files into place fails. Nothing then passes for a run."""
    original = Path.replace

    def stuck(path: Path, target: Path) -> Path:
        if path.name == name:  # under its own name already: it was written, and is now moved
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path), None, str(target))
        return original(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stuck)
        done = call(RUN, patch)
    check_refusal(done, rf"out.{re.escape(name)}: cannot be written: Input/output error")
    assert set(contents(again / "out")) <= set(RUN_FILES)
    check_refusal(call("report out", monkeypatch), r"out: is no folder of a finished run")
    # The marker says whose the folder is: the same command mends it.
    assert call(RUN, monkeypatch).code == 0
    assert load_run(again / "out").record.title


def test_an_interrupted_run_leaves_what_was_there(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = contents(again)
    with monkeypatch.context() as patch:
        patch.setattr("forecast.run_files.write_run_report", interrupt)
        done = call(RUN, patch)
    assert done.code == 130
    assert contents(again) == was


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_model_with_too_little_to_learn_from_is_left_out_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": changed(SETTINGS, "periods = 0", "periods = 5")})
    done = call(RUN, monkeypatch)
    assert done.code == 0
    notes = json.loads((folder / "out" / "run.json").read_text())["notes"]
    assert any(note.startswith("regression is not scored") for note in notes)
    assert "Regression is not scored" in (folder / "out" / "report.html").read_text()


def test_too_little_memory_is_no_defect(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD_RUN)

    def starve(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("forecast.run.predict", starve)
        done = call(RUN, patch)
    check_refusal(done, r"there is not enough memory\. Ask for fewer draws")


def test_a_defect_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not foreseen is one line too, with exit code 1, and a traceback only where it is asked for."""
    write(folder, GOOD_RUN)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("forecast.run.predict", fail)
    done = call(RUN, monkeypatch)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("error: a defect of the package, not of your input: RuntimeError: two lines")
    monkeypatch.setattr(sys, "argv", ["forecast", *RUN.split(), "--debug"])
    with pytest.raises(RuntimeError):
        cli.main()


# Finished runs that were damaged ---------------------------------------------------------------------------


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


# fmt: off

OTHER = r" is damaged \(found other content than the run wrote\)\. Run the forecast again, in another folder"

DAMAGED = [
    ("run.json", cut, r"out.run\.json: is damaged \(found .*Run the forecast again"),
    ("run.json", lambda _: b"[]", r"out.run\.json: is damaged \(found no JSON object"),
    ("run.json", lambda text: text.replace(b'"zones"', b'"zonen"'), r"out.run\.json: .*\(found zones: missing"),
    ("run.json", lambda text: text.replace(b'"equation"', b'"equations"'), r"found model\.equation: missing, and"),
    ("run.json", lambda text: text.replace(b'"inputs": [', b'"inputs": ["x", '), r"\(found inputs\.0: should be "),
    ("run.json", lambda text: text.replace(b'"format": 1', b'"format": 7'), r"run\.json: is damaged \(found not ver"),
    ("run.json", lambda text: text.replace(b'"ledger.csv"', b'"../x"'), r"found files: \.\./x is written by no"),
    ("run.json", lambda _: b'{"kind": "run", "format": 1}', r"out: is no folder of a finished run"),
    ("run.json", None, r"out: is no folder of a finished run \(expected a folder with run\.json\)\. Give the output"),
    ("panel.nc", cut, rf"out.panel\.nc:{OTHER}"),
    ("panel.nc", lambda _: b"", r"out.panel\.nc: is damaged"),
    ("panel.nc", None, r"out.panel\.nc: is missing\. Run the forecast again"),
    ("forecast.nc", cut, rf"out.forecast\.nc:{OTHER}"),
    ("forecast.nc", None, r"out.forecast\.nc: is missing"),
    ("forecast.csv", lambda text: text.replace(b"1", b"2"), rf"out.forecast\.csv:{OTHER}"),
    ("ledger.csv", cut, rf"out.ledger\.csv:{OTHER}"),
    ("scores.csv", lambda _: b"model,score\nx,1\n", rf"out.scores\.csv:{OTHER}"),
    ("scores.csv", None, r"out.scores\.csv: is missing"),
    ("capability.nc", cut, rf"out.capability\.nc:{OTHER}"),
    ("boundaries.json", lambda text: text.replace(b"44.0", b"45.0"), rf"out.boundaries\.json:{OTHER}"),
]
# As if the run had written them: what they hold is checked too.
SEALED = [
    ("panel.nc", cut, r"out.panel\.nc: is damaged \(found is no netCDF file, or was cut short\)\. Run"),
    ("panel.nc", lambda _: b"not a panel", r"out.panel\.nc: is damaged \(found is no netCDF"),
    ("forecast.nc", cut, r"out.forecast\.nc: is damaged"),
    ("scores.csv", lambda _: b"model,score\nx,1\n", r"out.scores\.csv: is damaged"),
    ("capability.nc", cut, r"out.capability\.nc: is damaged"),
    ("capability.nc", lambda _: b"no path", r"out.capability\.nc: is damaged \(found is no netCDF"),
    ("boundaries.json", cut, r"out.boundaries\.json: is damaged"),
    ("boundaries.json", lambda text: text.replace(b"44.0", b'"x"'),
     r"out.boundaries\.json: is damaged \(found is no polygon"),
]

# fmt: on


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGED)
def test_damaged_runs(
    name: str, damage: Callable[[bytes], bytes] | None, message: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = again / "out" / name
    if damage is None:
        file.unlink()
    else:
        whole = file.read_bytes()
        file.write_bytes(damage(whole))
        assert file.read_bytes() != whole
    was = contents(again)
    check_refusal(call("report out", monkeypatch), message)
    assert contents(again) == was


def seal(folder: Path, name: str) -> None:
    """Let the record of a run take a file for what the run wrote."""
    record = json.loads((folder / "run.json").read_text())
    record["files"][name] = sha256(folder / name)
    (folder / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize(("name", "damage", "message"), SEALED)
def test_damaged_runs_whose_record_was_changed_too(
    name: str, damage: Callable[[bytes], bytes], message: str, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = again / "out" / name
    file.write_bytes(damage(file.read_bytes()))
    seal(again / "out", name)
    was = contents(again)
    check_refusal(call("report out", monkeypatch), message)
    assert contents(again) == was


def test_panel_and_forecast_of_two_runs(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        again,
        {
            "forecast.toml": changed(SETTINGS, '["Iraq"]', '["Iraq", "Syria"]') + "",
            "events.csv": PLAIN.replace("Anbar", "Homs"),
        },
    )
    assert call("run forecast.toml --output other", monkeypatch).code == 0
    shutil.copy(again / "other" / "panel.nc", again / "out" / "panel.nc")
    check_refusal(call("report out", monkeypatch), rf"out.panel\.nc:{OTHER}")
    seal(again / "out", "panel.nc")
    check_refusal(
        call("report out", monkeypatch), r"forecasts: the forecast is of other provinces or tactics than the panel"
    )


# As a user runs it -----------------------------------------------------------------------------------------


def command(*words: str, env: Mapping[str, str] = {}, **options: Any) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "forecast", *words],
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(forecast.__file__).parents[1])} | env,
        text=True,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )
    return Outcome(done.returncode, done.stdout or "", without_progress(done.stderr))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize(
    "words",
    ["run pipe", f"{INGEST} --boundaries pipe", f"{INGEST} --gazetteer pipe", INGEST.replace("events.csv", "pipe")],
)
def test_pipes_are_not_waited_for(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN})
    os.mkfifo("pipe")
    check_refusal(call(words, monkeypatch), r"^error: pipe: is a pipe, a socket or a device where a file is needed")


def test_a_pipe_that_settings_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"forecast.toml": SETTINGS})
    os.mkfifo("events.csv")
    check_refusal(call(RUN, monkeypatch), r"data\.paths\.0: is a pipe, a socket or a device, not a file: .*events\.csv")


def test_names_that_are_no_text_or_not_of_the_locale(folder: Path) -> None:
    names = [os.fsdecode(b"ev\xff.csv"), "événements.csv"]
    for number, name in enumerate(names):
        write(folder, {name: PLAIN.replace("2020", f"201{number}")})
    for output, env in (("a", {}), ("b", {"LC_ALL": "POSIX", "PYTHONUTF8": "0"})):
        done = command("ingest", *names, "--source", "plain", "--output", os.fsdecode(b"out\xff") + output, env=env)
        assert done.code == 0, done
        ledger = pd.read_csv(folder / (os.fsdecode(b"out\xff") + output) / "ledger.csv")
        assert set(ledger["source"].dropna()) == {r"ev\xff.csv", "événements.csv"}
        assert len(pd.read_csv(folder / (os.fsdecode(b"out\xff") + output) / "events.csv")) == 2 * len(DAYS)


def test_output_that_nobody_reads_ends_quietly(folder: Path) -> None:
    write(folder, {"events.csv": PLAIN})
    for words in (INGEST, "--help", "ingest nothing.csv --source plain"):
        reading, writing = os.pipe()
        os.close(reading)
        done = command(*words.split(), stdout=writing)
        os.close(writing)
        if "nothing" in words:
            check_refusal(done, "nothing.csv: no such file")
        else:
            assert (done.code, done.err) == (141, ""), done
    assert len(pd.read_csv(folder / "out" / "events.csv")) == len(DAYS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_output_to_a_full_disk(folder: Path) -> None:
    write(folder, {"events.csv": PLAIN})
    with open("/dev/full", "w") as full:
        check_refusal(command(*INGEST.split(), stdout=full), "standard output cannot be written: No space left")


@pytest.mark.parametrize("words", [RUN, "demo", "report out", "backtest forecast.toml"])
def test_without_docstrings_nothing_can_be_drawn(words: str, folder: Path) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    done = command(*words.split(), env={"PYTHONOPTIMIZE": "2"})
    check_refusal(done, r"PYTHONOPTIMIZE or -OO: no chart can be drawn without docstrings\. Set it to 1")


def test_in_a_process_of_its_own(folder: Path) -> None:
    write(folder, {"events.csv": changed(PLAIN, "Anbar", "An\0bar"), "forecast.toml": SETTINGS})
    check_refusal(command(*RUN.split()), r"events\.csv: line 3: holds a NUL byte")
    debugged = command(*RUN.split(), "--debug")
    assert debugged.code == 1
    assert "Traceback" in debugged.err
    assert contents(folder / "out") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on the size of files is POSIX")
def test_a_limit_of_the_system_on_written_files(folder: Path) -> None:
    """A real failure of write(2), in the first netCDF file: the HDF5 library must not end the process."""
    import resource

    write(folder, GOOD_RUN)
    was = contents(folder)
    done = command(*RUN.split(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000)))
    check_refusal(done, r"out.panel\.nc: cannot be written: File too large")
    assert contents(folder) == was


@pytest.mark.parametrize("words", [INGEST, RUN])
def test_read_only_output(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    (folder / "out").mkdir(mode=0o555)
    if os.access("out", os.W_OK):  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    check_refusal(call(words, monkeypatch), r"out: the folder cannot be written to\. Choose another output path")
    assert contents(folder / "out") == {}


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that takes no folders")
@pytest.mark.parametrize("words", [INGEST, RUN])
def test_output_where_nothing_can_be_made(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"events.csv": PLAIN, "forecast.toml": SETTINGS})
    check_refusal(
        call(words.replace("output out", "output /proc/out"), monkeypatch), r"/proc/out: the folder cannot be made"
    )
