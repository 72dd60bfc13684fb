"""The picture of README: light, of the size that the script takes, and described by what the report says."""

import re

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def picture_script(script):
    pytest.importorskip("playwright.sync_api")
    return script("scripts/picture.py")


def test_it_is_light_and_says_what_it_shows(picture_script):
    assert picture_script.PICTURE.stat().st_size < 150_000
    with Image.open(picture_script.PICTURE) as picture:
        assert picture.size == (picture_script.SIZE["width"], picture_script.SIZE["height"])
    readme = picture_script.README.read_text(encoding="utf-8")
    (text,) = re.findall(r"^!\[(.*)\]\(docs/assets/report\.png\)$", readme, flags=re.MULTILINE)
    assert re.search(r"simulated data: \d+ attacks a month expected, \d+ to \d+ likely", text)
    assert readme.index(text) < readme.index("## Try it")


def test_a_finding_becomes_the_text_of_the_picture(picture_script):
    readme = "# A\n\n![old](docs/assets/report.png)\n![other](docs/other.png)\n"
    assert picture_script.described(readme, "9 attacks a month expected.") == (
        "# A\n\n![The report's first screen, on simulated data: 9 attacks a month expected](docs/assets/report.png)\n"
        "![other](docs/other.png)\n"
    )
    with pytest.raises(SystemExit, match="no line"):
        picture_script.described("# A", "x")


@pytest.mark.browser
def test_it_is_taken_of_a_report(picture_script, tmp_path, browser):
    report, picture = tmp_path / "report.html", tmp_path / "report.png"
    report.write_text('<p class="headline">9 attacks a month expected.</p><div style="height:3000px"></div>')
    assert picture_script.take(browser, report, picture) == "9 attacks a month expected."
    with Image.open(picture) as taken:
        assert taken.size == (picture_script.SIZE["width"], picture_script.SIZE["height"])
