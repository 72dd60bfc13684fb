"""Any table of events: columns by a mapping, our own names or common ones, with a province or with coordinates only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.columns import looks_like, plain_name
from forecast.events.dates import joined_dates, parse_dates, parse_spans
from forecast.events.draft import counted, finish, note_multiday
from forecast.events.raw import RawTable, ReadOptions, read_raw
from forecast.events.values import coordinates, counts, ids
from forecast.ledger import Ledger

__all__ = [
    "DATE_PARTS",
    "PART_OF_ANOTHER",
    "SYNONYMS",
    "date_columns",
    "event_columns",
    "match_columns",
    "named_columns",
    "read",
    "with_dates",
]

_KNOWN = tuple(name for name in names.EVENT_COLUMNS if name != "source")
# Names of columns in the files of others, as `plain_name` gives them, by ours; no name stands for two of ours.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "event_id": ("incident_id", "event_no", "incident_no"),
    "date": (
        "dates", "event_date", "incident_date", "attack_date", "date_of_event", "date_of_incident", "date_of_attack",
        "date_of_occurrence", "occurrence_date", "date_occurred", "start_date", "date_start", "start", "begin",
        "begin_date", "from", "from_date", "period_start", "period_begin", "reference_period_start",
        "fecha", "fecha_inicio", "fecha_evento", "fecha_incidente", "fecha_del_evento", "fecha_del_incidente",
        "fecha_del_ataque", "date_debut", "date_evenement", "date_incident", "date_attaque", "date_de_l_evenement",
        "date_de_l_incident", "date_de_l_attaque", "data_do_evento", "datum", "tarih", "التاريخ", "تاريخ",
    ),
    "date_end": ("end_date", "end", "to", "to_date", "period_end", "fecha_fin", "date_fin", "reference_period_end"),
    "year": ("annee", "ano", "anio", "jahr", "yr", "السنة"),
    "month": ("mois", "mes", "monat", "month_name", "الشهر"),
    "week": ("semaine", "semana", "woche", "iso_week"),
    "day": ("jour", "dia", "tag", "اليوم"),
    names.PERIOD: ("periode", "periodo", "month_start", "week_start", "time_period"),
    names.COUNTRY: ("country_name", "pays", "pais", "land", "البلد", "الدولة"),
    names.PROVINCE: (
        "province_name", "governorate", "governorate_name", "admin1", "admin_1", "adm1", "adm_1", "admin1_name",
        "adm1_name",
        "adm1_en", "adm1_fr", "adm1_es", "name_1", "region", "region_name", "state", "state_name", "wilaya", "wilayah",
        "oblast", "departamento", "departement", "department", "gouvernorat", "gobernacion", "provincia", "estado",
        "muhafazah", "muhafaza", "provstate", "المحافظة", "محافظة",
    ),
    names.TACTIC: (
        "type", "type_of_incident", "type_of_event", "type_of_attack", "event_type", "incident_type", "attack_type",
        "tipo", "tipo_de_evento", "tipo_de_incidente", "type_d_incident", "type_d_evenement",
        "type_d_attaque",
        "نوع_الحادث",
    ),
    "actor": (
        "perpetrator", "perpetrator_name", "group", "group_name", "armed_group", "actor1", "acteur", "grupo", "groupe",
    ),
    "opponent": ("actor2",),
    "target": ("target_type", "cible", "objetivo"),
    names.ATTACKS: (
        "attack_count", "number_of_attacks", "no_of_attacks", "count", "counts", "events", "number_of_events",
        "no_of_events", "event_count", "incidents", "number_of_incidents", "no_of_incidents", "incident_count",
        "attaques",
        "nombre_d_attaques", "nombre_d_incidents", "incidentes", "ataques", "eventos", "numero_de_ataques",
    ),
    names.LATITUDE: ("lat", "y", "latitud"),
    names.LONGITUDE: ("lon", "lng", "long", "x", "longitud"),
    "fatalities": (
        "killed", "number_killed", "deaths", "number_of_deaths", "dead", "muertos", "muertes", "morts", "tues", "nkill",
        "القتلى",
    ),
    "reported": ("report_date", "date_reported", "reported_on"),
}  # fmt: skip
# The rule of the ledger that says that attacks may count twice; a panel says it too.
PART_OF_ANOTHER = "part of another kind"
# Columns that give the date together with a year; one of them alone may hold whole dates.
DATE_PARTS = ("year", "month", "week", "day")
# So improbable must it be that one kind of a table of counts never exceeds another, were their periods shuffled.
_CHANCE = 0.01
_MOST_KINDS = 20
_TEXTS = {
    names.COUNTRY: "country",
    names.PROVINCE: "place_label",
    names.TACTIC: "tactic_label",
    "target": "target_label",
    "actor": "actor",
    "opponent": "opponent",
}


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of a table with one row per event (or per count, with a column `attacks`), and what was cleaned.

    Columns are found by `options.columns` ({our name: the file's}), else under our names, else under `SYNONYMS`. A date
    (or a year with a month or week) and either a province or coordinates are needed. An event of a month (2025-05)
    spans the month. Without ids the row numbers make them; without precisions, coordinates are exact, provinces are
    not, dates are days or months. Kinds that seem to be part of another, and so to count twice, are noted.

    Raises
    ------
    InputError
        For a mapping that does not fit, missing columns, two columns for one name, unknown precisions, negative
        counts, rows of totals, and dates whose day and month cannot be told apart.
    """
    options.refuse("plain", "tactic_by", "keep_non_attacks", "keep_doubtful")
    raw = read_raw(path, sheet=options.sheet, pick=lambda header: event_columns(header, options.columns, path))
    raw = with_dates(named_columns(raw, options.columns), "date")
    columns: dict[str, pd.Series | str | int] = {"source": "plain"}
    if names.ATTACKS in raw.frame:
        raw, columns["attacks"] = counted(raw, names.ATTACKS)
    frame, ledger = raw.frame, raw.ledger
    columns |= {label: frame[name] for name, label in _TEXTS.items() if name in frame}
    first, last, ledger = parse_spans(raw, "date", ledger, day_first=options.day_first)
    columns |= {"date": first, "date_end": last}
    if "date_end" in frame:
        _, end, ledger = parse_spans(raw, "date_end", ledger, day_first=options.day_first)
        columns["date_end"] = end.fillna(last)
    if "reported" in frame:
        columns["reported"], ledger = parse_dates(raw, "reported", ledger, day_first=options.day_first)
    columns["event_id"], ledger = ids(raw, "event_id", ledger)
    latitude, columns["longitude"], ledger = coordinates(raw, ledger)
    columns["latitude"] = latitude
    columns["fatalities"], ledger = counts(raw, "fatalities", ledger)
    columns["place_precision"] = _place_precision(raw, latitude)
    days = (last - first).dt.days
    by_date = pd.Series("day", index=frame.index).mask(days > 0, "week").mask(days > 6, "month")
    columns["date_precision"] = _precision(raw, "date_precision", names.DATE_PRECISIONS).fillna(by_date)
    draft, ledger = finish(columns, raw, ledger, options)
    if names.ATTACKS in frame:
        ledger = _note_parts(draft, raw, ledger)
    return draft, note_multiday(draft, raw, ledger)


