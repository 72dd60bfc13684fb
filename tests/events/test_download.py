"""Downloads against a real HTTP server on this machine."""

import hashlib
from pathlib import Path

import pytest
from servers import BODY, always, files, serving

from forecast import progress
from forecast.errors import InputError
from forecast.events.download import _checked_address, fetch


def test_file_is_downloaded_once_and_then_comes_from_the_cache(tmp_path: Path) -> None:
    with serving(always(BODY)) as server:
        url = f"{server.url}/ged251.csv"
        first = fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)
        second = fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)
    assert first == second
    assert first.read_bytes() == BODY
    assert first.suffix == ".csv"
    assert len(server.requests) == 1
    assert files(tmp_path) == [first.name]


def test_progress_is_shown_on_standard_error_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(always(BODY)) as server:
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, progress=True)
    assert capfd.readouterr().out == ""


def test_right_checksum_passes_and_a_wrong_one_leaves_nothing(tmp_path: Path) -> None:
    right = hashlib.sha256(BODY).hexdigest()
    with serving(always(BODY)) as server:
        assert fetch("ucdp-ged", "25.1", folder=tmp_path / "a", url=server.url, sha256=right.upper(), progress=False)
        with pytest.raises(InputError, match="another SHA-256") as caught:
            fetch("ucdp-ged", "25.1", folder=tmp_path / "b", url=server.url, sha256="0" * 64, progress=False)
    assert caught.value.expected == "0" * 64
    assert files(tmp_path / "b") == []


def test_cached_file_with_another_checksum_is_downloaded_again(tmp_path: Path) -> None:
    with serving(always(BODY)) as server:
        path = fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, progress=False)
        path.chmod(0o644)
        path.write_bytes(b"damaged")
        right = hashlib.sha256(BODY).hexdigest()
        assert fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, sha256=right, progress=False) == path
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_download_stops_and_leaves_nothing(tmp_path: Path, announced: bool) -> None:
    # Without a length in the header the limit must work while the bytes come.
    extra = {} if announced else {"Content_Length": ""}
    with serving(always(b"x" * 2_000_000, **extra)) as server, pytest.raises(InputError, match="larger than allowed"):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, max_bytes=1_000_000, progress=False)
    assert files(tmp_path) == []


def test_broken_off_download_leaves_nothing(tmp_path: Path) -> None:
    longer = always(BODY, Content_Length=str(len(BODY) + 10))
    with serving(longer) as server, pytest.raises(InputError, match="cannot be downloaded"):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert files(tmp_path) == []


@pytest.mark.parametrize(("status", "match"), [(404, "HTTP 404"), (401, "access token"), (500, "HTTP 500")])
def test_error_of_the_server_is_told(tmp_path: Path, status: int, match: str) -> None:
    with serving(always(b"no", status)) as server, pytest.raises(InputError, match=match):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert files(tmp_path) == []


def test_unreachable_server_is_told(tmp_path: Path) -> None:
    with serving(always(b"")) as server:
        url = server.url
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"source": "acled"}, "unknown source"),
        ({"version": "../25.1"}, "no version"),
        ({"version": "latest"}, "no version"),
        ({"sha256": "abc"}, "no SHA-256"),
        ({"url": "file:///etc/passwd"}, "no web address"),
        ({"url": "http://["}, "no web address"),
        ({"url": "ftp://u:secret@host/a.csv"}, r"no web address \(found host/a\.csv"),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(tmp_path: Path, change: dict[str, str], match: str) -> None:
    arguments = {"source": "ucdp-ged", "version": "25.1", "url": "http://127.0.0.1:9/x"} | change
    with pytest.raises(InputError, match=match):
        fetch(arguments["source"], arguments["version"], folder=tmp_path, url=arguments["url"],
              sha256=arguments.get("sha256"), progress=False)  # fmt: skip
    assert files(tmp_path) == []


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file where a folder is needed"):
        fetch("ucdp-ged", "25.1", folder=tmp_path / "file", url="http://127.0.0.1:9/x", progress=False)


@pytest.mark.parametrize(
    ("source", "version", "end"),
    [
        ("ucdp-ged", "25.1", "/ged/ged251-csv.zip"),
        ("ucdp-ged", "26.0.8", "/candidateged/GEDEvent_v26_0_8.csv"),
        ("ucdp-ged-api", "25.1", "/gedevents/25.1"),
    ],
)
def test_publishers_address_of_a_version(source: str, version: str, end: str) -> None:
    assert _checked_address(source, version, None, None).endswith(end)


def test_a_download_says_how_far_it_is_off_a_terminal_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SHOWN_AFTER", 0.0)
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    with serving(always(BODY)) as server, progress.on_command_line():
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url)
    told = capfd.readouterr().err
    assert f"downloading ucdp-ged 25.1: {len(BODY):,} of {len(BODY):,} bytes\n" in told
    assert "checking ucdp-ged 25.1\n" in told
