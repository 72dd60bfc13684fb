"""From settings to data: the events, counts, places and covariates that a settings file names."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import xarray as xr

from forecast import names
from forecast.capability.capability import CapabilitySource
from forecast.capability.indicators import Indicators, read_indicators
from forecast.capability.measurement import Measurement
from forecast.capability.published import read_activity
from forecast.config import Settings
from forecast.config_sections import CapabilitySettings, CovariateSettings
from forecast.errors import InputError
from forecast.events.boundaries import Boundaries, read_boundaries, shipped_boundaries
from forecast.events.place_tables import read_aliases, read_forces, read_zones
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.population import Population, read_population
from forecast.events.raw import read_raw
from forecast.events.reading import read_events
from forecast.events.table import Events
from forecast.events.tactics import Crosswalk, read_crosswalk, read_tactics
from forecast.files import readable_name, sha256
from forecast.ledger import Ledger, refuse_loss
from forecast.model.library import CAPABILITY
from forecast.panel.build import build_panel
from forecast.panel.panel import Panel
from forecast.panel.ready import checked_counts, read_counts
from forecast.panel.reports import read_published
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.futures import Future, hold_last, path, project

__all__ = [
    "input_files",
    "load_activity",
    "load_boundaries",
    "load_futures",
    "load_population",
    "load_source",
    "load_zones",
    "map_boundaries",
]

Values = pd.DataFrame | xr.DataArray


def load_source(settings: Settings) -> PanelSource | CountsSource:
    """The data that settings name, as a source of panels.

    Raises
    ------
    InputError
        When a file or a setting is wrong, or more rows were lost than the settings accept.
    """
    covariates: dict[str, Any] = {}
    if settings.capability is not None:
        covariates[CAPABILITY] = _capability(settings.capability, settings.seed, settings.data.simulated)
    if settings.data.source in ("counts", "published"):
        known, boundaries = _known_gazetteer(settings), load_boundaries(settings)
        panel = _ready_counts(settings, known) if settings.data.source == "counts" else _published(settings)
        tables, ledger = _covariates(settings, known, boundaries)
        return CountsSource(replace(panel, ledger=panel.ledger + ledger), tables | covariates)
    places = settings.places
    events = _events(settings, settings.data.paths, _gazetteer(settings), places.boundaries)
    gazetteer = events.gazetteer
    assert gazetteer is not None
    tables, ledger = _covariates(settings, gazetteer, events.boundaries)
    options = settings.panel
    building = options.model_dump(exclude={"missing"}) | {"gazetteer": gazetteer, "seed": settings.seed}
    if isinstance(options.provinces, list):
        building["provinces"] = gazetteer.keys(options.provinces, "panel.provinces")
    building["covered_from"] = {
        key: day
        for name, day in options.covered_from.items()
        for key in ([name] if gazetteer.countries_of(name) else gazetteer.keys([name], "panel.covered_from"))
    }
    building["gaps"] = [
        (first, last, *(gazetteer.keys(members, "panel.gaps") for members in provinces))
        for first, last, *provinces in options.gaps
    ]
    if places.forces is not None:
        whole = gazetteer if gazetteer.from_data else read_gazetteer(_file(places.gazetteer))
        building["forces"] = read_forces(places.forces, whole)
    return PanelSource(replace(events, ledger=events.ledger + ledger), building, tables | covariates)


def _events(
    settings: Settings,
    paths: Sequence[Path],
    gazetteer: Gazetteer | Literal["data"] | None,
    boundaries: Boundaries | Path | None,
    covariate: CovariateSettings | None = None,
) -> Events:
    """The events of the settings' files, or of a covariate's, placed as the settings say."""
    data, places = settings.data, settings.places
    if covariate is None:
        source: Any = data.source
        options: dict[str, Any] = data.model_dump(
            include={"sheet", "tactic_by", "keep_non_attacks", "keep_doubtful", "day_first", "simulated"}
        )
    else:
        source, options = covariate.events, {}
    events = read_events(
        paths,
        source=source,
        columns=data.columns if covariate is None else covariate.columns,
        gazetteer=gazetteer,
        countries=places.countries if gazetteer == "data" else None,
        boundaries=boundaries,
        nearest=places.nearest,
        max_distance_km=places.max_distance_km,
        crosswalk=_crosswalk(settings) if covariate is None else read_crosswalk(data.crosswalk),
        aliases=_aliases(settings, gazetteer if isinstance(gazetteer, Gazetteer) else None),
        **options,
    )
    _check_loss(events, settings, paths[0])
    return events


def load_boundaries(settings: Settings, gazetteer: Gazetteer | None = None) -> Boundaries | None:
    """The polygons that the settings name, or those that ship, where they are of the gazetteer's provinces."""
    file, gazetteer = settings.places.boundaries, gazetteer or _known_gazetteer(settings)
    return shipped_boundaries(gazetteer) if file is None else read_boundaries(file, gazetteer)


