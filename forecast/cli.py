"""The command line: thin commands over `forecast.run`, `forecast.events` and `forecast.report`."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from forecast import __version__
from forecast.errors import ForecastError
from forecast.signals import orderly_end

if TYPE_CHECKING:
    from forecast.config import Settings
    from forecast.run import Step

__all__ = ["app", "main"]

app = typer.Typer(
    help="Forecasts of attacks by province, tactic and month or week, with honest uncertainty.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Of click, which Typer brings in a form of its own or as a package, depending on its version.
_UsageError: type[Any] = typer.BadParameter.__bases__[0]
_SettingsFile = Annotated[Path, typer.Argument(help="Settings file (TOML); see the README.")]
_AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Go on where more than a tenth of the rows that should count was lost.")
]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.", show_default=True)]
_AllowUnconverged = Annotated[
    bool, typer.Option("--allow-unconverged", help="Write the report of a fit that failed its checks, with a warning.")
]
_Previous = Annotated[
    Path | None, typer.Option("--previous", help="Folder of an earlier run, to be held against what came.")
]

# What a shell says of a program that a broken pipe ended (128 + SIGPIPE).
_NOBODY_READS = 141
# And of one that Ctrl-C ended (128 + SIGINT).
_INTERRUPTED = 130
# Of a stream that takes nothing more; such an error of a file names the file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


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


def main() -> NoReturn:
    """Entry point of the `forecast` command.

    Exit codes: 0 fine, 2 bad input, 3 diagnostics failed, 130, 143 or 129 ended by Ctrl-C, SIGTERM or a terminal that
    was closed, 141 nobody reads the output any more (as after SIGPIPE), 1 a defect of the package, which standard error
    then tells, or of `watch` and `update` that something needs eyes, which standard output tells. Errors take one line;
    with `--debug`, anywhere on the command line, the traceback is shown.
    """
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(words) < len(sys.argv) - 1
    with orderly_end() as ending:
        try:
            code = _called(words)
        except BaseException as error:
            if ending.code is None:
                if debug and isinstance(error, Exception) and not isinstance(error, (BrokenPipeError, _UsageError)):
                    raise
                code = _explained(error)
    # A library may have swallowed the interruption, or made another error of it.
    sys.exit(ending.code or code)


def _explained(error: BaseException) -> int:
    """Say in one line what ended a command; its exit code."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, BrokenPipeError | SystemExit):  # Typer makes the latter of the former
        _leave_output()
        return _NOBODY_READS
    if isinstance(error, ForecastError):
        return _fail(str(error), error.exit_code)
    if isinstance(error, _UsageError):
        return _fail(f"{error.format_message()} See 'forecast --help'.", 2)
    if isinstance(error, MemoryError):
        return _fail("there is not enough memory. Ask for fewer draws or periods", 2)
    if isinstance(error, OSError) and error.errno in _FULL:
        if error.filename is not None:
            hint = "Check the free space and the limits of the disk"
            return _fail(f"{error.filename}: cannot be written: {error.strerror}. {hint}", 2)
        _leave_output()
        return _fail(f"standard output cannot be written: {error.strerror}. Send it to another place", 2)
    text = f"{type(error).__name__}: {error}"
    return _fail(f"a defect of the package, not of your input: {text}. Run again with --debug and report it", 1)


def _called(words: list[str]) -> Any:
    """What the command returns, after all of its output was written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or locale may lack a name's letters, and a file's name may be no text at all.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = app(args=words or ["--help"], prog_name="forecast", standalone_mode=False)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _leave_output() -> None:
    """Throw away what standard output could not take: Python would try again when it ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    from rich.console import Console

    # One line, and nothing in it that a terminal would obey: a file's name or cell may hold any character.
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    # Where standard error takes nothing either, the code alone must do; Rich exits where its pipe is broken.
    with suppress(OSError, SystemExit):
        console.print(f"error: {' '.join(_printable(message).split())}", markup=False, style="red", emoji=False)
    return code


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line)


def _say(text: str) -> None:
    """Lines on standard output, without what a terminal would obey."""
    for line in text.splitlines():
        typer.echo(_printable(line))


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
    _say("\n".join(note for note in notes if note.startswith("warning:")))
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

    with _progress() as step:
        step("looking at the files", 0, 2)
        found = look(paths, columns=_pairs(column or []), day_first=day_first)
        written = write_settings(found, output, force=force)
        _say(describe(found))
        for path in written:
            typer.echo(f"written: {path}")
        # As a run reads them, so that what it would refuse is said now.
        step("reading them as a run does", 1, 2)
        panel = load_source(read_settings(output / SETTINGS)).at()
    _say(describe_panel(panel, found))


@app.command(epilog="Example:  forecast run forecast.toml --output out/march")
def run(
    settings: _SettingsFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; overrules the file.")
    ] = None,
    allow_unconverged: _AllowUnconverged = False,
    accept_loss: _AcceptLoss = False,
    previous: _Previous = None,
) -> None:
    """Go from event files to a forecast report, as a settings file says."""
    given = _read(settings, accept_loss)
    if previous is not None:
        given = given.model_copy(update={"previous": previous})
    notes, path = _run_and_write(given, output, allow_unconverged)
    _say("\n".join(notes))
    typer.echo(path)


@app.command(epilog="Example:  forecast check forecast.toml")
def check(settings: _SettingsFile, accept_loss: _AcceptLoss = False) -> None:
    """Read everything that a run would, fit and write nothing, and say what was found."""
    _check_drawing()
    from forecast.check import check_told
    from forecast.ledger import refuse_loss
    from forecast.run_prepared import prepare

    given = _read(settings, accept_loss)
    with _progress() as step:
        step("reading the data", 0, 1)
        # What was lost is shown before it is refused.
        ready = prepare(given.accepting_loss())
        told = check_told(given, ready)
    _say(told)
    if not given.data.accept_loss:
        refuse_loss(ready.panel.ledger, settings)


