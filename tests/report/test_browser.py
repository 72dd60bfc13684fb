"""The report as a reader's browser shows it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, mapping

from forecast.dated import DatedEvent
from forecast.report.backtest import backtest_part
from forecast.report.build import write_report
from forecast.report.content import ReportContent
from forecast.report.deaths import DeathsPart
from forecast.report.onset import onset_part
from forecast.report.population import PopulationPart

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 390, 320)
# axe-core 4.14 (Deque Systems, MPL-2.0), as published; its licence lies beside it.
AXE = (Path(__file__).parent / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _boundaries(content):
    places = content.main.dataset[["longitude", "latitude"]].to_dataframe()
    return {key: mapping(Point(row["longitude"], row["latitude"]).buffer(0.3)) for key, row in places.iterrows()}


@pytest.fixture(scope="module")
def content(make_content, make_forecast, capability_part, tried, previous, watched):
    whole = make_content(countries=("Iraq",), simulated=True, periods=48)
    attacks = whole.panel.dataset["attacks"].copy(deep=True)
    attacks[3, :, -8:] = 0
    panel = replace(whole.panel, dataset=whole.panel.dataset.assign(attacks=attacks))
    whole = replace(whole, panel=panel, forecasts={"regression": make_forecast(panel), "zero": whole.forecasts["zero"]})
    parts = {
        "capability": capability_part(periods=48),
        "backtest": backtest_part(tried, "zero"),
        "previous": previous(("Iraq",)),
    }
    keys = tuple(whole.main.provinces)
    # Close to each other, and where the label of simulated data stands.
    days = ("2024-02-01", "2024-03-05", "2024-03-10", "2025-12-20", "2026-02-25")
    parts["events"] = [DatedEvent(f"Event {day}", day, "2026-03-10", "", keys) for day in days]
    chances = pd.DataFrame({"origin": pd.Timestamp("2025-01-31"), "chance": [0.1, 0.6, 0.9], "happened": [0, 1, 1]})
    parts["onsets"] = onset_part(chances, 3)
    parts["population"] = PopulationPart("people.csv", pd.DataFrame({"province": keys, "population": 1_234_567.0}))
    parts |= {"issued": "2026-02-03", "contact": "Early Warning Unit, unit@example.org"}
    parts["deaths"] = DeathsPart(12, pd.DataFrame({"province": keys, "deaths": 7.0, "records": 3, "untold": 1}))
    return replace(whole, **parts, triggers=watched(whole.main), notes=("a note",))


@pytest.fixture(scope="module")
def reports(content, hostile_content, make_panel, make_forecast, tmp_path_factory):
    """Paths of four reports: tiles with all sections, boundaries and a banner, hostile texts, and one calm province."""
    panel = make_panel([[[0, 0, 0]]])
    contents = {
        "whole": content,
        "shapes": replace(
            content, boundaries=_boundaries(content), capability=None, banner="The fit did not converge."
        ),
        "hostile": hostile_content,
        "small": ReportContent(title="T", panel=panel, forecasts={"m": make_forecast(panel, horizon=1)}),
    }
    folder = tmp_path_factory.mktemp("report")
    return {name: write_report(folder / f"{name}.html", given) for name, given in contents.items()}


@pytest.fixture(scope="module")
def path(reports):
    return reports["whole"]


def _boxes(page, mark):
    """Where the marks of a class stand on the screen."""
    return page.locator(mark).evaluate_all("marks => marks.map(mark => mark.getBoundingClientRect().toJSON())")


def test_it_is_whole_without_scripts_and_asks_for_nothing(open_page, path):
    for has_scripts in (True, False):
        opened = open_page(path, java_script_enabled=has_scripts)
        assert opened.problems == []
        assert opened.requests == [path.resolve().as_uri()]
        page = opened.page
        assert {"calm", "triggers", "previous", "backtest"} <= set(
            page.locator("section").evaluate_all("all => all.map(one => one.id)")
        )
        assert page.locator("svg.map a").count() == 18
        # Of every province on the page, and of its tactics in its section.
        assert page.locator("#series svg.small").count() == 18
        assert page.locator("#provinces svg").count() == (1 + 18) * (1 + 2)
        assert page.locator(".chart svg").count() == 2 + 3
        shown = [box for box in _boxes(page, "section > * svg") if box["width"]]
        assert len(shown) >= 18 + 1 + 5 + 5
        assert all(box["height"] > 5 for box in shown)
        assert page.locator("#measure").is_visible() == has_scripts
        # Charts that Altair drew bring their colours; the page's own rules leave them alone.
        fills = page.locator(".chart svg text").evaluate_all("texts => texts.map(text => getComputedStyle(text).fill)")
        assert len(fills) > 40
        assert not {"none", "rgba(0, 0, 0, 0)"} & set(fills)


def test_numbers_stand_on_the_first_screen(open_page, reports):
    for width in (1440, 390):
        page = open_page(reports["shapes"], width=width).page
        height = page.viewport_size["height"]
        for part in (".headline", ".tiles > div:first-child b", ".tiles > div:nth-child(2) b >> nth=0"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= height, (width, part)
    page = open_page(reports["shapes"], width=1440).page
    assert page.locator(".confidence").bounding_box()["y"] < page.viewport_size["height"]


def test_a_click_on_a_province_opens_its_section(open_page, path):
    for has_scripts in (True, False):
        page = open_page(path, java_script_enabled=has_scripts).page
        section = page.locator("#IQG10")
        assert not section.is_visible()
        page.locator('svg.map a[href="#IQG10"]').click()
        section.wait_for(state="visible")
        assert page.url.endswith("#IQG10")
        assert 0 <= section.bounding_box()["y"] < 300
    assert open_page(path, address="#IQG01").page.locator("#IQG01").is_visible()
    assert open_page(path, address="#about-provenance").page.locator("#about-provenance").is_visible()


# Which part of the page has the focus.
_PLACE = """() => {
  if (document.activeElement === document.body) return 'end';
  const parts = '.map, .ranking, nav, .cards, summary, .table, select, .csv, .chart';
  const part = document.activeElement.closest(parts) || document.activeElement;
  return part.classList[0] || part.tagName;
}"""


def test_every_control_is_reached_by_keyboard(open_page, path):
    page = open_page(path).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached: set[str] = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        name = page.evaluate(_PLACE)
        if name == "end":
            break
        reached.add(name)
    assert {"map", "ranking", "NAV", "SELECT", "cards", "SUMMARY", "table", "csv", "chart"} <= reached
    page.locator('svg.map a[href="#IQG10"]').focus()
    page.keyboard.press("Enter")
    page.locator("#IQG10").wait_for(state="visible")


def test_the_map_shows_other_measures_and_tactics(open_page, path, content):
    page = open_page(path).page
    link = page.locator('svg.map a[href="#IQG10"]')

    def shown():
        return link.get_attribute("class"), link.locator(".number").text_content(), link.locator("title").text_content()

    class_, before, title = shown()
    page.locator("#measure").select_option(label="Chance of more attacks than in the last 12 months")
    class_, text, title = shown()
    assert (text[-1], class_[0], title) == ("%", "d", f"Diyala: {text}")
    assert "35 to 65%" in page.locator(".legend:visible").text_content()
    # The last one of the headed group: the map of the last period.
    page.locator("#measure").select_option(index=page.locator("#measure option").count() - 1)
    last = content.main.draws.sel(province="IQG10").sum("tactic").isel(period=-1)
    assert shown()[1] == f"{np.quantile(last, 0.5, method='inverted_cdf'):,.0f}"
    assert page.locator("#where h2").text_content().startswith("Expected attacks, ")
    page.locator("#measure").select_option(index=0)
    assert shown()[1] == before
    page.locator("#view").select_option(label="IED")
    ied = content.main.draws.sel(province="IQG10", tactic="ied").sum("period")
    assert shown()[1] == f"{np.quantile(ied, 0.5, method='inverted_cdf'):,.0f}" != before
    assert page.locator(".legend:visible").count() == 1


def test_boundaries_are_drawn_as_shapes(open_page, reports):
    page = open_page(reports["shapes"]).page
    areas = _boxes(page, "svg.map a path")
    assert len(areas) == 18
    frame = page.locator("svg.map").bounding_box()
    for box in areas:
        assert 0 < box["width"] < frame["width"] / 4


# What is cut off or lies over something else, by the boxes of all texts; what scrolls by itself may be wider.
_MISPLACED = """() => {
  const wrong = [], width = document.documentElement.clientWidth;
  const shown = element => element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
    && !element.closest('.skip, .unseen, details:not([open]) > :not(summary)');
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !shown(parent) || parent.closest('script, style, title, select, .chart')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (!rect.width || !rect.height) continue;
      const name = `${node.data.trim().slice(0, 30)} <${parent.tagName}>`;
      if (!parent.closest('tr') && (rect.left < -0.5 || rect.right > width + 0.5)) wrong.push(`cut off: ${name}`);
      if (!parent.closest('tr')) texts.push([rect, name, node]);
    }
  }
  texts.sort((a, b) => a[0].top - b[0].top);
  for (let i = 0; i < texts.length; i++) {
    for (let j = i + 1; j < texts.length && texts[j][0].top < texts[i][0].bottom; j++) {
      const [a, b] = [texts[i][0], texts[j][0]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - b.top;
      if (texts[i][2] !== texts[j][2] && wide > 1 && high > 0.35 * Math.min(a.height, b.height))
        wrong.push(`overlap: ${texts[i][1]} and ${texts[j][1]}`);
    }
  }
  const whole = document.documentElement.scrollWidth;
  if (whole > width) wrong.push(`the page is ${whole} wide`);
  return wrong;
}"""


@pytest.mark.parametrize("report", ["whole", "shapes", "hostile", "small"])
def test_nothing_overlaps_or_is_cut_off(open_page, reports, report):
    for width in WIDTHS:
        page = open_page(reports[report], width=width).page
        page.evaluate("document.querySelectorAll('details').forEach((fold, row) => { if (row < 2) fold.open = true; })")
        page.evaluate("document.getElementById('about').open = true")
        assert page.evaluate(_MISPLACED) == [], width


def test_no_label_of_a_tile_leaves_its_tile(open_page, path):
    for width in (1280, 390):
        page = open_page(path, width=width).page
        for link in page.locator("svg.map a").all():
            box = link.locator("rect").bounding_box()
            labels = [label for label in link.locator("text").all() if label.is_visible()]
            assert len(labels) >= 2
            for label in (label.bounding_box() for label in labels):
                assert box["x"] <= label["x"] + 1
                assert label["x"] + label["width"] <= box["x"] + box["width"] + 1
                assert box["y"] <= label["y"] + 1
                assert label["y"] + label["height"] <= box["y"] + box["height"] + 1


@pytest.mark.parametrize("report", ["whole", "shapes", "hostile", "small"])
def test_it_is_accessible(open_page, reports, report):
    # Each report is another, and costs seconds: the one with all sections at every width.
    every = ((1440, "light"), (1024, "dark"), (390, "light"))
    for width, scheme in every if report == "whole" else every[-1:]:
        page = open_page(reports[report], width=width, color_scheme=scheme).page
        page.evaluate("document.querySelectorAll('.province, #about').forEach((fold, row, all) => {"
                      "fold.open = row === 0 || row === all.length - 1; })")  # fmt: skip
        page.evaluate(AXE)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        assert len(found["passes"]) > 20
        faults = [
            (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]])
            for fault in found["violations"]
            if fault["impact"] in ("moderate", "serious", "critical")
        ]
        assert faults == [], (width, scheme)


def test_it_prints_with_numbers_on_page_one_and_every_chart(open_page, path):
    # A4 without its margins, at 96 pixels an inch.
    page = open_page(path, width=688, java_script_enabled=False).page
    page.emulate_media(media="print")
    for hidden in ("nav", ".skip", "#provinces"):
        assert not page.locator(hidden).first.is_visible()
    for shown in ("#about-provenance", "#where svg.map", "#series svg.large", "#capability .chart svg >> nth=0"):
        assert page.locator(shown).first.is_visible(), shown
    for box in _boxes(page, "#series svg.small"):
        assert box["width"] > 80
    # Heights of an A4 page.
    assert page.locator(".tiles").bounding_box()["y"] < 1000
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    # Charts are vectors.
    assert b"/Subtype /Image" not in printed
    assert 3 <= printed.count(b"/Type /Page\n") <= 16


# The boxes in the margins of printed pages as the browser reads them.
_MARGINS = """() => [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
  .filter(rule => rule instanceof CSSPageRule).map(rule => rule.cssText).join()"""


def test_printed_pages_bear_title_day_contact_and_number(open_page, reports, hostile_content):
    margins = open_page(reports["whole"]).page.evaluate(_MARGINS)
    assert '"Forecast of attacks · issued 3 Feb 2026 · Early Warning Unit, unit@example.org"' in margins
    assert 'counter(page) " of " counter(pages)' in margins
    assert "SIMULATED DATA" in margins
    # A hostile title is a string there, whole and nothing else.
    assert hostile_content.title in open_page(reports["hostile"]).page.evaluate(_MARGINS)


def test_tables_keep_their_first_column_in_view(open_page, path):
    page = open_page(path, width=390).page
    table = page.locator("#table-outlook")
    frame = page.locator(".table:has(#table-outlook)")
    heading = table.locator('tbody th[scope="row"]').first
    before = heading.bounding_box()["x"]
    frame.evaluate("frame => { frame.scrollLeft = 200; }")
    assert frame.evaluate("frame => frame.scrollLeft") == 200
    assert heading.bounding_box()["x"] == before


def test_one_font_and_colours_that_mean_one_thing(open_page, path):
    page = open_page(path).page
    fonts = page.evaluate(
        "[...document.querySelectorAll('body, p, td, th, select, svg.map text, svg.fan text, .csv')]"
        ".map(element => getComputedStyle(element).fontFamily)"
    )
    assert len(set(fonts)) == 1

    def colours(mark):
        return set(page.locator(mark).evaluate_all("marks => marks.map(mark => getComputedStyle(mark).fill)"))

    assert not colours("svg.map a rect") & (colours(".band90") | colours(".band50") | colours(".medianmark"))


def test_technical_charts_follow_the_colour_scheme(open_page, path):
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 25, 31)")):
        page = open_page(path, color_scheme=scheme).page
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        ink, muted = (
            ("rgb(31, 41, 51)", "rgb(85, 97, 109)")
            if scheme == "light"
            else ("rgb(230, 235, 240)", "rgb(169, 181, 192)")
        )
        texts = page.locator(".chart svg text")
        fills = set(texts.evaluate_all("texts => texts.map(text => getComputedStyle(text).fill)"))
        assert {muted} <= fills <= {ink, muted, "rgb(154, 52, 18)", "rgb(255, 180, 138)"}, scheme
        grounds = page.locator(".chart").evaluate_all(
            "all => all.map(chart => getComputedStyle(chart).backgroundColor)"
        )
        assert set(grounds) == {"rgba(0, 0, 0, 0)"}


def test_it_is_shown_within_a_second(open_page, path):
    page = open_page(path).page
    painted = "performance.getEntriesByName('first-contentful-paint')"
    # A function: a bare expression is evaluated again and again in the page, whose policy forbids that.
    page.wait_for_function(f"() => {painted}.length > 0")
    assert page.evaluate(f"{painted}[0].startTime") < 1000


def test_hostile_data_are_inert(open_page, reports):
    opened = open_page(reports["hostile"])
    page = opened.page
    for select in page.locator("#where select").all():
        for number in range(select.locator("option").count()):
            select.select_option(index=number)
    for link in page.locator("svg.map a").all()[:4]:
        link.click()
    assert page.locator(":is(img, iframe, svg[onload])").count() == 0
    assert page.evaluate("window.hacked") is None
    assert opened.problems == []
    assert {request.split("#")[0] for request in opened.requests} == {reports["hostile"].resolve().as_uri()}
