"""`read_events`: raw files of any source to one validated events table and its ledger."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import Boundaries, read_boundaries, shipped_boundaries
from forecast.events.countries import country_key, is_country
from forecast.events.neighbours import border_neighbours
from forecast.events.own_names import gazetteer_of
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.placing import nothing_left, place
from forecast.events.raw import ReadOptions
from forecast.events.schema import validated
from forecast.events.sources import SOURCES
from forecast.events.spelling import normalise_name
from forecast.events.table import Events
from forecast.events.tactics import Crosswalk, read_crosswalk
from forecast.events.values import MADE_ID
from forecast.events.versions import UNTIL, newest_versions
from forecast.files import readable_name, sha256
from forecast.ledger import Ledger

__all__ = ["read_events"]

_OWN_NAMES = ("data",)


def read_events(
    paths: str | Path | pd.DataFrame | Sequence[str | Path | pd.DataFrame],
    *,
    source: str,
    columns: Mapping[str, str] | None = None,
    sheet: str | Sequence[str] | None = None,
    tactic_by: Literal["", "type_of_violence", "dyad"] = "",
    keep_non_attacks: bool = False,
    keep_doubtful: bool = True,
    day_first: bool | None = None,
    gazetteer: Gazetteer | Literal["data"] | None = None,
    countries: Sequence[str] | None = None,
    boundaries: Boundaries | str | Path | None = None,
    nearest: bool = False,
    max_distance_km: float = 100.0,
    crosswalk: Crosswalk | None = None,
    aliases: Mapping[str, str] | None = None,
    today: date | None = None,
    simulated: bool = False,
) -> Events:
    """Read raw event files of one source into one validated table.

    Parameters
    ----------
    paths : path, DataFrame, or sequence of these
        CSV, Excel or JSON files, as they are or in gz or zip; a DataFrame is cleaned like the CSV file that it makes
        (`sources` calls it "table", its index counts where it has names). Several files are read as one; a record that
        stands in several counts once, in its newest version, and one that a later download of the same span no
        longer has is withdrawn (`forecast.events.versions` states which is later, and what a span is).
    source : {'ucdp', 'acled', 'acled-aggregated', 'gtd', 'plain'}
        Whose form the files have.
    columns : mapping of str to str, optional
        For 'plain': our column names and the file's (`{"date": "Day", "province": "Governorate"}`); others are found
        by their names (`forecast.events.plain.SYNONYMS`).
    sheet : str or sequence of str, optional
        Sheet of a workbook; by default the one that has the columns that are needed. Several are read as one table,
        and '*' reads all that have them.
    tactic_by : {'type_of_violence', 'dyad'}, optional
        UCDP codes no tactics: what stands in their place, the type of violence by default.
    keep_non_attacks : bool
        Keep ACLED's protests, riots and strategic developments.
    keep_doubtful : bool
        Keep GTD's incidents that its coders doubt to be terrorism.
    day_first : bool, optional
        How dates such as 03/04/20 are meant; without it each file decides, or is refused.
    gazetteer : Gazetteer or 'data', optional
        Provinces to match. With 'data' they are the names in the files, and `Events.gazetteer` holds them. By default
        the shipped 32 governorates of Iraq and Syria, and 'data' where the files name other countries only.
    countries : sequence of str, optional
        Records and provinces of these countries only.
    boundaries : Boundaries or path, optional
        Polygons (or the file that `read_boundaries` reads) for records that have coordinates and no (known) province
        name; those that come with the package by default, where the gazetteer holds provinces of Iraq or Syria by their
        p-codes.
    nearest : bool
        Give records without a name that no polygon takes to the nearest representative point of a province without a
        polygon. That is often another province than theirs.
    max_distance_km : float
        With `nearest`, how far a record may lie from a province's representative point.
    crosswalk : Crosswalk, optional
        Labels of tactics and targets; the shipped one by default.
    aliases : mapping of str to str, optional
        Provinces that names in the files are to be taken for, beside the gazetteer's own; see `read_aliases`.
    today : date, optional
        Records after this day are dropped; the current day by default.
    simulated : bool
        Label everything made from these records as simulated.

    Returns
    -------
    Events
        Sorted by date and id.

    Raises
    ------
    InputError
        When a file cannot be read as one of this source, or no record is left; the message says what was found.

    Examples
    --------
    >>> import pandas as pd
    >>> days, places = ["2020-01-03", "2020-01-20"], ["Diyala", "Anbar"]
    >>> table = pd.DataFrame({"date": days, "province": places, "type": "IED"})
    >>> events = fc.read_events(table, source="plain", columns={"tactic": "type"})
    >>> events.table["province"].tolist()
    ['IQG10', 'IQG01']
    """
    if source == "counts":
        hint = "Name them in the settings of a run, or give them to Panel.from_frame"
        raise InputError("ready counts are not read as events", where="source", hint=hint)
    if source not in SOURCES:
        raise InputError("unknown source", where="source", found=source, expected=sorted(SOURCES))
    inputs = [paths] if isinstance(paths, str | Path | pd.DataFrame) else list(paths)
    if not inputs:
        raise InputError("no file was given", where="paths")
    options = ReadOptions(
        columns=dict(columns or {}),
        sheet=sheet if sheet is None or isinstance(sheet, str) else tuple(sheet),
        tactic_by=tactic_by,
        keep_non_attacks=keep_non_attacks,
        keep_doubtful=keep_doubtful,
        day_first=day_first,
        today=today,
    )
    drafts, sources, ledger = _drafts(inputs, source, options)
    draft, past, ledger = newest_versions(drafts, [str(entry["path"]) for entry in sources], ledger)
    if aliases:
        draft, ledger = _renamed(draft, ledger, aliases)
        past, _ = _renamed(past, Ledger(), aliases)
    gazetteer, ledger = _gazetteer(gazetteer, countries, draft, ledger)
    gazetteer, boundaries = _with_polygons(gazetteer, boundaries)
    draft, ledger = place(draft, ledger, gazetteer, boundaries, max_distance_km if nearest else None)
    if draft[names.PROVINCE].isna().all():
        raise nothing_left(sources[0]["path"], ledger)
    crosswalk = crosswalk or read_crosswalk()
    draft, ledger = _translate(draft, ledger, crosswalk, source)
    table = draft[list(names.EVENT_COLUMNS)]
    # The ledger is about the records as they stand now.
    past, _ = place(past, Ledger(), gazetteer, boundaries, max_distance_km if nearest else None)
    past, _ = _translate(past[past[names.PROVINCE].notna()], Ledger(), crosswalk, source)
    older = past[[*names.EVENT_COLUMNS, UNTIL]].reset_index(drop=True)
    table = table.sort_values(["date", "event_id"], ignore_index=True)
    older = older[older[names.ATTACKS].notna()].astype({names.ATTACKS: "int64"})
    ledger = ledger.with_kept(len(table))
    uncounted = table[names.ATTACKS].isna()
    gaps = table[uncounted] if uncounted.any() else None
    counted = validated(table[~uncounted].reset_index(drop=True), sources[0]["path"])
    nowhere = counted[names.PROVINCE].isna()
    unlocated = counted[nowhere].reset_index(drop=True) if nowhere.any() else None
    table = counted[~nowhere].reset_index(drop=True)
    return Events(table, ledger, tuple(sources), simulated, older, gaps, unlocated, gazetteer, boundaries)


def _drafts(
    inputs: Sequence[str | Path | pd.DataFrame], source: str, options: ReadOptions
) -> tuple[list[pd.DataFrame], list[dict[str, Any]], Ledger]:
    """What the source's reader makes of each file or table, where it came from, and what was cleaned."""
    drafts: list[pd.DataFrame] = []
    sources: list[dict[str, Any]] = []
    ledger = Ledger()
    for number, given in enumerate(inputs, start=1):
        with _as_file(given, f"table {number}" if len(inputs) > 1 else "table") as path:
            draft, lines = SOURCES[source](path, options)
            content = sha256(path)
            if any(content == earlier["sha256"] for earlier in sources):
                hint = "Name every file once"
                raise InputError("is given twice, under this or another name", source=path, hint=hint)
        if len(inputs) > 1:  # ids made from row numbers are unique within one file only
            has_made_id = draft["event_id"].str.startswith(MADE_ID)
            draft["event_id"] = draft["event_id"].mask(has_made_id, f"file-{number}-" + draft["event_id"])
        drafts.append(draft)
        ledger = ledger + lines
        sources.append({"path": readable_name(path), "sha256": content, "source": source, "rows": len(draft)})
    return drafts, sources, ledger


