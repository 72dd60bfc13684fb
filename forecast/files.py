"""Files written whole or not at all, hashed, and harmless to a spreadsheet."""

import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd

from forecast.errors import ForecastError, InputError
from forecast.signals import uninterrupted

__all__ = [
    "TEMPORARY_FILES",
    "check_input_file",
    "check_output_files",
    "check_output_folder",
    "damage_is_input",
    "read_csv",
    "read_part",
    "readable_name",
    "safe_write",
    "sha256",
    "write_csv",
    "write_text",
    "write_together",
]

Read = TypeVar("Read")
_TEMPORARY = ".forecast-"
# Names of what is being written, as a pattern: what a killed process leaves behind.
TEMPORARY_FILES = f"{_TEMPORARY}*.tmp"
# Where a cell may begin like a formula: at its start, and after what splits cells in other locales. Apostrophes that
# are there already count, so that the one that is added can be taken away again.
_BEGIN = '(?:^|[;\t\r\n])[ "]*'
_FORMULA = f"[{re.escape('=+-@＝＋－＠')}]"
_RUNS = re.compile(f"^(?='*[\t\r\n])|{_BEGIN}(?='*{_FORMULA})")
_NEUTRALISED = re.compile(f"(^(?='+[\t\r\n])|{_BEGIN}(?='+{_FORMULA}))'")


def check_input_file(path: str | Path) -> None:
    """Raise an InputError where `path` is no file that can be read twice.

    A pipe, a socket or a device may never end, and opening one may wait for ever.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError("no such file", source=path, hint="Check the path and the spelling") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", source=path) from error
    if stat.S_ISDIR(mode):
        raise InputError("is a folder where a file is needed", source=path, hint="Name a file in it")
    if not stat.S_ISREG(mode):
        hint = "Write what it gives to a file, and name that"
        raise InputError("is a pipe, a socket or a device where a file is needed", source=path, hint=hint)


def readable_name(path: str | Path) -> str:
    """The name of a file as text: bytes of it that are no UTF-8 are spelled out (\\xff), so that it can be written."""
    return os.fsencode(Path(path).name).decode("utf-8", errors="backslashreplace")


@contextmanager
def safe_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to, and move it there when the block ends well.

    Raises
    ------
    InputError
        When the folder cannot be made or written to, or the disk is full. Nothing half-written stays.
    """
    target = Path(path)
    try:
        check_output_folder(target.parent)
        temporary = _temporary(target)
        try:
            # Not by `mkstemp`, which gives rights to the owner only: those of the user's umask count.
            temporary.touch(mode=0o666, exist_ok=False)
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from error


@contextmanager
def write_together(
    folder: str | Path, files: Sequence[str], *, inputs: Collection[str] = (), unfinished: str = ""
) -> Iterator[Path]:
    """Give a temporary folder to write `files` to, and move them to `folder` when the block ends well.

    When the block fails, `folder` stays as it was. The last of `files` is the seal: the old one goes before the first
    move and the new one comes last, so that a folder that holds it holds the rest of the same work. Those that the
    block did not write are removed from `folder`.

    Parameters
    ----------
    folder : path
        Made where it is missing.
    files : sequence of str
        Names of all files that the block may write.
    inputs : collection of str
        SHA-256 of the files that the work was made from: none of them is overwritten.
    unfinished : str
        What the seal holds between the first move and the last; without, there is none meanwhile.

    Raises
    ------
    InputError
        When the folder cannot be made or written to, the disk is full, or an input would be overwritten.
    """
    folder = check_output_folder(folder)
    check_output_files(folder, files, inputs)
    temporary = _temporary(folder / "files")
    try:
        try:
            temporary.mkdir(mode=0o700)
            yield temporary
            with uninterrupted():
                _move(temporary, folder, files, unfinished)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except InputError as error:
        if not Path(error.source).parent.name.startswith(_TEMPORARY):
            raise
        # The user knows nothing of the temporary folder.
        raise InputError(error.problem, source=folder / Path(error.source).name, hint=error.hint) from error
    except OSError as error:
        raise _unwritable(Path(error.filename2 or error.filename or folder), error) from error


def _move(source: Path, folder: Path, files: Sequence[str], unfinished: str) -> None:
    """Move what there is of `files` from one folder to another, the last one last; remove the others there."""
    if unfinished:
        write_text(folder / files[-1], unfinished)
    else:
        (folder / files[-1]).unlink(missing_ok=True)
    for file in files:
        if (source / file).exists():
            (source / file).replace(folder / file)
        else:
            (folder / file).unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """A name beside `path` that nobody has, for what is being written."""
    return path.with_name(f"{_TEMPORARY}{path.name[:40]}-{secrets.token_hex(4)}.tmp")


