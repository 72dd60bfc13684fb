"""Downloads of event files into a cache: limited in size, checked, and whole or not at all."""

import hashlib
import re
import time
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from forecast.errors import InputError
from forecast.events import limits
from forecast.events.raw import read_raw
from forecast.events.request import Advance, Request, paged, quiet, single, split, without_password
from forecast.events.ucdp import WANTED
from forecast.files import check_output_folder
from forecast.progress import Progress, silent
from forecast.progress import progress as shown_work

__all__ = ["DOWNLOADS", "fetch"]

DOWNLOADS = ("ucdp-ged", "ucdp-ged-api")
_FILES = "https://ucdp.uu.se/downloads"
_INTERFACE = "https://ucdpapi.pcr.uu.se/api"
# Where a token may travel unencrypted: it does not leave the machine.
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_VERSION = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2}){1,4}")
_SUFFIX = re.compile(r"(\.csv|\.json)?(\.gz|\.zip)?$")


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
    download = paged if source == "ucdp-ged-api" else single
    request = Request(address, token, max_bytes, max_seconds, time.monotonic())

    unit = "bytes" if download is single else "records"

    def downloader(_: str, output: str, __: object) -> None:
        title = f"downloading {source} {version}"
        with nullcontext() if progress else silent(), shown_work(title, even=False) as work:
            with open(output, "wb") as stream:
                download(request, stream, _moving(work, unit))
            work(1.0, f"checking {source} {version}")
            _refuse_other_content(Path(output), request)

    known_hash = f"sha256:{sha256.lower()}" if sha256 else None
    try:
        with quiet(pooch.get_logger()):
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
        parts = split(url)
        if token and parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
            hint = "Use an address that begins with https://"
            raise InputError("a token is not sent unencrypted", source=without_password(url), hint=hint)
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


def _refuse_other_content(path: Path, request: "Request") -> None:
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


def _moving(work: Progress, unit: str) -> Advance:
    """The function that moves shown work on by (amount, total); the total is 0 where it is not known."""
    title, done = work.what, 0

    def advance(amount: int, total: int) -> None:
        nonlocal done
        done += amount
        of_all = f" of {total:,}" if total else ""
        work(done / total if total else 0.0, f"{title}: {done:,}{of_all} {unit}")

    return advance