@contextmanager
def _as_file(given: str | Path | pd.DataFrame, name: str) -> Iterator[Path]:
    """The path of a file; a table as a file, so that it is cleaned like one, called `name` in messages."""
    if not isinstance(given, pd.DataFrame):
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="forecast-") as folder:
        path = Path(folder) / name
        try:
            given.to_csv(path, index=any(level is not None for level in given.index.names))
            yield path
        except UnicodeEncodeError as error:
            raise InputError("holds text that is not valid Unicode", source=name, found=str(error)) from error
        except InputError as error:
            raise error.again(source=name) from error


def _refuse_unknown(countries: Sequence[str], named: Iterable[str]) -> None:
    """An InputError for what is neither a country of the world nor one that the records name."""
    held = {country_key(name) for name in named}
    unknown = [name for name in countries if country_key(name) not in held and not is_country(name)]
    if unknown:
        expected = [*read_gazetteer().table[names.COUNTRY].unique(), *named]
        raise InputError("unknown countries", where="countries", found=unknown, expected=expected)


def _gazetteer(
    gazetteer: Gazetteer | Literal["data"] | None,
    countries: Sequence[str] | None,
    draft: pd.DataFrame,
    ledger: Ledger,
) -> tuple[Gazetteer, Ledger]:
    """The provinces to match: as given, those that ship, or the names in the data."""
    if isinstance(gazetteer, str) and gazetteer not in _OWN_NAMES:
        expected = "a Gazetteer (see read_gazetteer) or 'data'"
        raise InputError("is no gazetteer", where="gazetteer", found=gazetteer, expected=expected)
    named = list(draft[names.COUNTRY].dropna().unique()) if countries is None else list(countries)
    if gazetteer is None:
        gazetteer = read_gazetteer()
        if named and not any(gazetteer.countries_of(str(country)) for country in named):
            gazetteer = "data"
    if isinstance(gazetteer, str):
        _refuse_unknown(countries or (), draft[names.COUNTRY].dropna().unique())
        only = countries[0] if countries is not None and len(countries) == 1 else ""
        gazetteer, ledger = gazetteer_of(draft, ledger, only)
    return gazetteer if countries is None else gazetteer.select(countries), ledger


