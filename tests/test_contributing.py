"""The examples of CONTRIBUTING run as they stand."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### … (.+?)$.*?```python\n(.*?)```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_there_are_examples():
    assert [name for name, _ in EXAMPLES] == ["a term", "a family", "a prior", "a reader"]


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_runs_and_is_short(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(code.splitlines()) < 60
    # Dataclasses look for the module that they stand in.
    exec(compile(code, name, "exec"), {"__name__": __name__})
