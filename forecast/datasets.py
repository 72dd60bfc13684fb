"""Where the shipped data are: in a checkout, an editable install and a wheel."""

from pathlib import Path

from forecast.errors import InputError

__all__ = ["data_path"]


def data_path(name: str = "") -> Path:
    """Path of a shipped data file (or of the data folder, without a name).

    Raises
    ------
    InputError
        When no such file is shipped; the message lists what is.
    """
    package = Path(__file__).parent
    folder = next(folder for folder in (package / "_data", package.parent / "data") if folder.is_dir())
    path = folder / name
    if not path.exists():
        raise InputError("no such data set", where=name, expected=sorted(p.name for p in folder.iterdir()))
    return path
