"""Servers that answer wrongly, slowly or without end, and pages that are none."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from servers import BODY, RECORDS, Answer, Server, always, files, serving

from forecast.errors import InputError
from forecast.events import limits
from forecast.events.download import fetch
from forecast.events.raw import ReadOptions
from forecast.events.ucdp import read

# The paged interface.


def interface(*, links: bool, first_page: int) -> Callable[[Server, str, dict[str, str]], Answer]:
    """An interface of two records a page that wants a token; its pages count from `first_page`."""

    def answer(server: Server, path: str, headers: dict[str, str]) -> Answer:
        if headers.get("x-ucdp-access-token") != "secret":
            return 401, {}, b"API token required"
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert "pagesize" in query
        place = int(query.get("page", first_page)) - first_page
        place = max(place, 0)
        body: dict[str, object] = {"TotalCount": 5, "TotalPages": 3, "Result": RECORDS[2 * place : 2 * place + 2]}
        if links:
            following = f"{server.url}{urlsplit(path).path}?pagesize=2&page={place + 1 + first_page}"
            body["NextPageUrl"] = following if place < 2 else ""
        return 200, {}, json.dumps(body).encode()

    return answer


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("first_page", [0, 1])
def test_all_pages_are_joined_into_a_file_that_the_reader_reads(tmp_path: Path, links: bool, first_page: int) -> None:
    with serving(interface(links=links, first_page=first_page)) as server:
        url = f"{server.url}/api/gedevents/25.1"
        path = fetch("ucdp-ged-api", "25.1", folder=tmp_path, token="secret", url=url, progress=False)
    content = json.loads(path.read_text())
    assert [record["id"] for record in content["Result"]] == [0, 1, 2, 3, 4]
    assert content["TotalCount"] == 5
    draft, ledger = read(path, ReadOptions())
    assert list(draft["event_id"]) == ["0", "1", "2", "3", "4"]
    assert ledger.rows("records not in the file") == 0
    assert "secret" not in path.read_text() + path.name


def test_missing_token_is_told(tmp_path: Path) -> None:
    with serving(interface(links=True, first_page=0)) as server, pytest.raises(InputError, match="access token"):
        fetch("ucdp-ged-api", "25.1", folder=tmp_path, url=f"{server.url}/api/gedevents/25.1", progress=False)
    assert files(tmp_path) == []


def test_link_to_another_host_is_not_followed(tmp_path: Path) -> None:
    with serving(always(b"")) as stranger:
        page = json.dumps({"Result": RECORDS[:1], "NextPageUrl": f"{stranger.url}/steal"}).encode()
        with serving(always(page)) as server, pytest.raises(InputError, match="another host"):
            fetch("ucdp-ged-api", "25.1", folder=tmp_path, token="secret", url=server.url, progress=False)
    assert stranger.requests == []
    assert files(tmp_path) == []


def test_redirect_does_not_take_the_token_elsewhere(tmp_path: Path) -> None:
    with serving(always(b"")) as stranger:
        redirect = always(b"", 302, Location=f"{stranger.url}/steal")
        with serving(redirect) as server, pytest.raises(InputError, match="HTTP 302"):
            fetch("ucdp-ged-api", "25.1", folder=tmp_path, token="secret", url=server.url, progress=False)
    assert stranger.requests == []


def test_circle_of_pages_is_refused(tmp_path: Path) -> None:
    page = json.dumps({"Result": RECORDS[:1], "NextPageUrl": "/again"}).encode()
    with serving(always(page)) as server, pytest.raises(InputError, match="circle"):
        fetch("ucdp-ged-api", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert files(tmp_path) == []


@pytest.mark.parametrize(("body", "match"), [(b"<html>", "not valid JSON"), (b'{"Error": 1}', "not a page of records")])
def test_answer_that_is_no_page_is_refused(tmp_path: Path, body: bytes, match: str) -> None:
    with serving(always(body)) as server, pytest.raises(InputError, match=match):
        fetch("ucdp-ged-api", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert files(tmp_path) == []


def test_pages_together_respect_the_limit(tmp_path: Path) -> None:
    with serving(interface(links=True, first_page=0)) as server, pytest.raises(InputError, match="larger than allowed"):
        fetch("ucdp-ged-api", "25.1", folder=tmp_path, token="secret", url=server.url, max_bytes=1100, progress=False)
    assert len(server.requests) == 2
    assert files(tmp_path) == []


# Servers that never end, and answers that are no data.


@contextmanager
def dripping_server(first: bytes) -> Iterator[str]:
    """A server that sends `first` at once and then a byte every tenth of a second, for as long as it is asked."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.sendall(first)
                    while not ended.wait(0.1):
                        connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
    ids=["no answer", "a header without end", "a body"],
)  # fmt: skip
def test_byte_after_byte_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(limits, "PORTION_SECONDS", 0.5)
    before = time.monotonic()
    with (
        dripping_server(first) as url,
        pytest.raises(InputError, match=r"too slow .expected at least 32,768 bytes, or the end, every 0\.5 seconds"),
    ):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)
    assert time.monotonic() - before < 10
    assert files(tmp_path) == []


