"""What somebody's own files hold, as far as it can be seen, and the settings of a run on them: `forecast init`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from forecast import names
from forecast.config import AUTO
from forecast.errors import InputError
from forecast.events.columns import looks_like, plain_name
from forecast.events.dates import parse_spans
from forecast.events.delimited import delimiter_of
from forecast.events.opening import open_raw
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.plain import DATE_PARTS, event_columns, match_columns
from forecast.events.raw import ReadOptions, read_raw
from forecast.events.sources import SOURCES
from forecast.events.spelling import normalise_name
from forecast.events.tactics import Crosswalk, read_crosswalk
from forecast.events.values import counts
from forecast.files import check_output_folder, sha256, write_csv, write_text, write_together
from forecast.ledger import Ledger
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel
from forecast.panel.ready import read_counts

__all__ = ["SETTINGS", "Found", "describe", "describe_panel", "look", "write_settings"]

SETTINGS, ALIASES, TACTICS = "forecast.toml", "aliases.csv", "tactics.csv"

# Weeks where a province has so many attacks in one, or where the data cover fewer weeks than this (a year), of which
# months would be too few to learn from; else months.
WEEKLY_ATTACKS, FEWEST_WEEKS = 2.0, 52
# The shipped gazetteer serves where it holds the countries of so many records; where the file names no country, where
# it holds the names of so many: names of a file are misspelt, names of countries hardly ever.
_HELD_COUNTRIES, _HELD_NAMES = 0.9, 0.5
# Seconds of a run, and per series and period: the default pool with its evaluation and report took 67 s on 1,974 of
# them, and its two fits alone 113 s on 13,824.
_SECONDS, _SECONDS_PER_CELL = 50.0, 0.009
# Similarity (of 100) from which two names of one file may be two spellings, and a label a misspelt tactic.
_ALIKE, _MISSPELT = 85, 75
# Of a column of free text no more labels than this are printed.
_MOST_LABELS = 40
# Beginnings of words, beside the labels of the crosswalk, by which a tactic is proposed; never taken without consent.
_WORDS = {
    "suicide": ("suicid", "kamikaze"),
    "ied": ("bomb", "explos", "landmine", "mina"),
    "indirect_fire": ("mort", "rocket", "roquette", "obus", "artill", "missile", "shell"),
    "kidnapping": ("kidnap", "abduct", "hostage", "enlev", "otage", "secuestr"),
    "assassination": ("assassin", "asesinat", "murder"),
    "complex_attack": ("ambush", "embuscade", "emboscada", "storming"),
    "small_arms": (
        "armed attack",
        "attaque arme",
        "ataque armado",
        "shoot",
        "gunfire",
        "gunmen",
        "firefight",
        "fusillade",
        "tirs",
        "tiroteo",
    ),
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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
    provinces = _provinces(draft, shipped, by_key=source == "counts")
    gazetteer, gazetteer_reason = ("", "") if source == "counts" else _gazetteer(draft, provinces, shipped)
    if gazetteer:
        provinces = _alike(provinces)
    freq, freq_reason = _frequency(draft, source, _number_of_provinces(provinces, shipped))
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
        tactics=_tactics(draft["tactic_label"], source, read_crosswalk()),
        freq=freq,
        freq_reason=freq_reason,
        gazetteer=gazetteer,
        gazetteer_reason=gazetteer_reason,
        held=() if gazetteer or source == "counts" else _countries_held(draft, provinces, shipped),
        ledger=ledger,
    )


# What a file is ---------------------------------------------------------------------------------------------


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


# Provinces --------------------------------------------------------------------------------------------------


def _provinces(draft: pd.DataFrame, shipped: Gazetteer, by_key: bool) -> pd.DataFrame:
    """Every name with its rows, the shipped gazetteer's key for it, and the nearest names where it has none."""
    labels = draft[["place_label", names.COUNTRY]].dropna(subset=["place_label"])
    table = labels.value_counts(dropna=False).rename("rows").reset_index()
    table = table.rename(columns={"place_label": "name"})
    if by_key:
        table[names.PROVINCE] = table["name"].where(table["name"].isin(shipped.units), "")
    else:
        table[names.PROVINCE] = shipped.match(table["name"], table[names.COUNTRY]).fillna("")
    table["nearest"] = ["" if by_key else _nearest(row, shipped) for _, row in table.iterrows()]
    return table


