"""Cells of text to numbers, coordinates, codes and ids, with what could not be read in the ledger."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecast.errors import InputError
from forecast.events.columns import plain_name
from forecast.events.raw import RawTable
from forecast.ledger import Ledger

__all__ = [
    "LARGEST_COUNT",
    "MADE_ID",
    "amounts",
    "ascii_digits",
    "codes",
    "coordinates",
    "counts",
    "ids",
    "numbers",
    "refuse_totals",
]

# Ids made from row numbers begin so; they are unique within one file only.
MADE_ID = "row-"
# More deaths or attacks than this in one row is a slip of the columns, not a count.
LARGEST_COUNT = 10_000_000

# How a number may be written, by its decimal sign; the other of point and comma then divides thousands. Signs that can
# only divide thousands (spaces, apostrophes, the Arabic sign) are apostrophes here.
_WRITTEN = {
    point: re.compile(
        rf"(?P<whole>[+-]?(?:\d*|[1-9]\d{{0,2}}(?:[{comma}']\d{{3}})+))(?:[{point}٫](?P<part>\d*))?(?P<power>e[+-]?\d+)?",
        re.ASCII | re.IGNORECASE,
    )
    for point, comma in (".,", ",.")
}
_DIVIDERS = re.compile(r"(?<=\d)[\s'’_٬](?=\d)")
# Labels of rows that sum up others, in the form that `plain_name` gives.
_TOTAL = re.compile(
    "(?:grand_|sub_?)?totals?(?:_.*)?|.*_totals?|sum|overall|national|nation_?wide|(?:the_)?whole_country|ensemble|"
    "insgesamt|gesamt|summe|todas|todos|toutes|tous|"
    "all(?:_(?:provinces|governorates|regions|states|districts|departments|areas|types|tactics|attacks|events))?|"
    "(?:ال)?(?:اجمالي|مجموع)(?:_.*)?"
)
# A last row that equals the sum of fewer others than these may do so by chance.
_SUMMED_ROWS = 5


def numbers(text: pd.Series) -> pd.Series:
    """Column of text as float64, NaN where it is missing or no finite number."""
    try:
        values = pd.Series(
            pc.cast(pa.array(text, pa.string()), pa.float64()).to_numpy(zero_copy_only=False), text.index
        )
    except pa.ArrowInvalid:
        values = pd.to_numeric(text, errors="coerce").astype("float64")
    return values.mask(np.isinf(values))


def ascii_digits(text: str) -> str:
    """Text with the digits of any script (٣, ३, ３) as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def amounts(
    raw: RawTable, column: str, ledger: Ledger, *, whole: bool, unread: str = "taken as unknown"
) -> tuple[pd.Series, Ledger]:
    """Column of text as float64, with thousands separators; NaN where it is missing or (ledger line) no number.

    Spaces, apostrophes, `_` and ٬ can only divide thousands. Point and comma have one meaning in a whole column, which
    values such as 1.5, 1,203.5 or 1.203.400 decide. Where none does, a comma before three digits divides thousands; a
    point does so in a column of whole numbers that would not be whole otherwise.

    Parameters
    ----------
    raw, column, ledger
        The file, the column of its frame, and what has been noted so far.
    whole : bool
        Whether the column holds counts.
    unread : str
        What becomes of a cell that holds no number.

    Raises
    ------
    InputError
        Where point or comma have two meanings in one column, or either meaning would do.
    """
    text = raw.frame[column]
    distinct = pd.Series(text.dropna().unique(), dtype="str")
    # A number of hundreds of digits is none.
    if distinct.str.fullmatch("[0-9]{1,300}").all():
        return numbers(text), ledger
    signs = distinct.map(lambda cell: _DIVIDERS.sub("'", ascii_digits(cell).replace("\u2212", "-")))
    readings = pd.DataFrame({point: signs.map(lambda cell, at=point: _number(cell, at)) for point in _WRITTEN})
    point = _decimal_sign(raw, column, distinct, readings, whole)
    values = text.map(dict(zip(distinct, readings[point], strict=True))).astype("float64")
    values = values.mask(np.isinf(values))
    comma = "," if point == "." else "."
    divided = values.notna() & text.isin(distinct[signs.str.contains(f"[{comma}']")])
    reason = f"{column}: thousands are divided by signs, decimals by {'points' if point == '.' else 'commas'}"
    ledger = ledger.add("thousands separators", int(divided.sum()), "noted", reason, _examples(text[divided]), raw.name)
    unreadable = values.isna() & text.notna()
    rule, shown = f"{column} not a number", _examples(text[unreadable])
    return values, ledger.add(rule, int(unreadable.sum()), "changed", unread, shown, raw.name)


