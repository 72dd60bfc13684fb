"""The commands: thin ones over `forecast.run`, `forecast.events` and `forecast.report`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast import __version__

if TYPE_CHECKING:
    from forecast.config import Settings
from forecast.console import check_drawing, pairs, say, shown_steps

__all__ = ["app", "report", "update", "watch"]

app = typer.Typer(
    help="Forecasts of attacks by province, tactic and month or week, with honest uncertainty.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SettingsFile = Annotated[Path, typer.Argument(help="Settings file (TOML); see the README.")]

_AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Go on where more than a tenth of the rows that should count was lost.")
]

_Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.", show_default=True)]

_OutputInstead = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for the results; overrules the file.")
]

_AllowUnconverged = Annotated[
    bool, typer.Option("--allow-unconverged", help="Write the report of a fit that failed its checks, with a warning.")
]

_Previous = Annotated[
    Path | None, typer.Option("--previous", help="Folder of an earlier run, to be held against what came.")
]


class Example(StrEnum):
    """What `forecast demo` forecasts."""

    SIMULATED = "simulated"
    SYRIA_REPORTS = "syria-reports"
    UCDP_SYRIA = "ucdp-syria"
    MYANMAR = "myanmar"


_EXAMPLES = {
    Example.SIMULATED: "demo.toml",
    Example.SYRIA_REPORTS: "syria_reports.toml",
    Example.UCDP_SYRIA: "ucdp_syria.toml",
    Example.MYANMAR: "ucdp_myanmar.toml",
}


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command(epilog="Example:  forecast demo --output out/demo")
def demo(
    output: _Output = Path("out/demo"),
    capability: Annotated[
        bool, typer.Option("--capability", help="With the partner forces' capability, and what if it changed.")
    ] = False,
    example: Annotated[
        Example, typer.Option(help="Simulated events, or real ones: totals or events of Syria, events of Myanmar.")
    ] = Example.SIMULATED,
) -> None:
    """Forecast from data that come with the package, and write a report."""
    from forecast.config import read_settings
    from forecast.datasets import data_path

    if capability and example is not Example.SIMULATED:
        raise typer.BadParameter("goes with the simulated example only", param_hint="--capability")
    settings = read_settings(data_path("demo_capability.toml" if capability else _EXAMPLES[example]))
    notes, path = _run_and_write(settings, output)
    say("\n".join(note for note in notes if note.startswith("warning:")))
    typer.echo(path)


@app.command(epilog="Example:  forecast init incidents.csv")
def init(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of events, or of ready counts.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the settings.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite settings that are there already.")] = False,
    column: Annotated[
        list[str] | None, typer.Option(help="A column that cannot be told: ours=theirs, such as date=Day.")
    ] = None,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="How dates such as 03/04/20 are meant.")
    ] = None,
) -> None:
    """Look at files and write settings for a run on them: forecast.toml, and tables of names to be decided."""
    from forecast.config import read_settings
    from forecast.init.found import SETTINGS
    from forecast.init.look import look
    from forecast.init.settings import write_settings
    from forecast.init.told import describe, describe_panel
    from forecast.inputs import load_source

    with shown_steps() as step:
        step("looking at the files", 0, 2)
        found = look(paths, columns=pairs(column or []), day_first=day_first)
        written = write_settings(found, output, force=force)
        say(describe(found))
        for path in written:
            typer.echo(f"written: {path}")
        # As a run reads them, so that what it would refuse is said now.
        step("reading them as a run does", 1, 2)
        panel = load_source(read_settings(output / SETTINGS)).at()
    say(describe_panel(panel, found))


@app.command(epilog="Example:  forecast run forecast.toml --output out/march")
def run(
    settings: _SettingsFile,
    output: _OutputInstead = None,
    allow_unconverged: _AllowUnconverged = False,
    accept_loss: _AcceptLoss = False,
    previous: _Previous = None,
) -> None:
    """Go from event files to a forecast report, as a settings file says."""
    given = _read(settings, accept_loss)
    if previous is not None:
        given = given.model_copy(update={"previous": previous})
    notes, path = _run_and_write(given, output, allow_unconverged)
    say("\n".join(notes))
    typer.echo(path)


@app.command(epilog="Example:  forecast check forecast.toml")
def check(settings: _SettingsFile, accept_loss: _AcceptLoss = False) -> None:
    """Read everything that a run would, fit and write nothing, and say what was found."""
    check_drawing()
    from forecast.check import check_told
    from forecast.ledger import refuse_loss
    from forecast.run_prepared import prepare

    given = _read(settings, accept_loss)
    with shown_steps() as step:
        step("reading the data", 0, 1)
        # What was lost is shown before it is refused.
        ready = prepare(given.accepting_loss())
        told = check_told(given, ready)
    say(told)
    if not given.data.accept_loss:
        refuse_loss(ready.panel.ledger, settings)


@app.command(epilog="Example:  forecast backtest forecast.toml --workers 2 --output out/backtest")
def backtest(
    settings: _SettingsFile,
    output: _OutputInstead = None,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was broken off.")] = False,
    accept_loss: _AcceptLoss = False,
) -> None:
    """Forecast from one past origin after the other, and score the model and its rivals on what came."""
    check_drawing()
    from forecast.run import run_backtest

    given = _read(settings, accept_loss)
    folder = output or given.backtest.output or Path("out/backtest")
    with shown_steps(even=True) as step:
        table, failures = run_backtest(given, folder, workers=workers, resume=resume, step=step)
    shown = table[["level", "model", "score", "skill", "lower", "upper", "p_value"]]
    typer.echo("CRPS of log(1 + count), skill and difference to recent_mean (95 %):")
    typer.echo(shown.round(3).to_string(index=False))
    for (name, error), rows in failures.groupby(["model", "error"], sort=False):
        days = [f"{day:%Y-%m-%d}" for day in rows["origin"]]
        which = f"at {days[0]}" if len(days) == 1 else f"at {len(days)} origins from {days[0]} to {days[-1]}"
        say(f"FAILED: {name} {which}: {error}")
    typer.echo(folder / "skill.csv")


@app.command(epilog="Example:  forecast report out/march")
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder that `forecast run` wrote.")],
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it to report.pdf (extra 'pdf', and Chromium).")
    ] = False,
    previous: _Previous = None,
) -> None:
    """Render the report of a finished run again."""
    check_drawing()
    from forecast.run_files import write_report_again

    with shown_steps() as step:
        step("rendering the report", 0, 1)
        path = write_report_again(folder, previous)
        if pdf:
            from forecast.report.pdf import write_pdf

            path = write_pdf(path, path.with_suffix(".pdf"))
    typer.echo(path)


@app.command(epilog="Example:  forecast watch out/march events.csv")
def watch(
    folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder that `forecast run` wrote.")],
    data: Annotated[
        list[Path] | None, typer.Argument(metavar="[NEW_DATA]...", help="New files, read as those of the run were.")
    ] = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="Settings file that names the new data.")] = None,
    accept_loss: _AcceptLoss = False,
) -> int:
    """Say whether new data fell where a run forecast; exit code 1 where something needs eyes, by the printed rule."""
    from forecast.cycle import watch as compare
    from forecast.cycle import watch_panel, watched
    from forecast.report.previous import needs_eyes

    if bool(data) == bool(settings):
        raise typer.BadParameter("give new data, or --settings with a file that names them", param_hint="NEW_DATA")
    with shown_steps() as step:
        step("reading the data", 0, 2)
        panel = watch_panel(folder, data or (), _read(settings, accept_loss) if settings else None, accept_loss)
        step("comparing", 1, 2)
        part = compare(folder, panel)
    say(watched(part, panel.origin))
    return 1 if needs_eyes(part) else 0


@app.command(epilog="Example:  forecast update forecast.toml --output out")
def update(
    settings: _SettingsFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of all runs; `output` of the settings by default.")
    ] = None,
    allow_unconverged: _AllowUnconverged = False,
    accept_loss: _AcceptLoss = False,
) -> int:
    """Make the next run in a folder named by its last day of data, and hold the one before against what came."""
    check_drawing()
    from forecast.cycle import update as make_next
    from forecast.cycle import watched
    from forecast.report.previous import needs_eyes
    from forecast.run_files import run_notes

    given = _read(settings, accept_loss)
    parent = output or given.output
    with shown_steps() as step:
        done = make_next(given, parent, allow_unconverged=allow_unconverged, step=step)
    if done.result is None:
        say(f"Nothing is new: the run of these data and settings is there already.\n{done.report}")
        return 0
    say("\n".join([repr(done.result.panel.ledger), *run_notes(done.result)]))
    if done.previous is None:
        say(f"No run of earlier data lies in {parent}: there is nothing to compare with yet.\n{done.report}")
        return 0
    say(f"{watched(done.previous, done.result.panel.origin)}\n{done.report}")
    return 1 if needs_eyes(done.previous) else 0


@app.command(epilog="Example:  forecast ingest events.csv --source ucdp --output out/events")
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Raw event files.")],
    source: Annotated[str, typer.Option("--source", "-s", help="ucdp, acled, acled-aggregated, gtd or plain.")],
    output: _Output = Path("out/events"),
    column: Annotated[
        list[str] | None, typer.Option(help="For 'plain': ours=theirs, such as date=Day. May be repeated.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; '*' joins all that fit.")] = None,
    gazetteer: Annotated[
        Path | None, typer.Option(help="Provinces (CSV), or 'data': the names in the files. See the README.")
    ] = None,
    boundaries: Annotated[Path | None, typer.Option(help="Polygons of the provinces (GeoJSON).")] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Records that no polygon takes go to the nearest province's point.")
    ] = False,
    crosswalk: Annotated[Path | None, typer.Option(help="Labels of tactics and targets (CSV).")] = None,
    accept_loss: _AcceptLoss = False,
) -> None:
    """Clean raw event files: writes events.csv, ledger.csv, and gazetteer.csv where the names are the data's."""
    from forecast.events.places import read_gazetteer
    from forecast.events.reading import read_events
    from forecast.events.tactics import read_crosswalk
    from forecast.files import sha256
    from forecast.folders import EVENTS, check_folder
    from forecast.ledger import LOSS_TO_REFUSE, refuse_loss

    named = [file for file in (*paths, gazetteer, boundaries, crosswalk) if file is not None and file.is_file()]
    check_folder(output, EVENTS, [sha256(file) for file in named])
    with shown_steps() as step:
        step("reading the events", 0, 1)
        events = read_events(
            list(paths),
            source=source,
            columns=pairs(column or []),
            sheet=sheet,
            gazetteer="data" if gazetteer == Path("data") else read_gazetteer(gazetteer) if gazetteer else None,
            boundaries=boundaries,
            nearest=nearest,
            crosswalk=read_crosswalk(crosswalk),
        )
    if events.ledger.loss > LOSS_TO_REFUSE and not accept_loss:
        say(repr(events))  # what was lost is shown before it is refused
        refuse_loss(events.ledger, paths[0])
    events.save(output)
    say(repr(events))
    typer.echo(output / "events.csv")