def match_columns(
    header: Sequence[str], wanted: Sequence[str], mapping: Mapping[str, str], source: str | Path
) -> dict[str, str]:
    """{our name: the file's} of the `wanted` columns that a header holds: by the mapping, our names, then `SYNONYMS`.

    Names are compared without case, accents and signs between words.

    Raises
    ------
    InputError
        For a mapping that does not fit the header, and where two columns bear synonyms of one name.
    """
    unknown = [name for name in mapping if name not in wanted]
    if unknown:
        raise InputError("unknown names in the column mapping", where="columns", found=unknown, expected=wanted)
    absent = [column for column in mapping.values() if column not in header]
    if absent:
        raise InputError("no such columns", source=source, where="header", found=header, expected=absent)
    twice = [column for column in mapping.values() if list(mapping.values()).count(column) > 1]
    if twice:
        raise InputError("a column is mapped to two names", where="columns", found=sorted(set(twice)))
    free = {column: plain_name(column) for column in header if column not in mapping.values()}
    ours = {plain: column for column, plain in reversed(free.items())}
    chosen = {name: mapping.get(name) or ours[name] for name in wanted if name in mapping or name in ours}
    for name in (name for name in wanted if name not in chosen):
        fitting = [column for column, plain in free.items() if plain in SYNONYMS.get(name, ())]
        if len(fitting) > 1:
            hint = f'Name one by a column mapping (columns = {{{name} = "{fitting[0]}"}})'
            problem = f"two columns may be the {name}"
            raise InputError(problem, source=source, where="header", found=fitting, hint=hint)
        if fitting:
            chosen[name] = fitting[0]
    return {name: chosen[name] for name in wanted if name in chosen}


def named_columns(raw: RawTable, mapping: Mapping[str, str]) -> RawTable:
    """The table with a ledger line on columns that were taken for ours by a synonym."""
    taken = {ours: theirs for ours, theirs in raw.columns.items() if ours not in mapping and plain_name(theirs) != ours}
    reason = f"taken by their names: {', '.join(f'{ours} from {theirs}' for ours, theirs in taken.items())}"
    return replace(
        raw,
        ledger=raw.ledger.add("columns by synonyms", len(raw.frame) if taken else 0, "noted", reason, source=raw.name),
    )


