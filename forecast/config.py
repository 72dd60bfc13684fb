"""`forecast.toml`: the settings of a run, validated as a whole, with every error at once."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from forecast.config_errors import described
from forecast.config_sections import (
    BacktestSettings,
    CapabilitySettings,
    CovariateSettings,
    DataSettings,
    DatedEventSettings,
    EvaluationSettings,
    Folder,
    PanelSettings,
    PlaceSettings,
    PublishedSettings,
    ReportSettings,
    Section,
    TriggerSettings,
    Whole,
)
from forecast.errors import InputError
from forecast.files import check_input_file

__all__ = ["AUTO", "Settings", "read_settings"]

# The model of a user who names none; see `Settings.built_model`.
AUTO = "auto"

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


# The time for a fit where the settings say nothing; most take minutes.
_FIT_SECONDS = 3600.0


class Settings(Section):
    """All settings of a run. Inputs are relative to the settings file, `output` and `previous` to where it is run."""

    title: str = Field("Forecast of attacks", description="heading of the report")
    notes: list[str] = Field([], description="what readers of the report must be told")
    horizon: Whole = Field(6, ge=1, le=120, description="how many periods ahead")
    draws: Whole = Field(1000, ge=100, le=100_000, description="joint draws of the future")
    seed: Whole = Field(1, ge=0, description="the same seed gives the same numbers")
    model: str | dict[str, Any] = Field(AUTO, description="a name, or a model spelled out; see `built_model`")
    engine: Literal["auto", "laplace", "nuts"] = Field("auto", description="'auto' is 'laplace', and never samples")
    max_seconds: float | None = Field(
        None, gt=0, description="bounds each fit of `forecast run`, not of a backtest; an hour by default"
    )
    output: Folder = Field(Path("out"), description="folder of the run")
    previous: Folder | None = Field(None, description="folder of an earlier run, to be held against what came")
    data: DataSettings
    places: PlaceSettings = PlaceSettings()
    panel: PanelSettings = PanelSettings()
    published: PublishedSettings = PublishedSettings()
    report: ReportSettings = ReportSettings()
    covariates: dict[str, CovariateSettings] = Field({})
    capability: CapabilitySettings | None = None
    evaluation: EvaluationSettings = EvaluationSettings()
    backtest: BacktestSettings = BacktestSettings()
    triggers: list[TriggerSettings] = Field([])
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
        problems = described(error, content, Settings)
        count = f"{len(problems)} setting{'s are' if len(problems) > 1 else ' is'} wrong"
        raise InputError(f"{count}: {'; '.join(problems)}", source=path) from None