def _nearest(row: "pd.Series[Any]", shipped: Gazetteer) -> str:
    """The gazetteer's name of the province that a name matches; of others the three nearest."""
    if row[names.PROVINCE] in shipped.table.index:
        return str(shipped.table.loc[row[names.PROVINCE], names.PROVINCE_NAME])
    country = None if pd.isna(row[names.COUNTRY]) else str(row[names.COUNTRY])
    return " | ".join(shipped.suggest(str(row["name"]), country))


def _gazetteer(draft: pd.DataFrame, provinces: pd.DataFrame, shipped: Gazetteer) -> tuple[str, str]:
    """'' where the shipped gazetteer serves, else 'data'; and why."""
    countries = draft[names.COUNTRY].dropna()
    shipped_countries = " and ".join(map(str, shipped.table[names.COUNTRY].unique()))
    if len(countries):
        held = countries.isin([country for country in countries.unique() if _held(str(country), shipped)]).mean()
        reason = f"{held:.0%} of the rows that name a country lie in {shipped_countries}"
        return ("" if held >= _HELD_COUNTRIES else "data"), reason
    if len(provinces):
        held = provinces.loc[provinces[names.PROVINCE].ne(""), "rows"].sum() / provinces["rows"].sum()
        reason = f"{held:.0%} of the rows bear a name of a province of {shipped_countries}"
        return ("" if held >= _HELD_NAMES else "data"), reason
    points, known = draft[[names.LATITUDE, names.LONGITUDE]].dropna(), shipped.table[[names.LATITUDE, names.LONGITUDE]]
    near = points.ge(known.min() - 1).all(axis=1) & points.le(known.max() + 1).all(axis=1)
    reason = f"{near.mean():.0%} of the points lie around {shipped_countries}"
    return ("" if near.mean() >= _HELD_NAMES else "data"), reason


def _held(country: str, shipped: Gazetteer) -> str:
    """The shipped gazetteer's name of a country; '' where it does not hold it."""
    return next(iter(shipped.countries_of(country)), "")


def _countries_held(draft: pd.DataFrame, provinces: pd.DataFrame, shipped: Gazetteer) -> tuple[str, ...]:
    """Countries of the shipped gazetteer that rows name, or in which the provinces lie that they name."""
    named = [_held(str(country), shipped) for country in draft[names.COUNTRY].dropna().unique()]
    keys = provinces.loc[provinces[names.PROVINCE].isin(shipped.units), names.PROVINCE]
    found = {*named, *shipped.table.loc[keys, names.COUNTRY]} - {""}
    return tuple(str(country) for country in shipped.table[names.COUNTRY].unique() if country in found)


def _alike(provinces: pd.DataFrame) -> pd.DataFrame:
    """The names by their most frequent spelling, each beside more frequent ones of its country that resemble it."""
    from rapidfuzz import fuzz, process

    spelling, nearest = [], []
    before: dict[str, dict[str, str]] = {}
    for _, row in provinces.iterrows():
        earlier, key = before.setdefault(str(row[names.COUNTRY]), {}), normalise_name(str(row["name"]))
        others = [] if key in earlier else list(earlier)
        hits = process.extract(key, others, scorer=fuzz.ratio, limit=3, score_cutoff=_ALIKE)
        nearest.append(" | ".join(earlier[hit] for hit, _, _ in hits))
        spelling.append(earlier.setdefault(key, str(row["name"])))
    return provinces.assign(**{names.PROVINCE: spelling}, nearest=nearest)


def _number_of_provinces(provinces: pd.DataFrame, shipped: Gazetteer) -> int:
    """Provinces that the rows name; all that ship, where they give coordinates only."""
    keys = provinces[names.PROVINCE].where(provinces[names.PROVINCE].ne(""), provinces["name"].map(normalise_name))
    return int(keys.nunique()) or len(shipped.units)


# Tactics and periods ----------------------------------------------------------------------------------------


