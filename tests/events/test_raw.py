"""Loading raw files: what is understood, and what is refused with a clear message."""

import datetime as dt
import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InputError
from forecast.events import opening
from forecast.events.raw import ReadOptions, read_raw

CSV = "id,name,count\n1,Ḥimṣ,5\n2,Dayr,6\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def packed(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


# What is understood.


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    raw = read_raw(write(tmp_path / "a.txt", CSV.replace(",", delimiter)))
    assert list(raw.frame.columns) == ["id", "name", "count"]
    assert list(raw.frame["count"]) == ["5", "6"]
    assert list(raw.frame.index) == [2, 3]


def test_cells_are_stripped_and_words_for_nothing_are_missing(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", 'id,name\n 1 ,NA\n2,"  "\n3,nan\n4,None of them\n'))
    assert list(raw.frame["id"]) == ["1", "2", "3", "4"]
    assert list(raw.frame["name"].isna()) == [True, True, True, False]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", 'id,text\r\n1,"a, ""b""\r\nc"\r\n2,d\r\n'))
    assert list(raw.frame["text"]) == ['a, "b"\r\nc', "d"]
    assert list(raw.frame.index) == [2, 3]


def test_only_the_picked_columns_are_loaded_under_their_new_names(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", CSV), pick=lambda header: {"n": header[2]})
    assert list(raw.frame.columns) == ["n"]


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", ",id,,name\n0,1,,x\n"))
    assert list(raw.frame.columns) == ["id", "name"]


@pytest.mark.parametrize(("encoding", "noted"), [("utf-8", 0), ("utf-8-sig", 0), ("cp1252", 2), ("latin-1", 2)])
def test_encodings_are_recognised_and_noted(tmp_path: Path, encoding: str, noted: int) -> None:
    text = "id,name\n1,Ma’arrat\n2,é\n".replace("’", "\x81" if encoding == "latin-1" else "’")
    raw = read_raw(write(tmp_path / "a.csv", text.encode(encoding)))
    assert list(raw.frame.columns) == ["id", "name"]
    assert list(raw.frame["name"])[1] == "é"
    assert raw.ledger.rows("encoding") == noted


def test_encoding_is_recognised_far_below_the_head_of_the_file(tmp_path: Path) -> None:
    rows = "".join(f"{number},{'x' * 100}\n" for number in range(30_000))
    raw = read_raw(write(tmp_path / "a.csv", ("id,name\n" + rows).encode() + "9,é\n".encode("cp1252")))
    assert raw.frame["name"].iloc[-1] == "é"
    assert raw.ledger.rows("encoding") == 30_001


def test_blank_rows_are_left_out_and_counted_but_keep_the_row_numbers(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", "\n\nid,name\n1,a\n\n,\n2,b\n\n"))
    assert list(raw.frame.index) == [4, 7]
    assert raw.ledger.rows("blank rows") == 3


def test_rows_that_end_early_are_filled_and_named(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", "id,name,count\n1,a,5\n2,b\n3,c,7\n"))
    assert list(raw.frame["id"]) == ["1", "2", "3"]
    assert raw.frame["count"].isna().tolist() == [False, True, False]
    (line,) = raw.ledger
    assert (line.rule, line.action, line.examples) == ("rows that end early", "changed", ("row 3",))


def test_slow_and_fast_paths_agree(tmp_path: Path) -> None:
    rows = [f'{number},"name, {number}",é{number}' for number in range(120_000)]
    clean = read_raw(write(tmp_path / "a.csv", "\n".join(["id,name,x", *rows])))
    unclean = read_raw(write(tmp_path / "b.csv", "\n".join(["id,name,x", *rows, "1,short"])))
    assert unclean.frame.iloc[:-1].equals(clean.frame)


@pytest.mark.parametrize("suffix", ["csv", "dat"])
def test_gz_and_zip_are_unpacked_by_content(tmp_path: Path, suffix: str) -> None:
    gz = write(tmp_path / f"a.{suffix}", gzip.compress(CSV.encode()))
    archive = packed(tmp_path / f"b.{suffix}", a__csv=CSV, readme__txt="text")
    macos = packed(
        tmp_path / f"c.{suffix}", **{"a__tsv": CSV.replace(",", "\t"), "__MACOSX/._a.tsv".replace("__", "_" * 2): "x"}
    )
    for path in (gz, archive, macos):
        assert list(read_raw(path).frame["name"]) == ["Ḥimṣ", "Dayr"]


def book(path: Path, **sheets: list[list[object]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_sheet_of_a_workbook_is_text_as_a_csv_would_be(tmp_path: Path) -> None:
    rows = [
        ["id", "day", "share", None],
        [201901010001.0, dt.datetime(2019, 3, 6), 0.5, "note"],
        [],
        [2, dt.date(2019, 3, 7), None],
    ]
    path = book(tmp_path / "a.xlsx", first=rows, second=[["x"], [1]])
    frame = read_raw(path).frame
    assert list(frame.columns) == ["id", "day", "share"]
    assert frame.loc[2].tolist() == ["201901010001", "2019-03-06", "0.5"]
    assert list(frame.index) == [2, 4]
    assert list(read_raw(path, sheet="second").frame.columns) == ["x"]
    assert read_raw(packed(tmp_path / "a.zip", a__xlsx=path.read_bytes())).frame.equals(frame)


@pytest.mark.parametrize("wrapped", ["pages", "page", "list", "acled"])
def test_json_records_keep_their_numbers_as_written(tmp_path: Path, wrapped: str) -> None:
    records = '{"id": 12345678901234567890, "x": 1.50, "n": null}', '{"id": 2, "y": {"a": 1}}'
    content = {
        "pages": '[{{"Result": [{0}]}}, {{"Result": [{1}]}}]',
        "page": '{{"TotalCount": 2, "Result": [{0}, {1}]}}',
        "list": "[{0}, {1}]",
        "acled": '{{"status": 200, "data": [{0}, {1}]}}',
    }[wrapped].format(*records)
    frame = read_raw(write(tmp_path / "a.json", content)).frame
    assert frame.loc[1, ["id", "x"]].tolist() == ["12345678901234567890", "1.50"]
    assert frame["n"].isna().all()
    assert frame.loc[2, "y"] == '{"a": "1"}'


def test_records_that_the_interface_counted_but_did_not_give_are_noted(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.json", '{"TotalCount": 9, "Result": [{"id": 1}]}'))
    assert raw.ledger.rows("records not in the file") == 8


# What is refused.

HUGE = b"a,b\n" + b"0,0\n" * 20_000_000


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"id,name\n", "header and no rows"),
        (b"id,name\n\n,\n", "header and no rows"),
        (b'""\n""\n', "has no header"),
        (b"id,name,id\n1,2,3\n", "columns of the same name .found id"),
        (b"id,name\n1,a\n2,b,c\n", "row 3: has too many fields .found 3 fields; expected 2"),
        (b'id,name\n1,"a\n2,b\n3,c\n', "row 2: has a double quote that is not closed"),
        (b'id,name\n1,"a\n2,b,c\n3","d"\n', "row 2: has too many fields"),
        (b'id,name\n1,"' + b"a\n" * 100_000, "row 2: has a double quote that is not closed"),
        (b'"id,name\n1,a\n', "double quote that is not closed"),
        (b"id,name\n1,a\x00\n", "line 2: holds a NUL byte"),
        (os.urandom(5000), "not a text file|NUL byte"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old or encrypted Excel"),
        (b"%PDF-1.7\n", "PDF"),
        ("id,name\n1,a\n".encode("utf-16"), "UTF-16"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (gzip.compress(CSV.encode() * 100, mtime=0)[:-30], "damaged or cut short"),
        (gzip.compress(b"", mtime=0), "empty file"),
        (b"\x1f\x8b" + b"garbage" * 9, "damaged or cut short"),
        (gzip.compress(HUGE, mtime=0), "implausibly many bytes"),
        (b"PK\x03\x04" + b"garbage" * 9, "damaged or cut short"),
        (b'{"Result": [{"id": 1}', "not valid JSON"),
        (b'{"Result": [1, 2]}', "record 1: is not a record"),
        (b'{"Result": []}', "holds no records"),
        (b'{"Result": {"id": 1}}', "does not hold records"),
        (b'{"rows": []}', "does not hold records"),
        (b'[{"id": "\\ud800"}]', "not valid Unicode"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)  # fmt: skip
def test_broken_file_is_refused_by_name(tmp_path: Path, content: bytes, match: str) -> None:
    path = write(tmp_path / "broken.csv", content)
    with pytest.raises(InputError, match=match) as caught:
        read_raw(path)
    assert caught.value.source == str(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_raw(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_raw(tmp_path)


@pytest.mark.parametrize("name", ["../a.csv", "/a.csv", "C:/a.csv", "x/../../a.csv", "..\\a.csv"])
def test_zip_with_a_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.csv", CSV)
        archive.writestr(name, CSV)
    with pytest.raises(InputError, match="leads outside") as caught:
        read_raw(tmp_path / "a.zip")
    assert caught.value.found == name.replace("\\", os.sep) or caught.value.found == name


def test_zip_needs_exactly_one_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"exactly one table \(found a\.csv, b\.csv"):
        read_raw(packed(tmp_path / "two.zip", a__csv=CSV, b__csv=CSV))
    with pytest.raises(InputError, match=r"exactly one table \(found a\.pdf"):
        read_raw(packed(tmp_path / "none.zip", a__pdf=CSV))


def test_encrypted_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path / "a.zip", a__csv=CSV).read_bytes())
    # Bit 0 of the general purpose flag: at offset 6 of the local header, at 8 of the central directory's.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        read_raw(write(tmp_path / "b.zip", bytes(data)))


def test_damaged_zip_member_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", CSV)
    data = (tmp_path / "a.zip").read_bytes().replace(b"Dayr", b"Deir")
    with pytest.raises(InputError, match="damaged"):
        read_raw(write(tmp_path / "b.zip", data))
    with pytest.raises(InputError, match="damaged"):
        read_raw(write(tmp_path / "c.zip", data[:-30]))


def test_zip_that_expands_implausibly_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", a__csv=HUGE)
    assert len(HUGE) > opening.MAX_EXPANSION * path.stat().st_size
    with pytest.raises(InputError, match="implausibly many bytes"):
        read_raw(path)


def test_unknown_sheet_is_refused_with_a_list_of_sheets(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", first=[["x"], [1]], second=[["x"], [1]])
    with pytest.raises(InputError, match=r"sheet third: no such sheet \(expected first, second"):
        read_raw(path, sheet="third")


def test_empty_and_broken_workbooks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sheet is empty"):
        read_raw(book(tmp_path / "a.xlsx", first=[]))
    with pytest.raises(InputError, match="header and no rows"):
        read_raw(book(tmp_path / "b.xlsx", first=[["x", "y"], []]))
    with pytest.raises(InputError, match="cannot be read as an xlsx"):
        read_raw(packed(tmp_path / "c.xlsx", **{"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<broken"}))


def test_options_that_a_source_does_not_know_are_refused() -> None:
    with pytest.raises(InputError, match="keep_non_attacks: the source gtd does not know this option"):
        ReadOptions(keep_non_attacks=True).refuse("gtd", "columns", "keep_non_attacks")


# Properties.


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_any_text_in_quoted_cells_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [["a", "b", "c"], *rows]]
    path = tmp_path_factory.mktemp("raw") / "a.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        raw = read_raw(path)
    except InputError:
        return
    if raw.ledger.rows("encoding"):
        return
    for number, row in enumerate(rows, start=2):
        if number in raw.frame.index:
            for cell, back in zip(row, raw.frame.loc[number], strict=True):
                assert back != back or back == cell.strip()


def _table_or_refused(path: Path) -> None:
    try:
        frame = read_raw(path).frame
    except InputError as error:
        assert error.source == str(path)  # noqa: PT017
    else:
        assert len(frame)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write(tmp_path_factory.mktemp("raw") / "a", content)
    for prefix in (b"", b"a,b\n", b"\x1f\x8b\x08", b"PK\x03\x04", b'[{"a":'):
        path.write_bytes(prefix + content)
        _table_or_refused(path)


WORDS = st.text(max_size=5)
LEAVES = st.none() | st.booleans() | st.floats() | WORDS


@settings(max_examples=100, deadline=None)
@given(st.recursive(LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(WORDS, part, max_size=3)))
def test_any_json_is_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.mktemp("raw") / "a.json"
    for value in (content, [content], {"Result": content}, {"Result": [content]}):
        path.write_text(json.dumps(value))
        _table_or_refused(path)


def test_stream_is_read_in_any_portion(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    with opening.open_raw(path).open() as stream:
        assert io.BufferedReader(stream, buffer_size=7).read() == CSV.encode()
