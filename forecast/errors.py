"""The errors that the package raises on purpose; everything else is a defect."""

from pathlib import Path
from typing import Any

__all__ = ["DiagnosticsError", "ForecastError", "InputError", "shorten"]


class ForecastError(Exception):
    """Root of the package's errors. `exit_code` is what the command line returns for it."""

    exit_code = 1


class InputError(ForecastError):
    """A file, table or argument is wrong, and the user can mend it.

    Parameters
    ----------
    problem : str
        What is wrong, in a few words.
    source : str or Path, optional
        The file or argument in which it was found.
    where : str, optional
        The row, column or key.
    found, expected : optional
        What was found there and what was expected instead.
    hint : str, optional
        The way out, as a sentence.

    Examples
    --------
    >>> str(fc.InputError("unknown tactic", found="bomb", expected=["ied"]))
    'unknown tactic (found bomb; expected ied)'
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        source: str | Path = "",
        where: str = "",
        found: object = None,
        expected: object = None,
        hint: str = "",
    ) -> None:
        self.problem, self.source, self.where = problem, str(source), where
        self.found, self.expected, self.hint = found, expected, hint
        parts = [part for part in (self.source, where) if part]
        message = ": ".join([*parts, problem])
        details = [f"found {_shown(found)}"] if found is not None else []
        details += [f"expected {_shown(expected)}"] if expected is not None else []
        if details:
            message += f" ({'; '.join(details)})"
        if hint:
            message += f". {hint}"
        super().__init__(" ".join(message.split()))

    def again(self, **changes: Any) -> "InputError":
        """The same error with some of its parts said otherwise, as where a table was read by way of a file."""
        parts = {name: getattr(self, name) for name in ("source", "where", "found", "expected", "hint")}
        return InputError(self.problem, **(parts | changes))


class DiagnosticsError(ForecastError):
    """A fit did not pass its diagnostics and may not become a clean report."""

    exit_code = 3


def shorten(text: str, width: int) -> str:
    """A text of at most `width` characters; one that was cut ends in '…'."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)
    return shorten(text, 120) or "nothing"
