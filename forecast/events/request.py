"""One request and what comes back: portions, pages, and what is refused."""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from forecast.errors import InputError
from forecast.events import limits
from forecast.events.records import announced

__all__ = ["Advance", "Request", "paged", "quiet", "single", "split", "without_password"]

_TOKEN_HEADER = "x-ucdp-access-token"
_PAGE_SIZE = 1000

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """An address, and what every request to it must respect; `started` is a reading of the monotonic clock."""

    url: str
    token: str | None
    max_bytes: int
    max_seconds: float
    started: float

    @property
    def shown(self) -> str:
        """The address as messages give it."""
        return without_password(self.url)

    def chunks(self, advance: Advance) -> Iterator[bytes]:
        """The answer's bytes; errors of the network and the server in plain words.

        The answer is waited for in a thread of its own, which is left to itself where time is over: a socket's
        time limit begins anew with each byte.
        """
        arrived: queue.SimpleQueue[tuple[bytes, int] | BaseException | None] = queue.SimpleQueue()
        left = threading.Event()

        def receive() -> None:
            try:
                for portion in self._portions():
                    arrived.put(portion)
                    if left.is_set():
                        return
                arrived.put(None)
            except BaseException as error:
                arrived.put(error)

        threading.Thread(target=receive, name="download", daemon=True).start()
        try:
            while (item := self._next(arrived)) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item[0]
                advance(len(item[0]), item[1])
        finally:
            left.set()

    def _next(self, arrived: "queue.SimpleQueue[Any]") -> Any:
        """The next item of a queue, within the time that is left."""
        remaining = self.started + self.max_seconds - time.monotonic()
        with suppress(queue.Empty):
            if remaining > 0:
                return arrived.get(timeout=min(remaining, limits.PORTION_SECONDS))
        if remaining <= limits.PORTION_SECONDS:
            expected, hint = f"at most {self.max_seconds:g} seconds in all", "Raise max_seconds, or try again later"
        else:
            expected = f"at least {limits.PORTION_BYTES:,} bytes, or the end, every {limits.PORTION_SECONDS:g} seconds"
            hint = "Try again later, or download it with a browser"
        raise InputError("the server is too slow", source=self.shown, expected=expected, hint=hint)

    def _portions(self) -> Iterator[tuple[bytes, int]]:
        """The answer in portions, each with the announced length of the whole."""
        import requests

        headers = {"Accept-Encoding": "identity"} | ({_TOKEN_HEADER: self.token} if self.token else {})
        timeout = limits.CONNECT_SECONDS, limits.PORTION_SECONDS
        try:
            # A redirect could take the token to a host that it was not meant for.
            with (
                _session() as session,
                session.get(
                    self.url, headers=headers, stream=True, timeout=timeout, allow_redirects=not self.token
                ) as answer,
            ):
                self._refuse(answer.status_code, answer.headers.get("Retry-After"))
                length = announced(answer.headers.get("Content-Length"))
                self.refuse_size(length)
                for portion in answer.iter_content(limits.PORTION_BYTES):
                    yield portion, length
        except requests.RequestException as error:
            hint = "Check the address and the connection, and try again"
            problem, found = "cannot be downloaded", type(error).__name__
            raise InputError(problem, source=self.shown, found=found, hint=hint) from error

    def refuse_size(self, size: int) -> None:
        """Raise where a download holds, or announces, more bytes than allowed."""
        if size > self.max_bytes:
            raise InputError(
                "is larger than allowed",
                source=self.shown,
                found=f"{size:,} bytes or more",
                expected=f"at most {self.max_bytes:,}",
                hint="Raise max_bytes if the file is meant to be so large",
            )

    def _refuse(self, status: int, wait: str | None) -> None:
        if status in (401, 403):
            hint = "Ask the publisher of the data for one and give it as the token"
            raise InputError(
                "the server wants a valid access token", source=self.shown, found=f"HTTP {status}", hint=hint
            )
        if status != 200:
            hint = "Check the version and the address" if status < 500 and status != 429 else "Try again later"
            found = f"HTTP {status}" + (f", try again after {wait}" if wait else "")
            raise InputError("the server did not send it", source=self.shown, found=found, hint=hint)


