"""What settings name, against a panel: triggers, dated events, scenarios, models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.baselines.library import default_baselines
from forecast.config import Settings
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.evaluation.pool import PoolFit
from forecast.evaluation.triggers import Trigger
from forecast.files import readable_name
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inputs import load_population
from forecast.model.library import CAPABILITY
from forecast.panel.calendar import next_periods, period_end
from forecast.panel.groups import province_keys
from forecast.panel.panel import Panel
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.futures import Future, scenario
from forecast.prediction.scenarios import percent_change
from forecast.report.population import PopulationPart
from forecast.report.slopes import covariate_said
from forecast.report.wording import listed, province_labels

__all__ = ["covariates_said", "events_of", "population_of", "scenarios_of", "scored_models", "triggers_of"]


def scored_models(settings: Settings) -> dict[str, Any]:
    """All models that are scored, by name: the baselines and that of the settings."""
    model = settings.built_model()
    return {**default_baselines(), model.name: model}


def covariates_said(settings: Settings, fitted: Fit, panel: Panel, *, chances: bool = True) -> list[str]:
    """What is told of covariates, but for capability: slopes, futures, and those that the model does not use.

    Without `chances`, which a forecast that is not plausible does not give, no probability is told.
    """
    members = fitted.fits.values() if isinstance(fitted, PoolFit) else (fitted,)
    used: dict[str, Fit] = {}
    # Slopes are told of hierarchical models.
    for member in sorted(members, key=lambda member: isinstance(member, BayesianFit)):
        given = getattr(member.model, "covariates", ())
        # The regression's None: all that the panel has.
        used |= dict.fromkeys(panel.covariates if given is None else given, member)
    said = []
    for name in dict.fromkeys((*settings.covariates, *used)):
        if name == CAPABILITY and settings.capability is not None:
            continue
        if name not in used:
            said.append(f"The settings give {name.replace('_', ' ')}, and the model does not use it.")
            continue
        covariate, by_calendar = settings.covariates.get(name), name not in panel.covariates
        future = "the calendar knows it" if by_calendar else "it is held at its last value"
        if covariate is not None and isinstance(covariate.future, Path):
            future = f"it is what {readable_name(covariate.future)} says"
        member = used[name]
        slopes = percent_change(member, name) if isinstance(member, BayesianFit) else None
        if slopes is not None and not chances:
            slopes = slopes.assign(probability_below_0=np.nan)
        said.append(covariate_said(name, slopes, future, by_calendar=by_calendar))
    return said


def triggers_of(settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]]) -> tuple[Trigger, ...]:
    """The settings' triggers, each with the provinces and tactics whose attacks count."""
    triggers = []
    for given in settings.triggers:
        where = f"triggers.{given.name}"
        provinces = _provinces(given.where, panel, zones, where)
        if given.tactic is not None and given.tactic not in panel.tactics:
            raise InputError("unknown tactic", where=where, found=given.tactic, expected=panel.tactics)
        tactics = panel.tactics if given.tactic is None else [given.tactic]
        event = given.threshold, given.horizon, given.probability
        triggers.append(Trigger(given.name, tuple(provinces), tuple(tactics), *event))
    return tuple(triggers)


def population_of(
    settings: Settings, source: PanelSource | CountsSource, panel: Panel
) -> tuple[PopulationPart | None, tuple[str, ...]]:
    """The people of a panel's provinces by the settings, and notes on names and provinces that do not match."""
    read, file = load_population(settings, source, panel), settings.report.population
    if read is None or file is None:
        return None, ()
    shown, labels = readable_name(file), province_labels(panel.dataset)
    said = f"the table of population, {shown},"
    known = [key for key in panel.provinces if key in read.people]
    unknown = [labels[key] for key in panel.provinces if key not in read.people]
    notes = []
    if read.unmatched:
        notes.append(f"{said} names what is no province of the data: {', '.join(read.unmatched)}")
    if unknown:
        notes.append(f"{said} lacks {listed(unknown)}: there, attacks per 100,000 are not told")
    table = pd.DataFrame({names.PROVINCE: known, "population": read.people[known].to_numpy()})
    return PopulationPart(shown, table), tuple(notes)


def events_of(settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]]) -> tuple[DatedEvent, ...]:
    """The settings' dated events; an `InputError` for one that no chart could mark."""
    last = period_end(next_periods(panel.periods[-1], settings.horizon, panel.freq)[-1:], panel.freq)[0]
    labels = province_labels(panel.dataset)
    events = []
    for given in settings.events:
        where, first = f"events.{given.name}", pd.Timestamp(given.date)
        end = first if given.end is None else pd.Timestamp(given.end)
        if end < panel.periods[0] or first > last:
            expected = f"from {panel.periods[0]:%Y-%m-%d} to {last:%Y-%m-%d}"
            found = f"{first:%Y-%m-%d}"
            raise InputError("lies outside the data and the forecast", where=where, found=found, expected=expected)
        provinces = _provinces(given.where, panel, zones, where)
        place = "" if given.where == "all" else labels.get(given.where, given.where.replace("_", " "))
        events.append(DatedEvent(given.name, f"{first:%Y-%m-%d}", f"{end:%Y-%m-%d}", place, tuple(provinces)))
    return tuple(events)


def _provinces(named: str, panel: Panel, zones: Mapping[str, Sequence[str]], where: str) -> Sequence[str]:
    """The provinces of a panel that 'all', or the name of a zone, a country or a province stands for."""
    countries = panel.dataset[names.COUNTRY].values.astype(str)
    if named == "all":
        return panel.provinces
    if named in zones:
        return province_keys(panel.dataset, zones[named], where)
    if named in countries:
        return [key for key, country in zip(panel.provinces, countries, strict=True) if country == named]
    return province_keys(panel.dataset, [named], where)


def scenarios_of(settings: Settings, futures: Mapping[str, Future]) -> dict[str, Future]:
    """The scenarios that the settings name."""
    scenarios = {}
    for given in settings.capability.scenarios if settings.capability is not None else ():
        start = None if given.start is None else f"{given.start:%Y-%m-%d}"
        scenarios[given.name] = scenario(given.force, given.shift_sd, start, given.ramp, base=futures[CAPABILITY])
    return scenarios
