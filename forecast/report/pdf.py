"""The report as a PDF, printed by Chromium."""

import shutil
from pathlib import Path

from forecast.errors import InputError
from forecast.files import safe_write

__all__ = ["chromium_path", "write_pdf"]

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def chromium_path(where: str) -> str:
    """Where Chromium is; an InputError where it is not on the path."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise InputError("Chromium is not on the path", where=where, hint="Install it, or print the report by hand")
    return chromium


def write_pdf(report: str | Path, path: str | Path) -> Path:
    """Print a report (an HTML file that `write_report` wrote) to a PDF file, whole or not at all.

    Raises
    ------
    InputError
        When the extra `pdf` or Chromium is missing.
    """
    chromium = chromium_path("--pdf")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("is not installed", where="playwright", hint="Install attack-forecast[pdf]") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        page = browser.new_page()
        page.goto(Path(report).resolve().as_uri())
        # The page's own rules say its size, its margins and what stands in them.
        content = page.pdf(print_background=True, prefer_css_page_size=True)
        browser.close()
    with safe_write(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)