def _number(text: str, point: str) -> float:
    """A number whose decimal sign is `point`; NaN where it is none."""
    written = _WRITTEN[point].fullmatch(text)
    if written is None or not (written["whole"].lstrip("+-") or written["part"]):
        return np.nan
    whole = re.sub("[,.']", "", written["whole"])
    return float(f"{whole or 0}.{written['part'] or 0}{written['power'] or ''}")


def _decimal_sign(raw: RawTable, column: str, text: pd.Series, readings: pd.DataFrame, whole: bool) -> str:
    """Whether point or comma is the decimal sign of a column, from the numbers that its cells would be with either."""
    by_point, by_comma = readings["."], readings[","]
    only_point = text[by_point.notna() & by_comma.isna()]
    only_comma = text[by_comma.notna() & by_point.isna()]
    way_out = "Write whole numbers without separators (1203), and decimals all with a point"
    if len(only_point) and len(only_comma):
        shown = [only_point.iloc[0], only_comma.iloc[0]]
        problem = "points and commas have two meanings in one column"
        raise InputError(problem, source=raw.path, where=raw.where(column), found=shown, hint=way_out)
    either = by_point.notna() & by_comma.notna() & (by_point != by_comma)
    if len(only_comma):
        return ","
    pointed = text[either & (by_point < by_comma)]
    if len(only_point) or pointed.empty:
        return "."
    undivided = by_point[~either].max() >= 1000
    if whole and (by_comma.dropna() % 1 == 0).all() and not (by_point.dropna() % 1 == 0).all() and not undivided:
        return ","
    problem = "a point may divide thousands or decimals"
    raise InputError(problem, source=raw.path, where=raw.where(column), found=list(pointed[:3]), hint=way_out)


def refuse_totals(raw: RawTable, labels: Iterable[str], number: pd.Series) -> None:
    """Refuse a row that sums up others: by its label among others in one of the columns `labels`, or by its number.

    Raises
    ------
    InputError
        With the row, for a label such as Total, All provinces or الإجمالي, and for a last row that is the sum of all
        others (of five at least that count something).
    """
    hint = "Take rows of totals and subtotals out: they would be counted twice"
    for column in labels:
        text = raw.frame[column]
        if pd.api.types.is_string_dtype(text):
            sums = {label for label in text.dropna().unique() if _TOTAL.fullmatch(plain_name(str(label)))}
            rows = text.index[text.isin(sums)]
            if 0 < len(rows) < len(text):
                where, found = raw.where(column, rows[0]), text[rows[0]]
                raise InputError("is a row of totals", source=raw.path, where=where, found=found, hint=hint)
    others, last = number.iloc[:-1], number.iloc[-1]
    if (others > 0).sum() >= _SUMMED_ROWS and last == others.sum():
        where, found = f"row {number.index[-1]}", f"{last:g}, the sum of all rows above"
        raise InputError("is a row of totals", source=raw.path, where=where, found=found, hint=hint)


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
        For a negative or implausibly large count, a fraction where fractions are refused, and what `amounts` refuses.
    """
    if column not in raw.frame:
        return pd.Series(pd.NA, index=raw.frame.index, dtype="Int64"), ledger
    text = raw.frame[column]
    values, ledger = amounts(raw, column, ledger, whole=True)
    coded = values.isin(unknown)
    reason = f"{' and '.join(map(str, unknown))} stand for unknown"
    ledger = ledger.add(f"{column} coded as unknown", int(coded.sum()), "changed", reason, source=raw.name)
    values = values.mask(coded)
    _refuse(raw, column, values < 0, "a negative count", "0 or more")
    _refuse(raw, column, values > LARGEST_COUNT, "an implausible count", f"at most {LARGEST_COUNT:,}")
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
        numbered = pd.Series(MADE_ID + frame.index.astype("str"), index=frame.index, dtype="str")
        given = given.mask(missing, numbered)
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
