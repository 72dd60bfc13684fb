"""`look`: what somebody's own files hold, as far as it can be seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.columns import looks_like
from forecast.events.dates import parse_spans
from forecast.events.delimited import delimiter_of
from forecast.events.opening import open_raw
from forecast.events.places import read_gazetteer
from forecast.events.plain import DATE_PARTS, event_columns, match_columns
from forecast.events.raw import ReadOptions, read_raw
from forecast.events.sources import SOURCES
from forecast.events.tactics import read_crosswalk
from forecast.events.values import counts
from forecast.init.found import Found
from forecast.init.frequency import choose_frequency
from forecast.init.provinces import (
    choose_gazetteer,
    countries_held,
    names_of_provinces,
    number_of_provinces,
    with_similar_names,
)
from forecast.init.tactics import labels_of_tactics
from forecast.ledger import Ledger
from forecast.panel.ready import read_counts

__all__ = ["look"]


class _Seen(Exception):
    """Ends the reading of a file at its header."""


def look(
    paths: Sequence[str | Path], *, columns: Mapping[str, str] | None = None, day_first: bool | None = None
) -> Found:
    """Look at raw files and see all that a run needs to be told; nothing is written.

    Parameters
    ----------
    paths : sequence of path
        Files of one source.
    columns : mapping of str to str, optional
        Our column names and the files', where they cannot be seen.
    day_first : bool, optional
        How dates such as 03/04/20 are meant, where no date of the file decides.

    Raises
    ------
    InputError
        For files of several sources, and whatever the readers refuse.
    """
    files = tuple(Path(path) for path in paths)
    seen = [_seen(file, columns or {}) for file in files]
    sources = list(dict.fromkeys(source for source, _ in seen))
    if len(sources) > 1:
        given = [f"{file.name}: {source}" for file, (source, _) in zip(files, seen, strict=True)]
        raise InputError("the files are of several sources", found=given, hint="Give those of one source at a time")
    source = sources[0]
    read = [_read(file, source, chosen, day_first) for file, (_, chosen) in zip(files, seen, strict=True)]
    draft = pd.concat([rows for rows, _ in read], ignore_index=True)
    ledger = sum((lines for _, lines in read), Ledger())
    if draft.empty:
        raise InputError("no row has a date that can be used", source=files[0], found=[line.rule for line in ledger])
    shipped = read_gazetteer()
    provinces = names_of_provinces(draft, shipped, by_key=source == "counts")
    gazetteer, gazetteer_reason = ("", "") if source == "counts" else choose_gazetteer(draft, provinces, shipped)
    if gazetteer:
        provinces = with_similar_names(provinces)
    freq, freq_reason = choose_frequency(draft, source, number_of_provinces(provinces, shipped))
    return Found(
        files=files,
        forms=tuple(_form(file, lines) for file, (_, lines) in zip(files, read, strict=True)),
        source=source,
        columns=seen[0][1] if all(chosen == seen[0][1] for _, chosen in seen) else {},
        day_first=day_first,
        rows=len(draft),
        attacks=int(draft[names.ATTACKS].sum()),
        first=draft["date"].min(),
        last=draft["date_end"].max(),
        countries={str(country): int(rows) for country, rows in draft[names.COUNTRY].value_counts().items()},
        provinces=provinces,
        tactics=labels_of_tactics(draft["tactic_label"], source, read_crosswalk()),
        freq=freq,
        freq_reason=freq_reason,
        gazetteer=gazetteer,
        gazetteer_reason=gazetteer_reason,
        held=() if gazetteer or source == "counts" else countries_held(draft, provinces, shipped),
        ledger=ledger,
    )


def _seen(file: Path, columns: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The source of a file, and the columns of those that have none of their own, from its header."""
    seen: dict[str, str] = {}

    def pick(header: list[str]) -> Mapping[str, str]:
        # Who says which columns are what has a table of his own.
        seen["source"] = "" if columns else looks_like(header)
        if not seen["source"]:
            ready = _count_columns(header, columns, file)
            seen["source"] = "plain" if ready is None else "counts"
            chosen.update(event_columns(header, columns, file) if ready is None else ready)
        raise _Seen

    chosen: dict[str, str] = {}
    try:
        read_raw(file, pick=pick)
    except _Seen:
        return seen["source"], chosen
    raise AssertionError("a file that was read has a header")


def _count_columns(header: list[str], columns: Mapping[str, str], file: Path) -> dict[str, str] | None:
    """The columns of a table of ready counts (one row per province, tactic and period, no date); None of any other."""
    wanted = [*(name for name in names.EVENT_COLUMNS if name != "source"), names.PERIOD, *DATE_PARTS]
    chosen = match_columns(header, wanted, columns, file)
    needed = [*names.CELL_DIMS, names.ATTACKS]
    return {name: chosen[name] for name in needed} if {*needed} <= {*chosen} and "date" not in chosen else None


def _read(file: Path, source: str, columns: Mapping[str, str], day_first: bool | None) -> tuple[pd.DataFrame, Ledger]:
    """The rows of a file as its reader drafts them; those of ready counts in the same columns."""
    if source != "counts":
        return SOURCES[source](file, ReadOptions(columns=columns if source == "plain" else {}, day_first=day_first))
    raw = read_counts(file, columns)
    first, last, ledger = parse_spans(raw, names.PERIOD, raw.ledger, day_first=day_first)
    attacks, ledger = counts(raw, names.ATTACKS, ledger)
    draft = pd.DataFrame(
        {
            "date": first,
            "date_end": last,
            names.ATTACKS: attacks.fillna(0),
            "place_label": raw.frame[names.PROVINCE],
            "tactic_label": raw.frame[names.TACTIC],
            names.COUNTRY: pd.Series(None, index=raw.frame.index, dtype="str"),
        }
    )
    return draft[first.notna()], ledger


def _form(file: Path, ledger: Ledger) -> str:
    """Kind, packing, encoding and separator of a file, for people."""
    raw = open_raw(file)
    packing = f" in {raw.packing}" if raw.packing else ""
    if raw.kind != "text":
        return f"{raw.kind}{packing}"
    encoding = next((line.reason for line in ledger if line.rule == "encoding"), "UTF-8")
    separator = {",": "commas", ";": "semicolons", "\t": "tabs"}.get(delimiter_of(raw), delimiter_of(raw))
    return f"text{packing}, {encoding}, separated by {separator}"
