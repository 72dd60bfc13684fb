"""The files of a run: written together with a record of their hashes, checked when they are read, and its report."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd

from forecast.capability.capability import Capability
from forecast.config import Settings
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.evaluation.scores import read_scores
from forecast.evaluation.verification import matched
from forecast.events.boundaries import Boundaries, check_geometry
from forecast.events.places import Gazetteer, read_gazetteer, write_gazetteer
from forecast.files import check_output_folder, damage_is_input, read_part, sha256, write_csv, write_text
from forecast.folders import RUN, check_folder, locked, mark, marker_text, write_folder
from forecast.inputs import input_files
from forecast.markers import read_marker
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import totals_panel
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BacktestPart
from forecast.report.build import write_report
from forecast.report.capability import CapabilityPart
from forecast.report.content import ReportContent, report_notes, report_warnings
from forecast.report.deaths import DeathsPart
from forecast.report.onset import OnsetPart
from forecast.report.parts import table_of
from forecast.report.population import PopulationPart
from forecast.report.previous import PreviousPart, previous_part
from forecast.report.previous_chain import goes_on
from forecast.report.published import PublishedPart
from forecast.report.triggers import TriggersPart
from forecast.run_record import RunRecord

__all__ = [
    "RUN_FILES",
    "Run",
    "has_finished",
    "load_previous",
    "load_run",
    "output_folder",
    "part_of_previous",
    "read_record",
    "run_notes",
    "write_report_again",
    "write_run",
    "write_run_report",
]

Read = TypeVar("Read")
_AGAIN = "Run the forecast again, in another folder"
RUN_FILES = (*RUN.files, RUN.marker)


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
        cells and for totals (column `level`: 'cell', 'total'). Empty where the settings ask for no evaluation.
    record : RunRecord
        Settings, versions, inputs with their SHA-256, seed and data cut-off, and parts of the report.
    boundaries : Boundaries or None
        Polygons for the map.
    capability : Capability or None
        Of the partner forces, where the settings name indicators of it.
    gazetteer : Gazetteer or None
        The provinces, where they are the names in the data themselves.
    totals : Forecast or None
        Of publishers' totals of zones, where published totals are the data.
    """

    panel: Panel
    forecast: Forecast
    scores: pd.DataFrame
    record: RunRecord
    boundaries: Boundaries | None = None
    capability: Capability | None = None
    gazetteer: Gazetteer | None = None
    totals: Forecast | None = None


@contextmanager
def output_folder(settings: Settings, folder: str | Path) -> Iterator[Path]:
    """Make a run's folder before its fit and keep it to this run.

    Raises
    ------
    InputError
        Where the folder cannot be written to, another command writes to it, or files would be lost that no run wrote.
    """
    folder = check_output_folder(folder)
    if settings.previous is not None and settings.previous.exists() and settings.previous.samefile(folder):
        hint = "Choose another output path, so that the earlier run stays as it was issued"
        raise InputError("is the earlier run, which would be replaced", source=folder, hint=hint)
    with locked(folder):
        check_folder(folder, RUN, [sha256(file) for file in input_files(settings)])
        yield folder


def write_run(result: Run, folder: str | Path) -> Path:
    """Write a run's files to a folder, all or none, and return the path of the report.

    Files: `report.html`, `forecast.csv`, `scores.csv`, `ledger.csv`, `panel.nc`, `forecast.nc`, `run.json`,
    `boundaries.json` where there are boundaries, `totals.nc` where totals were published, and `gazetteer.csv` where the
    provinces are the names in the data. A folder whose `run.json` holds a record holds the whole run, with the SHA-256
    of each file.
    """
    inputs = [given.sha256 for given in result.record.inputs]
    with write_folder(folder, RUN, result.record.to_plain(), inputs) as temporary:
        result.panel.save(temporary / "panel.nc")
        result.forecast.save(temporary / "forecast.nc")
        write_csv(temporary / "forecast.csv", result.forecast.to_frame())
        write_csv(temporary / "scores.csv", result.scores)
        write_csv(temporary / "ledger.csv", result.panel.ledger.to_frame())
        if result.totals is not None:
            result.totals.save(temporary / "totals.nc")
        if result.capability is not None:
            result.capability.save(temporary / "capability.nc")
        if result.boundaries is not None:
            write_text(temporary / "boundaries.json", json.dumps(dict(result.boundaries.geometries)))
        if result.gazetteer is not None:
            write_gazetteer(temporary / "gazetteer.csv", result.gazetteer)
        write_run_report(result, temporary)
    return Path(folder) / "report.html"


