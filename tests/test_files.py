"""Files are written whole or not at all, and text in them does not run."""

import errno

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InputError
from forecast.files import (
    check_output_files,
    check_output_folder,
    neutralised,
    read_csv,
    safe_write,
    sha256,
    write_csv,
    write_text,
    write_together,
)


def test_safe_write_replaces_only_at_the_end(tmp_path):
    target = tmp_path / "new" / "a.txt"
    write_text(target, "first")
    with pytest.raises(RuntimeError), safe_write(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_full_disk_leaves_nothing(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(InputError, match=r"a\.txt: cannot be written: No space left"), safe_write(target) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_folder_below_a_file_is_refused(tmp_path):
    blocker = tmp_path / "out"
    blocker.write_text("")
    with pytest.raises(InputError, match="is a file where a folder is needed"):
        check_output_folder(blocker / "demo")
    with pytest.raises(InputError, match="is a file where a folder is needed"):
        write_text(blocker / "demo" / "a.txt", "x")


def test_files_of_one_work_come_together(tmp_path):
    names = ("a.txt", "b.txt", "seal.txt")
    for name in (*names, "other.txt"):
        write_text(tmp_path / name, "old")

    def texts():
        return {path.name: path.read_text() for path in tmp_path.iterdir()}

    before = texts()
    with pytest.raises(RuntimeError), write_together(tmp_path, names) as temporary:
        # In the folder itself, and so on the same file system: moving needs no room.
        assert temporary.parent == tmp_path
        write_text(temporary / "a.txt", "new")
        raise RuntimeError
    assert texts() == before
    with write_together(tmp_path, names) as temporary:
        write_text(temporary / "a.txt", "new")
        write_text(temporary / "seal.txt", "new")
    assert texts() == {"a.txt": "new", "seal.txt": "new", "other.txt": "old"}


def test_an_input_is_never_overwritten(tmp_path):
    write_text(tmp_path / "raw.csv", "input")
    with pytest.raises(InputError, match=r"raw\.csv: is an input and would be overwritten"):
        check_output_files(tmp_path, ("raw.csv",), [sha256(tmp_path / "raw.csv")])
    check_output_files(tmp_path, ("raw.csv", "new.csv"), ["0" * 64])
    with pytest.raises(InputError, match="is a folder where a file is to be written"):
        check_output_files(tmp_path.parent, (tmp_path.name,))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=8))
def test_no_cell_begins_like_a_formula(text):
    table = neutralised(pd.DataFrame({"name": [text], "n": [-1]}))
    assert not str(table["name"].iloc[0]).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert table["name"].iloc[0].replace("'", "").endswith(text.replace("'", ""))
    assert table["n"].iloc[0] == -1


def test_column_names_are_neutralised_too(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"=1+1": pd.Categorical(["@x"])}))
    assert (tmp_path / "a.csv").read_text() == "'=1+1\n'@x\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        (" =1", " '=1"),
        ("x;=1+1|cmd", "x;'=1+1|cmd"),
        ('x; "=1"', 'x; "\'=1"'),
        ("x\n@y\t-z", "x\n'@y\t'-z"),
        ("'=1", "''=1"),
        ("a=b - c; d+e", "a=b - c; d+e"),
        ("O'Higgins", "O'Higgins"),
    ],
)
def test_formulas_behind_other_signs_and_separators_do_not_run(text, written):
    assert neutralised(pd.DataFrame({"name": [text]}))["name"].tolist() == [written]


@given(st.lists(st.text("=＝'; \"\t\n-xN,", max_size=8), min_size=1, max_size=5))
def test_labels_are_read_as_they_were(tmp_path_factory, labels):
    path = tmp_path_factory.getbasetemp() / "labels.csv"
    write_csv(path, pd.DataFrame({"label": labels, "n": 1.5}))
    assert read_csv(path, ["label"])["label"].tolist() == labels


def test_labels_that_look_like_numbers_or_nothing_are_text(tmp_path):
    labels = ["None", "nan", "NA", "", "01", "1e5", "True", "-x", "2020-01-01"]
    day = pd.Timestamp("2020-01-31")
    table = pd.DataFrame({"label": labels, "n": [None, *range(8)], "yes": True, "day": day})
    write_csv(tmp_path / "a.csv", table)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "a.csv", ["label"], ["day"]), table, check_dtype=False)
    for column in ("n", "yes", "day"):
        write_csv(tmp_path / "a.csv", table.assign(**{column: "soon"}))
        with pytest.raises(ValueError, match=f"{column}: not all can be read"):
            read_csv(tmp_path / "a.csv", ["label"], ["day"])
    with pytest.raises(ValueError, match="lacks the columns province"):
        read_csv(tmp_path / "a.csv", ["province"])
