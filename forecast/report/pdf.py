"""The report as a PDF, printed by Chromium."""

import shutil
from pathlib import Path

from forecast.errors import InputError
from forecast.files import safe_write

__all__ = ["write_pdf"]

# The title, the day of printing, and which page it is of how many; Chromium fills in the classes.
_FOOTER = (
    '<div style="width: 100%; font: 8px system-ui, sans-serif; color: #55616d; padding: 0 14mm; display: flex; '
    'justify-content: space-between"><span class="title"></span>'
    '<span class="date"></span><span><span class="pageNumber"></span> of <span class="totalPages"></span></span></div>'
)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def write_pdf(report: str | Path, path: str | Path) -> Path:
    """Print a report (an HTML file that `write_report` wrote) to a PDF file, whole or not at all.

    Raises
    ------
    InputError
        When the extra `pdf` or Chromium is missing.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise InputError("Chromium is not on the path", where="--pdf", hint="Install it, or print the report by hand")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("is not installed", where="playwright", hint="Install attack-forecast[pdf]") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page()
        page.goto(Path(report).resolve().as_uri())
        content = page.pdf(
            format="A4",
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOTER,
            margin={"top": "15mm", "bottom": "16mm", "left": "14mm", "right": "14mm"},
        )
        browser.close()
    with safe_write(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)
