"""`forecast.toml`: the settings of a run, validated as a whole, with every error at once."""

import glob
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SerializationInfo,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from forecast.errors import InputError, shorten
from forecast.files import check_input_file, readable_name

__all__ = ["AUTO", "Settings", "read_settings"]

# The model of a user who names none; see `Settings.built_model`.
AUTO = "auto"

EventSource = Literal["ucdp", "acled", "acled-aggregated", "gtd", "plain"]
Source = Literal[EventSource, "counts", "published"]

# Options that have no use, by what the source is of.
_OF_EVENTS: Mapping[str, Sequence[str]] = {
    "data": ("tactic_by", "keep_non_attacks", "keep_doubtful", "crosswalk", "tactics"),
    "places": ("aliases", "forces", "nearest", "max_distance_km"),
    "panel": (
        "actor",
        "target",
        "multiday",
        "gaps",
        "covered_from",
        "complete",
        "known_shares",
        "unlocated",
        "untyped",
    ),
}
_OF_REPORTS = ("publishers", "subset_of", "conflicts", "zone_ends", "activity")
_UNUSED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "events": {"panel": ("missing",), "published": _OF_REPORTS},
    "ready counts": {**_OF_EVENTS, "published": _OF_REPORTS},
    "published totals": {
        "data": (*_OF_EVENTS["data"], "columns", "sheet", "day_first"),
        "places": _OF_EVENTS["places"],
        "panel": (*_OF_EVENTS["panel"], "missing", "provinces"),
        "evaluation": ("periods",),
    },
}


class _Section(BaseModel):
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


# The time for a fit where the settings say nothing; most take minutes.
_FIT_SECONDS = 3600.0
_Whole = Annotated[int, Field(strict=True)]
# A year outside these is a slip.
_Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
_File = Annotated[Path, AfterValidator(_existing), PlainSerializer(_as_written)]
_Folder = Annotated[Path, PlainSerializer(_as_written)]


class DataSettings(_Section):
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
            found = sorted(glob.glob(str(Path(glob.escape(str(folder))) / path))) if is_pattern else [path]
            if not found:
                raise ValueError(f"no file matches {shorten(path, 200)}")
            paths += found
        return list(dict.fromkeys(paths)) if all(isinstance(path, str) for path in paths) else paths


class PlaceSettings(_Section):
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


class PanelSettings(_Section):
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


class PublishedSettings(_Section):
    """How published totals are read: `[published]`; see `forecast.Panel.from_published`."""

    publishers: dict[str, str] = Field({}, description="names that mean the same publisher")
    subset_of: dict[str, str] | None = Field(None, description="definitions that count part of another's attacks")
    conflicts: Literal["refuse", "drop"] = Field(
        "refuse", description="totals that contradict others are refused, or dropped by the stated rule"
    )
    zone_ends: dict[str, _Day] = Field({}, description="last day of zones that came to an end")
    activity: _File | None = Field(None, description="a table for `read_activity`, shown beside the attacks")


class ReportSettings(_Section):
    """What the report says beside the numbers: `[report]`."""

    contact: str | None = Field(
        None, min_length=1, max_length=120, description="whom readers may ask: on the page, and on every printed one"
    )
    population: _File | None = Field(
        None, description="people by province (columns province, population): attacks per 100,000 stand in the tables"
    )


class CovariateSettings(_Section):
    """One covariate: `[covariates.NAME]`. A table, or the number of events per province and period."""

    path: _File = Field(description="a table of values, or with `events` a file of records")
    events: EventSource | None = Field(None, description="count the records of this source; else the file is a table")
    columns: dict[str, str] = Field({}, description="our names of columns, and the file's")
    future: Literal["hold_last"] | _File = Field(description="'hold_last', or the path of a table of future values")


