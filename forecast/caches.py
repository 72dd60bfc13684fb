"""Where libraries keep machine code: in the home folder, or in a temporary one where that takes no files."""

import atexit
import functools
import logging
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["check_caches"]

# More than an index of machine code takes: a home may be full.
_NEEDED_BYTES = 2**16


@functools.cache
def check_caches() -> None:
    """Send the caches of libraries to a temporary folder, and say so, where the home folder takes none.

    ArviZ and PyTensor cannot be imported without, and Numba could keep nothing. Called before they are imported; the
    temporary folder is that of this process and those that it starts, and goes when it ends.
    """
    places = _places()
    if all(map(_takes_files, places)):
        return
    temporary = Path(tempfile.mkdtemp(prefix="forecast-cache-"))
    owner = os.getpid()
    # A forked process ends before the one that others still share it with.
    atexit.register(lambda: shutil.rmtree(temporary, ignore_errors=True) if os.getpid() == owner else None)
    os.environ["XDG_CACHE_HOME"] = os.environ["MPLCONFIGDIR"] = str(temporary)
    flags = [part for part in os.environ.get("PYTENSOR_FLAGS", "").split(",") if part and "base_compiledir" not in part]
    os.environ["PYTENSOR_FLAGS"] = ",".join([*flags, f"base_compiledir={temporary / 'pytensor'}"])
    logging.getLogger("forecast").warning(
        "nothing can be written to %s: machine code is kept in a temporary folder, and compiled again each time; "
        "set HOME or XDG_CACHE_HOME to a folder that can be written to",
        " and ".join(str(place) for place in dict.fromkeys(places) if not _takes_files(place)),
    )


def _places() -> tuple[Path, Path]:
    """The folders of caches and of PyTensor's compiled functions."""
    # Without a home, `expanduser` leaves the ~ as it is, and libraries would make a folder of that name here.
    home = Path(os.path.expanduser("~"))
    flags = dict(part.partition("=")[::2] for part in os.environ.get("PYTENSOR_FLAGS", "").split(","))
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache"), Path(flags.get("base_compiledir") or home)


def _takes_files(folder: Path) -> bool:
    """Whether a file can be written below `folder`, or where it would be made."""
    if not folder.is_absolute():
        return False
    try:
        there = next(part for part in (folder, *folder.parents) if part.exists())
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(_NEEDED_BYTES))
            file.flush()
    except OSError:
        return False
    return True
