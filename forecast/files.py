"""Files written whole or not at all, hashed, and harmless to a spreadsheet."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from forecast.errors import InputError

__all__ = ["check_output_folder", "safe_write", "sha256", "write_csv", "write_text"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@contextmanager
def safe_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to, and move it there when the block ends well.

    Raises
    ------
    InputError
        When the folder cannot be made or written to, or the disk is full. Nothing half-written stays.
    """
    target = Path(path)
    temporary = None
    try:
        check_output_folder(target.parent)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}",
            source=target,
            hint="Check the folder, its permissions and the free space",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_output_folder(folder: str | Path) -> Path:
    """Make `folder` where it is missing and return it; an `InputError` says why it cannot be."""
    folder = Path(folder)
    blocker = next((part for part in (folder, *folder.parents) if part.exists()), None)
    if blocker is not None and not blocker.is_dir():
        raise InputError("is a file where a folder is needed", source=blocker, hint="Choose another output path")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder cannot be made: {error.strerror}", source=folder) from error
    return folder


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    with safe_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV, whole or not at all, with text that a spreadsheet would run neutralised."""
    with safe_write(path) as temporary:
        neutralised(table).to_csv(temporary, index=False)


def neutralised(table: pd.DataFrame) -> pd.DataFrame:
    """Copy of a table in which text that begins like a formula is led by an apostrophe (OWASP, CSV injection)."""
    table = table.copy()
    for column in table.columns:
        values = table[column]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
            continue
        text = values.astype(object)
        dangerous = text.map(lambda value: isinstance(value, str) and value.startswith(_FORMULA_STARTS))
        if dangerous.any():
            table[column] = text.where(~dangerous, "'" + text.astype(str))
    return table.rename(columns=lambda name: "'" + name if str(name).startswith(_FORMULA_STARTS) else name)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
