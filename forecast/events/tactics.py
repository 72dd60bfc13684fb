"""The crosswalk: each source's labels of tactics and targets, and their common value, in a replaceable file."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.raw import read_raw

__all__ = ["Crosswalk", "read_crosswalk", "read_tactics"]

_COLUMNS = ["source", "field", "label", "value"]
# How people and spreadsheets write yes and no.
_ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


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

    Examples
    --------
    >>> len(fc.read_crosswalk().table) > 0
    True
    """
    path = Path(path) if path is not None else data_path("crosswalk.csv")
    table = read_table(path, _COLUMNS)
    for column, allowed in (("field", ["tactic", "target"]), ("value", None)):
        bad = table[column].eq("") if allowed is None else ~table[column].isin(allowed)
        refuse(path, table, bad, column, "is not allowed", allowed or "a value")
    targets = (table["field"] == "target") & ~table["value"].isin(names.TARGETS)
    refuse(path, table, targets, "value", "is no target", names.TARGETS)
    keys = table.assign(label=table["label"].map(_normalised))
    twice = keys.duplicated(["source", "field", "label"])
    refuse(path, table, twice, "label", "stands there twice", "each label of a source once")
    return Crosswalk(table)


def read_tactics(path: str | Path, source: str, crosswalk: Crosswalk) -> Crosswalk:
    """The crosswalk with the tactics that a user accepted for labels of one source; these come before its own.

    Columns of the file (CSV): label, proposal (the tactic) and accept (true or false); any others are left alone. A
    row with accept = false says nothing.

    Raises
    ------
    InputError
        For missing columns, answers that are neither, and accepted rows without a label or proposal, or with a label
        that stands there twice.
    """
    path = Path(path)
    table = read_table(path, ["label", "proposal", "accept"])
    answers = table["accept"].str.casefold().map(_ANSWERS)
    refuse(path, table, answers.isna(), "accept", "is no answer", "true or false")
    table = table[answers.astype(bool)]
    for column in ("label", "proposal"):
        refuse(path, table, table[column].eq(""), column, "is empty", "a text, since accept is true")
    labels = table["label"].map(_normalised)
    refuse(path, table, labels.duplicated(), "label", "stands there twice", "each label once")
    known = crosswalk.table
    replaced = known["source"].eq(source) & known["field"].eq("tactic") & known["label"].map(_normalised).isin(labels)
    accepted = table[["label"]].assign(source=source, field="tactic", value=table["proposal"])
    return Crosswalk(pd.concat([known[~replaced], accepted[_COLUMNS]], ignore_index=True))


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A small table of text columns ('' for empty cells) whose index is the row number in its file.

    Raises
    ------
    InputError
        For what `read_raw` refuses, and where a column is missing.
    """
    table = read_raw(path).frame.fillna("")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError("columns are missing", source=path, where=", ".join(missing), found=list(table.columns))
    return table


def refuse(path: Path, table: pd.DataFrame, bad: pd.Series, column: str, problem: str, expected: object) -> None:
    """Raise an InputError on the first `bad` row of a table that `read_table` gave."""
    if bad.any():
        row = bad.index[bad][0]
        where, found = f"row {row}, column {column}", table[column][row]
        raise InputError(problem, source=path, where=where, found=found, expected=expected)


def _normalised(label: str) -> str:
    return " ".join(str(label).replace("_", " ").casefold().split())