class ScenarioSettings(_Section):
    """What if capability shifts: `[[capability.scenarios]]`; see `forecast.scenario`."""

    name: str = Field(min_length=1, description="what the report calls it")
    force: str | list[str] = Field(description="whose capability shifts")
    shift_sd: float = Field(description="SDs of capability; below 0 for a force that weakens")
    start: _Day | None = Field(None, description="first day of the shift; by default that of the forecast")
    ramp: _Whole = Field(0, ge=0, le=120, description="periods over which the shift grows to its full size")


class CapabilitySettings(_Section):
    """Indicators of the partner forces' capability: `[capability]`; see `forecast.with_capability` for the model."""

    indicators: _File = Field(description="one row per force, indicator and span: see the reference of the data")
    directions: dict[str, Literal[-1, 1]] = Field({}, description="of indicators that have none in the file")
    ordinal: Literal["probit", "scored"] = Field(
        "probit", description="how ordinal grades are read: as ordered probits, or as numbers"
    )
    by: Literal["tactic", "province", "country", ""] = Field(
        "tactic", description="what has slopes of its own; '' for one slope"
    )
    lag: _Whole = Field(0, ge=0, le=24, description="periods after which capability counts")
    future: Literal["project", "hold_last"] = Field(
        "project", description="what it does after the data: on by its own model, or as last seen"
    )
    scenarios: list[ScenarioSettings] = Field([], description="what if capability shifts")

    @field_validator("scenarios")
    @classmethod
    def _named(cls, value: list[ScenarioSettings]) -> list[ScenarioSettings]:
        known = [each.name for each in value]
        if len(set(known)) < len(known):
            raise ValueError("two scenarios have the same name")
        return value


class EvaluationSettings(_Section):
    """Which last periods are held out to see how well the models do: `[evaluation]`."""

    periods: _Whole = Field(6, ge=0, description="so many are hidden from the models and scored; 0: none")


class BacktestSettings(_Section):
    """From which origins `forecast backtest` forecasts: `[backtest]`."""

    output: _Folder | None = Field(None, description="folder that `forecast backtest` writes and the report reads")
    origins: _Whole = Field(12, ge=1, description="the last so many ends of periods")
    horizon: _Whole | None = Field(
        None, ge=1, le=120, description="how many periods ahead; that of the settings by default"
    )
    window: _Whole | None = Field(None, ge=2, description="periods up to an origin that are used; all by default")


class TriggerSettings(_Section):
    """An event that somebody waits for: `[[triggers]]`; see `forecast.evaluation.triggers.Trigger`."""

    name: str = Field(min_length=1, description="what the report calls it")
    where: str = Field("all", min_length=1, description="a province, a zone, a country, or 'all'")
    tactic: str | None = Field(None, description="all by default")
    threshold: _Whole = Field(ge=1, description="so many attacks or more")
    horizon: _Whole = Field(1, ge=1, le=120, description="in the next so many periods together")
    probability: float = Field(gt=0, lt=1, description="from which on it fires")


class DatedEventSettings(_Section):
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


