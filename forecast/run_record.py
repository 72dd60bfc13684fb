"""What `run.json` holds: where a run came from, and what its report says beside the run's other files."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, get_type_hints

import pandas as pd
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    JsonValue,
    create_model,
)
from pydantic_core import CoreSchema, core_schema

from forecast.folders import RUN
from forecast.markers import Count, Day, Record, Rows, Sha256
from forecast.report.backtest import BacktestPart
from forecast.report.deaths import DeathsPart
from forecast.report.onset import OnsetPart
from forecast.report.parts import Part, plain_json
from forecast.report.population import PopulationPart
from forecast.report.previous import PreviousPart
from forecast.report.published import PublishedPart
from forecast.report.triggers import TriggersPart

__all__ = ["InputFile", "RunRecord"]

# Files that every run has.
_NEEDED = ("panel.nc", "forecast.nc", "forecast.csv", "scores.csv", "ledger.csv", "report.html")


def _files(written: dict[str, str]) -> dict[str, str]:
    """Those of a run; none before it is written."""
    strange = [name for name in written if name not in RUN.files]
    lacking = [name for name in _NEEDED if written and name not in written]
    if strange or lacking:
        raise ValueError(f"{strange[0]} is written by no run" if strange else f"{lacking[0]} is missing")
    return written


def _none_of_empty(value: Any) -> Any:
    return None if value == {} else value


def _of(part: type[Part]) -> GetPydanticSchema:
    """The schema of a part of the report as it goes through JSON: its fields, with tables as rows."""
    hints = get_type_hints(part)
    columns: dict[str, Any] = {}
    for field in fields(part):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        hint = Rows if hints[field.name] is pd.DataFrame else hints[field.name]
        default = [] if hint is Rows else field.default
        columns[field.name] = (hint, default if has_default else ...)
    model = create_model(part.__name__, __base__=Record, **columns)

    def schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(lambda kept: kept)
        return core_schema.no_info_after_validator_function(
            lambda kept: kept.model_dump(), handler(model), serialization=written
        )

    return GetPydanticSchema(schema)


# What `Part.to_record` gave, validated.
_Plain = dict[str, Any]
_Empty = BeforeValidator(_none_of_empty)


class InputFile(Record):
    """A file that a run was made from: its name and its SHA-256."""

    path: str
    sha256: Sha256


class ModelRecord(Record):
    """The model that was fitted: its equation, and the tables of its parameters and of the checks of the fit."""

    equation: str
    parameters: Rows
    diagnostics: Rows


class EventRecord(Record):
    """A `DatedEvent`."""

    name: str
    first: Day
    last: Day
    where: str
    provinces: list[str]


class RunRecord(Record):
    """The record of a run.

    Attributes
    ----------
    forecast, versions
        Version of the package and of those that it stands on.
    title, notes
        Of the report.
    settings
        As written; see `Settings.as_written`.
    inputs
        Files that were read.
    zones
        Sums of provinces that the report shows.
    seed
        Of all random numbers.
    issued
        Day on which the run was made.
    data_cut_off
        Last day of the data.
    simulated
        Whether the data were.
    model
        Equation, parameters and checks.
    capability
        Tables of slopes, scenarios, parts of the change and the counts' pull.
    covariates
        What is told of other covariates, in sentences.
    backtest, previous, triggers, published, onsets, deaths, population
        Parts of the report; see `BacktestPart`, `PreviousPart`, `TriggersPart`, `PublishedPart`, `OnsetPart`,
        `DeathsPart` and `PopulationPart`.
    events
        Dated events that charts mark; see `DatedEvent`.
    files
        SHA-256 of the run's other files; empty before they are written.
    """

    forecast: str
    title: str
    settings: dict[str, JsonValue]
    versions: dict[str, str]
    inputs: list[InputFile]
    zones: dict[str, list[str]]
    seed: Count
    data_cut_off: Day
    simulated: bool
    notes: list[str]
    model: ModelRecord
    capability: dict[Literal["slopes", "decomposition", "scenarios", "pull"], Rows] = Field(default_factory=dict)
    covariates: list[str] = Field(default_factory=list)
    backtest: Annotated[Annotated[_Plain, _of(BacktestPart)] | None, _Empty] = None
    previous: Annotated[Annotated[_Plain, _of(PreviousPart)] | None, _Empty] = None
    triggers: Annotated[Annotated[_Plain, _of(TriggersPart)] | None, _Empty] = None
    published: Annotated[Annotated[_Plain, _of(PublishedPart)] | None, _Empty] = None
    onsets: Annotated[Annotated[_Plain, _of(OnsetPart)] | None, _Empty] = None
    deaths: Annotated[Annotated[_Plain, _of(DeathsPart)] | None, _Empty] = None
    population: Annotated[Annotated[_Plain, _of(PopulationPart)] | None, _Empty] = None
    issued: Day | None = None
    events: list[EventRecord] = Field(default_factory=list)
    files: Annotated[dict[str, Sha256], AfterValidator(_files)] = Field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "RunRecord":
        """The record of plain data, in which numbers that JSON does not have (NaN, infinite) become None."""
        return cls.model_validate(plain_json(content))

    def to_plain(self) -> dict[str, Any]:
        """As it is written; parts that the report does not have are left out."""
        return {key: value for key, value in self.model_dump().items() if value is not None}
