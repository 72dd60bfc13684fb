"""Which columns a reader needs, under which names they appear, and which source a file looks like when they do not."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forecast.errors import InputError

__all__ = ["Wanted", "looks_like", "plain_name"]

# Columns that only this source has together; a file that holds most of them is taken for one of its files.
_SIGNATURES = {
    "ucdp": {"type_of_violence", "where_prec", "date_prec", "side_a", "side_b", "date_start"},
    "acled": {"event_id_cnty", "event_date", "sub_event_type", "actor1", "admin1", "geo_precision"},
    "acled-aggregated": {"week", "admin1", "sub_event_type", "events", "centroid_latitude"},
    "gtd": {"eventid", "iyear", "imonth", "iday", "attacktype1_txt", "gname", "provstate"},
}


@dataclass(frozen=True)
class Wanted:
    """The columns of one source: {name in the frame: names that files give it}, compared without case."""

    source: str
    required: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def picker(self, path: str | Path) -> Callable[[list[str]], dict[str, str]]:
        """The function that `read_raw` calls with a file's header; it refuses a file of another source."""

        def pick(header: list[str]) -> dict[str, str]:
            present = {plain_name(name): name for name in reversed(header)}
            chosen: dict[str, str] = {}
            missing = []
            for name, spellings in {**self.required, **self.optional}.items():
                column = next((present[spelling] for spelling in spellings if spelling in present), None)
                if column is not None:
                    chosen[name] = column
                elif name in self.required:
                    missing.append(" or ".join(spellings))
            if missing:
                raise _unfit(self.source, path, header, missing)
            return chosen

        return pick


def looks_like(header: list[str]) -> str:
    """The source whose columns a header holds for the most part; '' where it is none."""
    present = {plain_name(name) for name in header}
    shares = {source: len(columns & present) / len(columns) for source, columns in _SIGNATURES.items()}
    best = max(shares, key=lambda source: shares[source])
    return best if shares[best] > 0.6 else ""


def _unfit(source: str, path: str | Path, header: list[str], missing: list[str]) -> InputError:
    guess = looks_like(header)
    if guess and guess != source:
        problem = f"is not a file of the source {source}: it looks like {guess}"
        hint = f"Read it with source='{guess}'"
    else:
        problem = f"lacks columns that every file of the source {source} has"
        hint = "Export it again with all its columns, or read it as source='plain' with a column mapping"
    return InputError(problem, source=path, where="header", found=header, expected=missing, hint=hint)


def plain_name(name: str) -> str:
    """A name for comparison, without case, accents and marks, words joined by `_`: type_of_incident."""
    letters = (sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", "_", "".join(letters)).strip("_")
