"""Downloads kept as they were: copies whose names hold the day and the hash of what they hold."""

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

from forecast.errors import InputError
from forecast.files import check_input_file, safe_write, sha256

__all__ = ["keep_files"]

# Hexadecimal digits of the hash in a name.
_DIGITS = 12


def keep_files(files: Sequence[str | Path], folder: str | Path, day: dt.date | None = None) -> list[Path]:
    """Copy downloads into a folder, each under a name of its own: `acled_2024-05-02_1f0c9a7b3d52.csv`.

    What the folder holds already, under whatever day, is not copied again. Several downloads of one query, read
    together, tell when records became known and which were withdrawn.

    Parameters
    ----------
    files : sequence of path
        The downloads.
    folder : path
        Made where it is missing; nothing in it is replaced.
    day : date, optional
        The day of the download; today by default.

    Returns
    -------
    list of Path
        Where each file lies in the folder.

    Raises
    ------
    InputError
        For what is no file, and where the folder cannot be written to.
    """
    folder, stamp = Path(folder), f"{day or dt.date.today():%Y-%m-%d}"
    for file in files:
        check_input_file(file)
    kept = []
    for file in map(Path, files):
        digest = sha256(file)[:_DIGITS]
        held = next(iter(sorted(folder.glob(f"*_{digest}*"))), None) if folder.is_dir() else None
        if held is None:
            stem, _, endings = file.name.partition(".")
            held = folder / f"{stem}_{stamp}_{digest}{'.' * bool(endings)}{endings}"
            with safe_write(held) as temporary:
                shutil.copyfile(file, temporary)
            if sha256(held)[:_DIGITS] != digest:
                held.unlink()
                raise InputError("changed while it was copied", source=file, hint="Copy it again once it is complete")
        kept.append(held)
    return kept
