"""The axes of a panel's grid: which provinces and which tactics have cells."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.events.selection import involved
from forecast.events.table import Events
from forecast.panel.grid import ordered_tactics
from forecast.panel.unlocated import enough_kinds

__all__ = ["chosen_provinces", "chosen_tactics", "spreads_unknown"]


def chosen_provinces(
    events: Events, gazetteer: Gazetteer, provinces: Sequence[str] | Literal["all"] | None
) -> tuple[list[str], list[str]]:
    """Units of the grid, and a note on those that hold no record."""
    units = gazetteer.table
    if provinces is not None and not isinstance(provinces, str):
        unknown = [key for key in provinces if key not in units.index]
        if unknown:
            raise InputError("unknown provinces", where="provinces", found=unknown, expected=gazetteer.units)
        return list(provinces), []
    if provinces not in (None, "all"):
        raise InputError("unknown choice", where="provinces", found=provinces, expected="a list of units, or 'all'")
    versions = [events.table] if events.older is None else [events.older, events.table]
    recorded = list({str(key) for table in versions for key in table[names.PROVINCE].unique()})
    foreign = sorted(set(recorded) - set(units.index))
    if foreign:
        raise InputError(
            "events lie in provinces that the gazetteer does not hold",
            found=foreign,
            hint="Give the gazetteer that they were read with",
        )
    countries = units.loc[recorded, names.COUNTRY].unique()
    whole = units[units[names.COUNTRY].isin(countries)]
    if provinces == "all":
        return [str(key) for key in whole.index], []
    empty = whole[~whole.index.isin(recorded)]
    kept = [str(key) for key in whole.index if key in recorded]
    if empty.empty:
        return kept, []
    named = ", ".join(empty[names.PROVINCE_NAME].head(5)) + (", …" if len(empty) > 5 else "")
    return kept, [
        f"{len(empty)} of {len(whole)} provinces hold no record and are left out ({named}): if they were covered and "
        "calm, add them by provinces = 'all', or by a list"
    ]


def chosen_tactics(chosen: pd.DataFrame, everything: pd.DataFrame, tactics: Sequence[str] | None) -> list[str]:
    """Tactics of the grid: the stated ones, else those of the chosen records; an `InputError` for one nobody knows."""
    if tactics is None:
        return ordered_tactics(chosen[names.TACTIC])
    known = ordered_tactics(everything[names.TACTIC])
    unknown = [tactic for tactic in tactics if tactic not in (*known, *names.TACTICS, names.UNKNOWN)]
    if unknown:
        raise InputError("unknown tactics", where="tactics", found=unknown, expected=known)
    return list(tactics)


def spreads_unknown(
    everything: pd.DataFrame,
    tactics: Sequence[str] | None,
    actor: str | Sequence[str] | None,
    target: str | Sequence[str] | None,
) -> tuple[bool, list[str]]:
    """Whether attacks of unknown tactic are taken for some of the others, and a note where these are too few."""
    if tactics is not None and names.UNKNOWN in tactics:
        return False, []
    # Of all records that will be known: a tactic must not come and go between the days of a backtest.
    chosen = everything[involved(everything, actor=actor, target=target)]
    known = chosen[names.TACTIC] != names.UNKNOWN
    if enough_kinds(chosen) or not known.any():
        return bool(known.any()), []
    return False, [f"too few attacks are of known kind ({known.sum():,} of {len(known):,}) to tell what the others are"]
