"""The command line: how a command begins, how it ends, and what is said of its errors."""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from forecast.errors import ForecastError
from forecast.signals import orderly_end

if TYPE_CHECKING:
    pass
from forecast.commands import app
from forecast.console import printable

__all__ = ["main"]

# Of click, which Typer brings in a form of its own or as a package, depending on its version.
_UsageError: type[Any] = typer.BadParameter.__bases__[0]

# What a shell says of a program that a broken pipe ended (128 + SIGPIPE).
_NOBODY_READS = 141
# And of one that Ctrl-C ended (128 + SIGINT).
_INTERRUPTED = 130
# Of a stream that takes nothing more; such an error of a file names the file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


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
        console.print(f"error: {' '.join(printable(message).split())}", markup=False, style="red", emoji=False)
    return code


if __name__ == "__main__":
    main()
