"""Downloads of event files into a cache: limited in size, checked, and whole or not at all."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from forecast.errors import InputError
from forecast.files import check_output_folder

__all__ = ["DOWNLOADS", "MAX_DOWNLOAD_BYTES", "fetch"]

DOWNLOADS = ("ucdp-ged", "ucdp-ged-api")
MAX_DOWNLOAD_BYTES = 2 * 2**30

_FILES = "https://ucdp.uu.se/downloads"
_INTERFACE = "https://ucdpapi.pcr.uu.se/api"
_TOKEN_HEADER = "x-ucdp-access-token"
_PAGE_SIZE = 1000
_CHUNK_BYTES = 2**18
_TIMEOUT_SECONDS = (15.0, 120.0)
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
    max_bytes: int = MAX_DOWNLOAD_BYTES,
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
        Access token of the interface. It is sent to the interface's host only, and kept nowhere.
    url : str, optional
        Address of the file, or of the version in the interface ('…/gedevents/25.1'), in place of the publisher's.
    max_bytes : int
        The download stops, and leaves nothing, when it grows beyond this.
    sha256 : str, optional
        The file is refused where its SHA-256 (64 hexadecimal digits) is another.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        The file, which `read_events(path, source='ucdp')` reads.

    Raises
    ------
    InputError
        For an unknown source or version, an address that cannot be reached or answers with an error, a page that
        points to another host, too many bytes, and a wrong checksum.
    """
    import pooch

    address = _checked_address(source, version, url, sha256)
    place = check_output_folder(folder if folder is not None else pooch.os_cache("attack-forecast"))
    download = _paged if source == "ucdp-ged-api" else _single

    def downloader(link: str, output: str, _: object) -> None:
        with open(output, "wb") as stream, _bar(f"{source} {version}", shown=progress) as advance:
            download(_Request(link, token, max_bytes), stream, advance)

    known_hash = f"sha256:{sha256.lower()}" if sha256 else None
    try:
        with _quiet(pooch.get_logger()):
            # pooch writes to a temporary file beside the target, checks it and moves it.
            path = pooch.retrieve(address, known_hash, _file_name(source, version, url), place, downloader=downloader)
    except ValueError as error:
        hint = "Try again; if it stays so, do not use the file"
        raise InputError("has another SHA-256 and was not kept", source=address, expected=sha256, hint=hint) from error
    except OSError as error:
        hint = "Check the folder, its permissions and the free space"
        raise InputError(f"cannot be written: {error.strerror or error}", source=place, hint=hint) from error
    return Path(path)


def _checked_address(source: str, version: str, url: str | None, sha256: str | None) -> str:
    if source not in DOWNLOADS:
        raise InputError("unknown source", where="source", found=source, expected=DOWNLOADS)
    if not _VERSION.fullmatch(version):
        raise InputError("is no version", where="version", found=version, expected="one such as 25.1 or 25.0.6")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError("is no SHA-256", where="sha256", found=sha256, expected="64 hexadecimal digits")
    if url is not None:
        return _split(url).geturl()
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


@dataclass(frozen=True)
class _Request:
    """An address, and what every request to it must respect."""

    url: str
    token: str | None
    max_bytes: int

    def chunks(self, advance: Advance) -> Iterator[bytes]:
        """The answer's bytes; errors of the network and the server in plain words."""
        import requests

        headers = {"Accept-Encoding": "identity"} | ({_TOKEN_HEADER: self.token} if self.token else {})
        try:
            # A redirect could take the token to a host that it was not meant for.
            with (
                _session() as session,
                session.get(
                    self.url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS, allow_redirects=not self.token
                ) as answer,
            ):
                self._refuse(answer.status_code)
                announced = _integer(answer.headers.get("Content-Length"))
                self.refuse_size(announced)
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    yield chunk
                    advance(len(chunk), announced)
        except requests.RequestException as error:
            hint = "Check the address and the connection, and try again"
            raise InputError("cannot be downloaded", source=self.url, found=type(error).__name__, hint=hint) from error

    def refuse_size(self, size: int) -> None:
        """Raise where a download holds, or announces, more bytes than allowed."""
        if size > self.max_bytes:
            raise InputError(
                "is larger than allowed",
                source=self.url,
                found=f"{size:,} bytes or more",
                expected=f"at most {self.max_bytes:,}",
                hint="Raise max_bytes if the file is meant to be so large",
            )

    def _refuse(self, status: int) -> None:
        if status in (401, 403):
            hint = "Ask the publisher of the data for one and give it as the token"
            raise InputError(
                "the server wants a valid access token", source=self.url, found=f"HTTP {status}", hint=hint
            )
        if status != 200:
            hint = "Check the version and the address" if status < 500 else "Try again later"
            raise InputError("the server did not send it", source=self.url, found=f"HTTP {status}", hint=hint)


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
        total = max(total, _integer(page.get("TotalCount")))
        for record in page["Result"]:
            stream.write((b",\n" if written else b"\n") + json.dumps(record).encode())
            written += 1
        advance(len(page["Result"]), total)
    stream.write(f'\n], "TotalCount": {total}}}\n'.encode())


def _pages(request: _Request) -> Iterator[tuple[dict[str, Any], int]]:
    """Every page and its length in bytes: by the link to the next one, or else by the number of pages."""
    start = _with_query(request.url, "pagesize", _PAGE_SIZE)
    first, length = page, _ = _page(request, start)
    yield first, length
    seen = {start}
    while page.get("NextPageUrl"):
        link = _same_host(start, str(page["NextPageUrl"]))
        if link in seen:
            raise InputError("the pages lead in a circle", source=request.url, found=link)
        seen.add(link)
        page, length = _page(request, link)
        yield page, length
    if "NextPageUrl" in first:
        return
    missing, number = _integer(first.get("TotalPages")) - 1, 1
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
        raise InputError("the answer is not valid JSON", source=link, found=str(error)) from error
    if not isinstance(page, dict) or not isinstance(page.get("Result"), list):
        raise InputError("the answer is not a page of records", source=link, expected='{"Result": [records]}')
    return page, len(body)


def _same_host(start: str, link: str) -> str:
    """The link to the next page with the first one's scheme; refused where it leads to another host."""
    here, there = urlsplit(start), _split(urljoin(start, link))
    if there.netloc != here.netloc:
        raise InputError(
            "a page points to another host", source=start, found=there.netloc or link, expected=here.netloc
        )
    return there._replace(scheme=here.scheme).geturl()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError("is no web address", where="url", found=url, expected="http://… or https://…")
    return parts


def _with_query(url: str, name: str, value: int) -> str:
    parts = urlsplit(url)
    query = [(key, text) for key, text in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return parts._replace(query=urlencode([*query, (name, value)])).geturl()


def _integer(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _session() -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retries = Retry(total=2, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), raise_on_status=False)
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    return session


@contextmanager
def _bar(title: str, *, shown: bool) -> Iterator[Advance]:
    """A progress bar on standard error, and the function that moves it on by (amount, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda amount, total: progress.update(task, advance=amount, total=total or None)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """pooch announces every download and its hash; the command line has its own words."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
