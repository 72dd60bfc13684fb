"""The whole road in one call: settings → panel → fit → forecast → scores → report, and the files of a run."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import xarray as xr

from forecast import __version__, names
from forecast.baselines.library import default_baselines
from forecast.config import CovariateSettings, Settings, read_settings
from forecast.datasets import data_path
from forecast.errors import DiagnosticsError, InputError
from forecast.evaluation.scores import score
from forecast.events.places import (
    Boundaries,
    Gazetteer,
    check_geometry,
    read_boundaries,
    read_forces,
    read_gazetteer,
    read_zones,
)
from forecast.events.table import Events, read_events
from forecast.events.tactics import read_crosswalk
from forecast.files import check_output_files, check_output_folder, sha256, write_csv, write_text, write_together
from forecast.inference.dispatch import Fit, fit
from forecast.panel.build import PanelSource, build_panel, checked_counts
from forecast.panel.calendar import normalise_freq
from forecast.panel.panel import Panel
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last, path
from forecast.report.build import ReportContent, write_report

__all__ = [
    "RUN_FILES",
    "Run",
    "check_output",
    "load_demo",
    "load_run",
    "load_source",
    "run",
    "write_run",
    "write_run_report",
]

Read = TypeVar("Read")

# Called with what is being done, how many steps are done, and of how many.
Step = Callable[[str, int, int], None]

_VERSIONS = ("attack-forecast", "numpy", "pandas", "xarray", "scipy", "statsmodels", "scoringrules", "altair")
# What the report takes from `run.json`.
_RECORD = {
    "forecast": str,
    "title": str,
    "settings": dict,
    "versions": dict,
    "inputs": list,
    "zones": dict,
    "seed": int,
    "data_cut_off": str,
    "banner": str,
    "model": dict,
}
# The files of a run; the last stands for all, see `write_together`.
RUN_FILES = (
    "report.html",
    "forecast.csv",
    "scores.csv",
    "ledger.csv",
    "panel.nc",
    "forecast.nc",
    "boundaries.json",
    "run.json",
)


@dataclass(frozen=True)
class Run:
    """What a run made.

    Attributes
    ----------
    panel : Panel
        The data.
    forecast : Forecast
        Of the model that the settings name.
    scores : DataFrame
        How every model did on the last periods, which it had not seen: one row per model, cell and horizon, for
        cells and for totals. Empty where the settings ask for no evaluation.
    record : dict
        Settings, versions, inputs with their SHA-256, seed and data cut-off.
    boundaries : Boundaries or None
        Polygons for the map.
    """

    panel: Panel
    forecast: Forecast
    scores: pd.DataFrame
    record: Mapping[str, Any]
    boundaries: Boundaries | None = None


def run(settings: Settings, *, allow_unconverged: bool = False, step: Step = lambda text, done, total: None) -> Run:
    """Go from raw files to a forecast and its scores; nothing is written.

    Parameters
    ----------
    settings : Settings
        From `read_settings`.
    allow_unconverged : bool
        Go on with a fit that failed its checks; the report then carries a warning.
    step : callable, optional
        Told what begins, how many steps are done, and of how many.

    Raises
    ------
    InputError
        When a file or a setting is wrong.
    DiagnosticsError
        When the fit failed its checks.
    """
    model = settings.built_model()
    models = {**default_baselines(), model.name: model}
    total = 3 + len(models) * (settings.evaluation.periods > 0)
    step("reading the data", 0, total)
    source = load_source(settings)
    panel = source if isinstance(source, Panel) else source.at()
    zones = _zones(settings, panel)
    futures = {name: _future(covariate) for name, covariate in settings.covariates.items()}
    step(f"fitting {model.name}", 1, total)
    fitted = fit(model, panel, engine=settings.engine, seed=settings.seed)
    failures = _failed_checks(fitted)
    if failures and not allow_unconverged:
        raise DiagnosticsError(f"{failures}. With --allow-unconverged the report is written, with a warning on it")
    forecast = predict(fitted, settings.horizon, futures=futures, draws=settings.draws, seed=settings.seed)
    scores = _held_out_scores(settings, models, source, panel, step)
    step("writing the report", total - 1, total)
    gazetteer = _gazetteer(settings)
    boundaries = read_boundaries(settings.places.boundaries, gazetteer) if settings.places.boundaries else None
    return Run(panel, forecast, scores, _record(settings, panel, zones, fitted, failures), boundaries)


def check_output(settings: Settings, folder: str | Path) -> Path:
    """Make the output folder before a run; refuse one that cannot be written to or in which an input would be lost."""
    folder = check_output_folder(folder)
    check_output_files(folder, RUN_FILES, [sha256(file) for file in _input_files(settings)])
    return folder


def write_run(result: Run, folder: str | Path) -> Path:
    """Write a run's files to a folder, all or none, and return the path of the report.

    Files: `report.html`, `forecast.csv`, `scores.csv`, `ledger.csv`, `panel.nc`, `forecast.nc`, `run.json`, and
    `boundaries.json` where there are boundaries. A folder with `run.json` holds a whole run.
    """
    inputs = [given["sha256"] for given in result.record["inputs"]]
    with write_together(folder, RUN_FILES, inputs=inputs) as temporary:
        result.panel.save(temporary / "panel.nc")
        result.forecast.save(temporary / "forecast.nc")
        write_csv(temporary / "forecast.csv", result.forecast.to_frame())
        write_csv(temporary / "scores.csv", result.scores)
        write_csv(temporary / "ledger.csv", result.panel.ledger.to_frame())
        if result.boundaries is not None:
            write_text(temporary / "boundaries.json", json.dumps(dict(result.boundaries.geometries)))
        write_text(temporary / "run.json", json.dumps(result.record, indent=2, ensure_ascii=False))
        write_run_report(result, temporary)
    return Path(folder) / "report.html"


def write_run_report(result: Run, folder: str | Path) -> Path:
    """Render a run's report into a folder and return its path."""
    return write_report(Path(folder) / "report.html", _content(result))


