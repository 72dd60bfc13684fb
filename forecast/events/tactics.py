"""The crosswalk: each source's labels of tactics and targets, and their common value, in a replaceable file."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError

__all__ = ["Crosswalk", "read_crosswalk"]

_COLUMNS = ["source", "field", "label", "value"]


@dataclass(frozen=True, repr=False)
class Crosswalk:
    """Labels of each source and their common value.

    Attributes
    ----------
    table : DataFrame
        Columns source ('acled', …), field ('tactic' or 'target'), label (as in the source), value.
    """

    table: pd.DataFrame

    def apply(self, labels: pd.Series, source: str, field: str) -> pd.Series:
        """Common value of each label, NA where the crosswalk does not hold it. Case and spacing do not matter."""
        rows = self.table[(self.table["source"] == source) & (self.table["field"] == field)]
        values = dict(zip(rows["label"].map(_normalised), rows["value"], strict=True))
        known = {label: values.get(_normalised(label), pd.NA) for label in labels.dropna().unique()}
        return labels.map(known).astype("string")


def read_crosswalk(path: str | Path | None = None) -> Crosswalk:
    """Read a crosswalk file (CSV with columns source, field, label, value); without a path, the shipped one.

    Raises
    ------
    InputError
        For missing columns, empty cells, an unknown field or target, and a label that has two values.
    """
    path = Path(path) if path is not None else data_path("crosswalk.csv")
    table = read_table(path, _COLUMNS)
    for column, allowed in (("field", ["tactic", "target"]), ("value", None)):
        bad = table[column].eq("") if allowed is None else ~table[column].isin(allowed)
        _refuse(path, table, bad, column, allowed or "a value")
    targets = table["field"] == "target"
    _refuse(path, table, targets & ~table["value"].isin(names.TARGETS), "value", names.TARGETS)
    keys = table.assign(label=table["label"].map(_normalised))
    _refuse(path, table, keys.duplicated(["source", "field", "label"]), "label", "each label once")
    return Crosswalk(table)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A small CSV file of text columns ('' for empty cells), refused where a column is missing."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", source=path) from None
    except (OSError, ValueError) as error:
        raise InputError("cannot be read as a CSV file in UTF-8", source=path, found=str(error)) from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError("columns are missing", source=path, where=", ".join(missing), found=list(table.columns))
    return table.apply(lambda column: column.str.strip())


def _refuse(path: Path, table: pd.DataFrame, bad: pd.Series, column: str, expected: object) -> None:
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise InputError(
            "is not allowed",
            source=path,
            where=f"row {row + 2}, column {column}",
            found=table[column].iloc[row],
            expected=expected,
        )


def _normalised(label: str) -> str:
    return " ".join(str(label).replace("_", " ").casefold().split())
