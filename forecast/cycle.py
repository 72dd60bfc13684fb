"""The monthly cycle: hold an earlier run against new data (`watch`), and make the next run beside it (`update`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from forecast.config import Settings
from forecast.config_sections import DataSettings, PanelSettings, PlaceSettings, PublishedSettings
from forecast.errors import InputError
from forecast.files import check_input_file
from forecast.folders import RUN, folder_format
from forecast.inputs import load_source
from forecast.panel.panel import Panel
from forecast.report.parts import plain_json
from forecast.report.previous import (
    RULE,
    PreviousPart,
    needs_eyes,
    previous_lead,
    previous_said,
)
from forecast.report.previous_rows import level_rows
from forecast.run import Step, run
from forecast.run_files import (
    Run,
    has_finished,
    load_previous,
    load_run,
    output_folder,
    part_of_previous,
    read_record,
    write_run,
)
from forecast.run_prepared import Prepared, prepare

__all__ = ["Earlier", "Update", "earlier_runs", "next_folder", "unchanged", "update", "watch", "watch_panel", "watched"]

# What of a run's settings its counts depend on; what else it was made from changes none.
_COUNTING: Mapping[str, type[BaseModel]] = {
    "data": DataSettings,
    "places": PlaceSettings,
    "panel": PanelSettings,
    "published": PublishedSettings,
}
# Of these, what is of no use, or not known, where the data are others: the files, and the last day that they covered.
_REPLACED = {"data": ("paths", "accept_loss"), "places": ("zones",), "panel": ("end",), "published": ("activity",)}


@dataclass(frozen=True)
class Earlier:
    """A finished run: its folder, the last day of its data, its settings and its inputs as `run.json` has them."""

    folder: Path
    origin: pd.Timestamp
    settings: Mapping[str, Any]
    inputs: Sequence[Mapping[str, str]]


# Watching -------------------------------------------------------------------------------------------------------------


def watch_panel(
    folder: str | Path, data: Sequence[Path], settings: Settings | None, accept_loss: bool = False
) -> Panel:
    """What is known now, by settings, or by new files that are read as those of an earlier run were.

    Raises
    ------
    InputError
        As of `load_source`, and where the run was made from other files beside its data, which are not known here.
    """
    for file in data:
        check_input_file(file)
    if settings is None:
        settings = _settings_again(load_run(folder), Path(folder), data)
    return load_source(settings.accepting_loss() if accept_loss else settings).at()


def watch(folder: str | Path, panel: Panel) -> PreviousPart:
    """The run in a folder against a panel that knows more.

    Raises
    ------
    InputError
        As of `load_run`, and where the two cannot be compared.
    """
    return part_of_previous(load_previous(folder, panel), panel)


def watched(part: PreviousPart, data_end: pd.Timestamp) -> str:
    """What `forecast watch` prints: the sentences of the report, coverage by level, the rule, and the verdict."""
    lines = [previous_lead(part), *previous_said(part)]
    reasons = needs_eyes(part)
    if part.has_come:
        table = level_rows(part).rename(columns=lambda name: f"inside {name}" if "%" in name else name)
        lines += ["", *table.to_string(index=False).splitlines(), ""]
    else:
        lines.append(f"The data end on {data_end:%Y-%m-%d}.")
    verdict = f"NEEDS EYES: {'; '.join(reasons)}." if reasons else "Nothing needs eyes."
    return "\n".join([*lines, RULE, verdict])


# The next run beside the earlier ones ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Update:
    """What `update` made: the report, its run (None where nothing was new), and how the run before it fared."""

    report: Path
    result: Run | None = None
    previous: PreviousPart | None = None


def update(settings: Settings, parent: Path, *, allow_unconverged: bool = False, step: Step) -> Update:
    """Make the next run in a folder named by its last day of data, and hold the one before against what came.

    Raises
    ------
    InputError
        As of `prepare`, `earlier_runs` and `load_previous`.
    """
    step("reading the data", 0, 1)
    runs = earlier_runs(parent)
    ready = prepare(settings)
    same = unchanged(runs, settings, ready)
    if same is not None:
        return Update(same / "report.html")
    origin = ready.panel.origin
    before = [earlier for earlier in runs if earlier.origin < origin]
    if before:
        ready = replace(ready, previous=load_previous(before[-1].folder, ready.panel))
    with output_folder(settings, next_folder(parent, runs, origin)) as folder:
        result = run(settings, allow_unconverged=allow_unconverged, ready=ready, step=step)
        report = write_run(result, folder)
    kept = result.record.previous
    return Update(report, result, None if kept is None else PreviousPart.from_record(kept))


def earlier_runs(parent: str | Path) -> list[Earlier]:
    """The finished runs in the folders of a folder, in the order of their data; other folders are passed over.

    Raises
    ------
    InputError
        Where the record of a run is damaged: to pass it over would be to compare with another run in silence.
    """
    try:
        folders = sorted(path for path in Path(parent).iterdir() if path.is_dir())
    except OSError:
        return []
    runs = [earlier for earlier in map(_earlier, folders) if earlier is not None]
    return sorted(runs, key=lambda earlier: (earlier.origin, len(earlier.folder.name), earlier.folder.name))


def unchanged(runs: Sequence[Earlier], settings: Settings, ready: Prepared) -> Path | None:
    """The folder of the run that was made from just these data and settings; None where there is none."""
    written, inputs = plain_json(settings.as_written()), list(ready.inputs)
    same = [run.folder for run in runs if run.inputs == inputs and run.settings == written]
    return same[-1] if same else None


def next_folder(parent: str | Path, runs: Sequence[Earlier], origin: pd.Timestamp) -> Path:
    """Where the next run goes: `parent/2024-12-31`, or with -2, -3, … behind where such a run is there already."""
    taken = {run.folder.name for run in runs}
    day = f"{origin:%Y-%m-%d}"
    again = (f"{day}-{number}" for number in count(2))
    return Path(parent) / next(name for name in chain([day], again) if name not in taken)


# Parts ----------------------------------------------------------------------------------------------------------------


def _earlier(folder: Path) -> Earlier | None:
    """What a folder's marker says of the run in it; None where it holds none that ended well."""
    if folder_format(folder, RUN) is None or not has_finished(folder):
        return None
    try:
        record = read_record(folder)
    except InputError as error:
        raise error.again(hint="Move that folder elsewhere, or make its run again") from error
    inputs = [given.model_dump() for given in record.inputs]
    return Earlier(folder, pd.Timestamp(record.data_cut_off), record.settings, inputs)


