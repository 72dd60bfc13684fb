"""The demonstration data that ship: what the simulation makes, and small."""

import gzip
from pathlib import Path

from forecast.datasets import data_path
from forecast.simulate import write_demo

DEMO_FILES = [
    "demo_events_simulated.csv.gz",
    "demo_capability_simulated.csv",
    "demo_indicators_simulated.csv",
    "demo_truth_simulated.csv.gz",
]


def content(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8").replace("\r\n", "\n")


def test_shipped_demo_is_what_the_seed_gives(tmp_path):
    """Contents, not bytes: compression differs between versions of zlib."""
    written = write_demo(tmp_path)
    assert sorted(path.name for path in written) == sorted(DEMO_FILES)
    for path in written:
        assert content(path) == content(data_path(path.name)), path.name


def test_demo_files_are_the_same_bytes_each_time(tmp_path):
    first, second = write_demo(tmp_path / "a", seed=3), write_demo(tmp_path / "b", seed=3)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_demo_files_are_small():
    sizes = {name: data_path(name).stat().st_size for name in DEMO_FILES}
    assert sizes["demo_events_simulated.csv.gz"] < 700_000
    assert sizes["demo_truth_simulated.csv.gz"] < 500_000
