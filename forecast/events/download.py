"""Downloads of event files into a cache: limited in size, checked, and whole or not at all."""

import hashlib
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from forecast.errors import InputError
from forecast.events import limits
from forecast.events.raw import read_raw
from forecast.events.records import announced
from forecast.events.ucdp import WANTED
from forecast.files import check_output_folder
from forecast.progress import Progress, silent
from forecast.progress import progress as shown_work

__all__ = ["DOWNLOADS", "fetch"]

DOWNLOADS = ("ucdp-ged", "ucdp-ged-api")

_FILES = "https://ucdp.uu.se/downloads"
_INTERFACE = "https://ucdpapi.pcr.uu.se/api"
_TOKEN_HEADER = "x-ucdp-access-token"
_PAGE_SIZE = 1000
# Where a token may travel unencrypted: it does not leave the machine.
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_VERSION = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2}){1,4}")
_SUFFIX = re.compile(r"(\.csv|\.json)?(\.gz|\.zip)?$")

Advance = Callable[[int, int], None]


def fetch(
    source: str,
    version: str,
    *,
    folder: str | Path | None = None,
    token: str | None = None,
    url: str | None = None,
    max_bytes: int = limits.MAX_DOWNLOAD_BYTES,
    max_seconds: float = limits.MAX_DOWNLOAD_SECONDS,
    sha256: str | None = None,
    progress: bool = True,
) -> Path:
    """Download a release of UCDP GED, once: what the cache holds whole is not downloaded again.

    Parameters
    ----------
    source : {'ucdp-ged', 'ucdp-ged-api'}
        The release's CSV file, or its records from the paged interface, joined into one JSON file.
    version : str
        Of the release: '25.1' for a yearly one, '25.0.6' for a monthly candidate (which later ones revise).
    folder : path, optional
        Where the file is kept; the user's cache folder by default.
    token : str, optional
        Access token of the interface. It is sent to the interface's host only, encrypted, and kept nowhere.
    url : str, optional
        Address of the file, or of the version in the interface ('…/gedevents/25.1'), in place of the publisher's.
    max_bytes : int
        The download stops, and leaves nothing, when it grows beyond this.
    max_seconds : float
        The download stops, and leaves nothing, when it takes longer than this.
    sha256 : str, optional
        The file is refused where its SHA-256 (64 hexadecimal digits) is another.
    progress : bool
        Show how far it is.

    Returns
    -------
    Path
        The file, which `read_events(path, source='ucdp')` reads.

    Raises
    ------
    InputError
        For an unknown source or version, an address that cannot be reached, answers with an error or all too
        slowly, a page that points to another host, too many bytes, pages or seconds, an answer that is no whole file
        of UCDP records, and a wrong checksum.
    """
    import pooch

    address = _checked_address(source, version, url, sha256, token)
    place = check_output_folder(folder if folder is not None else pooch.os_cache("attack-forecast"))
    download = _paged if source == "ucdp-ged-api" else _single
    request = _Request(address, token, max_bytes, max_seconds, time.monotonic())

    unit = "bytes" if download is _single else "records"

    def downloader(_: str, output: str, __: object) -> None:
        title = f"downloading {source} {version}"
        with nullcontext() if progress else silent(), shown_work(title, even=False) as work:
            with open(output, "wb") as stream:
                download(request, stream, _moving(work, unit))
            work(1.0, f"checking {source} {version}")
            _refuse_other_content(Path(output), request)

    known_hash = f"sha256:{sha256.lower()}" if sha256 else None
    try:
        with _quiet(pooch.get_logger()):
            # pooch writes to a temporary file beside the target, checks it and moves it.
            path = pooch.retrieve(address, known_hash, _file_name(source, version, url), place, downloader=downloader)
    except ValueError as error:
        hint = "Try again; if it stays so, do not use the file"
        problem = "has another SHA-256 and was not kept"
        raise InputError(problem, source=request.shown, expected=sha256, hint=hint) from error
    except OSError as error:
        hint = "Check the folder, its permissions and the free space"
        raise InputError(f"cannot be written: {error.strerror or error}", source=place, hint=hint) from error
    return Path(path)