def with_dates(raw: RawTable, name: str) -> RawTable:
    """The table with the text of its dates in the column `name`, from the columns that hold their parts."""
    parts = [part for part in DATE_PARTS if part in raw.frame]
    if name in raw.frame or not parts:
        return raw
    text = joined_dates(raw.frame) if len(parts) > 1 else raw.frame[parts[0]]
    label = " and ".join(raw.columns.get(part, part) for part in parts)
    return replace(
        raw, frame=raw.frame.drop(columns=parts).assign(**{name: text}), columns={**raw.columns, name: label}
    )


def date_columns(chosen: Mapping[str, str], name: str) -> dict[str, str]:
    """The chosen columns, of those for dates only what is needed: `name`, else a year and its parts, else one part."""
    parts = [part for part in DATE_PARTS if part in chosen]
    if name in chosen:
        needed = []
    elif {"year", "month"} <= set(parts):
        needed = ["year", "month", "day"]
    elif {"year", "week"} <= set(parts):
        needed = ["year", "week"]
    else:
        needed = [part for part in parts if part != "year"][-1:]
    return {ours: theirs for ours, theirs in chosen.items() if ours not in DATE_PARTS or ours in needed}


def event_columns(header: list[str], mapping: Mapping[str, str], path: str | Path) -> dict[str, str]:
    """{our name: the file's} of a table of events."""
    guess = looks_like(header)
    # A date by our name or a mapping is meant; by synonyms, another source's rows would all be taken for attacks.
    if guess and "date" not in mapping and "date" not in map(plain_name, header):
        raise _unfit(header, path, f"It looks like {guess}: read it with source='{guess}'")
    chosen = date_columns(match_columns(header, [*_KNOWN, *DATE_PARTS], mapping, path), "date")
    dated = {"date", *DATE_PARTS} & set(chosen)
    placed = names.PROVINCE in chosen or {names.LATITUDE, names.LONGITUDE} <= set(chosen)
    if not dated or not placed:
        raise _unfit(header, path, "Name them by a column mapping")
    return chosen


def _unfit(header: list[str], path: str | Path, hint: str) -> InputError:
    problem, expected = (
        "lacks a date, or a province or coordinates",
        "date and either province or latitude and longitude",
    )
    if any(re.match(r"[-+]?[0-9]", name) for name in header):
        problem, hint = "has data in its first row", "The first row must hold the column names"
    return InputError(problem, source=path, where="header", found=header, expected=expected, hint=hint)


def _note_parts(draft: pd.DataFrame, raw: RawTable, ledger: Ledger) -> Ledger:
    """A line on each kind that never exceeds another in a place and period, as a part never exceeds its whole."""
    cells = draft.assign(place=draft["place_label"].fillna(""))
    cells = cells.pivot_table(
        index=["place", "date"], columns="tactic_label", values=names.ATTACKS, aggfunc="sum", fill_value=0
    )
    for part, whole in permutations(cells.columns if len(cells.columns) <= _MOST_KINDS else (), 2):
        if _chance_of_never_exceeding(cells[part], cells[whole]) < _CHANCE:
            reason = (
                f"{part} never exceeds {whole}: if it is a part of it, its attacks count twice; choose one by tactics"
            )
            rows = int((draft["tactic_label"] == part).sum())
            ledger = ledger.add(PART_OF_ANOTHER, rows, "noted", reason, source=raw.name)
    return ledger


def _chance_of_never_exceeding(part: pd.Series, whole: pd.Series) -> float:
    """Share of the orders of each place's periods in which no count exceeds the other; 1 where one does as it stands.

    The largest count can stand beside every count of the whole that is as large, the next beside those left, and so on.
    """
    if (part > whole).any():
        return 1.0
    chance = 1.0
    for place, attacks in part.groupby("place"):
        largest = np.sort(attacks.to_numpy())[::-1]
        size, taken = len(largest), np.arange(len(largest))
        as_large = size - np.searchsorted(np.sort(whole[place].to_numpy()), largest)
        chance *= float(np.prod((as_large - taken) / (size - taken)))
    return chance


def _place_precision(raw: RawTable, latitude: pd.Series) -> pd.Series:
    given = _precision(raw, "place_precision", names.PLACE_PRECISIONS)
    default = pd.Series("unknown", index=raw.frame.index, dtype="str")
    if names.PROVINCE in raw.frame:
        default = default.mask(raw.frame[names.PROVINCE].notna(), "province")
    return given.fillna(default.mask(latitude.notna(), "exact"))


def _precision(raw: RawTable, column: str, allowed: tuple[str, ...]) -> pd.Series:
    if column not in raw.frame:
        return pd.Series(None, index=raw.frame.index, dtype="str")
    given = raw.frame[column].str.lower()
    wrong = given.notna() & ~given.isin(allowed)
    if wrong.any():
        row = wrong.index[wrong][0]
        raise InputError(
            "is not allowed", source=raw.path, where=raw.where(column, row), found=given[row], expected=allowed
        )
    return given
