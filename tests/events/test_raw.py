"""Loading raw files: what is understood, and what is refused with a clear message."""

import datetime as dt
import gzip
import io
import json
import os
import socket
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InputError
from forecast.events import limits, opening
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


@pytest.mark.parametrize("total", ["9" * 4400, "1e9", "-5", "\u0663", '"many"', "null", "[]"])
def test_total_that_is_no_number_of_records_is_passed_over(tmp_path: Path, total: str) -> None:
    raw = read_raw(
        write(tmp_path / "a.json", f'{{"TotalCount": {total}, "Result": [{{"id": 1}}]}}'.replace("\u0663", '"\u0663"'))
    )
    assert raw.frame["id"].tolist() == ["1"]
    assert len(raw.ledger) == 0


@pytest.mark.parametrize("size", [131_071, 131_073, 5_000_000])
def test_long_cells_come_back_whole(tmp_path: Path, size: int) -> None:
    """Polygons as text, say; the csv module stops at 131,072 characters. The short row leads to the exact parser."""
    raw = read_raw(write(tmp_path / "a.csv", f'id,shape,x\n1,"{"p" * size}",a\n2,q\n'))
    assert raw.frame["shape"].str.len().tolist() == [size, 1]
    assert raw.frame["id"].tolist() == ["1", "2"]


def test_long_header_is_read(tmp_path: Path) -> None:
    names = [f"column {number}" for number in range(20_000)]
    assert sum(map(len, names)) > 131_072
    raw = read_raw(write(tmp_path / "a.csv", ",".join(names) + "\n" + ",".join("1" * 20_000) + "\n"))
    assert list(raw.frame.columns) == names


def test_stray_bytes_of_another_encoding_do_not_change_the_rest_of_the_file(tmp_path: Path) -> None:
    rows = ["id,n\u00e1me", "1,Ségou", "2,Gao", "3,Ménaka", "4,Kayes"]
    content = "\n".join(rows).encode().replace("Ménaka".encode(), b"M\xe9naka").replace(b"Kayes", b"\x93Kayes\x94")
    raw = read_raw(write(tmp_path / "a.csv", content))
    assert raw.frame["náme"].tolist() == ["Ségou", "Gao", "Ménaka", "“Kayes”"]
    (line,) = raw.ledger
    assert (line.rule, line.action, line.rows) == ("bytes that are not UTF-8", "changed", 2)
    assert line.examples == ("row 4", "row 5")


def test_stray_byte_in_the_header(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", b"id,r\xe9gion\n1,S\xc3\xa9gou\n"))
    assert raw.frame["région"].tolist() == ["Ségou"]


def test_name_that_is_no_text_is_spelled_out(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "ev") + b"\xff.csv"))
    try:
        write(path, b"id\n1\n\n2\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    raw = read_raw(path)
    assert raw.name == r"ev\xff.csv"
    assert [line.source for line in raw.ledger] == [r"ev\xff.csv"]


def sheet_with(path: Path, rows: dict[int, dict[str, str]]) -> Path:
    """A workbook whose rows say that they are the numbered ones."""
    cells = {
        number: "".join(f'<c r="{c}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in row.items())
        for number, row in rows.items()
    }
    data = "".join(f'<row r="{number}">{row}</row>' for number, row in cells.items())
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    content = f'<worksheet xmlns="{space}"><sheetData>{data}</sheetData></worksheet>'
    with zipfile.ZipFile(book(path.with_suffix(".old"), Data=[["x"]])) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name.endswith("sheet1.xml") else old.read(name))
    return path


def test_cells_far_to_the_right_of_the_header_cost_nothing(tmp_path: Path) -> None:
    rows = {number: {"A": str(number), "XFD": "x"} for number in range(2, 2002)}
    raw = read_raw(sheet_with(tmp_path / "a.xlsx", {1: {"A": "id"}} | rows))
    assert raw.frame["id"].tolist() == [str(number) for number in range(2, 2002)]


# What is refused.


@pytest.mark.parametrize(
    "rows",
    [
        {1: {"A": "id"}, 2: {"A": "1"}, 2_000_000_000: {"A": "2"}},
        {2_000_000_000: {"A": "id"}},
        {1: {"A": "id", "XFD": "name"}} | {number: {"A": "1"} for number in range(2, 4000)},
    ],
    ids=["a row", "the header", "columns"],
)
def test_sheet_of_more_rows_or_cells_than_can_be_is_refused(tmp_path: Path, rows: dict[int, dict[str, str]]) -> None:
    with pytest.raises(InputError, match=r"sheet Data: the sheet is too large .*at most 1,048,576 rows, and 50,"):
        read_raw(sheet_with(tmp_path / "a.xlsx", rows))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_and_device_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="is a pipe, a socket or a device where a file is needed"):
            read_raw(path)


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("a.csv")
        with pytest.raises(InputError, match="is a pipe, a socket or a device"):
            read_raw("a.csv")


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
        (b'"id,name\n1,a\n', "row 1: has a double quote that is not closed"),
        (b'"id,name\n' + b"1,a\n" * 50_000, "row 1: has a double quote that is not closed"),
        (b'"id,name\n' + b"1,a\n" * 300_000, "header: is too long .expected its end within 1,048,576 bytes"),
        (b"id," + b"n" * 2**20 + b"\n1,a\n", "header: is too long .expected its end within 1,048,576 bytes"),
        (b'id,name\n1,"' + b"a" * (16 * 2**20 + 1) + b'"\n2\n', "larger than field limit .16777216"),
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
    assert len(HUGE) > limits.MAX_EXPANSION * path.stat().st_size
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
