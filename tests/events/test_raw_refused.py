"""Files that cannot be read as a table, each refused by name."""

import gzip
import os
import socket
import zipfile
from pathlib import Path

import pytest
from raw_files import CSV, book, packed, sheet_with, write

from forecast.errors import InputError
from forecast.events import limits
from forecast.events.raw import ReadOptions, read_raw

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