def _tactics(labels: pd.Series, source: str, crosswalk: Crosswalk) -> pd.DataFrame:
    """Every label with its rows, the crosswalk's value, and a proposal where it has none."""
    table = labels.dropna().value_counts().rename("rows").rename_axis("label").reset_index()
    table["value"] = crosswalk.apply(table["label"], source, names.TACTIC).fillna("")
    phrases = _phrases(crosswalk)
    known = table["value"].ne("")
    table["proposal"] = [
        "" if held else _proposal(str(label), phrases) for label, held in zip(table["label"], known, strict=True)
    ]
    return table


def _phrases(crosswalk: Crosswalk) -> dict[str, str]:
    """Words that stand for a tactic: labels of plain tables, and beginnings of words."""
    rows = crosswalk.table
    rows = rows[(rows["source"] == "plain") & (rows["field"] == names.TACTIC)]
    labels = {_words(label): str(value) for label, value in zip(rows["label"], rows["value"], strict=True)}
    return {**{word: tactic for tactic, words in _WORDS.items() for word in words}, **labels}


def _words(text: str) -> str:
    return plain_name(text).replace("_", " ")


def _proposal(label: str, phrases: Mapping[str, str]) -> str:
    """The tactic of the longest phrase whose words begin words of a label (suicide first), or that it misspells."""
    from rapidfuzz import fuzz, process

    words = _words(label).split()
    hits = [phrase for phrase in phrases if all(_begins(part, words) for part in phrase.split())]
    if hits:
        return phrases[max(hits, key=lambda phrase: (phrases[phrase] == "suicide", len(phrase)))]
    nearest = process.extractOne(" ".join(words), list(phrases), scorer=fuzz.ratio, score_cutoff=_MISSPELT)
    return phrases[nearest[0]] if nearest else ""


def _begins(part: str, words: Sequence[str]) -> bool:
    """Whether a word is, or from four letters on begins with, a part of a phrase."""
    return any(word == part or (len(part) > 3 and word.startswith(part)) for word in words)


def _frequency(draft: pd.DataFrame, source: str, provinces: int) -> tuple[str, str]:
    """Months or weeks, and why: as the rows are, where each stands for a week or a month; else by how many attacks."""
    starts, ends = draft["date"], draft["date_end"]
    weekday = int(starts.dt.day_of_week.mode().iloc[0])
    one_day = bool((starts.dt.day_of_week == weekday).all())
    weeks_of_rows = one_day and (source == "counts" or bool(((ends - starts).dt.days == 6).all()))
    months_of_rows = bool((starts.dt.day == 1).all()) and (source == "counts" or bool(ends.dt.is_month_end.all()))
    if months_of_rows:
        return names.MONTHLY, "each row stands for a month"
    if source == "counts" and not weeks_of_rows:
        return names.MONTHLY, "the periods are not all of one weekday"
    anchor = names.WEEKS[weekday] if weeks_of_rows else names.WEEKLY
    begin = f"that begin on {_DAYS[weekday]}, as those of the rows do" if weeks_of_rows else "from Monday to Sunday"
    if source == "counts":
        return anchor, f"weeks {begin}"
    weeks = ((ends.max() - starts.min()).days + 1) // 7
    density = float(draft[names.ATTACKS].sum()) / max(weeks, 1) / provinces
    seen = f"{density:.1f} attacks a week and province over {weeks} weeks"
    rule = f"weeks from {WEEKLY_ATTACKS:g} attacks on, or below {FEWEST_WEEKS} weeks"
    if density >= WEEKLY_ATTACKS or weeks < FEWEST_WEEKS:
        return anchor, f"weeks {begin}: {seen} ({rule})"
    return names.MONTHLY, f"months: {seen} ({rule})"


# What people read -------------------------------------------------------------------------------------------


def describe(found: Found) -> str:
    """What was found, in lines for people."""
    lines = [f"{file.name}: {form}" for file, form in zip(found.files, found.forms, strict=True)]
    lines += [f"source: {found.source}"]
    lines += [f"columns: {', '.join(f'{ours} = {theirs}' for ours, theirs in found.columns.items())}"] * bool(
        found.columns
    )
    lines += [f"rows: {found.rows:,}, attacks: {found.attacks:,}, from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"]
    countries = [f"{country} ({rows:,} rows)" for country, rows in found.countries.items()]
    lines += [f"countries: {', '.join(countries) or ', '.join(found.held) or 'the files name none'}"]
    lines += [f"periods: {found.freq}, {found.freq_reason}"]
    return "\n".join([*lines, *_lines_on_places(found), *_lines_on_tactics(found), *_lines_on_ledger(found.ledger)])