def load_run(folder: str | Path) -> Run:
    """The run whose files `write_run` wrote to a folder.

    Raises
    ------
    InputError
        When the folder holds no finished run, or a file of it is damaged or missing.
    """
    folder = Path(folder)
    if not (folder / "run.json").is_file():
        hint = "Give the output folder of a run that ended well"
        raise InputError("is no folder of a finished run", source=folder, expected="a folder with run.json", hint=hint)
    record = _part(folder / "run.json", _read_record)
    scores = _part(folder / "scores.csv", _read_scores)
    shapes = folder / "boundaries.json"
    boundaries = _part(shapes, _read_shapes) if shapes.is_file() else None
    panel, forecast = _part(folder / "panel.nc", Panel.load), _part(folder / "forecast.nc", Forecast.load)
    return Run(panel, forecast, scores, record, boundaries)


def load_source(settings: Settings) -> PanelSource | Panel:
    """The data that settings name: a source of panels, or one panel where they are ready counts."""
    gazetteer = _gazetteer(settings)
    data, places, options = settings.data, settings.places, settings.panel
    covariates = {name: _covariate(name, covariate, settings) for name, covariate in settings.covariates.items()}
    if data.source == "counts":
        return _ready_counts(settings, gazetteer, covariates)
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
        boundaries=read_boundaries(places.boundaries, gazetteer) if places.boundaries else None,
        crosswalk=read_crosswalk(data.crosswalk),
        max_distance_km=places.max_distance_km,
        simulated=data.simulated,
    )
    building = options.model_dump(exclude={"missing"}) | {"gazetteer": gazetteer, "seed": settings.seed}
    if places.forces is not None:
        building["forces"] = read_forces(places.forces, read_gazetteer(places.gazetteer))
    return PanelSource(events, building, covariates)


def load_demo() -> Panel:
    """The panel of the demonstration: simulated attacks in Iraq and Syria, 2019 to 2024, by month."""
    source = load_source(read_settings(data_path("demo.toml")))
    assert isinstance(source, PanelSource)
    return source.at()