def check_output_folder(folder: str | Path) -> Path:
    """Make `folder` where it is missing and return it; an `InputError` says why it cannot be used."""
    folder = Path(folder)
    try:
        blocker = next((part for part in (folder, *folder.parents) if part.exists()), None)
        if blocker is not None and not blocker.is_dir():
            raise InputError("is a file where a folder is needed", source=blocker, hint="Choose another output path")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the folder cannot be made: {reason}", source=folder, hint="Choose another output path"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("the folder cannot be written to", source=folder, hint="Choose another output path")
    return folder


def check_output_files(folder: str | Path, files: Sequence[str], inputs: Collection[str] = ()) -> None:
    """Raise an InputError where one of `files` in `folder` is a folder, or an input (told by its SHA-256)."""
    for path in (Path(folder) / file for file in files):
        if os.path.isdir(path):
            raise InputError(
                "is a folder where a file is to be written", source=path, hint="Choose another output path"
            )
        if inputs and os.path.isfile(path) and sha256(path) in inputs:
            problem = "is an input and would be overwritten"
            raise InputError(problem, source=path, hint="Choose another output path")


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    with safe_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV, whole or not at all, with text that a spreadsheet would run neutralised."""
    with safe_write(path) as temporary:
        neutralised(table).to_csv(temporary, index=False)


def read_csv(path: str | Path, text: Collection[str], days: Collection[str] = ()) -> pd.DataFrame:
    """Read a table that `write_csv` wrote, with its text as it was: 'None', '01' and '-x' are labels.

    Parameters
    ----------
    path : path
        The file.
    text, days : collections of str
        Columns of text and of days, which must be there; the others are numbers or truth values.

    Raises
    ------
    ValueError
        Where the file is no such table.
    """
    columns = pd.read_csv(path, nrows=0).columns
    absent = [column for column in (*text, *days) if column not in columns]
    if absent:
        raise ValueError(f"lacks the columns {', '.join(absent)}")
    labels = list(text)
    blank = {column: [""] for column in columns if column not in labels}
    table = pd.read_csv(
        path,
        dtype=dict.fromkeys(labels, str),
        keep_default_na=False,
        na_values=blank,
        parse_dates=list(days),
        date_format="ISO8601",
    )
    table[labels] = table[labels].map(_as_it_was)
    numbers = table.drop(columns=[*labels, *days])
    wrong = [str(column) for column in numbers if not pd.api.types.is_numeric_dtype(numbers[column])]
    wrong += [day for day in days if not pd.api.types.is_datetime64_any_dtype(table[day]) or table[day].isna().any()]
    if wrong and len(table):
        raise ValueError(f"{', '.join(wrong)}: not all can be read")
    return table


def read_part(file: Path, read: Callable[[Path], Read], hint: str) -> Read:
    """One file of a folder that the package wrote; any way in which it can be damaged is the folder's fault."""
    if not file.is_file():
        raise InputError("is missing", source=file, hint=hint)
    try:
        return read(file)
    except MemoryError:
        raise
    except Exception as error:
        found = error.problem if isinstance(error, InputError) else str(error) or type(error).__name__
        raise InputError("is damaged", source=file, found=found, hint=hint) from error


@contextmanager
def damage_is_input(source: str | Path, hint: str) -> Iterator[None]:
    """Whatever goes wrong within is the fault of a file, or of files in a folder, that was written and shown before."""
    try:
        yield
    except (ForecastError, MemoryError):
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        damaged = "was" if Path(source).is_file() else "holds a file that was"
        problem = f"{damaged} edited or damaged, and cannot be shown"
        raise InputError(problem, source=source, found=found, hint=hint) from error


def neutralised(table: pd.DataFrame) -> pd.DataFrame:
    """Copy of a table in which text that a spreadsheet may take for a formula is led by an apostrophe (OWASP).

    Full-width signs count as their plain ones, and what follows a semicolon, a tab or a new line as a cell of its own.
    """
    table = table.copy()
    for column in table.columns:
        values = table[column]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
            continue
        text = values.astype(object)
        dangerous = text.map(lambda value: isinstance(value, str) and _RUNS.search(value) is not None)
        if dangerous.any():
            table[column] = text.where(~dangerous, text.astype(str).map(_harmless))
    return table.rename(columns=lambda name: _harmless(str(name)))


def _harmless(text: str) -> str:
    return _RUNS.sub(r"\g<0>'", text)


def _as_it_was(text: str) -> str:
    return _NEUTRALISED.sub(r"\1", text)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal; an `InputError` where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=path) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    hint = "Check the folder, its permissions and the free space"
    return InputError(f"cannot be written: {error.strerror or error}", source=path, hint=hint)