def _checked_address(source: str, version: str, url: str | None, sha256: str | None, token: str | None = None) -> str:
    if source not in DOWNLOADS:
        raise InputError("unknown source", where="source", found=source, expected=DOWNLOADS)
    if not _VERSION.fullmatch(version):
        raise InputError("is no version", where="version", found=version, expected="one such as 25.1 or 25.0.6")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError("is no SHA-256", where="sha256", found=sha256, expected="64 hexadecimal digits")
    if url is not None:
        parts = _split(url)
        if token and parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
            hint = "Use an address that begins with https://"
            raise InputError("a token is not sent unencrypted", source=_without_password(url), hint=hint)
        return parts.geturl()
    if source == "ucdp-ged-api":
        return f"{_INTERFACE}/gedevents/{version}"
    if version.count(".") == 1:
        return f"{_FILES}/ged/ged{version.replace('.', '')}-csv.zip"
    return f"{_FILES}/candidateged/GEDEvent_v{version.replace('.', '_')}.csv"


def _file_name(source: str, version: str, url: str | None) -> str:
    """Name in the cache; another address must not be answered with the publisher's file, nor the other way round."""
    mark = f"-{hashlib.sha256(url.encode()).hexdigest()[:8]}" if url else ""
    suffix = _SUFFIX.search(urlsplit(url).path.lower()) if url else None
    default = ".json" if source == "ucdp-ged-api" else ".zip" if version.count(".") == 1 else ".csv"
    return f"{source}-{version}{mark}{suffix[0] if suffix and suffix[0] else default}"


def _refuse_other_content(path: Path, request: "_Request") -> None:
    """Raise where a download is no whole file of records: a login page, say, or an archive that was cut short."""
    try:
        read_raw(path, pick=lambda header: {"id": WANTED.picker(path)(header)["id"]})
    except InputError as error:
        raise InputError(
            "the server sent something else than a whole file of UCDP records, which was not kept",
            source=request.shown,
            found=f"{error.where}: {error.problem}".removeprefix(": "),
            hint="Open the address in a browser to see what it sends; it may want a token, or be busy",
        ) from error


@dataclass(frozen=True)
class _Request:
    """An address, and what every request to it must respect; `started` is a reading of the monotonic clock."""

    url: str
    token: str | None
    max_bytes: int
    max_seconds: float
    started: float

    @property
    def shown(self) -> str:
        """The address as messages give it."""
        return _without_password(self.url)

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


def _single(request: _Request, stream: IO[bytes], advance: Advance) -> None:
    """One file, written as it comes."""
    size = 0
    for chunk in request.chunks(advance):
        size += len(chunk)
        request.refuse_size(size)
        stream.write(chunk)


def _paged(request: _Request, stream: IO[bytes], advance: Advance) -> None:
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


def _pages(request: _Request) -> Iterator[tuple[dict[str, Any], int]]:
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


def _all_pages(request: _Request) -> Iterator[tuple[dict[str, Any], int]]:
    """Every page and its length in bytes: by the link to the next one, or else by the number of pages."""
    start = _with_query(request.url, "pagesize", _PAGE_SIZE)
    first, length = page, _ = _page(request, start)
    yield first, length
    seen = {start}
    while page.get("NextPageUrl"):
        link = _same_host(start, str(page["NextPageUrl"]))
        if link in seen:
            raise InputError("the pages lead in a circle", source=request.shown, found=_without_password(link))
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


def _page(request: _Request, link: str) -> tuple[dict[str, Any], int]:
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
    here, there = urlsplit(start), _split(urljoin(start, link))
    if there.netloc != here.netloc:
        raise InputError(
            "a page points to another host",
            source=_without_password(start),
            found=there.hostname,
            expected=here.hostname,
        )
    return there._replace(scheme=here.scheme).geturl()


def _split(url: str) -> SplitResult:
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


def _without_password(url: str) -> str:
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


def _moving(work: Progress, unit: str) -> Advance:
    """The function that moves shown work on by (amount, total); the total is 0 where it is not known."""
    title, done = work.what, 0

    def advance(amount: int, total: int) -> None:
        nonlocal done
        done += amount
        of_all = f" of {total:,}" if total else ""
        work(done / total if total else 0.0, f"{title}: {done:,}{of_all} {unit}")

    return advance


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """pooch announces every download and its hash; the command line has its own words."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
