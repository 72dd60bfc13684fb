"""The sections of `forecast.toml`, one class each: their keys, what each takes, and what it means."""

import glob
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    ValidationInfo,
    field_validator,
    model_validator,
)

from forecast.errors import InputError, shorten
from forecast.files import readable_name

__all__ = [
    "BacktestSettings",
    "CapabilitySettings",
    "CovariateSettings",
    "DataSettings",
    "DatedEventSettings",
    "EvaluationSettings",
    "Folder",
    "PanelSettings",
    "PlaceSettings",
    "PublishedSettings",
    "ReportSettings",
    "ScenarioSettings",
    "Section",
    "TriggerSettings",
    "Whole",
]

EventSource = Literal["ucdp", "acled", "acled-aggregated", "gtd", "plain"]
Source = Literal[EventSource, "counts", "published"]


class Section(BaseModel):
    """Settings that take no key beside their own, and finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _existing(value: Path, info: ValidationInfo) -> Path:
    """A file of the settings, which must be there; a relative path is relative to the settings file."""
    path: Path = (info.context or {}).get("folder", Path()) / value
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}: {shorten(str(path), 200)}") from error
    other = "is a folder, not a file" if path.is_dir() else "is a pipe, a socket or a device, not a file"
    raise ValueError(f"{other if path.exists() else 'no such file'}: {shorten(str(path), 200)}")


def _as_written(path: Path, info: SerializationInfo) -> str:
    """The path relative to the settings file; the name alone of one outside, since a report goes to other people."""
    folder = (info.context or {}).get("folder")
    if folder is not None and path.is_relative_to(folder):
        return str(path.relative_to(folder))
    return readable_name(path) if path.is_absolute() else str(path)


def _known_freq(value: str) -> str:
    """A frequency as it was written: 'W' lets the data say on which day weeks begin."""
    from forecast.panel.calendar import normalise_freq

    try:
        normalise_freq(value)
    except InputError as error:
        raise ValueError(str(error)) from None
    return value


Whole = Annotated[int, Field(strict=True)]
# A year outside these is a slip.
_Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
_File = Annotated[Path, AfterValidator(_existing), PlainSerializer(_as_written)]
Folder = Annotated[Path, PlainSerializer(_as_written)]


class DataSettings(Section):
    """Where the records come from: `[data]`."""

    source: Source = Field(description="the form of the files: whose records, ready counts, or published totals")
    paths: list[_File] = Field(min_length=1, description="files, or patterns such as 'ged_*.csv'")
    columns: dict[str, str] = Field({}, description="of a table: our names of columns, and the file's")
    sheet: str | list[str] | None = Field(None, description="of a workbook; several, or '*', are read as one table")
    tactic_by: Literal["", "type_of_violence", "dyad"] = Field(
        "", description="what stands for tactics in UCDP's records; the type of violence by default"
    )
    keep_non_attacks: bool = Field(False, description="count ACLED's protests, riots and strategic developments too")
    keep_doubtful: bool = Field(True, description="count GTD's incidents that its coders doubt to be terrorism")
    day_first: bool | None = Field(None, description="how 03/04/20 is meant; else each file decides, or is refused")
    crosswalk: _File | None = Field(None, description="tactics and targets by source label; else the one that ships")
    accept_loss: bool = Field(False, description="go on where more than a tenth of the rows was lost")
    tactics: _File | None = Field(None, description="labels beside the crosswalk: label, proposal, accept")
    simulated: bool = Field(False, description="the data are made up: the report says so everywhere")

    @field_validator("paths", mode="before")
    @classmethod
    def _found(cls, value: Any, info: ValidationInfo) -> Any:
        """Each pattern ('ged_*.csv') replaced by the files that it matches now, in the order of their names."""
        if not isinstance(value, list):
            return value
        folder = (info.context or {}).get("folder", Path())
        paths: list[Any] = []
        for path in value:
            is_pattern = isinstance(path, str) and glob.has_magic(path) and not (folder / path).is_file()
            matches = sorted(glob.glob(str(Path(glob.escape(str(folder))) / path))) if is_pattern else [path]
            if not matches:
                raise ValueError(f"no file matches {shorten(path, 200)}")
            paths += matches
        return list(dict.fromkeys(paths)) if all(isinstance(path, str) for path in paths) else paths


class PlaceSettings(Section):
    """Which provinces there are: `[places]`."""

    gazetteer: Literal["data"] | _File | None = Field(None, description="a file, or 'data': the names in the records")
    countries: list[str] | None = Field(None, min_length=1, description="the others are left out")
    aliases: _File | None = Field(None, description="names in the data and the provinces that they mean")
    units: _File | None = Field(None, description="provinces divided between zones of control; columns of a gazetteer")
    forces: _File | None = Field(None, description="the partner force of units over time")
    boundaries: _File | None = Field(None, description="polygons (GeoJSON) for the map and for records without a name")
    zones: _File | None = Field(None, description="named sets of provinces, of which the report shows sums")
    nearest: bool = Field(False, description="records with coordinates only may go to the nearest province's point")
    max_distance_km: float = Field(100.0, gt=0, description="how far the nearest may lie")

    @model_validator(mode="after")
    def _with_consent(self) -> "PlaceSettings":
        if self.gazetteer == "data" and self.units is not None:
            raise ValueError("units divide provinces of a gazetteer: with gazetteer = 'data' they have no use")
        if "max_distance_km" in self.model_fields_set and not self.nearest:
            hint = "give polygons (boundaries), or agree to the nearest representative point (nearest = true)"
            raise ValueError(f"max_distance_km has no use without nearest = true: {hint}")
        return self


class PanelSettings(Section):
    """How events are counted: `[panel]`; see `forecast.build_panel`."""

    freq: Annotated[str, AfterValidator(_known_freq)] = Field(
        "MS", description="months (MS), or weeks: W, or W-MON to W-SUN by the day on which they begin"
    )
    start: _Day | None = Field(None, description="first day that the data cover; by default that of the first event")
    end: _Day | None = Field(None, description="last day that the data cover; by default that of the last event")
    provinces: list[str] | Literal["all"] | None = Field(
        None, min_length=1, description="keys or names of those that were covered; by default those with any record"
    )
    tactics: list[str] | None = Field(None, min_length=1, description="by default all that occur")
    actor: str | list[str] | None = Field(None, description="attacks in which one of these stands on either side")
    target: str | list[str] | None = Field(None, description="attacks on one of these kinds of target")
    multiday: Literal["draw", "first", "omit"] = Field(
        "draw", description="where an event of several days counts: on a day that is drawn, on its first, or nowhere"
    )
    gaps: list[tuple[_Day, _Day] | tuple[_Day, _Day, list[str]]] = Field(
        [], description="spans in which nothing was recorded: first day, last day, and provinces where not in all"
    )
    covered_from: dict[str, _Day] = Field({}, description="first covered day of countries and provinces")
    complete: float = Field(0.2, gt=0, le=1, description="share of a period's records that must be known")
    known_shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [], description="share known so far of the last period, the one before, …, where records do not tell"
    )
    unlocated: bool = Field(True, description="records without a province count in the totals of their countries")
    untyped: bool = Field(True, description="records without a tactic count in the totals of their provinces")
    missing: Literal["gap", "zero"] = Field("gap", description="what rows that a table of counts lacks mean")
    days: bool = Field(True, description="months of 31 days have more attacks than those of 28")

    @model_validator(mode="after")
    def _ordered(self) -> "PanelSettings":
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"end ({self.end}) lies before start ({self.start})")
        for first, last, *_ in self.gaps:
            if last < first:
                raise ValueError(f"a gap ends ({last}) before it starts ({first})")
        return self


class PublishedSettings(Section):
    """How published totals are read: `[published]`; see `forecast.Panel.from_published`."""

    publishers: dict[str, str] = Field({}, description="names that mean the same publisher")
    subset_of: dict[str, str] | None = Field(None, description="definitions that count part of another's attacks")
    conflicts: Literal["refuse", "drop"] = Field(
        "refuse", description="totals that contradict others are refused, or dropped by the stated rule"
    )
    zone_ends: dict[str, _Day] = Field({}, description="last day of zones that came to an end")
    activity: _File | None = Field(None, description="a table for `read_activity`, shown beside the attacks")


class ReportSettings(Section):
    """What the report says beside the numbers: `[report]`."""

    contact: str | None = Field(
        None, min_length=1, max_length=120, description="whom readers may ask: on the page, and on every printed one"
    )
    population: _File | None = Field(
        None, description="people by province (columns province, population): attacks per 100,000 stand in the tables"
    )


class CovariateSettings(Section):
    """One covariate: `[covariates.NAME]`. A table, or the number of events per province and period."""

    path: _File = Field(description="a table of values, or with `events` a file of records")
    events: EventSource | None = Field(None, description="count the records of this source; else the file is a table")
    columns: dict[str, str] = Field({}, description="our names of columns, and the file's")
    future: Literal["hold_last"] | _File = Field(description="'hold_last', or the path of a table of future values")


class ScenarioSettings(Section):
    """What if capability shifts: `[[capability.scenarios]]`; see `forecast.scenario`."""

    name: str = Field(min_length=1, description="what the report calls it")
    force: str | list[str] = Field(description="whose capability shifts")
    shift_sd: float = Field(description="SDs of capability; below 0 for a force that weakens")
    start: _Day | None = Field(None, description="first day of the shift; by default that of the forecast")
    ramp: Whole = Field(0, ge=0, le=120, description="periods over which the shift grows to its full size")


class CapabilitySettings(Section):
    """Indicators of the partner forces' capability: `[capability]`; see `forecast.with_capability` for the model."""

    indicators: _File = Field(description="one row per force, indicator and span: see the reference of the data")
    directions: dict[str, Literal[-1, 1]] = Field({}, description="of indicators that have none in the file")
    ordinal: Literal["probit", "scored"] = Field(
        "probit", description="how ordinal grades are read: as ordered probits, or as numbers"
    )
    by: Literal["tactic", "province", "country", ""] = Field(
        "tactic", description="what has slopes of its own; '' for one slope"
    )
    lag: Whole = Field(0, ge=0, le=24, description="periods after which capability counts")
    future: Literal["project", "hold_last"] = Field(
        "project", description="what it does after the data: on by its own model, or as last seen"
    )
    scenarios: list[ScenarioSettings] = Field([], description="what if capability shifts")

    @field_validator("scenarios")
    @classmethod
    def _named(cls, value: list[ScenarioSettings]) -> list[ScenarioSettings]:
        known = [named.name for named in value]
        if len(set(known)) < len(known):
            raise ValueError("two scenarios have the same name")
        return value


