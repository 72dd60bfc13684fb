"""`write_report`: everything to one page that fetches nothing."""

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from forecast.files import write_text
from forecast.report import footer
from forecast.report.content import ReportContent, report_warnings
from forecast.report.page import Page
from forecast.report.sections import SECTIONS
from forecast.report.sections.about import about_fold
from forecast.report.sections.first import first_screen
from forecast.report.template import filled, template_text
from forecast.report.wording import capital

__all__ = ["render", "write_report"]


def write_report(path: str | Path, content: ReportContent) -> Path:
    """Write the report to `path`, whole or not at all; the same content gives the same file."""
    write_text(path, render(content))
    return Path(path)


def render(content: ReportContent) -> str:
    """The report as one HTML page."""
    page = Page(content, reserved=frozenset(section.id for section in SECTIONS))
    sections = [(section, [block for block in section.blocks(page) if block]) for section in SECTIONS]
    shown = [(section, blocks) for section, blocks in sections if blocks]
    script = template_text("report.js")
    margins = footer.page_margins(content.title, content.issued, content.contact, page.simulated)
    return filled(
        "report.html.j2",
        page=page,
        warnings=[_warning(text, content.failed) for text in report_warnings(content)],
        first=first_screen(page, {section.id: section.contents for section, _ in shown}),
        sections=shown,
        about=about_fold(page),
        footer=footer.sentences(content.issued, content.contact),
        css=Markup(template_text("report.css")),
        page_margins=Markup(margins),
        script=Markup(script),
        script_hash=_content_hash(script),
    )


def _warning(text: str, failed: str) -> str:
    return f"Do not rely on these numbers: {text}" if text == failed else capital(text)


def _content_hash(script: str) -> str:
    """What the page's policy says of a script: with it, no other script on the page can run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
