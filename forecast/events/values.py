"""Cells of text to numbers, coordinates, codes and ids, with what could not be read in the ledger."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.errors import InputError
from forecast.events.raw import RawTable
from forecast.ledger import Ledger

__all__ = ["MADE_ID", "codes", "coordinates", "counts", "ids", "numbers"]

# Ids made from row numbers begin so; they are unique within one file only.
MADE_ID = "row-"
# More deaths or attacks than this in one row is a slip of the columns, not a count.
_LARGEST_COUNT = 10_000_000


def numbers(text: pd.Series) -> pd.Series:
    """Column of text as float64, NaN where it is missing or no finite number."""
    try:
        values = pd.Series(
            pc.cast(pa.array(text, pa.string()), pa.float64()).to_numpy(zero_copy_only=False), text.index
        )
    except pa.ArrowInvalid:
        values = pd.to_numeric(text, errors="coerce").astype("float64")
    return values.mask(np.isinf(values))


def counts(
    raw: RawTable,
    column: str,
    ledger: Ledger,
    *,
    unknown: tuple[int, ...] = (),
    fractions: Literal["round", "refuse"] = "round",
) -> tuple[pd.Series, Ledger]:
    """Column of counts as Int64, NA where it is missing or no number (a ledger line) or a code for `unknown`.

    Raises
    ------
    InputError
        For a negative or implausibly large count, and for a fraction where fractions are refused.
    """
    if column not in raw.frame:
        return pd.Series(pd.NA, index=raw.frame.index, dtype="Int64"), ledger
    text = raw.frame[column]
    values = numbers(text)
    unreadable = values.isna() & text.notna()
    ledger = ledger.add(
        f"{column} not a number",
        int(unreadable.sum()),
        "changed",
        "taken as unknown",
        _examples(text[unreadable]),
        raw.name,
    )
    coded = values.isin(unknown)
    reason = f"{' and '.join(map(str, unknown))} stand for unknown"
    ledger = ledger.add(f"{column} coded as unknown", int(coded.sum()), "changed", reason, source=raw.name)
    values = values.mask(coded)
    _refuse(raw, column, values < 0, "a negative count", "0 or more")
    _refuse(raw, column, values > _LARGEST_COUNT, "an implausible count", f"at most {_LARGEST_COUNT:,}")
    broken = values.notna() & (values != np.floor(values))
    if fractions == "refuse":
        _refuse(raw, column, broken, "not a whole number", "0, 1, 2, …")
    ledger = ledger.add(
        f"{column} not a whole number", int(broken.sum()), "changed", "rounded", _examples(text[broken]), raw.name
    )
    return values.round().astype("Int64"), ledger


def coordinates(
    raw: RawTable, ledger: Ledger, latitude: str = "latitude", longitude: str = "longitude"
) -> tuple[pd.Series, pd.Series, Ledger]:
    """Latitude and longitude in degrees; both NaN (and a ledger line) where they are no place on earth."""
    if latitude not in raw.frame or longitude not in raw.frame:
        nowhere = pd.Series(np.nan, index=raw.frame.index)
        return nowhere, nowhere, ledger
    texts = raw.frame[latitude], raw.frame[longitude]
    north, east = (numbers(_with_point(text)) for text in texts)
    given = texts[0].notna() | texts[1].notna()
    # 0, 0 lies in the Gulf of Guinea, and is what an empty cell becomes in many a spreadsheet.
    valid = north.between(-90, 90) & east.between(-180, 180) & ~((north == 0) & (east == 0))
    wrong = given & ~valid
    shown = (f"row {row}: {texts[0][row]}, {texts[1][row]}" for row in wrong.index[wrong])
    ledger = ledger.add(
        "coordinates", int(wrong.sum()), "changed", "not a place on earth; taken as missing", shown, raw.name
    )
    return north.where(valid), east.where(valid), ledger


def codes(
    raw: RawTable, column: str, values: Mapping[str, str], default: str | None, ledger: Ledger
) -> tuple[pd.Series, Ledger]:
    """Meaning of each code by the source's codebook; `default` (and a ledger line) where there is no such code."""
    if column not in raw.frame:
        return pd.Series(default, index=raw.frame.index, dtype="str"), ledger
    text = raw.frame[column]
    meaning = text.map({code: values.get(_whole(code)) for code in text.dropna().unique()}).astype("str")
    other = meaning.isna()
    reason = f"missing or not in the codebook: taken as {default or 'unknown'}"
    ledger = ledger.add(column, int(other.sum()), "noted", reason, _examples(text[other]), raw.name)
    return (meaning if default is None else meaning.fillna(default)), ledger


def ids(raw: RawTable, column: str, ledger: Ledger) -> tuple[pd.Series, Ledger]:
    """Event ids as text; made from the row number ('row-17') where the file gives none."""
    frame = raw.frame
    given = frame[column] if column in frame else pd.Series(np.nan, index=frame.index, dtype="str")
    if given.str.endswith(".0").any():
        given = given.map(_whole, na_action="ignore").astype("str")
    missing = given.isna()
    reason = "ids made from row numbers"
    ledger = ledger.add("events without an id", int(missing.sum()), "noted", reason, source=raw.name)
    if missing.any():
        made = pd.Series(MADE_ID + frame.index.astype("str"), index=frame.index, dtype="str")
        given = given.mask(missing, made)
    return given, ledger


def _whole(text: str) -> str:
    """A whole number without the '.0' that passing through a float column leaves behind; other text as it is."""
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


def _with_point(text: pd.Series) -> pd.Series:
    return text.str.replace(r"^(-?[0-9]+),([0-9]+)$", r"\1.\2", regex=True)


def _examples(text: pd.Series) -> Iterable[str]:
    return (f"row {row}: {'empty' if pd.isna(value) else value}" for row, value in text.items())


def _refuse(raw: RawTable, column: str, wrong: pd.Series, problem: str, expected: str) -> None:
    if wrong.any():
        row = wrong.index[wrong][0]
        raise InputError(
            problem,
            source=raw.path,
            where=raw.where(column, row),
            found=raw.frame[column][row],
            expected=expected,
            hint="Correct the cell, or empty it where the count is unknown",
        )