def single(request: Request, stream: IO[bytes], advance: Advance) -> None:
    """One file, written as it comes."""
    size = 0
    for chunk in request.chunks(advance):
        size += len(chunk)
        request.refuse_size(size)
        stream.write(chunk)


def paged(request: Request, stream: IO[bytes], advance: Advance) -> None:
    """All pages of the interface, joined into one JSON object like each of them."""
    total = written = size = 0
    stream.write(b'{"Result": [')
    for page, length in _pages(request):
        size += length
        request.refuse_size(size)
        total = max(total, announced(page.get("TotalCount")))
        for record in page["Result"]:
            stream.write((b",\n" if written else b"\n") + json.dumps(record).encode())
            written += 1
        advance(len(page["Result"]), total)
    stream.write(f'\n], "TotalCount": {total}}}\n'.encode())


def _pages(request: Request) -> Iterator[tuple[dict[str, Any], int]]:
    """All pages, of which a server may have no more than the limit, and none that is empty before the last."""
    for number, (page, length) in enumerate(_all_pages(request), start=1):
        if number > limits.MAX_PAGES:
            raise InputError(
                "the pages do not end",
                source=request.shown,
                expected=f"at most {limits.MAX_PAGES:,} pages",
                hint="Check the address, or download the release as one file",
            )
        if number > 1 and not page["Result"] and page.get("NextPageUrl", "unknown"):
            hint = "Try again later, or download the release as one file"
            raise InputError("a page holds no records", source=request.shown, where=f"page {number}", hint=hint)
        yield page, length


def _all_pages(request: Request) -> Iterator[tuple[dict[str, Any], int]]:
    """Every page and its length in bytes: by the link to the next one, or else by the number of pages."""
    start = _with_query(request.url, "pagesize", _PAGE_SIZE)
    first, length = page, _ = _page(request, start)
    yield first, length
    seen = {start}
    while page.get("NextPageUrl"):
        link = _same_host(start, str(page["NextPageUrl"]))
        if link in seen:
            raise InputError("the pages lead in a circle", source=request.shown, found=without_password(link))
        seen.add(link)
        page, length = _page(request, link)
        yield page, length
    if "NextPageUrl" in first:
        return
    missing, number = announced(first.get("TotalPages")) - 1, 1
    while missing > 0:
        page, length = _page(request, _with_query(start, "page", number))
        number += 1
        if number == 2 and page["Result"] == first["Result"]:
            # The pages are counted from 1, and this was the first again.
            continue
        missing -= 1
        yield page, length


def _page(request: Request, link: str) -> tuple[dict[str, Any], int]:
    request = replace(request, url=link)
    body = bytearray()
    for chunk in request.chunks(lambda *_: None):
        body += chunk
        request.refuse_size(len(body))
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the answer is not valid JSON", source=request.shown, found=str(error)) from error
    if not isinstance(page, dict) or not isinstance(page.get("Result"), list):
        raise InputError("the answer is not a page of records", source=request.shown, expected='{"Result": [records]}')
    return page, len(body)


def _same_host(start: str, link: str) -> str:
    """The link to the next page with the first one's scheme; refused where it leads to another host."""
    here, there = urlsplit(start), split(urljoin(start, link))
    if there.netloc != here.netloc:
        raise InputError(
            "a page points to another host",
            source=without_password(start),
            found=there.hostname,
            expected=here.hostname,
        )
    return there._replace(scheme=here.scheme).geturl()


def split(url: str) -> SplitResult:
    """Parts of an address; an `InputError` for what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        # What stands before an @ may be a password.
        shown = url.rpartition("@")[2]
        raise InputError("is no web address", where="url", found=shown, expected="http://… or https://…")
    return parts


def _with_query(url: str, name: str, value: int) -> str:
    parts = urlsplit(url)
    query = [(key, text) for key, text in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return parts._replace(query=urlencode([*query, (name, value)])).geturl()


def without_password(url: str) -> str:
    """An address without the user's name and password, which messages do not repeat."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _session() -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    # A server may ask to be left alone for a day (Retry-After): that is told, and not waited for.
    retries = Retry(
        total=2,
        read=0,
        backoff_factor=0.3,
        status_forcelist=(429, 502, 503, 504),
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session


@contextmanager
def quiet(logger: logging.Logger) -> Iterator[None]:
    """pooch announces every download and its hash; the command line has its own words."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
