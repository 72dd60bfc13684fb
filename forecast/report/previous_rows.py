"""Tables of the section on the last report, for readers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecast import names
from forecast.evaluation.scores import CELL, LEVEL
from forecast.evaluation.verification import COUNTRY, PROVINCE, TACTIC, TOTAL
from forecast.panel.calendar import unit_name
from forecast.report.previous import PreviousPart, probability_of, rows_of
from forecast.report.wording import amount, capital, counted, ranges, tactic_label

__all__ = ["level_heads", "level_rows", "outcome_rows", "outlook_rows", "revision_rows"]

# Rows of tables that may be long; their files have all.
_ROWS = 10
_LEVELS = {
    TOTAL: "All provinces together",
    COUNTRY: "Each country",
    TACTIC: "Each tactic, all provinces",
    CELL: "Each province and tactic",
}


def level_rows(part: PreviousPart) -> pd.DataFrame:
    """How many outcomes of each level lay inside their intervals, as a table for readers."""
    table = part.levels
    frame = pd.DataFrame(
        {
            "Numbers of": [f"Each {part.unit}" if level == PROVINCE else _LEVELS[level] for level in table[LEVEL]],
            "Compared": [amount(value) for value in table["outcomes"]],
            "50%": [_percent(value) for value in table["inside_50"]],
            "90%": [_percent(value) for value in table["inside_90"]],
            "So far off by chance": [probability_of(value) for value in table["p_value"]],
        }
    )
    if len(part.reports) > 1:
        covered, over = part.covered.set_index(LEVEL).loc[table[LEVEL]], _over(part)
        frame[f"Compared{over}"] = [amount(value) for value in covered["outcomes"]]
        for level in (50, 90):
            frame[f"{level}%{over}"] = [_percent(share) for share in covered[f"inside_{level}"] / covered["outcomes"]]
    return frame


def level_heads(part: PreviousPart) -> dict[str, dict[str, str]]:
    """Headings above those of `level_rows`: of this report's intervals, and of those of all reports so far."""
    heads = {"Inside the interval of": {level: level for level in ("50%", "90%")}}
    together = {f"{name}{_over(part)}": name for name in ("Compared", "50%", "90%")}
    return heads | ({capital(_over(part).strip()): together} if len(part.reports) > 1 else {})


def _over(part: PreviousPart) -> str:
    return f" over {counted(len(part.reports), 'report')}"


def _percent(share: float) -> str:
    """A share that was counted: '100%' and '0%' are what they say."""
    return f"{100 * share:.0f}%"


def outcome_rows(part: PreviousPart) -> tuple[pd.DataFrame, list[str]]:
    """What was expected and what came, sums first, then the furthest off; and of each row the province, or ''."""
    provinces, cells = rows_of(part, PROVINCE), rows_of(part, CELL)
    missed = cells[~cells["inside_90"].astype(bool)].head(_ROWS) if len(cells) else cells
    groups = {
        "Sums": pd.concat([rows_of(part, TOTAL), rows_of(part, COUNTRY)]),
        "Tactics, all provinces": rows_of(part, TACTIC),
        f"{capital(part.unit)}s, the furthest off first": provinces.head(_shown(~provinces["inside_90"].astype(bool))),
        "Outside their 90% interval, by tactic": missed,
    }
    table = pd.concat([rows.assign(group=group) for group, rows in groups.items() if len(rows)], ignore_index=True)
    frame = pd.DataFrame(
        {
            "Where": [_where(row) for row in table.to_dict("records")],
            "Came": [amount(value) for value in table[names.OBSERVED]],
            "Expected": [amount(value) for value in table["median"]],
            "90% interval": ranges(table["lower_90"], table["upper_90"]),
            "50% interval": ranges(table["lower_50"], table["upper_50"]),
            "Inside 90%": ["yes" if inside else "NO" for inside in table["inside_90"]],
            "group": table["group"],
        }
    )
    of_places = table[LEVEL].isin([PROVINCE, CELL])
    return frame, [key if place else "" for key, place in zip(table[names.PROVINCE], of_places, strict=True)]


def outlook_rows(part: PreviousPart) -> tuple[pd.DataFrame, list[str]]:
    """What was expected of each province then and is now, the changed ones first; and the provinces."""
    table = part.outlook.head(_shown(part.outlook["has_changed"].astype(bool)))
    frame = pd.DataFrame({capital(part.unit): table["name"]})
    for name in ("then", "now"):
        frame[f"{name}_median"] = [amount(value) for value in table[f"{name}_median"]]
        frame[f"{name}_interval"] = ranges(table[f"{name}_lower"], table[f"{name}_upper"])
    frame["Another outlook"] = ["yes" if changed else "no" for changed in table["has_changed"]]
    return frame, list(table[names.PROVINCE])


def revision_rows(part: PreviousPart) -> pd.DataFrame:
    """The largest revisions, as a table for readers."""
    table = part.revised.head(_ROWS)
    return pd.DataFrame(
        {
            capital(part.unit): table["name"],
            capital(unit_name(part.freq)): table[names.PERIOD],
            "In the last report": [amount(value) for value in table["before"]],
            "Now": [amount(value) for value in table["after"]],
        }
    )


def _shown(matters: "pd.Series[bool]") -> int:
    """How many rows stand on the page, of which the first ones matter: these, or ten; the file has all."""
    return max(int(matters.sum()), _ROWS)


def _where(row: Mapping[Any, Any]) -> str:
    tactic = capital(tactic_label(row[names.TACTIC]))
    return {TOTAL: "All provinces", TACTIC: tactic, CELL: f"{row['name']}, {tactic_label(row[names.TACTIC])}"}.get(
        row[LEVEL], str(row["name"])
    )
