"""The folder of a backtest: what it is of, where the files of an origin lie, and what a resumed one must share."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator

from forecast.errors import InputError
from forecast.folders import BACKTEST, check_folder, mark, remove_leftovers
from forecast.markers import Day, Record, read_marker
from forecast.model.spec import check_model_name

__all__ = [
    "AGAIN",
    "ENERGY",
    "ERROR",
    "FORECAST",
    "SCORES",
    "SECONDS",
    "START",
    "BacktestRecord",
    "check_backtest_folder",
    "claim",
    "is_done",
    "origin_folder",
    "read_record",
]

# Files of an origin.
FORECAST, SCORES, START, ERROR, ENERGY = "forecast.nc", "scores.csv", "start.nc", "error.txt", "energy.csv"
SECONDS = "seconds.csv"
AGAIN = "Make the backtest again, in another folder"


def _name(text: str) -> str:
    try:
        check_model_name(text)
    except InputError as error:
        raise ValueError(error.problem) from None
    return text


class BacktestRecord(Record):
    """What a backtest is of: `backtest.json`.

    Attributes
    ----------
    version
        Of the package.
    models, futures, data, vintages
        Fingerprints of each model and each covariate's future, by name, of the panel and of the source.
    origins
        Last days of the data at each origin.
    horizon, window, draws, seed, engine
        As `backtest` was given them.
    """

    version: str
    models: dict[Annotated[str, AfterValidator(_name)], str]
    origins: list[Day]
    horizon: int
    window: int | None
    draws: int
    seed: int
    engine: str
    futures: dict[str, str]
    data: str
    vintages: str


def origin_folder(folder: Path, model: str, origin: pd.Timestamp) -> Path:
    """Where an origin's files lie; the model's name is made harmless, and told apart by a checksum."""
    safe = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "-_" else "_" for letter in model)
    unique = safe if safe == model else f"{safe}-{zlib.crc32(model.encode()):08x}"
    return folder / unique / f"{origin:%Y-%m-%d}"


def is_done(place: Path) -> bool:
    """Whether an origin has its scores, which come last, or the error of its model."""
    return (place / SCORES).is_file() or (place / ERROR).is_file()


def check_backtest_folder(folder: Path, resume: bool) -> None:
    """Raise an InputError where a backtest cannot go to a folder, as far as that is known before its data are read.

    What a killed backtest left half-written is removed: the folder must be locked.
    """
    if (folder / BACKTEST.marker).is_file() and not resume:
        hint = "Resume it, or choose another folder"
        raise InputError("holds a backtest already", source=folder, hint=hint)
    if not (folder / BACKTEST.marker).is_file() and any(folder.iterdir()):
        raise InputError("is not empty", source=folder, hint="Choose another folder")
    check_folder(folder, BACKTEST)
    for place in folder.glob("*/*/"):
        remove_leftovers(place)


def claim(folder: Path, record: BacktestRecord, resume: bool) -> None:
    """Write down what a backtest is of, or make sure that the folder's is of the same.

    Parameters
    ----------
    folder : path
        Locked.
    record : BacktestRecord
        Of the one that is to be made.
    resume : bool
        Whether there may be a backtest.

    Raises
    ------
    InputError
        Which names what differs.
    """
    check_backtest_folder(folder, resume)
    if not (folder / BACKTEST.marker).is_file():
        mark(folder, BACKTEST, record.model_dump())
        return
    kept = read_record(folder).model_dump()
    differing = [name for key, value in record.model_dump().items() for name in _differing(key, kept[key], value)]
    if differing:
        hint = "Choose another folder, or take back what was changed"
        raise InputError("holds another backtest", source=folder, found=f"other {', '.join(differing)}", hint=hint)


def read_record(folder: Path) -> BacktestRecord:
    """What a folder's backtest is of.

    Raises
    ------
    InputError
        Where the folder holds none, or the record is damaged.
    """
    if not (folder / BACKTEST.marker).is_file():
        raise InputError("holds no backtest", source=folder, expected=f"a folder with {BACKTEST.marker}")
    return read_marker(folder, BACKTEST, BacktestRecord, AGAIN)


# Parts ---------------------------------------------------------------------------------------------------------------


def _differing(key: str, kept: Any, value: Any) -> list[str]:
    """Names of what differs between two values of a record: of mappings such as `models`, by their keys."""
    if kept == value:
        return []
    if not (isinstance(value, Mapping) and isinstance(kept, Mapping)):
        return [key]
    names = dict.fromkeys((*kept, *value))
    return [f"{key.removesuffix('s')} {name}" for name in names if kept.get(name) != value.get(name)]
