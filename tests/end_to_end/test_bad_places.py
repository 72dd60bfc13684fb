"""Broken gazetteers, boundaries, crosswalks and labels: one clear line, exit code 2, nothing half-written."""

from pathlib import Path

import pytest
from bad_input import (
    GAZETTEER,
    SETTINGS,
    UNITS,
    Bad,
    changed,
    check_case,
    check_own,
    settings,
    shapes,
    square,
    table,
    within,
)

# The tables keep their own line breaks: one case, one or two lines.
# fmt: off

CASES = [
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

# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refusals(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_case(case, folder, monkeypatch)


def test_every_case_is_its_own() -> None:
    check_own(CASES)
