"""Folders that commands write: one command at a time in each, and never over files that somebody else put there."""

import json
import os
import re
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.errors import InputError
from forecast.files import TEMPORARY_FILES, check_output_files, check_output_folder, sha256, write_text, write_together

__all__ = [
    "BACKTEST",
    "EVENTS",
    "FORMAT",
    "PLACES",
    "RUN",
    "FolderKind",
    "check_folder",
    "folder_format",
    "locked",
    "mark",
    "marker_text",
    "remove_leftovers",
    "write_folder",
]

# Version of the format of all folders.
FORMAT = 1
_locks: Any = None
with suppress(ImportError):  # Windows has no such locks: commands there go on without
    import fcntl

    _locks = fcntl
_ELSEWHERE = "Choose another output path"
# People are asked to edit it where it lies.
_EDITED = "gazetteer.csv"


@dataclass(frozen=True)
class FolderKind:
    """What a command writes to a folder.

    Attributes
    ----------
    name : str
        What the folder holds; a marker of this name, `<name>.json`, begins with the kind and the version of the format.
    files : tuple of str
        Files that may be written beside the marker: others are never touched.
    """

    name: str
    files: tuple[str, ...]

    @property
    def marker(self) -> str:
        """Name of the marker."""
        return f"{self.name}.json"


RUN = FolderKind(
    "run",
    (
        "report.html",
        "forecast.csv",
        "scores.csv",
        "ledger.csv",
        "panel.nc",
        "forecast.nc",
        "totals.nc",
        "boundaries.json",
        "gazetteer.csv",
        "capability.nc",
    ),
)
BACKTEST = FolderKind("backtest", ("scores.csv", "skill.csv", "failures.csv"))
EVENTS = FolderKind("events", ("events.csv", "gazetteer.csv", "ledger.csv"))
PLACES = FolderKind("places", ("boundaries.geojson", "gazetteer.csv"))
_KINDS = (RUN, BACKTEST, EVENTS, PLACES)

# Folders that a thread has locked, by device and number of the file system: it may lock one again.
_held = threading.local()


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Keep a folder to this command; what a killed command left half-written in it is removed.

    The system takes the lock away when the process ends, however that comes about. Where a file system knows no locks,
    the command goes on without.

    Raises
    ------
    InputError
        At once, where another command has locked the folder.
    """
    folder = Path(folder)
    place = folder.stat()
    key, keys = (place.st_dev, place.st_ino), vars(_held).setdefault("keys", set())
    if key in keys:
        yield
        return
    descriptor = _lock(folder)
    keys.add(key)
    try:
        remove_leftovers(folder)
        yield
    finally:
        keys.discard(key)
        if descriptor is not None:
            os.close(descriptor)


def check_folder(folder: str | Path, kind: FolderKind, inputs: Collection[str] = ()) -> None:
    """Raise an InputError where writing a kind of folder would replace or remove what is not of that kind.

    Parameters
    ----------
    folder : path
        May be missing.
    kind : FolderKind
        What is to be written.
    inputs : collection of str
        SHA-256 of files that are read, which may not be overwritten either.
    """
    folder = Path(folder)
    check_output_files(folder, (*kind.files, kind.marker), inputs)
    for other in _KINDS:
        if other != kind and folder_format(folder, other) is not None:
            problem = f"is a folder of another kind, with {other.marker}"
            raise InputError(problem, source=folder, expected=f"a new one, or one with {kind.marker}", hint=_ELSEWHERE)
    version = folder_format(folder, kind)
    if version is None:
        strange = next((file for file in (*kind.files, kind.marker) if os.path.lexists(folder / file)), None)
        if strange is not None:
            problem = f"is there already and would be replaced, in a folder without a {kind.marker} of this package"
            raise InputError(problem, source=folder / strange, hint=_ELSEWHERE)
    elif version > FORMAT:
        hint = f"Take that version, or {_ELSEWHERE[0].lower()}{_ELSEWHERE[1:]}"
        raise InputError("was written by a newer version", source=folder / kind.marker, found=version, hint=hint)
    elif _was_edited(folder, kind):
        problem = "was edited since it was written, and would be replaced"
        raise InputError(problem, source=folder / _EDITED, hint=f"Move it, or {_ELSEWHERE[0].lower()}{_ELSEWHERE[1:]}")


@contextmanager
def write_folder(
    folder: str | Path, kind: FolderKind, record: Mapping[str, Any] | None = None, inputs: Collection[str] = ()
) -> Iterator[Path]:
    """Give a temporary folder to write a kind's files to; move them to `folder`, with the marker, at a good end.

    Parameters
    ----------
    folder : path
        Made where it is missing; as it was where the block fails.
    kind : FolderKind
        What is written. Files of it that the block did not write are removed.
    record : mapping, optional
        What the marker holds beside the kind and the SHA-256 of each of the files.
    inputs : collection of str
        As of `check_folder`.

    Raises
    ------
    InputError
        As of `check_folder`, `locked` and `write_together`.
    """
    folder = check_output_folder(folder)
    with locked(folder):
        check_folder(folder, kind, inputs)
        files = (*kind.files, kind.marker)
        with write_together(folder, files, inputs=inputs, unfinished=marker_text(kind, {})) as temporary:
            yield temporary
            written = {file: sha256(temporary / file) for file in kind.files if (temporary / file).is_file()}
            content = {**(record or {}), "files": written}
            write_text(temporary / kind.marker, marker_text(kind, content))


def mark(folder: str | Path, kind: FolderKind, record: Mapping[str, Any]) -> None:
    """Write the marker of a kind to a folder."""
    write_text(Path(folder) / kind.marker, marker_text(kind, record))


def marker_text(kind: FolderKind, record: Mapping[str, Any]) -> str:
    """The marker's text, which begins with the kind: it tells its folder even where the rest was cut away."""
    return json.dumps({"kind": kind.name, "format": FORMAT, **record}, indent=2, ensure_ascii=False, allow_nan=False)


def folder_format(folder: Path, kind: FolderKind) -> int | None:
    """The version of a marker's format; None where there is no marker of that kind."""
    try:
        with open(folder / kind.marker, "rb") as stream:
            begin = stream.read(200)
    except OSError:
        return None
    match = re.match(rb'\s*\{\s*"kind":\s*"%s",\s*"format":\s*(\d{1,9})\b' % kind.name.encode(), begin)
    return None if match is None else int(match[1])


# Parts ---------------------------------------------------------------------------------------------------------------


def _lock(folder: Path) -> int | None:
    """A descriptor whose closing frees the folder; None where it cannot be locked."""
    if _locks is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        _locks.flock(descriptor, _locks.LOCK_EX | _locks.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        hint = "Wait until it has ended, or choose another output path"
        raise InputError("is in use by another command that writes to it", source=folder, hint=hint) from None
    except OSError:  # some network file systems
        os.close(descriptor)
        return None
    return descriptor


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed command left half-written in a folder that this command has locked."""
    with suppress(OSError):
        for path in folder.glob(TEMPORARY_FILES):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _was_edited(folder: Path, kind: FolderKind) -> bool:
    """Whether the file that people edit is another than the marker says."""
    if not (folder / _EDITED).is_file():
        return False
    try:
        written = json.loads((folder / kind.marker).read_text(encoding="utf-8"))["files"][_EDITED]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        # Nothing says what was written: the marker is damaged, or a command was killed as it moved its files.
        return False
    return bool(written != sha256(folder / _EDITED))