def write_run_report(result: Run, folder: str | Path) -> Path:
    """Render a run's report into a folder and return its path."""
    return write_report(Path(folder) / "report.html", _content(result))


def load_previous(folder: str | Path, panel: Panel) -> Run:
    """An earlier run, where it can be held against a panel.

    Raises
    ------
    InputError
        As of `load_run`, and where the two cannot be compared.
    """
    earlier = load_run(folder)
    try:
        matched(*_comparable(earlier, panel)[::2])
    except InputError as error:
        raise error.again(source=folder) from error
    last = PreviousPart.kept(earlier.record.previous)
    if last is not None:
        with damage_is_input(Path(folder) / RUN.marker, _AGAIN):
            goes_on(last.reports, last.covered)
    return earlier


def part_of_previous(
    earlier: Run, panel: Panel, forecast: Forecast | None = None, totals: Forecast | None = None
) -> PreviousPart:
    """What an earlier run said against a panel, and the forecast (or that of publishers' totals) that is made from it.

    Raises
    ------
    InputError
        Where the two cannot be compared.
    """
    published = panel.observations.is_published
    now, last = totals if published else forecast, PreviousPart.kept(earlier.record.previous)
    return previous_part(*_comparable(earlier, panel), now, published=published, last=last)


def _comparable(earlier: Run, panel: Panel) -> tuple[Forecast, Panel, Panel]:
    """What is held against each other: an earlier forecast, its data, and the new ones; of published counts, totals."""
    if not panel.observations.is_published:
        return earlier.forecast, earlier.panel, panel
    if earlier.totals is None:
        hint = "Hold it against data of the same source, or make the run again"
        raise InputError("holds no forecast of publishers' totals", hint=hint)
    before, actual = totals_panel(earlier.panel), totals_panel(panel)
    # Of zones that ended, and publishers that stopped, nothing was forecast.
    goes_on = [series for series in earlier.totals.provinces if series in actual.provinces]
    return earlier.totals, before, actual.select(provinces=goes_on) if goes_on else actual


def write_report_again(folder: str | Path, previous: str | Path | None = None) -> Path:
    """Render the report of the run in a folder again, and return its path.

    Parameters
    ----------
    folder : path
        Of the run.
    previous : path, optional
        Folder of an earlier run: what it said, and what came, then stands in the report and is kept with the run.

    Raises
    ------
    InputError
        As of `load_run`, and where what was read cannot be shown: it was shown once, before `run.json` was written.
    """
    folder = _finished(folder)
    with locked(folder):
        result = load_run(folder)
        if previous is not None:
            earlier = load_previous(previous, result.panel)
            part = part_of_previous(earlier, result.panel, result.forecast, result.totals)
            result = replace(result, record=RunRecord.of(result.record.to_plain() | {"previous": part.to_record()}))
            mark(folder, RUN, result.record.to_plain())
        # What can be wrong is the record: all other files are what it says that the run wrote.
        with damage_is_input(folder / RUN.marker, _AGAIN):
            return write_run_report(result, folder)


def run_notes(result: Run) -> list[str]:
    """What stands on top of a run's report: warnings first."""
    content = _content(result)
    warnings = [f"warning: {text}" for text in report_warnings(content)]
    return [*warnings, *(f"note: {text}" for text in report_notes(content))]


def load_run(folder: str | Path) -> Run:
    """The run whose files `write_run` wrote to a folder.

    Raises
    ------
    InputError
        When the folder holds no finished run, or a file of it is damaged or missing.
    """
    folder = _finished(folder)
    record = read_record(folder)
    # The report is made from the others, and again by each version.
    written = {name: content for name, content in record.files.items() if name != "report.html"}
    for name, content in written.items():
        read_part(folder / name, partial(_check_content, written=content), _AGAIN)

    def part(name: str, read: Callable[[Path], Read]) -> Read:
        return read_part(folder / name, read, _AGAIN)

    return Run(
        part("panel.nc", Panel.load),
        part("forecast.nc", Forecast.load),
        part("scores.csv", _read_scores),
        record,
        part("boundaries.json", _read_shapes) if "boundaries.json" in written else None,
        part("capability.nc", Capability.load) if "capability.nc" in written else None,
        part("gazetteer.csv", read_gazetteer) if "gazetteer.csv" in written else None,
        part("totals.nc", Forecast.load) if "totals.nc" in written else None,
    )


