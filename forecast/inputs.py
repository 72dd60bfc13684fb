"""From settings to data: the events, counts, places and covariates that a settings file names."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from forecast import names
from forecast.capability.capability import CapabilitySource
from forecast.capability.indicators import Indicators, read_indicators
from forecast.capability.measurement import Measurement
from forecast.capability.published import read_activity
from forecast.config import CapabilitySettings, CovariateSettings, Settings
from forecast.errors import InputError
from forecast.events.boundaries import Boundaries, read_boundaries
from forecast.events.places import Gazetteer, read_aliases, read_forces, read_gazetteer, read_zones
from forecast.events.raw import read_raw
from forecast.events.table import Events, read_events
from forecast.events.tactics import Crosswalk, read_crosswalk, read_tactics
from forecast.files import readable_name, sha256
from forecast.ledger import Ledger, refuse_loss
from forecast.model.library import CAPABILITY
from forecast.panel.build import build_panel
from forecast.panel.panel import Panel
from forecast.panel.ready import checked_counts, read_counts
from forecast.panel.reports import read_reports
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.futures import Future, hold_last, path, project

__all__ = ["input_files", "load_activity", "load_boundaries", "load_futures", "load_source", "load_zones"]

Values = pd.DataFrame | xr.DataArray


def load_source(settings: Settings) -> PanelSource | CountsSource:
    """The data that settings name, as a source of panels.

    Raises
    ------
    InputError
        When a file or a setting is wrong, or more rows were lost than the settings accept.
    """
    gazetteer = _gazetteer(settings)
    data, places, options = settings.data, settings.places, settings.panel
    boundaries = load_boundaries(settings)
    loaded = {
        name: _covariate(name, covariate, settings, gazetteer, boundaries)
        for name, covariate in settings.covariates.items()
    }
    covariates: dict[str, Any] = {name: values for name, (values, _) in loaded.items()}
    if settings.capability is not None:
        covariates[CAPABILITY] = _capability(settings.capability, settings.seed, data.simulated)
    ledger = sum((lines for _, lines in loaded.values()), _unmatched(boundaries))
    if data.source in ("counts", "reports"):
        panel = _ready_counts(settings, gazetteer) if data.source == "counts" else _published(settings)
        return CountsSource(replace(panel, ledger=panel.ledger + ledger), covariates)
    events = read_events(
        data.paths,
        source=data.source,
        columns=data.columns,
        sheet=data.sheet,
        tactic_by=data.tactic_by,
        keep_non_attacks=data.keep_non_attacks,
        keep_doubtful=data.keep_doubtful,
        day_first=data.day_first,
        gazetteer=gazetteer,
        boundaries=boundaries,
        crosswalk=_crosswalk(settings),
        aliases=_aliases(settings, gazetteer),
        max_distance_km=places.max_distance_km,
        simulated=data.simulated,
    )
    _check_loss(events, settings, data.paths[0])
    building = options.model_dump(exclude={"missing"}) | {"gazetteer": gazetteer, "seed": settings.seed}
    if options.provinces is not None:
        building["provinces"] = gazetteer.keys(options.provinces, "panel.provinces")
    building["gaps"] = [
        (first, last, *(gazetteer.keys(members, "panel.gaps") for members in provinces))
        for first, last, *provinces in options.gaps
    ]
    if places.forces is not None:
        building["forces"] = read_forces(places.forces, read_gazetteer(places.gazetteer))
    return PanelSource(replace(events, ledger=events.ledger + ledger), building, covariates)


def load_boundaries(settings: Settings) -> Boundaries | None:
    """The polygons that the settings name."""
    file = settings.places.boundaries
    return None if file is None else read_boundaries(file, _gazetteer(settings))


def _unmatched(boundaries: Boundaries | None) -> Ledger:
    """What the ledger says of polygons that are of no province."""
    unmatched = () if boundaries is None else boundaries.unmatched
    reason = "the polygon bears the name of no province, or of several"
    return Ledger().add("boundary not matched", len(unmatched), "noted", reason, unmatched)


def load_zones(settings: Settings, panel: Panel) -> dict[str, tuple[str, ...]]:
    """The settings' zones, all of whose provinces are in the panel."""
    file = settings.places.zones
    if file is None:
        return {}
    zones = read_zones(file, read_gazetteer(settings.places.gazetteer))
    held = {*panel.provinces, *panel.dataset[names.PCODE].values.astype(str)}
    for zone, provinces in zones.items():
        outside = [key for key in provinces if key not in held]
        if outside:
            hint = "Take the zone out of the file, or its provinces into the panel"
            raise InputError("lies outside the panel", source=file, where=f"zone {zone}", found=outside, hint=hint)
    return zones


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
    named.append(settings.reports.activity)
    named += [file for covariate in settings.covariates.values() for file in (covariate.path, covariate.future)]
    return list(dict.fromkeys(file for file in named if isinstance(file, Path)))


def _gazetteer(settings: Settings) -> Gazetteer:
    gazetteer = read_gazetteer(settings.places.gazetteer)
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
        raise InputError(error.problem, source=units, found=error.found, expected=error.expected) from error


def _aliases(settings: Settings, gazetteer: Gazetteer) -> dict[str, str]:
    file = settings.places.aliases
    return {} if file is None else read_aliases(file, gazetteer)


def _crosswalk(settings: Settings) -> Crosswalk:
    data = settings.data
    crosswalk = read_crosswalk(data.crosswalk)
    return crosswalk if data.tactics is None else read_tactics(data.tactics, data.source, crosswalk)


def load_activity(settings: Settings) -> Indicators | None:
    """The activity of partner forces that the settings name, to be shown beside published totals."""
    file = settings.reports.activity
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
    panel = Panel.from_frame(pd.concat(tables), freq=options.freq, missing=options.missing, gazetteer=gazetteer)
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
    given, options, places = settings.reports, settings.panel, settings.places
    own_places = places.gazetteer is not None or places.countries is not None or places.units is not None
    gazetteer = _gazetteer(settings) if own_places else None
    reports = read_reports(
        settings.data.paths[0], freq=options.freq, gazetteer=gazetteer, publishers=given.publishers
    )  # fmt: skip
    panel = Panel.from_reports(
        reports,
        freq=options.freq,
        tactics=options.tactics or (),
        gazetteer=gazetteer,
        subset_of=given.subset_of,
        conflicts=given.conflicts,
        zone_ends={zone: f"{day:%Y-%m-%d}" for zone, day in given.zone_ends.items()},
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
    events = read_events(
        covariate.path,
        source=covariate.events,
        columns=covariate.columns,
        gazetteer=gazetteer,
        boundaries=boundaries,
        crosswalk=read_crosswalk(settings.data.crosswalk),
        aliases=_aliases(settings, gazetteer),
        max_distance_km=settings.places.max_distance_km,
    )
    _check_loss(events, settings, covariate.path)
    panel = build_panel(
        events, freq=options.freq, gazetteer=gazetteer, start=options.start, end=options.end, seed=settings.seed
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
