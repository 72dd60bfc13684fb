"""The report as a reader's browser shows it."""

from dataclasses import replace

import pytest
from shapely.geometry import Point, mapping

from forecast.report.build import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def content(make_content, capability_part):
    return replace(make_content(simulated=True, periods=48), capability=capability_part())


@pytest.fixture(scope="module")
def path(content, tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report") / "report.html", content)


def _paths(page, mark):
    """What marks of a class draw, as the `d` of their paths."""
    return page.locator(mark).evaluate_all("marks => marks.map(mark => mark.getAttribute('d'))")


def _boxes(page, mark):
    """Where the marks of a class stand on the screen."""
    return page.locator(mark).evaluate_all("marks => marks.map(mark => mark.getBoundingClientRect().toJSON())")


def _title(page):
    return page.locator("#fan .mark-text.role-mark text").all_text_contents()


def test_it_draws_every_chart_and_asks_for_nothing(open_page, path):
    opened = open_page(path)
    assert opened.problems == []
    assert opened.requests == [path.resolve().as_uri()]
    page = opened.page
    assert page.locator(".chart").count() == 4
    for number in (0, 1):
        # A path, its band, and two indicators of 24 months.
        assert page.locator(f"#capability-{number} .mark-line.role-mark path").count() == 1
        assert page.locator(f"#capability-{number} .mark-area.role-mark path").count() == 1
        assert page.locator(f"#capability-{number} .mark-symbol.role-mark path").count() == 48
        assert "SIMULATED DATA" in page.locator(f"#capability-{number}").text_content()
    assert page.locator("#map .mark-rect.role-mark path").count() == 32
    assert len(set(_paths(page, "#map .mark-rect.role-mark path"))) == 32
    # Three bands and the columns to point at, of three months each; the last 36 months of the history.
    assert page.locator("#fan .mark-rect.role-mark path").count() == 4 * 3
    assert page.locator("#fan .mark-symbol.role-mark path").count() >= 36
    assert page.locator(".failed").count() == 0


def test_no_label_of_a_tile_leaves_its_tile(open_page, path):
    for width in (1280, 390):
        page = open_page(path, width=width).page
        boxes = _boxes(page, "#map .mark-rect.role-mark path")
        labels = _boxes(page, "#map .mark-text.role-mark text")
        assert len(labels) == 64
        for number, label in enumerate(labels):
            box = boxes[number % 32]
            assert box["left"] <= label["left"] + 1
            assert label["right"] <= box["right"] + 1
            assert box["top"] <= label["top"] + 1
            assert label["bottom"] <= box["bottom"] + 1


def test_selectors_change_the_fan_chart(open_page, path, content):
    opened = open_page(path)
    page = opened.page
    assert "All provinces, all tactics" in _title(page)
    before = _paths(page, "#fan .mark-rect.role-mark path")
    province, tactic, history = page.locator("#selectors-fan select").all()
    province.select_option(label="Diyala (Iraq)")
    tactic.select_option(label="IED")
    page.get_by_text("Diyala, IED").wait_for()
    assert _paths(page, "#fan .mark-rect.role-mark path") != before
    assert page.locator("#fan .mark-symbol.role-mark path").count() >= 36
    shown = page.locator("#fan .mark-symbol.role-mark path").count()
    history.select_option(label="all")
    page.wait_for_timeout(300)
    assert page.locator("#fan .mark-symbol.role-mark path").count() == shown + 12
    province.select_option(label="Syria (all)")
    page.get_by_text("Syria, IED").wait_for()
    assert opened.problems == []


def test_tooltips_hold_the_forecast(open_page, path, content):
    page = open_page(path).page
    page.locator("#fan").scroll_into_view_if_needed()
    # The columns to point at are drawn after the bands.
    page.locator("#fan .mark-rect.role-mark path").nth(9).hover(force=True)
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.get_by_text("January 2026").wait_for()
    cells = tooltip.locator("td").all_text_contents()
    first = content.main.aggregate("total", tactics=True).to_frame().iloc[0]
    intervals = [f"{first[f'lower_{level}']} to {first[f'upper_{level}']}" for level in (50, 80, 90)]
    assert cells[1::2] == ["January 2026", str(first["median"]), *intervals]


def test_boundaries_are_drawn_as_shapes(open_page, content, tmp_path):
    places = content.main.dataset[["longitude", "latitude"]].to_dataframe()
    shapes = {key: mapping(Point(row["longitude"], row["latitude"]).buffer(0.3)) for key, row in places.iterrows()}
    opened = open_page(write_report(tmp_path / "report.html", replace(content, boundaries=shapes)))
    assert opened.problems == []
    areas = _boxes(opened.page, "#map .mark-shape path")
    assert len(areas) == 32
    frame = opened.page.locator("#map svg").bounding_box()
    for box in areas:
        # A ring in the wrong order would fill the whole map.
        assert 0 < box["width"] < frame["width"] / 4


def test_it_prints(open_page, path):
    # A4 without its margins, at 96 pixels an inch.
    page = open_page(path, width=688).page
    page.emulate_media(media="print")
    assert page.locator("#selectors-fan").is_hidden()
    assert page.locator("nav").is_hidden()
    assert page.locator("#fan svg").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 3 <= printed.count(b"/Type /Page\n") <= 12


def test_a_phone_needs_no_sideways_scrolling(open_page, path):
    page = open_page(path, width=390).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for chart in page.locator(".chart svg").all():
        assert chart.bounding_box()["width"] <= 390


def test_hostile_data_are_inert(open_page, hostile_content, tmp_path):
    path = write_report(tmp_path / "report.html", hostile_content)
    opened = open_page(path)
    page = opened.page
    for selector in page.locator("#selectors-fan select").all():
        for number in range(selector.locator("option").count()):
            selector.select_option(index=number)
    for chart in ("#map", "#fan"):
        page.locator(chart).scroll_into_view_if_needed()
        for number in (0, 3, 7):
            page.locator(f"{chart} .mark-rect.role-mark path").nth(number).hover(force=True)
            page.wait_for_timeout(50)
    assert page.locator("#vg-tooltip-element").inner_text() != ""
    assert page.locator("#vg-tooltip-element :is(img, script, svg)").count() == 0
    assert page.evaluate("window.hacked") is None
    assert opened.problems == []
    assert opened.requests == [path.resolve().as_uri()]