def map_boundaries(settings: Settings, source: PanelSource | CountsSource, panel: Panel) -> Boundaries | None:
    """The polygons for a panel's map: those that ship only where they are of all its provinces."""
    boundaries = source.events.boundaries if isinstance(source, PanelSource) else load_boundaries(settings)
    if boundaries is None or settings.places.boundaries is not None:
        return boundaries
    drawn = {key: shape for key, shape in boundaries.geometries.items() if key in panel.provinces}
    return replace(boundaries, geometries=drawn) if len(drawn) == len(panel.provinces) else None


def _unmatched(boundaries: Boundaries | None) -> Ledger:
    """What the ledger says of polygons that are of no province."""
    unmatched = () if boundaries is None else boundaries.unmatched
    reason = "the polygon bears the name of no province, or of several"
    return Ledger().add("boundary not matched", len(unmatched), "noted", reason, unmatched)


def load_zones(settings: Settings, panel: Panel, gazetteer: Gazetteer | None = None) -> dict[str, tuple[str, ...]]:
    """The settings' zones, all of whose provinces are in the panel; `gazetteer`: the data's own, where it is that."""
    file = settings.places.zones
    if file is None:
        return {}
    zones = read_zones(file, gazetteer or read_gazetteer(_file(settings.places.gazetteer)))
    held = {*panel.provinces, *panel.dataset[names.PCODE].values.astype(str)}
    for zone, provinces in zones.items():
        outside = [key for key in provinces if key not in held]
        if outside:
            hint = "Take the zone out of the file, or its provinces into the panel"
            raise InputError("lies outside the panel", source=file, where=f"zone {zone}", found=outside, hint=hint)
    return zones


def load_population(settings: Settings, source: PanelSource | CountsSource, panel: Panel) -> Population | None:
    """People by province, as the report's settings give them; by the panel's own names where it has others than we."""
    file = settings.report.population
    if file is None:
        return None
    gazetteer = source.events.gazetteer if isinstance(source, PanelSource) else None
    gazetteer = gazetteer or _known_gazetteer(settings)
    if not set(panel.provinces) <= set(gazetteer.units):
        gazetteer = _named_in(panel)
    return read_population(file, gazetteer, _aliases(settings, gazetteer))


def _named_in(panel: Panel) -> Gazetteer:
    """The provinces of a panel, by the names that it has for them."""
    labels = (names.COUNTRY, names.PROVINCE_NAME, names.PCODE, names.ZONE)
    table = pd.DataFrame({name: panel.dataset[name].values.astype(str) for name in labels}, index=panel.provinces)
    table[names.PROVINCE_NAME] = table[names.PROVINCE_NAME].where(table[names.PROVINCE_NAME] != "", table.index)
    nothing = pd.Series([()] * len(table), table.index)
    return Gazetteer(table.assign(iso_3166_2="", aliases=nothing, shared_names=nothing))


def load_futures(settings: Settings) -> dict[str, Future]:
    """What each covariate does after the data, by the settings."""
    futures = {name: _future(covariate) for name, covariate in settings.covariates.items()}
    if settings.capability is not None:
        futures[CAPABILITY] = project() if settings.capability.future == "project" else hold_last()
    return futures


