"""The picture of README: the first screen of the demonstration report, and what it says as the text beside it.

    python scripts/picture.py out/demo/report.html

writes `docs/assets/report.png` and the line of README that shows it; `make picture` makes the report first.
"""

import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from forecast.report.pdf import chromium_path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "assets" / "report.png"
README = ROOT / "README.md"
# Of the window, in pixels.
SIZE = {"width": 1280, "height": 908}
# As many as the page has, with those between text and ground; a third of the bytes of all.
COLOURS = 64
_LINE = re.compile(r"^!\[.*\]\(docs/assets/report\.png\)$", re.MULTILINE)


def take(browser: Browser, report: Path, picture: Path) -> str:
    """Write the first screen of a report to a PNG file, and return what it says."""
    page = browser.new_page(viewport=SIZE, color_scheme="light")
    page.goto(report.resolve().as_uri())
    page.screenshot(path=picture)
    finding = page.locator(".headline").inner_text()
    page.close()
    with Image.open(picture) as whole:
        whole.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
    return str(finding)


def described(readme: str, finding: str) -> str:
    """README with a finding as the text of its picture."""
    if not _LINE.search(readme):
        raise SystemExit("README has no line that shows docs/assets/report.png")
    text = f"The report's first screen, on simulated data: {finding[:1].lower()}{finding[1:].rstrip('.')}"
    return _LINE.sub(f"![{text}](docs/assets/report.png)", readme)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path("the picture"), args=["--no-sandbox"])
        said = take(chromium, Path(sys.argv[1]), PICTURE)
        chromium.close()
    README.write_text(described(README.read_text(encoding="utf-8"), said), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes; {said}")
