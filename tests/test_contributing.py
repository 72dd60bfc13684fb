"""The examples of CONTRIBUTING run as they stand."""

import re
from pathlib import Path

import pytest

import forecast as fc
from forecast.events.sources import SOURCES
from forecast.model.terms import TERMS
from forecast.report import build

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### … (.+?)$.*?```python\n(.*?)```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_there_are_examples():
    assert [name for name, _ in EXAMPLES] == ["a term", "a family", "a prior", "a reader", "a section"]


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_runs_and_is_short(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(code.splitlines()) < 60
    run(name)


def run(name):
    """The names that an example makes; dataclasses look for the module that they stand in."""
    namespace = {"__name__": __name__}
    exec(compile(dict(EXAMPLES)[name], name, "exec"), namespace)
    return namespace


def test_a_term_of_ones_own_is_known_by_settings_once_it_stands_among_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    holiday = run("a term")["Holiday"]
    monkeypatch.setitem(TERMS, "Holiday", holiday)
    model = fc.Model([fc.Intercept(), holiday(5)], fc.Poisson(), "holidays")
    assert fc.Model.from_toml(model.to_toml()) == model


def test_a_reader_of_ones_own_is_a_source_once_it_stands_among_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SOURCES, "ruritania", run("a reader")["read"])
    events = fc.read_events("register.csv", source="ruritania")
    assert events.table["province"].tolist() == ["IQG01"]
    assert events.ledger.loss == 0.5


def test_a_section_of_ones_own_is_on_the_page_once_it_stands_among_the_others(monkeypatch):
    made = run("a section")
    monkeypatch.setattr(build, "SECTIONS", (made["SECTION"], *build.SECTIONS))
    html = build.render(made["page"].content)
    assert '<a href="#peaks">Peaks</a>' in html
    assert '<section id="peaks">\n<h2>The worst month of each tactic</h2>' in html
    assert html.index('id="table-peaks"') < html.index('<section id="know">')