def _capability(settings: CapabilitySettings, seed: int, simulated: bool) -> CapabilitySource:
    indicators = read_indicators(settings.indicators, simulated=simulated)
    for name, direction in settings.directions.items():
        indicators = indicators.with_direction(name, direction)
    return CapabilitySource(indicators, Measurement(ordinal=settings.ordinal), seed=seed)


def _future(covariate: CovariateSettings) -> Future:
    """What a covariate does after the data, by its settings."""
    return path(_table(covariate.future, {})) if isinstance(covariate.future, Path) else hold_last()


def input_files(settings: Settings) -> list[Path]:
    """All files that the settings name."""
    places, data = settings.places, settings.data
    named: list[Path | str | None] = [
        *data.paths,
        data.crosswalk,
        data.tactics,
        places.gazetteer,
        places.aliases,
        places.units,
        places.forces,
        places.boundaries,
        places.zones,
    ]
    if settings.capability is not None:
        named.append(settings.capability.indicators)
    named += [settings.published.activity, settings.report.population]
    named += [file for covariate in settings.covariates.values() for file in (covariate.path, covariate.future)]
    return list(dict.fromkeys(file for file in named if isinstance(file, Path)))


def _file(given: Path | Literal["data"] | None) -> Path | None:
    return given if isinstance(given, Path) else None


def _gazetteer(settings: Settings) -> Gazetteer | Literal["data"] | None:
    """The gazetteer that the settings name; 'data', or None, where the records decide."""
    places = settings.places
    if places.gazetteer == "data":
        return "data"
    if places.gazetteer is None and places.units is None:
        if places.countries is None:
            return None
        shipped = read_gazetteer()
        if not any(shipped.countries_of(country) for country in places.countries):
            return "data"
    return _known_gazetteer(settings)


def _known_gazetteer(settings: Settings) -> Gazetteer:
    """The gazetteer of the settings' file, or the one that ships: of the chosen countries, with divided provinces."""
    gazetteer = read_gazetteer(_file(settings.places.gazetteer))
    if settings.places.countries:
        gazetteer = gazetteer.select(settings.places.countries)
    units = settings.places.units
    if units is None:
        return gazetteer
    try:
        return gazetteer.divide(read_gazetteer(units))
    except InputError as error:
        if error.source:
            raise
        raise error.again(source=units, where="", hint="") from error


def _aliases(settings: Settings, gazetteer: Gazetteer | None) -> dict[str, str]:
    file = settings.places.aliases
    return {} if file is None else read_aliases(file, gazetteer)


def _crosswalk(settings: Settings) -> Crosswalk:
    data = settings.data
    crosswalk = read_crosswalk(data.crosswalk)
    return crosswalk if data.tactics is None else read_tactics(data.tactics, data.source, crosswalk)


def load_activity(settings: Settings) -> Indicators | None:
    """The activity of partner forces that the settings name, to be shown beside published totals."""
    file = settings.published.activity
    return None if file is None else read_activity(file)


def _ready_counts(settings: Settings, gazetteer: Gazetteer) -> Panel:
    data = settings.data
    options, tables, ledger = settings.panel, [], Ledger()
    for file in data.paths:
        raw = read_counts(file, data.columns, data.sheet)
        clean, _, lines = checked_counts(raw, options.freq, data.day_first)
        tables.append(clean)
        ledger = ledger + _from_file(lines, file)
        last = clean[names.PERIOD].max()
        if last > pd.Timestamp.now() and not data.simulated:
            raise InputError("lies in the future", source=file, where="column period", found=f"{last:%Y-%m-%d}")
    panel = Panel.from_frame(
        pd.concat(tables), freq=options.freq, missing=options.missing, gazetteer=gazetteer, days=options.days
    )
    panel = replace(panel, ledger=ledger + panel.ledger)
    chosen = None if options.provinces == "all" else options.provinces
    panel = panel.select(provinces=chosen, tactics=options.tactics)
    sources = [
        {"path": readable_name(file), "sha256": sha256(file), "rows": len(table)}
        for file, table in zip(data.paths, tables, strict=True)
    ]
    return _cut_and_told(panel, settings, sources)