def test_all_answers_together_have_a_time_limit(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with (
        dripping_server(head) as url,
        pytest.raises(InputError, match=r"too slow .*at most 0\.5 seconds in all.*Raise"),
    ):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, max_seconds=0.5, progress=False)
    assert files(tmp_path) == []


@pytest.mark.parametrize("status", [429, 503])
def test_server_that_asks_to_wait_for_a_day_is_quoted(tmp_path: Path, status: int) -> None:
    before = time.monotonic()
    with (
        serving(always(b"", status, Retry_After="86400")) as server,
        pytest.raises(InputError, match=f"HTTP {status}, try again after 86400.*Try again later"),
    ):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert time.monotonic() - before < 10
    assert files(tmp_path) == []


def endless(links: bool, records: int) -> Callable[[Server, str, dict[str, str]], Answer]:
    def answer(server: Server, path: str, headers: dict[str, str]) -> Answer:
        number = len(server.requests)
        page: dict[str, object] = {"TotalPages": 10**15, "Result": [RECORDS[0] | {"id": number}] * records}
        if links:
            page["NextPageUrl"] = f"/page{number}"
        return 200, {}, json.dumps(page).encode()

    return answer


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize(("records", "match"), [(1, "at most 5 pages"), (0, "page 2: a page holds no records")])
def test_pages_without_end_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, records: int, match: str
) -> None:
    monkeypatch.setattr(limits, "MAX_PAGES", 5)
    with serving(endless(links, records)) as server, pytest.raises(InputError, match=match):
        fetch("ucdp-ged-api", "25.1", folder=tmp_path, url=server.url, progress=False)
    assert len(server.requests) <= 7
    assert files(tmp_path) == []


OTHER_CONTENT = {
    "nothing": (b"", "is empty"),
    "login page": (b"<!DOCTYPE html><html>log in</html>", "web page"),
    "login text": (b"Session expired\nPlease log in,again\n", "lacks columns"),
    "login JSON": (b'{"error": "log in"}', "does not hold records"),
    "other table": (b"id,country\n1,Syria\n", "lacks columns"),
    "header only": (BODY.splitlines()[0], "no rows"),
    "cut gz": (gzip.compress(BODY)[:-9], "damaged or cut short"),
    "cut zip": (b"PK\x03\x04" + b"0" * 99, "damaged or cut short"),
    "cut quotation": (BODY + b'9,1,"Government', "not closed"),
}


@pytest.mark.parametrize("name", OTHER_CONTENT)
def test_what_is_no_whole_file_of_records_is_not_kept(tmp_path: Path, name: str) -> None:
    body, match = OTHER_CONTENT[name]
    with serving(always(body)) as server:
        url = f"{server.url}/ged.csv"
        with pytest.raises(InputError, match=f"something else than a whole file of UCDP records.*{match}") as caught:
            fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)
    assert caught.value.source == url
    assert files(tmp_path) == []


def test_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    with serving(always(b"", 404)) as server, pytest.raises(InputError) as caught:
        url = server.url.replace("//", "//me:hidden@")
        fetch("ucdp-ged", "25.1", folder=tmp_path, url=url, progress=False)
    assert "hidden" not in str(caught.value)
    assert server.url in str(caught.value)


def test_token_is_not_sent_unencrypted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a token is not sent unencrypted"):
        fetch("ucdp-ged", "25.1", folder=tmp_path, url="http://example.org/x", token="secret", progress=False)