class EvaluationSettings(Section):
    """Which last periods are held out to see how well the models do: `[evaluation]`."""

    periods: Whole = Field(6, ge=0, description="so many are hidden from the models and scored; 0: none")


class BacktestSettings(Section):
    """From which origins `forecast backtest` forecasts: `[backtest]`."""

    output: Folder | None = Field(None, description="folder that `forecast backtest` writes and the report reads")
    origins: Whole = Field(12, ge=1, description="the last so many ends of periods")
    horizon: Whole | None = Field(
        None, ge=1, le=120, description="how many periods ahead; that of the settings by default"
    )
    window: Whole | None = Field(None, ge=2, description="periods up to an origin that are used; all by default")


class TriggerSettings(Section):
    """An event that somebody waits for: `[[triggers]]`; see `forecast.evaluation.triggers.Trigger`."""

    name: str = Field(min_length=1, description="what the report calls it")
    where: str = Field("all", min_length=1, description="a province, a zone, a country, or 'all'")
    tactic: str | None = Field(None, description="all by default")
    threshold: Whole = Field(ge=1, description="so many attacks or more")
    horizon: Whole = Field(1, ge=1, le=120, description="in the next so many periods together")
    probability: float = Field(gt=0, lt=1, description="from which on it fires")


class DatedEventSettings(Section):
    """A dated event that charts mark, such as an election or a truce: `[[events]]`. The model does not know it."""

    name: str = Field(min_length=1, max_length=80, description="what the report calls it")
    date: _Day = Field(description="its day, or its first one; in the data, or in the periods that are forecast")
    end: _Day | None = Field(None, description="its last day")
    where: str = Field("all", min_length=1, description="a province, a zone, a country, or 'all'")

    @model_validator(mode="after")
    def _ordered(self) -> "DatedEventSettings":
        if self.end is not None and self.end < self.date:
            raise ValueError(f"ends ({self.end}) before it begins ({self.date})")
        return self
