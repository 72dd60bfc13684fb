"""Loading raw files: what is understood, and what is refused with a clear message."""

import datetime as dt
import gzip
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_files import CSV, book, packed, sheet_with, write

from forecast.errors import InputError
from forecast.events import opening
from forecast.events.raw import read_raw

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


def test_cells_far_to_the_right_of_the_header_cost_nothing(tmp_path: Path) -> None:
    rows = {number: {"A": str(number), "XFD": "x"} for number in range(2, 2002)}
    raw = read_raw(sheet_with(tmp_path / "a.xlsx", {1: {"A": "id"}} | rows))
    assert raw.frame["id"].tolist() == [str(number) for number in range(2, 2002)]


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