@app.command(epilog="Example:  forecast backtest forecast.toml --workers 2 --output out/backtest")
def backtest(
    settings: _SettingsFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results; overrules the file.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was broken off.")] = False,
    accept_loss: _AcceptLoss = False,
) -> None:
    """Forecast from one past origin after the other, and score the model and its rivals on what came."""
    _check_drawing()
    from forecast.run import run_backtest

    given = _read(settings, accept_loss)
    folder = output or given.backtest.output or Path("out/backtest")
    with _progress(even=True) as step:
        table, failures = run_backtest(given, folder, workers=workers, resume=resume, step=step)
    shown = table[["level", "model", "score", "skill", "lower", "upper", "p_value"]]
    typer.echo("CRPS of log(1 + count), skill and difference to recent_mean (95 %):")
    typer.echo(shown.round(3).to_string(index=False))
    for (name, error), rows in failures.groupby(["model", "error"], sort=False):
        days = [f"{day:%Y-%m-%d}" for day in rows["origin"]]
        which = f"at {days[0]}" if len(days) == 1 else f"at {len(days)} origins from {days[0]} to {days[-1]}"
        _say(f"FAILED: {name} {which}: {error}")
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
    _check_drawing()
    from forecast.run_files import write_report_again

    with _progress() as step:
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
    with _progress() as step:
        step("reading the data", 0, 2)
        panel = watch_panel(folder, data or (), _read(settings, accept_loss) if settings else None, accept_loss)
        step("comparing", 1, 2)
        part = compare(folder, panel)
    _say(watched(part, panel.origin))
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
    _check_drawing()
    from forecast.cycle import update as make_next
    from forecast.cycle import watched
    from forecast.report.previous import needs_eyes
    from forecast.run_files import run_notes

    given = _read(settings, accept_loss)
    parent = output or given.output
    with _progress() as step:
        done = make_next(given, parent, allow_unconverged=allow_unconverged, step=step)
    if done.result is None:
        _say(f"Nothing is new: the run of these data and settings is there already.\n{done.report}")
        return 0
    _say("\n".join([repr(done.result.panel.ledger), *run_notes(done.result)]))
    if done.previous is None:
        _say(f"No run of earlier data lies in {parent}: there is nothing to compare with yet.\n{done.report}")
        return 0
    _say(f"{watched(done.previous, done.result.panel.origin)}\n{done.report}")
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
    with _progress() as step:
        step("reading the events", 0, 1)
        events = read_events(
            list(paths),
            source=source,
            columns=_pairs(column or []),
            sheet=sheet,
            gazetteer="data" if gazetteer == Path("data") else read_gazetteer(gazetteer) if gazetteer else None,
            boundaries=boundaries,
            nearest=nearest,
            crosswalk=read_crosswalk(crosswalk),
        )
    if events.ledger.loss > LOSS_TO_REFUSE and not accept_loss:
        _say(repr(events))  # what was lost is shown before it is refused
        refuse_loss(events.ledger, paths[0])
    events.save(output)
    _say(repr(events))
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

    with _progress() as step:
        step("reading the provinces", 0, 1)
        found = read_places(file, name=name, country=country)
        found.save(output)
    _say("\n".join([*found.notes, repr(found.gazetteer)]))
    typer.echo(output / "gazetteer.csv")
    if found.geometries:
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

    with _progress() as step:
        step("copying", 0, 1)
        kept = keep_files(files, output)
    typer.echo("\n".join(map(str, kept)))


def _check_drawing() -> None:
    """An InputError, before any long work, where Python runs without the docstrings that Altair cannot do without."""
    if sys.flags.optimize > 1:
        from forecast.errors import InputError

        hint = "Set it to 1, or unset it"
        raise InputError("no chart can be drawn without docstrings", source="PYTHONOPTIMIZE or -OO", hint=hint)


def _read(settings_file: Path, accept_loss: bool) -> "Settings":
    from forecast.config import read_settings

    settings = read_settings(settings_file)
    return settings.accepting_loss() if accept_loss else settings


def _run_and_write(
    settings: "Settings", output: Path | None, allow_unconverged: bool = False
) -> tuple[list[str], Path]:
    """Make a run and write it; what cleaning did and what stands on top of the report, and where that lies."""
    _check_drawing()
    from forecast.run import run
    from forecast.run_files import output_folder, run_notes, write_run

    with output_folder(settings, output or settings.output) as folder, _progress() as step:
        result = run(settings, allow_unconverged=allow_unconverged, step=step)
        path = write_run(result, folder)
    return [repr(result.panel.ledger), *run_notes(result)], path


def _pairs(words: list[str]) -> dict[str, str]:
    from forecast.errors import InputError

    pairs = [(ours.strip(), theirs.strip()) for ours, _, theirs in (word.partition("=") for word in words)]
    wrong = [word for word, pair in zip(words, pairs, strict=True) if not all(pair)]
    if wrong:
        raise InputError("is no pair", where="--column", found=wrong, expected="ours=theirs, such as date=Day")
    twice = [ours for ours in dict(pairs) if [pair[0] for pair in pairs].count(ours) > 1]
    if twice:
        raise InputError("maps a name twice", where="--column", found=twice)
    return dict(pairs)


@contextmanager
def _progress(even: bool = False) -> Iterator["Step"]:
    """What a command does, on standard error; with the time left where its steps are alike."""
    from forecast.progress import on_command_line, progress

    with on_command_line(), progress("starting", even=even) as told:

        def step(text: str, done: int, total: int) -> None:
            told(done / total, text)

        yield step


if __name__ == "__main__":
    main()