def _with_polygons(
    gazetteer: Gazetteer, boundaries: Boundaries | str | Path | None
) -> tuple[Gazetteer, Boundaries | None]:
    """The polygons of the provinces; where these are the data's own names, shared borders make them neighbours."""
    if boundaries is None:
        return gazetteer, shipped_boundaries(gazetteer)
    if not isinstance(boundaries, Boundaries):
        boundaries = read_boundaries(boundaries, gazetteer)
    if gazetteer.from_data and boundaries.geometries:
        gazetteer = gazetteer.with_neighbours(border_neighbours(boundaries.shapes()))
    return gazetteer, boundaries


def _renamed(draft: pd.DataFrame, ledger: Ledger, aliases: Mapping[str, str]) -> tuple[pd.DataFrame, Ledger]:
    """The provinces that the user takes names for, in the place of these names."""
    labels = draft["place_label"]
    provinces = {label: aliases.get(normalise_name(label)) for label in labels.dropna().unique()}
    renamed = labels.map(provinces).astype("str")
    shown = [f"{label} as {province}" for label, province in provinces.items() if province is not None]
    reason = "taken for the province that the table of aliases names"
    ledger = ledger.add("alias", int(renamed.notna().sum()), "changed", reason, shown)
    return draft.assign(place_label=renamed.fillna(labels)), ledger


def _translate(draft: pd.DataFrame, ledger: Ledger, crosswalk: Crosswalk, source: str) -> tuple[pd.DataFrame, Ledger]:
    """Common tactics and targets from the source's labels."""
    tactic = crosswalk.apply(draft["tactic_label"], source, "tactic")
    unmapped = tactic.isna() & draft["tactic_label"].notna()
    unknown = draft["tactic_label"].isna() | tactic.eq(names.UNKNOWN).fillna(False)
    # A plain table (and UCDP's dyads) may bring tactics of its own; other sources have a closed list of labels.
    is_open = source in ("plain", "ucdp")
    reason = "kept as a tactic of its own" if is_open else "counted as 'other'"
    ledger = ledger.add(
        "label not in the crosswalk",
        unmapped.sum(),
        "changed",
        reason,
        draft["tactic_label"][unmapped].value_counts().index,
    )
    ledger = ledger.add(
        "no tactic",
        unknown.sum(),
        "noted",
        "their kind is not known: counted in the totals of their provinces, where enough others have one",
        draft["event_id"][unknown],
    )
    tactic = tactic.mask(unknown, names.UNKNOWN)
    if is_open:
        tactic = tactic.fillna(draft["tactic_label"].str.strip().str.casefold().str.replace(r"\s+", "_", regex=True))
    target = crosswalk.apply(draft["target_label"], source, "target").fillna(names.UNKNOWN)
    return draft.assign(**{names.TACTIC: tactic.fillna("other"), "target": target}), ledger
