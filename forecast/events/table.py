"""`read_events`: raw files of any source to one validated events table and its ledger."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import (
    DOUBTFUL,
    MARGIN_KM,
    Boundaries,
    is_drawn,
    locate,
    read_boundaries,
    shipped_boundaries,
)
from forecast.events.countries import country_key, is_country
from forecast.events.draft import SIDE
from forecast.events.neighbours import border_neighbours
from forecast.events.own_names import gazetteer_of
from forecast.events.places import Gazetteer, read_gazetteer, write_gazetteer
from forecast.events.raw import ReadOptions
from forecast.events.sources import SOURCES
from forecast.events.spelling import normalise_name
from forecast.events.tactics import Crosswalk, read_crosswalk
from forecast.events.unmatched import listed_countries, listed_provinces, note_resemblances
from forecast.events.values import MADE_ID
from forecast.events.versions import UNTIL, newest_versions
from forecast.files import readable_name, sha256, write_csv
from forecast.folders import EVENTS, write_folder
from forecast.ledger import Action, Ledger

__all__ = ["Events", "involved", "read_events", "select_events"]

# Rules of the ledger on records whose country is known and whose province is not.
_UNLOCATED = ("imprecise place", "no province")
_COUNTED = "counted in the totals of their country"

_OWN_NAMES = ("data",)
_TEXT = (
    names.COUNTRY,
    names.PROVINCE,
    names.TACTIC,
    "actor",
    "opponent",
    "target",
    "source",
    "place_precision",
    "date_precision",
)
# What to do where a rule of the ledger has dropped everything.
_WAYS_OUT = {
    "country": "Give the gazetteer of these countries, or choose other countries",
    "unknown province": "Correct the names, or give a gazetteer that holds them",
    "no place": "Check the coordinates; where they are right, give a gazetteer that holds these provinces",
    "no polygons": "Give polygons (boundaries), or agree to the nearest representative point (nearest = true)",
    "no province": "Give every record a province, or coordinates",
    "too far": "Check the coordinates, or raise max_distance_km",
    "divided province": "Give coordinates, or leave the provinces whole",
    "future dates": "Check the year, and the order of day and month",
}


@dataclass(frozen=True, repr=False)
class Events:
    """Attacks, one row each (or one row per count, for sources that publish counts), and how they were cleaned.

    Attributes
    ----------
    table : DataFrame
        The columns of `forecast.names.EVENT_COLUMNS`: event_id, date and date_end (first and last day), country,
        province (unit key), tactic, actor and opponent (several on one side joined by "; "), target, attacks
        (whole number from 1), latitude and longitude (degrees), fatalities, source, place_precision,
        date_precision, reported (the day on which the record was first known; NaT where the source does not tell).
    ledger : Ledger
        What cleaning dropped, left out or changed.
    sources : tuple of dict
        The files: path, sha256, source, rows read.
    simulated : bool
        True where the records are simulated; everything made from them says so.
    older : DataFrame or None
        Earlier versions of the same records, and withdrawn records, with the day on which each was reported and the
        day from which it no longer stood (column `until`): what was known at an origin.
    gaps : DataFrame or None
        Rows of a table of counts whose count is unknown, in the columns of `table` with `attacks` NA: the cells that
        they touch are not observed in a panel, whatever its filters.
    unlocated : DataFrame or None
        Records whose country is known and whose province is not, in the columns of `table` with `province` NA and
        without coordinates: they count in the totals of their countries.
    gazetteer : Gazetteer or None
        The provinces that the records were placed in.
    boundaries : Boundaries or None
        The polygons that could place records without a name.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"date": ["2020-01-03"], "province": ["Diyala"], "actor": ["IS"]})
    >>> events = fc.read_events(table, source="plain")
    >>> len(events.select(actor="IS"))
    1
    """

    table: pd.DataFrame
    ledger: Ledger = field(default_factory=Ledger)
    sources: tuple[dict[str, Any], ...] = ()
    simulated: bool = False
    older: pd.DataFrame | None = None
    gaps: pd.DataFrame | None = None
    unlocated: pd.DataFrame | None = None
    gazetteer: Gazetteer | None = None
    boundaries: Boundaries | None = None

    def __len__(self) -> int:
        return len(self.table)

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def select(
        self, *, actor: str | Sequence[str] | None = None, target: str | Sequence[str] | None = None
    ) -> "Events":
        """Attacks in which an actor stands on either side, alone or with others, or on a class of target.

        Parameters
        ----------
        actor : str or sequence of str, optional
            Names as they stand in the table, in any case; '*' and '?' match as in file names.
        target : str or sequence of str, optional
            Of security_forces, officials, civilians, infrastructure, other, unknown.

        Raises
        ------
        InputError
            When no record has such an actor or target; the message lists the most frequent ones.
        """
        table, ledger = select_events(self.table, self.ledger, actor=actor, target=target)
        older, unlocated = (
            part if part is None else part[involved(part, actor=actor, target=target)]
            for part in (self.older, self.unlocated)
        )
        return replace(self, table=table, ledger=ledger, older=older, unlocated=unlocated)

    def save(self, folder: str | Path) -> None:
        """Write `events.csv` and `ledger.csv` to a folder, and `gazetteer.csv` where the provinces are the data's own.

        All or none are written, with the marker `events.json`, and never over a file they were made from, nor over one
        that is not of `save`. Rows whose count or province is unknown stand in `events.csv` too, with that empty, by
        which they are read again.
        """
        inputs = {source["sha256"] for source in self.sources}
        table = pd.concat([part for part in (self.table, self.gaps, self.unlocated) if part is not None])
        with write_folder(folder, EVENTS, inputs=inputs) as temporary:
            if self.gazetteer is not None and self.gazetteer.from_data:
                write_gazetteer(temporary / "gazetteer.csv", self.gazetteer)
            write_csv(temporary / "events.csv", table)
            write_csv(temporary / "ledger.csv", self.ledger.to_frame())

    def plot(self) -> Any:
        """Altair chart of attacks per month, one line per tactic."""
        from forecast.plots import alt

        month = self.table["date"].dt.to_period("M").dt.to_timestamp()
        frame = self.table.groupby([month, names.TACTIC], observed=True)[names.ATTACKS].sum().reset_index()
        chart = alt.Chart(frame, width=640, height=240, title="SIMULATED DATA" if self.simulated else "")
        return chart.mark_line().encode(x="date:T", y="attacks:Q", color="tactic:N")

    def __repr__(self) -> str:
        table = self.table
        label = " SIMULATED" if self.simulated else ""
        head = f"Events: {int(table[names.ATTACKS].sum()):,}{label} attacks in {len(table):,} rows"
        span = f"{table['date'].min():%Y-%m-%d} to {table['date_end'].max():%Y-%m-%d}" if len(table) else "none"
        return f"{head}, {span}, {table[names.PROVINCE].nunique()} provinces\n{self.ledger!r}"

    def _repr_html_(self) -> str:
        from html import escape

        head = escape(repr(self).splitlines()[0])
        return f"<p>{head}</p>{self.table.head(5).to_html(escape=True, index=False)}{self.ledger._repr_html_()}"


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
    draft, ledger = _place(draft, ledger, gazetteer, boundaries, max_distance_km if nearest else None)
    if draft[names.PROVINCE].isna().all():
        raise _nothing_left(sources[0]["path"], ledger)
    crosswalk = crosswalk or read_crosswalk()
    draft, ledger = _translate(draft, ledger, crosswalk, source)
    table = draft[list(names.EVENT_COLUMNS)]
    # The ledger is about the records as they stand now.
    past, _ = _place(past, Ledger(), gazetteer, boundaries, max_distance_km if nearest else None)
    past, _ = _translate(past[past[names.PROVINCE].notna()], Ledger(), crosswalk, source)
    older = past[[*names.EVENT_COLUMNS, UNTIL]].reset_index(drop=True)
    table = table.sort_values(["date", "event_id"], ignore_index=True)
    older = older[older[names.ATTACKS].notna()].astype({names.ATTACKS: "int64"})
    ledger = ledger.with_kept(len(table))
    uncounted = table[names.ATTACKS].isna()
    gaps = table[uncounted] if uncounted.any() else None
    counted = _validated(table[~uncounted].reset_index(drop=True), sources[0]["path"])
    nowhere = counted[names.PROVINCE].isna()
    unlocated = counted[nowhere].reset_index(drop=True) if nowhere.any() else None
    table = counted[~nowhere].reset_index(drop=True)
    return Events(table, ledger, tuple(sources), simulated, older, gaps, unlocated, gazetteer, boundaries)


def select_events(
    table: pd.DataFrame,
    ledger: Ledger,
    *,
    actor: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
) -> tuple[pd.DataFrame, Ledger]:
    """`Events.select` on a table and its ledger."""
    if actor is not None:
        both = pd.concat([table["actor"], table["opponent"]])
        table, ledger = _filtered(table, ledger, involved(table, actor=actor), "actor", _listed(actor), both)
    if target is not None:
        keep = involved(table, target=target)
        table, ledger = _filtered(table, ledger, keep, "target", _listed(target), table["target"])
    return table, ledger


def involved(
    table: pd.DataFrame, *, actor: str | Sequence[str] | None = None, target: str | Sequence[str] | None = None
) -> pd.Series:
    """Which records `Events.select` chooses."""
    chosen = pd.Series(True, index=table.index)
    if actor is not None:
        chosen &= _involves(table, actor)
    if target is not None:
        chosen &= table["target"].isin(_listed(target))
    return chosen


def _involves(table: pd.DataFrame, actor: str | Sequence[str]) -> pd.Series:
    """Whether one of the actors of either side matches."""
    sides = table["actor"], table["opponent"]
    chosen = [label for label in pd.unique(pd.concat(sides).dropna()) if _matches(str(label), _listed(actor))]
    return sides[0].isin(chosen) | sides[1].isin(chosen)


def _matches(side: str, patterns: Sequence[str]) -> bool:
    labels = [label.casefold() for label in (side, *side.split(SIDE))]
    return any(fnmatchcase(label, pattern.casefold()) for label in labels for pattern in patterns)


def _listed(wanted: str | Sequence[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _filtered(
    table: pd.DataFrame, ledger: Ledger, keep: pd.Series, what: str, wanted: Sequence[str], labels: pd.Series
) -> tuple[pd.DataFrame, Ledger]:
    if not keep.any():
        frequent = labels.astype("str").str.split(SIDE).explode().value_counts().index[:8].tolist()
        raise InputError(f"no record has this {what}", where=what, found=list(wanted), expected=frequent)
    reason = f"{what} is none of: {', '.join(wanted)}"
    others = table[what][~keep].value_counts().index
    ledger = ledger.add(f"{what} not chosen", (~keep).sum(), "excluded", reason, others)
    return table[keep], ledger


# Steps of read_events ---------------------------------------------------------------------------------------


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
            made = draft["event_id"].str.startswith(MADE_ID)
            draft["event_id"] = draft["event_id"].mask(made, f"file-{number}-" + draft["event_id"])
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
    found = labels.map(provinces).astype("str")
    shown = [f"{label} as {province}" for label, province in provinces.items() if province is not None]
    reason = "taken for the province that the table of aliases names"
    ledger = ledger.add("alias", int(found.notna().sum()), "changed", reason, shown)
    return draft.assign(place_label=found.fillna(labels)), ledger


def _place(
    draft: pd.DataFrame,
    ledger: Ledger,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None,
    nearest_km: float | None,
) -> tuple[pd.DataFrame, Ledger]:
    """Give every record its unit: by name first, then by coordinates; what cannot be placed is dropped and listed."""
    countries = draft[names.COUNTRY].dropna().unique()
    foreign = draft[names.COUNTRY].isin([country for country in countries if not gazetteer.countries_of(country)])
    shown = listed_countries(draft.loc[foreign, names.COUNTRY])
    action: Action = "excluded" if gazetteer.is_selected else "dropped"
    reason = f"outside the {'chosen countries' if gazetteer.is_selected else 'countries of the gazetteer'}"
    ledger = ledger.add("country", foreign.sum(), action, reason, shown, limit=None)
    draft = draft[~foreign]
    draft, unlocated, ledger = _without_province(draft, ledger, gazetteer)
    found = gazetteer.match(draft["place_label"], draft[names.COUNTRY])
    placed = _by_coordinates(draft[found.isna()], gazetteer, boundaries, nearest_km)
    found = found.fillna(placed[names.PROVINCE])
    ledger = _note_coordinates(
        draft.join(placed[["how", "distance_km", "doubtful"]], how="right"), ledger, gazetteer, boundaries
    )
    ledger = _note_unplaced(draft[found.isna()], ledger, gazetteer, boundaries, nearest_km)
    ledger = note_resemblances(ledger, draft[found.isna() & draft["place_label"].notna()], found, gazetteer)
    draft = draft[found.notna()].assign(**{names.PROVINCE: found.dropna()})
    draft, ledger = _choose_units(draft, ledger, gazetteer, boundaries)
    country = gazetteer.table[names.COUNTRY].reindex(draft[names.PROVINCE]).to_numpy()
    draft = draft.assign(**{names.COUNTRY: country})
    return pd.concat([draft, unlocated]) if len(unlocated) else draft, ledger


def _without_province(
    draft: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer
) -> tuple[pd.DataFrame, pd.DataFrame, Ledger]:
    """Records that may be placed, and those of which no more than the country is known; with the ledger."""
    whole = gazetteer.table[names.COUNTRY].unique()
    only = str(whole[0]) if len(whole) == 1 else None
    named = {name: gazetteer.countries_of(str(name))[0] for name in draft[names.COUNTRY].dropna().unique()}
    country = draft[names.COUNTRY].map(named).astype("object").fillna(only)
    nowhere = draft["place_label"].isna() & (draft[names.LATITUDE].isna() | draft[names.LONGITUDE].isna())
    # Nobody could mend these: the source says that it does not know more.
    vague = draft["place_precision"].isin(["country", "unknown"]) & ~nowhere
    larger = "known only to an area larger than a province"
    counts = country.notna() & draft[names.ATTACKS].notna()
    draft, ledger = _drop(draft, ledger, vague & ~counts, _UNLOCATED[0], larger, "event_id", action="excluded")
    country, vague, nowhere = (part.reindex(draft.index) for part in (country, vague, nowhere & counts))
    nothing = "have neither a province name nor coordinates"
    for rule, rows, reason in zip(_UNLOCATED, (vague, nowhere), (larger, nothing), strict=True):
        reason = f"{reason}: {_COUNTED}"
        ledger = ledger.add(rule, int(rows.sum()), "noted", reason, draft["event_id"][rows])
    both = vague | nowhere
    blank = {names.PROVINCE: None, names.LATITUDE: np.nan, names.LONGITUDE: np.nan, "place_precision": "country"}
    return draft[~both], draft[both].assign(**blank, **{names.COUNTRY: country[both]}), ledger


def _by_coordinates(
    rows: pd.DataFrame, gazetteer: Gazetteer, boundaries: Boundaries | None, nearest_km: float | None
) -> pd.DataFrame:
    """What `locate` says of records; of those that name a country, with its provinces only.

    A name that matches nothing may be that of a province abroad, if no country is named: then only a polygon that
    covers the point overrules it. The nearest representative point never does.
    """
    placed = []
    for country, group in rows.groupby(rows[names.COUNTRY].fillna(""), sort=False):
        places = gazetteer.select([str(country)]) if country else gazetteer
        polygons = boundaries.of(places) if boundaries is not None and country else boundaries
        located = locate(
            group[names.LATITUDE],
            group[names.LONGITUDE],
            places,
            polygons,
            nearest=nearest_km is not None,
            max_distance_km=nearest_km or 0.0,
        )
        sure = ["polygon", "margin"] if country else ["polygon"]
        named = group["place_label"].notna() & ~located["how"].isin(sure)
        placed.append(located.assign(province=located[names.PROVINCE].mask(named), how=located["how"].mask(named, "")))
    return pd.concat(placed) if placed else locate(rows[names.LATITUDE], rows[names.LONGITUDE], gazetteer)


def _note_coordinates(
    rows: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer, boundaries: Boundaries | None
) -> Ledger:
    """Ledger lines on records that were placed by their coordinates, by how."""
    named = rows["place_label"].notna() & rows["how"].ne("")
    by_polygon = f"placed by coordinates in {boundaries.source or 'the given polygons'}" if boundaries else ""
    reason, shown = f"{by_polygon} instead", listed_provinces(rows[named], gazetteer)
    ledger = ledger.add("name not matched", named.sum(), "changed", reason, shown, limit=None)
    nameless = rows[~named]
    inside = nameless[nameless["how"] == "polygon"]
    reason = f"{by_polygon}, since they have no province name"
    ledger = ledger.add("no province name", len(inside), "noted", reason, inside["event_id"])
    outside = rows[rows["how"] == "margin"]
    reason = f"given to the nearest polygon within {MARGIN_KM:g} km, {_farthest(outside)}"
    ledger = ledger.add("outside all polygons", len(outside), "changed", reason, outside["event_id"])
    return _note_nearest(nameless[nameless["how"] == "nearest"], ledger, "province")


def _note_nearest(rows: pd.DataFrame, ledger: Ledger, unit: str) -> Ledger:
    """Ledger lines on records that went to the nearest representative point, and on the doubtful ones among them."""
    reason = f"given to the {unit} whose representative point is nearest, {_farthest(rows)}"
    ledger = ledger.add(f"nearest {unit}", len(rows), "changed", reason, rows["event_id"])
    doubtful = rows[rows["doubtful"]]
    reason = f"the two nearest points are within {DOUBTFUL:.0%} of each other: the {unit} may be another"
    return ledger.add(f"doubtful {unit}", len(doubtful), "noted", reason, doubtful["event_id"])


def _farthest(rows: pd.DataFrame) -> str:
    return f"the farthest at {rows['distance_km'].max():.1f} km"


def _note_unplaced(
    rows: pd.DataFrame,
    ledger: Ledger,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None,
    nearest_km: float | None,
) -> Ledger:
    """Ledger lines on records that neither a name nor coordinates could place."""
    named = rows["place_label"].notna()
    located = ~named & rows[names.LATITUDE].notna() & rows[names.LONGITUDE].notna()
    if is_drawn(gazetteer, boundaries):
        rule, reason = "no place", f"lie more than {MARGIN_KM:g} km outside the polygon of every province"
    elif nearest_km is not None:
        rule, reason = "too far", f"lie more than {nearest_km:g} km from the point of every province"
    else:
        rule, reason = "no polygons", "have coordinates only, and not all provinces have polygons that could place them"
    ledger = ledger.add(rule, located.sum(), "dropped", reason, rows["event_id"][located])
    nowhere = ~named & ~located
    reason = "have neither a province name nor coordinates"
    ledger = ledger.add("no place", nowhere.sum(), "dropped", reason, rows["event_id"][nowhere])
    reason, shown = "the name is no province of the gazetteer", listed_provinces(rows[named], gazetteer)
    return ledger.add("unknown province", named.sum(), "dropped", reason, shown, limit=None)


def _nothing_left(file: str, ledger: Ledger) -> InputError:
    """What dropped most of the records, with an example, and the way out; what is no attack is named last."""
    gone = [entry for entry in ledger if entry.action in ("dropped", "excluded") or entry.rule in _UNLOCATED]
    gone.sort(key=lambda entry: (entry.action == "excluded" and entry.rule != "country", -entry.rows))
    main, *others = gone
    example = f", such as {main.examples[0]}" if main.examples else ""
    problem = f"no record is left; dropped were {main.rows:,} ({main.rule}: {main.reason}{example})"
    problem += "".join(f", {entry.rows:,} ({entry.rule})" for entry in others)
    return InputError(problem, source=file, hint=_WAYS_OUT.get(main.rule, ""))


def _choose_units(
    draft: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer, boundaries: Boundaries | None
) -> tuple[pd.DataFrame, Ledger]:
    """Within a divided province, coordinates decide which part a record belongs to."""
    divided = ~draft[names.PROVINCE].isin(gazetteer.units)
    if not divided.any():
        return draft, ledger
    rows = draft[divided]
    part = locate(rows[names.LATITUDE], rows[names.LONGITUDE], gazetteer, boundaries, among=rows[names.PROVINCE])
    ledger = _note_nearest(
        rows.join(part[["how", "distance_km", "doubtful"]])[part["how"] == "nearest"], ledger, "part"
    )
    draft = draft.assign(**{names.PROVINCE: draft[names.PROVINCE].mask(divided, part[names.PROVINCE])})
    lost = draft[names.PROVINCE].isna()
    return _drop(
        draft,
        ledger,
        lost,
        "divided province",
        "no coordinates that tell which part it belongs to",
        "event_id",
    )


def _translate(draft: pd.DataFrame, ledger: Ledger, crosswalk: Crosswalk, source: str) -> tuple[pd.DataFrame, Ledger]:
    """Common tactics and targets from the source's labels."""
    tactic = crosswalk.apply(draft["tactic_label"], source, "tactic")
    unmapped = tactic.isna() & draft["tactic_label"].notna()
    # A plain table (and UCDP's dyads) may bring tactics of its own; other sources have a closed list of labels.
    own = source in ("plain", "ucdp")
    reason = "kept as a tactic of its own" if own else "counted as 'other'"
    ledger = ledger.add(
        "label not in the crosswalk",
        unmapped.sum(),
        "changed",
        reason,
        draft["tactic_label"][unmapped].value_counts().index,
    )
    ledger = ledger.add(
        "no tactic",
        draft["tactic_label"].isna().sum(),
        "changed",
        "counted as 'other'",
        draft["event_id"][draft["tactic_label"].isna()],
    )
    if own:
        tactic = tactic.fillna(draft["tactic_label"].str.strip().str.casefold().str.replace(r"\s+", "_", regex=True))
    target = crosswalk.apply(draft["target_label"], source, "target").fillna("unknown")
    return draft.assign(**{names.TACTIC: tactic.fillna("other"), "target": target}), ledger


