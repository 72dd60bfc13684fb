"""The protocol of sections: which there are, their addresses, and the blocks that they are made of."""

import importlib
import pkgutil

import pytest
from markupsafe import Markup

from forecast.panel.panel import Panel
from forecast.report import build, sections
from forecast.report.content import ReportContent
from forecast.report.page import Page
from forecast.report.section import Section, listing, note, paragraphs, subheading


def test_every_module_with_a_section_stands_once_in_the_order_of_the_page():
    modules = [
        importlib.import_module(f"{sections.__name__}.{item.name}") for item in pkgutil.iter_modules(sections.__path__)
    ]
    made = [module.SECTION.id for module in modules if hasattr(module, "SECTION")]
    assert len(made) == len(modules) - 2, "all but the first screen and the fold about the forecast"
    assert sorted(made) == sorted(section.id for section in sections.SECTIONS)
    assert len(set(made)) == len(made)


def test_no_province_has_the_address_of_a_section(make_panel, make_forecast):
    ids = [section.id for section in sections.SECTIONS]
    panel = make_panel([[[1, 2, 3]]] * len(ids), countries=("A",))
    panel = Panel(panel.dataset.assign_coords(province=ids).drop_vars("adjacency", errors="ignore"))
    html = build.render(ReportContent("T", panel, {"m": make_forecast(panel)}))
    assert '<div id="province-0">' in html
    for section in sections.SECTIONS:
        assert html.count(f'id="{section.id}"') <= 1


def test_a_section_without_blocks_is_left_out_with_its_line_in_the_contents(monkeypatch, make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    content = ReportContent("T", panel, {"m": make_forecast(panel)})
    blank = Section("blank", "Blank", "Blank", lambda page: (Markup(),))
    full = Section("full", "Full & so", "In {unit}s < years", lambda page: (Markup(), note(page.content.title)))
    monkeypatch.setattr(build, "SECTIONS", (blank, full))
    html = build.render(content)
    assert "blank" not in html.lower()
    assert '<a href="#full">Full &amp; so</a>' in html
    assert '<section id="full">\n<h2>In months &lt; years</h2>\n<p class="note">T</p>\n</section>' in html


@pytest.mark.parametrize("block", [lambda text: paragraphs([text]), note, subheading, lambda text: listing([text])])
def test_blocks_escape_text_and_leave_markup(block):
    assert "<i>" not in block("<i>x</i>")
    assert "<i>x</i>" in block(Markup("<i>x</i>"))


def test_what_sections_share_is_computed_once(make_content):
    page = Page(make_content(countries=("Syria",)))
    for name in ("panel", "outlook", "folds", "anchors", "overlays"):
        assert getattr(page, name) is getattr(page, name)