def _settings_again(run: Run, folder: Path, data: Sequence[Path]) -> Settings:
    """The settings of a run, as far as its counts depend on them, with other files of data."""
    given: dict[str, Any] = {}
    hint = "Give --settings with the settings file in place of new data"
    for name, section in _COUNTING.items():
        defaults = {key: field.default for key, field in section.model_fields.items()}
        written = run.record.settings.get(name, {})
        if not isinstance(written, dict):
            where = f"settings.{name}"
            raise InputError("is damaged", source=folder / RUN.marker, found=f"{where}: should be a table", hint=hint)
        given[name] = {
            key: value
            for key, value in written.items()
            if value != defaults.get(key) and key not in _REPLACED.get(name, ())
        }
    gazetteer = folder.resolve() / "gazetteer.csv"
    given["data"]["paths"] = [str(path) for path in data]
    given["seed"] = run.record.seed
    if given["data"].get("source") not in ("counts", "published"):
        # A province or tactic without a new record is calm, and not unknown.
        given["panel"] |= {"provinces": run.panel.provinces, "tactics": run.panel.tactics}
    if run.gazetteer is not None:
        given["places"]["gazetteer"] = str(gazetteer)
    others = {key: value for key, value in _files(given).items() if value != str(gazetteer)}
    if others:
        raise InputError("the run was made from other files too", source=folder, found=list(others.values()), hint=hint)
    try:
        return Settings.model_validate(given, context={"folder": Path.cwd()})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise InputError("; ".join(problems), source=folder / RUN.marker, hint=hint) from None


def _files(given: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Files that settings name, beside those of the data."""
    keys = {
        "data": ("crosswalk", "tactics"),
        "places": ("gazetteer", "aliases", "units", "forces", "boundaries"),
    }
    named = {f"{name}.{key}": given[name].get(key) for name, wanted in keys.items() for key in wanted}
    return {key: value for key, value in named.items() if value not in (None, "data")}