def has_finished(folder: Path) -> bool:
    """Whether a folder's marker is there and not bare: a run that was killed as it moved its files leaves that."""
    try:
        return bool(json.loads((folder / RUN.marker).read_text(encoding="utf-8")) != json.loads(marker_text(RUN, {})))
    except (ValueError, RecursionError):  # damaged, which is said where it is read
        return True
    except OSError:
        return False


def read_record(folder: str | Path) -> RunRecord:
    """The record of the run in a folder.

    Raises
    ------
    InputError
        Where it is damaged, which names the field, or other files of a run lie in the folder than it lists.
    """
    folder = Path(folder)
    record = read_marker(folder, RUN, RunRecord, _AGAIN)
    if not record.files:
        raise InputError("is damaged", source=folder / RUN.marker, found="files: missing", hint=_AGAIN)
    strange = next((name for name in RUN.files if name not in record.files and (folder / name).exists()), None)
    if strange is not None:
        raise InputError("is damaged", source=folder / RUN.marker, found=f"files.{strange}: missing", hint=_AGAIN)
    return record


# Parts ---------------------------------------------------------------------------------------------------------------


def _finished(folder: str | Path) -> Path:
    """The folder, where a run ended well in it."""
    folder = Path(folder)
    if not has_finished(folder):
        hint = "Give the output folder of a run that ended well"
        raise InputError("is no folder of a finished run", source=folder, expected="a folder with run.json", hint=hint)
    return folder


def _check_content(file: Path, written: object) -> None:
    """A ValueError where a file is not what the run wrote."""
    if sha256(file) != written:
        raise ValueError("other content than the run wrote")


def _read_shapes(file: Path) -> Boundaries:
    shapes = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(shapes, dict):
        raise ValueError("no JSON object")
    for unit, geometry in shapes.items():
        check_geometry(geometry, unit)
    return Boundaries(shapes)


def _read_scores(file: Path) -> pd.DataFrame:
    try:
        return read_scores(file)
    except pd.errors.EmptyDataError:  # nothing was held out
        return pd.DataFrame()


def _content(result: Run) -> ReportContent:
    record = result.record
    provenance = record.model_dump(include={"forecast", "versions", "inputs", "seed", "data_cut_off"})
    return ReportContent(
        title=record.title,
        panel=result.panel,
        forecasts={result.forecast.model: result.forecast},
        scores=result.scores,
        ledger=result.panel.ledger,
        settings=record.settings,
        provenance=provenance,
        boundaries=None if result.boundaries is None else dict(result.boundaries.geometries),
        zones=record.zones,
        notes=tuple(record.notes),
        equation=record.model.equation,
        parameters=table_of(record.model.parameters),
        diagnostics=table_of(record.model.diagnostics),
        capability=None if result.capability is None else _capability_part(result.capability, record),
        covariates=tuple(record.covariates),
        backtest=BacktestPart.kept(record.backtest),
        published=PublishedPart.kept(record.published),
        previous=PreviousPart.kept(record.previous),
        triggers=TriggersPart.kept(record.triggers),
        onsets=OnsetPart.kept(record.onsets),
        deaths=DeathsPart.kept(record.deaths),
        population=PopulationPart.kept(record.population),
        issued=record.issued or "",
        contact=_contact(record),
        events=[
            DatedEvent(event.name, event.first, event.last, event.where, tuple(event.provinces))
            for event in record.events
        ],
    )


def _contact(record: RunRecord) -> str:
    """Whom readers may ask, as the settings of the run say it; '' where they do not."""
    given = record.settings.get("report")
    return str(given.get("contact") or "") if isinstance(given, dict) else ""


def _capability_part(capability: Capability, record: RunRecord) -> CapabilityPart:
    return CapabilityPart(capability, **{name: table_of(rows) for name, rows in record.capability.items()})