# Parts ------------------------------------------------------------------------------------------------------


def _part(file: Path, read: Callable[[Path], Read]) -> Read:
    """One file of a finished run; any way in which it can be damaged is the folder's fault, not the package's."""
    hint = "Run the forecast again"
    if not file.is_file():
        raise InputError("is missing", source=file, hint=hint)
    try:
        return read(file)
    except Exception as error:
        found = error.problem if isinstance(error, InputError) else str(error) or type(error).__name__
        raise InputError("is damaged", source=file, found=found, hint=hint) from error


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def _read_record(file: Path) -> dict[str, Any]:
    record = _read_json(file)
    wrong = [key for key, kind in _RECORD.items() if not isinstance(record.get(key), kind)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} missing or of another type")
    return record


def _read_shapes(file: Path) -> Boundaries:
    shapes = _read_json(file)
    for unit, geometry in shapes.items():
        check_geometry(geometry, unit)
    return Boundaries(shapes)


def _read_scores(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, parse_dates=[names.ORIGIN, names.PERIOD])
    except pd.errors.EmptyDataError:  # nothing was held out
        return pd.DataFrame()


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


def _zones(settings: Settings, panel: Panel) -> dict[str, tuple[str, ...]]:
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


def _ready_counts(
    settings: Settings, gazetteer: Gazetteer, covariates: Mapping[str, pd.DataFrame | xr.DataArray]
) -> Panel:
    data = settings.data
    tables = [_table(file, data.columns, data.sheet) for file in data.paths]
    for file, table in zip(data.paths, tables, strict=True):
        clean, _ = checked_counts(table, normalise_freq(settings.panel.freq), file)
        last = clean[names.PERIOD].max()
        if last > pd.Timestamp.now() and not data.simulated:
            raise InputError("lies in the future", source=file, where="column period", found=f"{last:%Y-%m-%d}")
    options = settings.panel
    panel = Panel.from_frame(pd.concat(tables), freq=options.freq, missing=options.missing, gazetteer=gazetteer)
    panel = panel.select(provinces=options.provinces, tactics=options.tactics)
    panel = panel.between(*(None if day is None else pd.Timestamp(day) for day in (options.start, options.end)))
    for name, values in covariates.items():
        panel = panel.with_covariate(name, values)
    sources = [
        {"path": file.name, "sha256": sha256(file), "source": data.source, "rows": len(table)}
        for file, table in zip(data.paths, tables, strict=True)
    ]
    provenance = panel.provenance | {"sources": sources, "simulated": data.simulated}
    return replace(panel, dataset=panel.dataset.assign_attrs(provenance=json.dumps(provenance, ensure_ascii=False)))


def _covariate(name: str, covariate: CovariateSettings, settings: Settings) -> pd.DataFrame | xr.DataArray:
    """A table as it stands, or the number of events of a second file per province and period."""
    if covariate.events is None:
        return _table(covariate.path, covariate.columns)
    gazetteer = _gazetteer(settings)
    events: Events = read_events(
        covariate.path, source=covariate.events, columns=covariate.columns, gazetteer=gazetteer
    )
    options = settings.panel
    panel = build_panel(
        events, freq=options.freq, gazetteer=gazetteer, start=options.start, end=options.end, seed=settings.seed
    )
    return panel.attacks.sum(names.TACTIC).rename(name)


def _table(file: Path, columns: Mapping[str, str], sheet: str | None = None) -> pd.DataFrame:
    """A table of text by our column names; its index is the row number in the file."""
    from forecast.events.raw import read_raw

    frame = read_raw(file, sheet=sheet).frame
    absent = [theirs for theirs in columns.values() if theirs not in frame]
    if absent:
        raise InputError("no such columns", source=file, where="header", found=list(frame), expected=absent)
    taken = [ours for ours, theirs in columns.items() if ours != theirs and ours in frame]
    return frame.drop(columns=taken).rename(columns={theirs: ours for ours, theirs in columns.items()})


def _future(covariate: CovariateSettings) -> Future:
    return path(_table(covariate.future, {})) if isinstance(covariate.future, Path) else hold_last()