def _lines_on_places(found: Found) -> list[str]:
    if found.source == "counts":
        held = int(found.provinces[names.PROVINCE].ne("").sum())
        return [f"provinces: {len(found.provinces)}, of which the shipped gazetteer holds {held} by their keys"]
    chosen = "made from the data" if found.gazetteer else "the shipped one"
    lines = [f"gazetteer: {chosen} ({found.gazetteer_reason})"]
    if found.provinces.empty:
        return [*lines, "no column names provinces: coordinates alone place the records"]
    doubtful = found.doubtful_names
    clear = found.provinces.drop(doubtful.index)
    lines += [f"names of provinces that {'stand alone' if found.gazetteer else 'match'}: {len(clear)}"]
    spelling = clear[names.PROVINCE].where(clear[names.PROVINCE] != clear["name"], "")
    lines += _rows(clear["rows"], clear["name"], " = ", spelling if found.gazetteer else clear["nearest"])
    if len(doubtful):
        what = "resemble another, perhaps the same province" if found.gazetteer else "match none, and the nearest"
        lines += [f"names that {what} (nothing is taken unless {ALIASES} says so): {len(doubtful)}"]
        lines += _rows(doubtful["rows"], doubtful["name"], ": ", doubtful["nearest"])
    return lines


def _lines_on_tactics(found: Found) -> list[str]:
    unknown = found.unknown_tactics
    known = found.tactics.drop(unknown.index)
    lines = [f"kinds of attack that are known: {len(known)}"] if len(known) else []
    lines += _rows(known["rows"], known["label"], " = ", known["value"])
    if len(unknown):
        kept = "each is a tactic of its own" if found.source in ("plain", "ucdp") else "counted as other"
        lines += [f"kinds that are not ({kept} unless {TACTICS} accepts the proposal): {len(unknown)}"]
        shown = unknown.iloc[:_MOST_LABELS]
        lines += _rows(shown["rows"], shown["label"], ": ", shown["proposal"])
        lines += [f"  and {len(unknown) - len(shown):,} more in {TACTICS}"] * (len(unknown) > len(shown))
    return lines


def _rows(counts: pd.Series, labels: pd.Series, between: str, others: pd.Series) -> list[str]:
    """A line per label: its rows, and what stands beside it."""
    return [
        f"  {rows:>7,} rows  {label}{between + other if other else ''}"
        for rows, label, other in zip(counts, labels, others, strict=True)
    ]


def _lines_on_ledger(ledger: Ledger) -> list[str]:
    lines = [line.told() for line in ledger]
    return ["noted while reading:", *lines] if lines else []