def _published(settings: Settings) -> Panel:
    """The panel of a table of published totals."""
    given, options, places = settings.published, settings.panel, settings.places
    own_places = places.gazetteer is not None or places.countries is not None or places.units is not None
    gazetteer = _known_gazetteer(settings) if own_places else None
    reports = read_published(
        settings.data.paths[0], freq=options.freq, gazetteer=gazetteer, publishers=given.publishers
    )  # fmt: skip
    panel = Panel.from_published(
        reports,
        freq=options.freq,
        tactics=options.tactics or (),
        gazetteer=gazetteer,
        subset_of=given.subset_of,
        conflicts=given.conflicts,
        zone_ends={zone: f"{day:%Y-%m-%d}" for zone, day in given.zone_ends.items()},
        days=options.days,
    )
    panel = replace(panel, ledger=_from_file(panel.ledger, settings.data.paths[0]))
    activity = load_activity(settings)
    if activity is not None and given.activity is not None:
        panel = replace(panel, ledger=panel.ledger + _from_file(activity.ledger, given.activity))
    return _cut_and_told(panel, settings, reports.sources)


def _cut_and_told(panel: Panel, settings: Settings, sources: Sequence[Mapping[str, Any]]) -> Panel:
    """The periods of a panel that the settings ask for, with the files that it came from."""
    options, data = settings.panel, settings.data
    panel = panel.between(*(None if day is None else pd.Timestamp(day) for day in (options.start, options.end)))
    told = [{**source, "source": data.source} for source in sources]
    provenance = panel.provenance | {"sources": told, "simulated": data.simulated}
    return replace(panel, dataset=panel.dataset.assign_attrs(provenance=json.dumps(provenance, ensure_ascii=False)))


def _covariates(
    settings: Settings, gazetteer: Gazetteer, boundaries: Boundaries | None
) -> tuple[dict[str, Values], Ledger]:
    """All covariates of the settings, and the ledger's lines on them and on the polygons."""
    tables: dict[str, Values] = {}
    ledger = _unmatched(boundaries)
    for name, covariate in settings.covariates.items():
        tables[name], lines = _covariate(name, covariate, settings, gazetteer, boundaries)
        ledger = ledger + lines
    return tables, ledger


def _covariate(
    name: str,
    covariate: CovariateSettings,
    settings: Settings,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None,
) -> tuple[Values, Ledger]:
    """A table as it stands, or the number of events of a second file per province and period; and its ledger."""
    if covariate.events is None:
        return _table(covariate.path, covariate.columns), Ledger()
    options = settings.panel
    events = _events(settings, [covariate.path], gazetteer, boundaries, covariate)
    panel = build_panel(
        events,
        freq=options.freq,
        gazetteer=gazetteer,
        provinces="all",
        untyped=False,
        start=options.start,
        end=options.end,
        seed=settings.seed,
    )
    return panel.attacks.sum(names.TACTIC, skipna=False).rename(name), _from_file(panel.ledger, covariate.path)


def _check_loss(events: Events, settings: Settings, file: Path) -> None:
    """Refuse events of which more were lost than the settings accept."""
    if not settings.data.accept_loss:
        refuse_loss(events.ledger, file)


def _from_file(ledger: Ledger, file: Path) -> Ledger:
    """The ledger with the file in entries that name no source."""
    return Ledger(tuple(replace(entry, source=entry.source or readable_name(file)) for entry in ledger))


def _table(file: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """A table of text by our column names; its index is the row number in the file."""
    frame = read_raw(file).frame
    absent = [theirs for theirs in columns.values() if theirs not in frame]
    if absent:
        raise InputError("no such columns", source=file, where="header", found=list(frame), expected=absent)
    taken = [ours for ours, theirs in columns.items() if ours in frame and ours not in columns.values()]
    return frame.drop(columns=taken).rename(columns={theirs: ours for ours, theirs in columns.items()})