class Settings(_Section):
    """All settings of a run. Inputs are relative to the settings file, `output` and `previous` to where it is run."""

    title: str = Field("Forecast of attacks", description="heading of the report")
    notes: list[str] = Field([], description="what readers of the report must be told")
    horizon: _Whole = Field(6, ge=1, le=120, description="how many periods ahead")
    draws: _Whole = Field(1000, ge=100, le=100_000, description="joint draws of the future")
    seed: _Whole = Field(1, ge=0, description="the same seed gives the same numbers")
    model: str | dict[str, Any] = Field(AUTO, description="a name, or a model spelled out; see `built_model`")
    engine: Literal["auto", "laplace", "nuts"] = Field("auto", description="'auto' is 'laplace', and never samples")
    max_seconds: float | None = Field(
        None, gt=0, description="bounds each fit of `forecast run`, not of a backtest; an hour by default"
    )
    output: _Folder = Field(Path("out"), description="folder of the run")
    previous: _Folder | None = Field(None, description="folder of an earlier run, to be held against what came")
    data: DataSettings
    places: PlaceSettings = PlaceSettings()
    panel: PanelSettings = PanelSettings()
    published: PublishedSettings = PublishedSettings()
    report: ReportSettings = ReportSettings()
    covariates: dict[str, CovariateSettings] = {}
    capability: CapabilitySettings | None = None
    evaluation: EvaluationSettings = EvaluationSettings()
    backtest: BacktestSettings = BacktestSettings()
    triggers: list[TriggerSettings] = []
    # As many as there are letters to mark them by.
    events: list[DatedEventSettings] = Field([], max_length=26)

    _folder: Path = PrivateAttr(default=Path())

    def as_written(self) -> dict[str, Any]:
        """All settings as plain data, with relative paths as the file gives them, and of absolute ones the names."""
        return self.model_dump(mode="json", context={"folder": self._folder})

    @field_validator("model")
    @classmethod
    def _model(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        try:
            _built_model(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _fitting(self) -> "Settings":
        kind = {"counts": "ready counts", "published": "published totals"}.get(self.data.source, "events")
        for section, keys in _UNUSED[kind].items():
            unused = [f"{section}.{key}" for key in keys if key in getattr(self, section).model_fields_set]
            if unused:
                raise ValueError(f"{', '.join(unused)} has no use with {kind} (data.source = {self.data.source!r})")
        if self.engine == "nuts" and self.max_seconds is not None:
            raise ValueError("max_seconds has no use with engine = 'nuts', which cannot be stopped early")
        if kind != "events" and self.places.gazetteer == "data":
            raise ValueError(f"places.gazetteer = 'data' has no use with {kind}: name a file, or leave it out")
        if self.data.source == "published":
            self._check_reports()
        for section, known in (
            ("triggers", [trigger.name for trigger in self.triggers]),
            ("events", [event.name for event in self.events]),
        ):
            if len(set(known)) < len(known):
                raise ValueError(f"{section}: two have the same name")
        far = [trigger.name for trigger in self.triggers if trigger.horizon > self.horizon]
        if far:
            raise ValueError(f"triggers: {', '.join(far)} reaches beyond the horizon ({self.horizon})")
        if self.capability is not None and "capability" in self.covariates:
            raise ValueError("capability stands there twice, as a covariate and with its indicators")
        if self.panel.end is not None and self.panel.end > date.today() and not self.data.simulated:
            raise ValueError(f"panel.end ({self.panel.end}) lies in the future: no data can reach so far")
        return self

    def _check_reports(self) -> None:
        """A ValueError for what published totals cannot serve."""
        from forecast.model.spec import Model

        if len(self.data.paths) > 1:
            raise ValueError("data.paths: published totals stand in one table, so that contradictions are found")
        if not isinstance(self.built_model(), Model):
            hint = "give a hierarchical model, such as model = 'quick', or spell one out in [model]"
            raise ValueError(f"model: {self.model} needs counts of single cells, and published totals are sums; {hint}")
        if self.capability is not None:
            raise ValueError("capability has no use with published totals yet; published.activity shows a table of it")

    def accepting_loss(self) -> "Settings":
        """The settings with `data.accept_loss`."""
        return self.model_copy(update={"data": self.data.model_copy(update={"accept_loss": True})})

    @property
    def fit_seconds(self) -> float | None:
        """Bounds each fit of a run: an hour where the settings say nothing; the sampler cannot be stopped early."""
        return None if self.engine == "nuts" else self.max_seconds or _FIT_SECONDS

    @property
    def held_out(self) -> int:
        """How many last periods are hidden and scored; none of published totals, of which no cell is observed."""
        return 0 if self.data.source == "published" else self.evaluation.periods

    def built_model(self) -> Any:
        """The model that the settings name or spell out, with a slope on capability where there are indicators.

        'auto' is the pool of `default_model`, and its hierarchical model alone where only such a one can serve: with
        capability, and with published totals.
        """
        from forecast.model.library import with_capability
        from forecast.model.spec import Model

        capability = self.capability
        needs_hierarchical = capability is not None or self.data.source == "published"
        model = _built_model("quick" if self.model == AUTO and needs_hierarchical else self.model)
        if capability is None or not isinstance(model, Model):
            return model
        return with_capability(model, capability.by or None, capability.lag)


def _built_model(given: str | dict[str, Any]) -> Any:
    from forecast.baselines.library import default_baselines
    from forecast.evaluation.pool import default_model
    from forecast.model.library import quick_model, standard_model
    from forecast.model.spec import Model

    pool = default_model()
    known = {**default_baselines(), **{model.name: model for model in (standard_model(), quick_model(), pool)}}
    if not isinstance(given, str):
        model = Model.from_dict(given)
        # The name would tell a reader that it is the other one.
        if model.name in known and model != known[model.name]:
            raise InputError("is the name of another model", where="name", found=model.name, hint="Choose another name")
        return model
    if given not in (AUTO, *known):
        raise InputError("unknown model", found=given, expected=[AUTO, *known])
    return known.get(given, pool)


def read_settings(path: str | Path) -> Settings:
    """Read and validate a settings file.

    Raises
    ------
    InputError
        With every error at once, each with the path of its key, and the nearest known key for an unknown one.
    """
    path = Path(path)
    check_input_file(path)
    try:
        folder = path.resolve().parent
        with path.open("rb") as stream:
            content = tomllib.load(stream)
    except (ValueError, RecursionError) as error:
        raise InputError("is no valid TOML", source=path, found=str(error)) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=path) from error
    try:
        settings = Settings.model_validate(content, context={"folder": folder})
        settings._folder = folder
        return settings
    except ValidationError as error:
        problems = _described(error, content)
        count = f"{len(problems)} setting{'s are' if len(problems) > 1 else ' is'} wrong"
        raise InputError(f"{count}: {'; '.join(problems)}", source=path) from None


def _described(error: ValidationError, content: Mapping[str, Any]) -> list[str]:
    """One text per wrong key; what the members of a union say of it stands in one."""
    texts: dict[str, list[str]] = {}
    for problem in error.errors():
        keys = _keys(problem["loc"], content)
        kind, text = problem["type"], problem["msg"].removeprefix("Value error, ")
        if kind == "extra_forbidden":
            text = f"unknown key, {_nearest_key(keys)}"
        elif kind == "missing":
            field = _fields(keys[:-1]).get(keys[-1])
            text = f"is required{f' ({field.description})' if field is not None and field.description else ''}"
        elif kind in ("model_type", "dict_type"):
            text = f"should be a table of keys and values, found {_short(problem['input'])}"
        elif kind != "value_error":
            text = f"{text}, found {_short(problem['input'])}"
        texts.setdefault(".".join(keys), []).append(text[:1].lower() + text[1:])
    return [f"{key}: {' or '.join(dict.fromkeys(said))}" if key else " or ".join(said) for key, said in texts.items()]


def _keys(location: tuple[int | str, ...], content: Any) -> list[str]:
    """The part of an error's location that stands in the file; the rest names members of a union."""
    keys = []
    for part in location:
        if isinstance(content, Mapping):
            keys.append(str(part))
            content = content.get(str(part))
        elif isinstance(content, list) and isinstance(part, int):
            keys.append(str(part))
            content = content[part] if part < len(content) else None
    return keys


def _fields(keys: Sequence[str]) -> Mapping[str, FieldInfo]:
    """The fields of the section that `keys` lead to; none where they lead elsewhere."""
    model: Any = Settings
    for key in keys:
        if key.isdigit():
            continue
        field = model.model_fields.get(key) if hasattr(model, "model_fields") else None
        model = CovariateSettings if field is None else field.annotation
        sections = [part for part in get_args(model) if hasattr(part, "model_fields")]
        model = sections[0] if sections else model
    return getattr(model, "model_fields", {})


def _nearest_key(keys: Sequence[str]) -> str:
    from rapidfuzz import process

    known = list(_fields(keys[:-1]))
    nearest = process.extractOne(keys[-1], known, score_cutoff=60)
    return f"did you mean {nearest[0]}?" if nearest else f"expected one of: {', '.join(known)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
