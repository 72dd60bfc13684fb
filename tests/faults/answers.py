"""What a command must answer to a fault: the right result, one line and exit code 2, or a word on what is wrong."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest
from bad_input import RUN, Content, call, check_refusal, contents, write


class Answer(Enum):
    """The classes of answers; a fourth one, a result that is wrong and says nothing, is never right."""

    RIGHT = "exit code 0, and what was meant"
    REFUSED = "exit code 2, one line, and every file as it was"
    SAID = "exit code 0, and on the console what is wrong"


@dataclass(frozen=True)
class Fault:
    """A faulty input: its files, the command, the class of answer, and what stands in the line or on the console.

    `holds` is asked about the folder afterwards where files must hold what was meant.
    """

    name: str
    answer: Answer
    text: str
    files: Mapping[str, Content]
    words: str = RUN
    holds: Callable[[Path], bool] = lambda folder: True

    def __str__(self) -> str:
        return self.name


def check_answer(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the files into the folder, give the command, and compare the answer."""
    write(folder, fault.files)
    before = contents(folder)
    done = call(fault.words, monkeypatch)
    after = contents(folder)
    if fault.answer is Answer.REFUSED:
        check_refusal(done, fault.text)
        assert after == before
    else:
        assert (done.code, done.err) == (0, ""), done
        assert re.search(fault.text, done.out), done.out
        assert all(line.isprintable() for line in done.out.splitlines())
        assert {name: after[name] for name in before} == before
    assert fault.holds(folder)
