"""Records in markers: what is wrong is named by file and field."""

import json

import pytest

from forecast.errors import InputError
from forecast.folders import BACKTEST, FORMAT
from forecast.markers import Count, Day, Record, Rows, read_marker


class Kept(Record):
    name: str
    size: Count
    share: float | None = None
    day: Day = "2024-02-29"
    table: Rows = []  # noqa: RUF012


GOOD = {"name": "x", "size": 3, "share": 0.5, "day": "2024-12-31", "table": [{"a": 1, "b": None}, {"a": 0.5, "b": "y"}]}


def read(folder, content, **head):
    text = (
        content if isinstance(content, str) else json.dumps({"kind": "backtest", "format": FORMAT, **head, **content})
    )
    (folder / "backtest.json").write_text(text)
    return read_marker(folder, BACKTEST, Kept, "Make it again")


def test_a_record_is_as_it_was_written(tmp_path):
    assert read(tmp_path, GOOD).model_dump() == GOOD
    assert read(tmp_path, {"name": "x", "size": 3}).table == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"size": "3"}, "size: should be a valid integer, found '3'"),
        ({"size": True}, "size: should be a valid integer, found True"),
        ({"size": 2.5}, "size: should be a valid integer, found 2.5"),
        ({"size": -1}, "size: should be greater than or equal to 0, found -1"),
        ({"size": 10**400}, "size: should be less than 9223372036854775808, found 1000"),
        ({"share": "x"}, "share: should be a valid number, found 'x'"),
        ({"day": "-1"}, "day: should be a day, such as 2024-12-31, found '-1'"),
        ({"day": "20241231"}, "day: should be a day"),
        ({"day": "2024-02-30"}, "day: day is out of range"),
        ({"other": 1}, "other: not known"),
        ({"other": 1, "size": None}, "size: should be a valid integer, found None, and 1 more"),
        ({"table": [{"a": [1]}]}, "table.0.a: should be a number, a text, true, false or null, found [1]"),
        ({"table": [{"a": 2**70}]}, "table.0.a: should be a number of at most 18 digits"),
        ({"table": [{"a": 1}, {"b": 1}]}, "table: row 1 should have the columns of the first: a"),
        ({"table": [{"a": None}, {"a": "x"}, {"a": 1}]}, "table: a should hold texts only, in row 2 too"),
        ({"table": [{"a": 1}, {"a": 0.5}, {"a": False}]}, "table: a should hold numbers only, in row 2 too"),
        ({"table": {"a": 1}}, "table: should be a valid list"),
        ({"name": "x" * 5000}, None),
        ({"format": FORMAT + 1}, f"not version {FORMAT} of the record of a backtest"),
        ({"format": "1"}, f"not version {FORMAT} of the record of a backtest"),
        ({"kind": "run"}, "not version"),
    ],
)
def test_a_field_that_is_wrong_is_named(change, found, tmp_path):
    if found is None:
        assert read(tmp_path, GOOD | change).name == change["name"]
        return
    with pytest.raises(InputError) as error:
        read(tmp_path, GOOD | change)
    assert f"backtest.json: is damaged (found {found}" in str(error.value)
    assert str(error.value).endswith("Make it again")


@pytest.mark.parametrize("key", ["name", "size", "kind", "format"])
def test_a_field_that_is_missing_is_named(key, tmp_path):
    content = {"kind": "backtest", "format": FORMAT, **GOOD}
    del content[key]
    with pytest.raises(InputError, match="not version 1" if key in ("kind", "format") else f"found {key}: missing"):
        read(tmp_path, json.dumps(content))


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", '{"kind": ', "[" * 5000, '{"size": NaN}', '{"size": Infinity}', '{"a": "\\ud800"}', "\0"],
)
def test_what_is_no_record_is_damage(text, tmp_path):
    with pytest.raises(InputError, match=r"backtest\.json: is damaged \(found "):
        read(tmp_path, text)


def test_bytes_that_are_no_text_and_no_file(tmp_path):
    with pytest.raises(InputError, match=r"backtest\.json: is missing\. Make it again"):
        read_marker(tmp_path, BACKTEST, Kept, "Make it again")
    (tmp_path / "backtest.json").write_bytes(b'{"kind": "backtest\xff"}')
    with pytest.raises(InputError, match="is damaged"):
        read_marker(tmp_path, BACKTEST, Kept, "Make it again")
