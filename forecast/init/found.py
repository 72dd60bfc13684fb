"""`Found`: what the files hold, as far as it was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.ledger import Ledger

__all__ = ["ALIASES", "SETTINGS", "TACTICS", "Found"]

SETTINGS, ALIASES, TACTICS = "forecast.toml", "aliases.csv", "tactics.csv"


@dataclass(frozen=True, repr=False)
class Found:
    """What `look` saw.

    Attributes
    ----------
    files : tuple of Path
        The files, all of one source.
    forms : tuple of str
        How each is written: kind, encoding, separator.
    source : str
        As in `[data] source`.
    columns : mapping of str to str
        Our names and the files', where the source has none of its own and all files agree.
    day_first : bool or None
        The user's word on dates such as 03/04/20.
    rows, attacks : int
        Rows with a date, and how many attacks they count.
    first, last : Timestamp
        First and last day.
    countries : mapping of str to int
        Rows of each country that the files name.
    provinces : DataFrame
        One row per name: name, country, rows, province (key in the shipped gazetteer, '' where it is none; its most
        frequent spelling, where the data make the gazetteer), nearest (that province's name in the shipped one, or
        up to three names that resemble it, by ' | ').
    tactics : DataFrame
        One row per label: label, rows, value (the crosswalk's, '' where it has none), proposal.
    freq, freq_reason : str
        As in `[panel] freq`, and why.
    gazetteer, gazetteer_reason : str
        'data', or '' for the shipped one, and why.
    held : tuple of str
        Countries of the shipped gazetteer that the files are about.
    ledger : Ledger
        What reading had to note.
    """

    files: tuple[Path, ...]
    forms: tuple[str, ...]
    source: str
    columns: Mapping[str, str]
    day_first: bool | None
    rows: int
    attacks: int
    first: pd.Timestamp
    last: pd.Timestamp
    countries: Mapping[str, int]
    provinces: pd.DataFrame
    tactics: pd.DataFrame
    freq: str
    freq_reason: str
    gazetteer: str
    gazetteer_reason: str
    held: tuple[str, ...]
    ledger: Ledger

    @property
    def doubtful_names(self) -> pd.DataFrame:
        """Names that are no province of the gazetteer; of a gazetteer from the data, those that resemble another."""
        if self.source == "counts":
            return self.provinces.iloc[:0]
        table = self.provinces
        return table[table["nearest"].ne("") if self.gazetteer else table[names.PROVINCE].eq("")]

    @property
    def unknown_tactics(self) -> pd.DataFrame:
        """Labels that the crosswalk does not hold; ready counts bring their own."""
        return self.tactics[self.tactics["value"].eq("")] if self.source != "counts" else self.tactics.iloc[:0]