def _drop(
    draft: pd.DataFrame,
    ledger: Ledger,
    rows: pd.Series,
    rule: str,
    reason: str,
    example: str,
    action: Action = "dropped",
) -> tuple[pd.DataFrame, Ledger]:
    if not rows.any():
        return draft, ledger
    return draft[~rows], ledger.add(rule, int(rows.sum()), action, reason, draft[example][rows].drop_duplicates())


def _validated(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """The table with its final types, checked against the schema of the events table."""
    import pandera.pandas as pa

    text = {column: pa.Column("category", nullable=column in ("actor", "opponent", names.PROVINCE)) for column in _TEXT}
    closed = {
        "target": names.TARGETS,
        "place_precision": names.PLACE_PRECISIONS,
        "date_precision": names.DATE_PRECISIONS,
    }
    for column, allowed in closed.items():
        text[column] = pa.Column("category", pa.Check.isin(list(allowed)))
    moment = "datetime64[ns]"
    schema = pa.DataFrameSchema(
        {
            "event_id": pa.Column("str", unique=True),
            "date": pa.Column(moment),
            "date_end": pa.Column(moment),
            names.ATTACKS: pa.Column("int64", pa.Check.ge(1)),
            names.LATITUDE: pa.Column("float64", pa.Check.in_range(-90, 90), nullable=True),
            names.LONGITUDE: pa.Column("float64", pa.Check.in_range(-180, 180), nullable=True),
            "fatalities": pa.Column("Int64", pa.Check.ge(0), nullable=True),
            "reported": pa.Column(moment, nullable=True),
            **text,
        },
        checks=pa.Check(lambda t: t["date_end"] >= t["date"], error="date_end before date"),
        strict=True,
    )
    kinds = dict.fromkeys(_TEXT, "category") | {
        "event_id": "str",
        "fatalities": "Int64",
        names.ATTACKS: "int64",
    }
    kinds |= dict.fromkeys(("date", "date_end", "reported"), moment)
    try:
        return schema.validate(table.astype(kinds), lazy=True)
    except pa.errors.SchemaErrors as error:
        case = error.failure_cases.iloc[0]
        row = "" if pd.isna(case["index"]) else f"row {int(case['index'])} of the events table, "
        raise InputError(
            "is not valid",
            source=file,
            where=f"{row}column {case['column']}",
            found=str(case["failure_case"]),
            expected=str(case["check"]),
        ) from error
