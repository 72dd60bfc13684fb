"""Small good inputs, from which broken ones are made; a command on them, and what a refusal is."""

import contextlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from progress_lines import without_progress
from raw_files import workbook

from forecast import cli
from forecast.run_files import RUN_FILES

Content = str | bytes | Callable[[], bytes]

INGEST = "ingest events.csv --source plain --output out"
ACLED_WORDS = INGEST.replace("plain", "acled")
RUN = "run forecast.toml --output out"


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


def check_case(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that leaves everything as it was."""
    write(folder, case.files)
    before = contents(folder)
    check_refusal(call(case.words, monkeypatch), case.message)
    assert contents(folder) == before


def check_own(cases: Sequence[Bad]) -> None:
    """No two cases have the same name or ask for the same words."""
    assert len({case.name for case in cases}) == len({case.message for case in cases}) == len(cases) > 5


GOOD_RUN = {
    "events.csv": PLAIN,
    "forecast.toml": within("places", 'boundaries = "b.json"\ngazetteer = "g.csv"') + CAPABILITY,
    "b.json": shapes(square("Anbar")),
    "g.csv": GAZETTEER,
    "i.csv": INDICATORS,
}
# All but the provinces of data without a gazetteer.
WRITTEN = tuple(name for name in RUN_FILES if name not in ("gazetteer.csv", "totals.nc"))
