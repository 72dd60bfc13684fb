"""What a command reads off its words, and what it shows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from forecast.run import Step

__all__ = ["check_drawing", "pairs", "printable", "say", "shown_steps"]


def printable(line: str) -> str:
    """A line without characters that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in line)


def say(text: str) -> None:
    """Lines on standard output, without what a terminal would obey."""
    for line in text.splitlines():
        typer.echo(printable(line))


def check_drawing() -> None:
    """An InputError, before any long work, where Python runs without the docstrings that Altair cannot do without."""
    if sys.flags.optimize > 1:
        from forecast.errors import InputError

        hint = "Set it to 1, or unset it"
        raise InputError("no chart can be drawn without docstrings", source="PYTHONOPTIMIZE or -OO", hint=hint)


def pairs(words: list[str]) -> dict[str, str]:
    """What words such as `date=Day` map to what; an `InputError` for others."""
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
def shown_steps(even: bool = False) -> Iterator["Step"]:
    """What a command does, on standard error; with the time left where its steps are alike."""
    from forecast.progress import on_command_line, progress

    with on_command_line(), progress("starting", even=even) as told:

        def step(text: str, done: int, total: int) -> None:
            told(done / total, text)

        yield step