def describe_panel(panel: Panel, found: Found) -> str:
    """What a run will forecast, what else cleaning did, and roughly how long the run will take."""
    provinces, tactics, periods = panel.dataset[names.ATTACKS].shape
    ends = panel.dataset[names.PERIOD_END].values
    rest = Ledger(tuple(line for line in panel.ledger if line not in found.ledger.entries))
    seconds = _SECONDS + _SECONDS_PER_CELL * provinces * tactics * periods
    lines = [
        f"a run will forecast {provinces} provinces × {tactics} tactics from {int(panel.attacks.sum()):,} attacks "
        f"in {periods} {unit_name(panel.freq)}s, the last of which ends on {pd.Timestamp(ends[-1]):%Y-%m-%d}",
        *map(str, panel.provenance["notes"]),
        *_lines_on_ledger(rest)[1:],
        f"it will take about {_duration(seconds)} (an estimate for the default model on an idle machine)",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{round(seconds, -1):.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


# What is written --------------------------------------------------------------------------------------------


def write_settings(found: Found, folder: str | Path = ".", *, force: bool = False) -> list[Path]:
    """Write `forecast.toml` and, where there is something to decide, `aliases.csv` and `tactics.csv`; all or none.

    Raises
    ------
    InputError
        Where a file is there already and `force` is off, or an input would be overwritten.
    """
    folder = check_output_folder(folder)
    doubtful, unknown = found.doubtful_names, found.unknown_tactics
    tables: dict[str, pd.DataFrame] = {}
    if len(doubtful):
        tables[ALIASES] = doubtful[["name", "rows", "nearest"]].assign(**{names.PROVINCE: ""})
    if len(unknown):
        tables[TACTICS] = unknown[["label", "rows", "proposal"]].assign(accept="false")
    files = [*tables, SETTINGS]
    existing = [file for file in files if (folder / file).exists()]
    if existing and not force:
        hint = "Choose another --output, or overwrite it with --force"
        raise InputError("is there already", source=folder / existing[0], hint=hint)
    with write_together(folder, files, inputs={sha256(file) for file in found.files}) as temporary:
        for file, table in tables.items():
            write_csv(temporary / file, table)
        write_text(temporary / SETTINGS, _settings_text(found, folder, tables))
    return [folder / file for file in reversed(files)]


def _settings_text(found: Found, folder: Path, tables: Mapping[str, pd.DataFrame]) -> str:
    """`forecast.toml`, with comments on what was found and what can be changed."""
    monthly = found.freq == names.MONTHLY
    periods = ((found.last - found.first).days + 1) // (30 if monthly else 7)
    countries = found.held or tuple(found.countries)
    title = f"Attacks in {' and '.join(countries)}" if 0 < len(countries) < 4 else "Attacks"
    lines = [
        "# Settings of `forecast run`, from what `forecast init` saw; lines that begin with '#' say nothing until you",
        "# take it away. Paths are relative to this file.",
        _line("title", title),
        _line("horizon", 6 if monthly else 8, "periods ahead"),
        _line("seed", 1),
        _line("model", AUTO, 'a pool of four models; see the README for others, such as "quick" or "standard"'),
        "",
        "[data]",
        _line("source", found.source),
        _line("paths", [_relative(file, folder) for file in found.files]),
        *_optional(bool(found.columns), "columns", found.columns, "our names and the file's"),
        *_optional(found.day_first is not None, "day_first", found.day_first),
        *_optional(TACTICS in tables, "tactics", TACTICS, "write accept = true where a proposal is right"),
        "",
        "[places]",
        *_optional(bool(found.gazetteer), "gazetteer", found.gazetteer, found.gazetteer_reason),
        # Names that match nothing may lie anywhere, unless a column tells their country.
        *_optional(bool(found.held and found.countries), "countries", list(found.held), found.gazetteer_reason),
        *_optional(ALIASES in tables, "aliases", ALIASES, "write the province beside each name that you know"),
        "",
        "[panel]",
        _line("freq", found.freq, found.freq_reason),
        "# The days that the data cover; without them, those of the first and the last record:",
        f"# start = {found.first:%Y-%m-%d}",
        f"# end = {found.last:%Y-%m-%d}",
        "",
        "[evaluation]",
        _line("periods", min(6, periods // 4), "the last periods, hidden from the models and then scored"),
    ]
    return "\n".join(lines) + "\n"


def _optional(wanted: bool, key: str, value: object, comment: str = "") -> list[str]:
    return [_line(key, value, comment)] if wanted else []


def _line(key: str, value: object, comment: str = "") -> str:
    """A line of TOML, with tables and lists in it."""
    if isinstance(value, Mapping):
        text = f"{key} = {{ {', '.join(_line(ours, theirs) for ours, theirs in value.items())} }}"
    elif isinstance(value, list):
        text = f"{key} = [{', '.join(_line('x', item).removeprefix('x = ') for item in value)}]"
    else:
        text = tomli_w.dumps({key: value}).strip()
    return f"{text}  # {' '.join(comment.split())}" if comment else text


def _relative(file: Path, folder: Path) -> str:
    """A path as the settings in `folder` give it; in full where no relative path leads there."""
    try:
        path = Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        path = file.resolve().as_posix()
    if not path.isascii() and path.encode("utf-8", "replace").decode() != path:
        raise InputError("has a name that is not UTF-8, which settings cannot hold", source=path, hint="Rename it")
    return path
