"""What the ledger says of names that match nothing: all of them, with their rows and the names that they are near."""

import pandas as pd

from forecast import names
from forecast.events.places import Gazetteer
from forecast.ledger import Ledger

__all__ = ["listed_countries", "listed_provinces", "note_resemblances"]

# With so many unknown names the column is no column of provinces: the rest is listed without the nearest names.
_MOST_SUGGESTED = 500


def listed_countries(countries: pd.Series) -> list[str]:
    """Each country of these rows with its number of rows, the most frequent first."""
    return [f"{country} ({_rows(count)})" for country, count in countries.value_counts().items()]


def listed_provinces(unmatched: pd.DataFrame, gazetteer: Gazetteer) -> list[str]:
    """Each province name of these rows (place_label and country) with the nearest names and its number of rows."""
    lines = []
    for number, (label, country, count) in enumerate(_counted(unmatched)):
        nearest = gazetteer.suggest(label, country) if number < _MOST_SUGGESTED else ()
        suggestions = f"nearest names: {', '.join(nearest)}; " if nearest else ""
        lines.append(f"{label} ({suggestions}{_rows(count)})")
    return lines


def note_resemblances(ledger: Ledger, unmatched: pd.DataFrame, placed: pd.Series, gazetteer: Gazetteer) -> Ledger:
    """A ledger line on provinces without records that bear nearly a name which matched none.

    `placed` holds the unit (or p-code) of every record that was placed.
    """
    recorded = set(gazetteer.table[names.PCODE].reindex(placed.dropna().unique()).dropna()) | set(placed.dropna())
    pairs: list[str] = []
    rows = 0
    for label, country, count in _counted(unmatched)[:_MOST_SUGGESTED]:
        unit = gazetteer.resembled(label, country)
        if unit is None or unit in recorded or gazetteer.table.loc[unit, names.PCODE] in recorded:
            continue
        province = str(gazetteer.table.loc[unit, names.PROVINCE_NAME])
        pairs.append(f"{label} ({_rows(count)}) beside {province} (no records)")
        rows += count
    reason = "an unknown name is nearly that of a province without records: write it alike, or add it to its aliases"
    return ledger.add("perhaps the same province", rows, "noted", reason, pairs, limit=None)


def _counted(unmatched: pd.DataFrame) -> list[tuple[str, str | None, int]]:
    """(name, country or None, number of rows) of each name, the most frequent first."""
    counts = unmatched[["place_label", names.COUNTRY]].value_counts(dropna=False).reset_index()
    countries = [None if pd.isna(country) else str(country) for country in counts[names.COUNTRY]]
    return list(zip(counts["place_label"].astype(str), countries, counts["count"].astype(int), strict=True))


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")
