"""The picture of README: light, of the size that the script takes, and described by what the report says."""

import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("playwright.sync_api")
SPEC = importlib.util.spec_from_file_location("picture", ROOT / "scripts" / "picture.py")
PICTURE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PICTURE)


def test_it_is_light_and_says_what_it_shows():
    assert PICTURE.PICTURE.stat().st_size < 150_000
    with Image.open(PICTURE.PICTURE) as picture:
        assert picture.size == (PICTURE.SIZE["width"], PICTURE.SIZE["height"])
    readme = PICTURE.README.read_text(encoding="utf-8")
    (text,) = re.findall(r"^!\[(.*)\]\(docs/assets/report\.png\)$", readme, flags=re.MULTILINE)
    assert re.search(r"simulated data: \d+ attacks a month expected, \d+ to \d+ likely", text)
    assert readme.index(text) < readme.index("## Try it")


def test_a_finding_becomes_the_text_of_the_picture():
    readme = "# A\n\n![old](docs/assets/report.png)\n![other](docs/other.png)\n"
    assert PICTURE.described(readme, "9 attacks a month expected.") == (
        "# A\n\n![The report's first screen, on simulated data: 9 attacks a month expected](docs/assets/report.png)\n"
        "![other](docs/other.png)\n"
    )
    with pytest.raises(SystemExit, match="no line"):
        PICTURE.described("# A", "x")


@pytest.mark.browser
def test_it_is_taken_of_a_report(tmp_path, browser):
    report, picture = tmp_path / "report.html", tmp_path / "report.png"
    report.write_text('<p class="headline">9 attacks a month expected.</p><div style="height:3000px"></div>')
    assert PICTURE.take(browser, report, picture) == "9 attacks a month expected."
    with Image.open(picture) as taken:
        assert taken.size == (PICTURE.SIZE["width"], PICTURE.SIZE["height"])
