import datetime as dt

import pytest

from forecast.errors import InputError
from forecast.events.archive import keep_files

DAY = dt.date(2024, 5, 2)


def test_downloads_are_kept_once_under_names_of_their_own(tmp_path):
    file, folder = tmp_path / "acled.csv.gz", tmp_path / "archive"
    file.write_bytes(b"one")
    (first,) = keep_files([file], folder, DAY)
    assert first.name == "acled_2024-05-02_7692c3ad3540.csv.gz"
    assert first.read_bytes() == b"one"
    # The same file a month later, under whatever name, is there already.
    again = tmp_path / "copy.csv.gz"
    again.write_bytes(b"one")
    assert keep_files([again], folder, dt.date(2024, 6, 2)) == [first]
    file.write_bytes(b"two")
    (second,) = keep_files([file], folder, dt.date(2024, 6, 2))
    assert sorted(path.name for path in folder.iterdir()) == [first.name, second.name]
    assert first.read_bytes() == b"one"


def test_what_is_no_file_is_refused_before_anything_is_copied(tmp_path):
    file = tmp_path / "acled.csv"
    file.write_text("x")
    with pytest.raises(InputError, match="no such file"):
        keep_files([file, tmp_path / "other.csv"], tmp_path / "archive", DAY)
    assert not (tmp_path / "archive").exists()


def test_a_file_without_an_ending_keeps_none(tmp_path):
    file = tmp_path / "download"
    file.write_text("x")
    (kept,) = keep_files([file], tmp_path / "archive", DAY)
    assert kept.name.startswith("download_2024-05-02_")
    assert "." not in kept.name