@app.command(epilog="Example:  forecast places geoBoundaries-MLI-ADM1.geojson --output out/mali")
def places(
    file: Annotated[Path, typer.Argument(help="Polygons (GeoJSON), or a list of provinces (CSV, xlsx).")],
    output: _Output = Path("out/places"),
    name: Annotated[str | None, typer.Option(help="Column of the names; a usual one by default.")] = None,
    country: Annotated[str | None, typer.Option(help="The country, where the file does not tell it.")] = None,
) -> None:
    """Make gazetteer.csv and simplified boundaries.geojson of a file of provinces."""
    from forecast.events.place_files import read_places

    with shown_steps() as step:
        step("reading the provinces", 0, 1)
        provinces = read_places(file, name=name, country=country)
        provinces.save(output)
    say("\n".join([*provinces.notes, repr(provinces.gazetteer)]))
    typer.echo(output / "gazetteer.csv")
    if provinces.geometries:
        typer.echo(output / "boundaries.geojson")


@app.command(epilog="Example:  forecast fetch ucdp-ged --version 25.1")
def fetch(
    source: Annotated[str, typer.Argument(help="What to download: ucdp-ged.")],
    version: Annotated[str, typer.Option(help="Release, such as 25.1.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder; the user's cache by default.")] = None,
    token: Annotated[str | None, typer.Option(envvar="UCDP_TOKEN", help="Access token of the UCDP API.")] = None,
) -> None:
    """Download a public event file into the cache and print its path."""
    from forecast.events.download import fetch as download
    from forecast.progress import on_command_line

    with on_command_line():
        path = download(source, version, folder=output, token=token)
    typer.echo(path)


@app.command(epilog="Example:  forecast archive acled.csv --output archive")
def archive(
    files: Annotated[list[Path], typer.Argument(help="Downloads to keep.")],
    output: _Output = Path("archive"),
) -> None:
    """Keep downloads as they are, named by day and hash: together they tell when records became known."""
    from forecast.events.archive import keep_files

    with shown_steps() as step:
        step("copying", 0, 1)
        kept = keep_files(files, output)
    typer.echo("\n".join(map(str, kept)))


def _read(settings_file: Path, accept_loss: bool) -> "Settings":
    from forecast.config import read_settings

    settings = read_settings(settings_file)
    return settings.accepting_loss() if accept_loss else settings


def _run_and_write(
    settings: "Settings", output: Path | None, allow_unconverged: bool = False
) -> tuple[list[str], Path]:
    """Make a run and write it; what cleaning did and what stands on top of the report, and where that lies."""
    check_drawing()
    from forecast.run import run
    from forecast.run_files import output_folder, run_notes, write_run

    with output_folder(settings, output or settings.output) as folder, shown_steps() as step:
        result = run(settings, allow_unconverged=allow_unconverged, step=step)
        path = write_run(result, folder)
    return [repr(result.panel.ledger), *run_notes(result)], path