def _failed_checks(fitted: Fit) -> str:
    """What a fit failed, and what to do; '' where it passed. A fit that failed may not become a clean report."""
    failed = fitted.diagnostics.loc[~fitted.diagnostics["passed"].astype(bool)]
    told = "; ".join(f"{row['check']} = {row['value']:g}: {row['advice']}" for _, row in failed.iterrows())
    return f"the fit of {fitted.model.name} failed its checks: {told}" if told else ""


def _held_out_scores(
    settings: Settings, models: Mapping[str, Any], source: PanelSource | Panel, panel: Panel, step: Step
) -> pd.DataFrame:
    """Scores of every model on the last periods, at cell level and for totals; covariates hold their last value."""
    held_out = settings.evaluation.periods
    if not held_out:
        return pd.DataFrame()
    if held_out >= len(panel.periods):
        where, most = "evaluation.periods", len(panel.periods) - 1
        raise InputError("more periods than the data have", where=where, found=held_out, expected=f"at most {most}")
    origin = pd.Timestamp(panel.dataset[names.PERIOD_END].values[-held_out - 1])
    training = panel.between(end=origin) if isinstance(source, Panel) else source.at(origin)
    futures = {name: hold_last() for name in training.covariates}
    tables = []
    for number, (name, model) in enumerate(models.items()):
        step(f"scoring {name} on the last {held_out} periods", 2 + number, 3 + len(models))
        try:
            engine = settings.engine if model == settings.built_model() else "auto"
            fitted = fit(model, training, engine=engine, seed=settings.seed)
        except InputError as error:
            where, hint = "evaluation.periods", "Hold out fewer periods, or none with periods = 0"
            raise InputError(f"{name} has too little to learn from: {error}", where=where, hint=hint) from error
        past = predict(fitted, held_out, futures=futures, draws=settings.draws, seed=settings.seed)
        tables += [score(past, panel), score(past.aggregate("total", tactics=True), panel)]
    return pd.concat(tables, ignore_index=True)


def _input_files(settings: Settings) -> list[Path]:
    places, data = settings.places, settings.data
    named: list[Path | str | None] = [
        *data.paths,
        data.crosswalk,
        places.gazetteer,
        places.units,
        places.forces,
        places.boundaries,
        places.zones,
    ]
    named += [file for covariate in settings.covariates.values() for file in (covariate.path, covariate.future)]
    return list(dict.fromkeys(file for file in named if isinstance(file, Path)))


def _record(
    settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]], fitted: Fit, banner: str
) -> dict[str, Any]:
    return {
        "forecast": __version__,
        "title": settings.title,
        "settings": settings.as_written(),
        "versions": {name: _version(name) for name in _VERSIONS} | {"python": platform.python_version()},
        "inputs": [{"path": file.name, "sha256": sha256(file)} for file in _input_files(settings)],
        "zones": dict(zones),
        "seed": settings.seed,
        "data_cut_off": f"{panel.origin:%Y-%m-%d}",
        "simulated": panel.simulated,
        "banner": banner,
        "model": {
            "equation": fitted.equation,
            "parameters": fitted.parameters.to_dict("records"),
            "diagnostics": fitted.diagnostics.to_dict("records"),
        },
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _content(result: Run) -> ReportContent:
    record = result.record
    provenance = {key: record[key] for key in ("forecast", "versions", "inputs", "seed", "data_cut_off")}
    return ReportContent(
        title=str(record["title"]),
        panel=result.panel,
        forecasts={result.forecast.model: result.forecast},
        scores=result.scores,
        ledger=result.panel.ledger,
        settings=dict(record["settings"]),
        provenance=provenance,
        boundaries=None if result.boundaries is None else dict(result.boundaries.geometries),
        zones=record["zones"],
        banner=record["banner"],
        equation=record["model"]["equation"],
        parameters=pd.DataFrame(record["model"]["parameters"]),
        diagnostics=pd.DataFrame(record["model"]["diagnostics"]),
    )
