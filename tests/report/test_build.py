import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.ledger import Ledger
from forecast.prediction.draws import Forecast
from forecast.report.build import render, write_report
from forecast.report.content import ReportContent, report_warnings
from forecast.report.wording import LIKELIHOOD_SCALE

SECTIONS = ["now", "know", "series", "provinces", "numbers", "past", "limits"]


class _Page(HTMLParser):
    """Elements of a page with their attributes, its text, and the text of its scripts by type."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_data(self, data):
        if self.elements and self.get_starttag_text() and self.cdata_elem == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif self.cdata_elem is None:
            self.text.append(data)


@pytest.fixture(scope="module")
def demo(make_content):
    return make_content(simulated=True)


@pytest.fixture(scope="module")
def page(demo):
    return render(demo)


def test_it_holds_all_parts_in_order(page):
    ids = [attributes.get("id") for tag, attributes in _Page(page).elements if tag == "section"]
    assert ids == SECTIONS


def test_it_asks_for_nothing_outside(page, hostile_content):
    for html in (page, render(hostile_content)):
        parsed = _Page(html)
        for tag, attributes in parsed.elements:
            for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
                target = attributes.get(name)
                own = target is None or target.startswith("#") or target == "data:,"
                assert own or (tag == "a" and target.startswith("data:text/csv;charset=utf-8,")), (tag, target)
            assert tag not in ("iframe", "object", "embed", "base", "form", "img")
            assert not [name for name in attributes if name.startswith("on")]
            assert not re.search(r"url\(|expression\(", attributes.get("style") or "")
        # Parts of a drawing refer to each other by '#'.
        assert not re.search(r"@import|url\((?!#)", html)


def test_only_its_own_scripts_may_run(page, hostile_content):
    for html in (page, render(hostile_content)):
        parsed = _Page(html)
        policy = next(a["content"] for tag, a in parsed.elements if tag == "meta" and a.get("http-equiv"))
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe-eval" not in policy
        ((kind, text),) = parsed.scripts
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert kind == ""
        assert f"'sha256-{digest}'" in policy


def test_text_from_outside_is_escaped(hostile_content):
    html = render(hostile_content)
    parsed = _Page(html)
    assert [kind for kind, _ in parsed.scripts] == [""]
    assert not [tag for tag, _ in parsed.elements if tag in ("img", "iframe")]
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    shown = "".join(parsed.text)
    for text in ("<script>window.hacked=1</script>", "=cmd|' /C calc'!A0", '"><svg onload=window.hacked=4>'):
        assert text in shown


def test_the_same_content_gives_the_same_page(demo, page, tmp_path):
    path = write_report(tmp_path / "new" / "report.html", demo)
    assert path == tmp_path / "new" / "report.html"
    assert path.read_text(encoding="utf-8") == page


def test_it_is_small_enough_to_send(make_content, make_forecast, demo):
    tactics = tuple(f"tactic_{number}" for number in range(6))
    content = make_content(countries=("Iraq", "Syria", "Lebanon"), tactics=tactics, periods=72, evaluated=False)
    assert len(content.panel.provinces) >= 32
    forecast = make_forecast(content.panel, horizon=12, draws=100)
    size = len(render(replace(content, forecasts={"regression": forecast})).encode())
    assert size * 37 / len(content.panel.provinces) < 4_000_000


def test_simulated_data_are_labelled_everywhere(page, make_content):
    assert page.count("SIMULATED DATA.</strong>") == 1
    # On every large chart (that of the total stands twice), and on the map.
    assert page.count('simulated" x=') == page.count('class="fan large"') + 1 == (3 + 32 + 1) + 1
    tables = re.findall(r'<table id="table-([\w-]+)"(.*?)</table>', page, flags=re.S)
    unlabelled = {name for name, html in tables if "SIMULATED DATA" not in html}
    assert unlabelled == {"inputs"}
    assert {"outlook", "models", "ledger", "scores", "IQG10-tactics", "IQG10-periods"} <= {name for name, _ in tables}
    assert "SIMULATED" not in render(make_content(countries=("Syria",)))


def test_a_banner_stands_on_top(make_content):
    content = replace(make_content(countries=("Syria",)), banner="The model did not converge.")
    html = render(content)
    assert html.index("The model did not converge.") < html.index("<h1>")


@pytest.mark.parametrize("passed", [True, False])
def test_a_fit_that_failed_its_checks_is_never_a_clean_report(make_content, passed):
    checks = pd.DataFrame({"check": ["largest R-hat"], "value": [1.2], "passed": [passed], "advice": ["Draw longer"]})
    html = render(replace(make_content(countries=("Syria",)), diagnostics=checks))
    top = html[html.index("<header") : html.index("<h1>")]
    told = "Do not rely on these numbers: the fit of regression failed its checks: largest R-hat = 1.2: Draw longer"
    assert (told in top) == (not passed)


def test_notes_are_told_once(make_content):
    content = make_content(countries=("Syria",))
    html = render(replace(content, notes=("first note", "second note", "first note")))
    assert html.count("First note") == 1
    assert "Second note" in html


def test_without_scores_it_says_so(make_content):
    html = render(make_content(countries=("Syria",), evaluated=False))
    assert "does not show how well its model forecasts" in html
    assert 'id="table-scores"' not in html


def test_an_empty_ledger_says_so(make_content):
    html = render(replace(make_content(countries=("Syria",)), ledger=Ledger()))
    assert "No rule of the cleaning touched a row." in html


def test_many_unknown_places_stand_on_top_of_the_page(make_content):
    """Half of the attacks are above a tenth; a twentieth is not, and stands with the notes of the data."""
    content = make_content(countries=("Syria",))
    dataset = content.panel.dataset
    for share, told in ((0.5, True), (0.95, False)):
        located = (dataset["attacks"].dims, np.full(dataset["attacks"].shape, share))
        panel = replace(content.panel, dataset=dataset.assign(located=located, coverage=located))
        html = render(replace(content, panel=panel))
        assert ("Many places are unknown." in html) == told
        assert ("(50%) have no province" in html) == told


def test_a_loss_stands_on_top_of_the_page(make_content):
    """Three of a hundred rows are above two in a hundred; two are not."""
    content = make_content(countries=("Syria",))
    lost = Ledger().add("future dates", 3, "dropped", "lie ahead").add("not an attack", 40, "excluded", "protests")
    note = "3.0% of the rows that were meant to count were dropped (3 future dates)"
    html = render(replace(content, ledger=lost.with_kept(97), notes=("another",)))
    assert html.index("Data were lost.") < html.index(note) < html.index("<h1>") < html.index("Another")
    assert html.count(note) == 1
    assert "3 rows were lost: meant to count, and dropped. 40 were left out by choice or by definition." in html
    html = render(replace(content, ledger=Ledger().add("future dates", 2, "dropped", "lie ahead").with_kept(98)))
    assert "meant to count were dropped" not in html


def test_periods_after_the_origin_are_not_shown(make_content, make_forecast):
    content = make_content(countries=("Syria",))
    past = content.panel.between(end="2024-03-31")
    forecast = make_forecast(past)
    later, now = (
        render(ReportContent(title="T", panel=panel, forecasts={"m": forecast})) for panel in (content.panel, past)
    )
    assert later == now


def test_weeks(make_content):
    html = render(make_content(countries=("Iraq",), freq="W-MON", periods=40))
    assert "10 Oct to 30 Oct 2022" in html
    assert "attacks a week expected" in html


def test_small_panels_have_a_report(make_panel, make_forecast):
    panel = make_panel([[[0, 0, 0]]])
    html = render(ReportContent(title="T", panel=panel, forecasts={"m": make_forecast(panel, horizon=1)}))
    assert "No attacks expected in Apr 2020, 0 to 0 likely" in html


def test_it_needs_a_forecast_of_the_panel(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]], [[1, 2, 3]]])
    with pytest.raises(InputError, match="needs a forecast"):
        ReportContent(title="T", panel=panel, forecasts={})
    with pytest.raises(InputError, match="other provinces or tactics"):
        ReportContent(title="T", panel=panel, forecasts={"m": make_forecast(make_panel([[[1, 2, 3]]]))})


def test_nothing_half_written_stays(demo, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(InputError, match="is a file where a folder is needed"):
        write_report(blocker / "report.html", demo)
    assert list(tmp_path.iterdir()) == [blocker]


def test_content_is_not_changed(demo):
    before = demo.panel.dataset.copy(deep=True), demo.scores.copy()
    render(demo)
    assert demo.panel.dataset.identical(before[0])
    pd.testing.assert_frame_equal(demo.scores, before[1])


def test_a_forecast_that_is_not_plausible_is_said_on_top_and_gives_no_chances(make_content, capability_part):
    content = replace(make_content(), capability=capability_part())
    page, warnings = render(content), report_warnings(content)
    assert "not plausible" not in page
    assert "almost certain" in page
    assert not any("not plausible" in text for text in warnings)
    draws = content.main.draws.values * 100
    wild = Forecast.from_draws(content.panel, draws, model="regression", seed=1)
    content = replace(content, forecasts={"regression": wild})
    page, warnings = render(content), report_warnings(content)
    top = page[: page.index("<main>")]
    assert "<strong>Warning.</strong> The forecast is not plausible: for all provinces together" in top
    assert "not plausible" not in page[page.index("<main>") :]
    for _, word in LIKELIHOOD_SCALE:
        assert f"{word} (" not in page
    assert "almost certain" not in page
    assert "more than 99%" not in page
    assert "&gt;99%" not in page
    assert warnings[0].startswith("The forecast is not plausible: for all provinces together")


def test_chances_of_a_forecast_that_explodes_are_not_told(make_content):
    content = make_content(countries=("Syria",))
    forecast = Forecast.from_draws(content.panel, content.main.draws.values, model="regression", seed=1, cut=0.2)
    page = render(replace(content, forecasts={"regression": forecast}))
    assert "The forecast explodes: 20%" in page[: page.index("<h1>")]
    assert not re.search("|".join(f"{word} \\(" for _, word in LIKELIHOOD_SCALE), page)


def test_every_table_can_be_saved(page):
    links = re.findall(r'<a class="csv" download="([^"]+)" href="([^"]+)"', page)
    assert [name for name, _ in links if name == "forecast.csv"] == ["forecast.csv"]
    assert len(links) == page.count('<table id="table-') + 1
    files = {name: pd.read_csv(io.StringIO(unquote(address.split(",", 1)[1]))) for name, address in links}
    outlook, whole = files["outlook.csv"], files["forecast.csv"]
    assert len(outlook) == 3 + 32
    assert outlook.loc[0, "sum_median"] == outlook.loc[0, "sum_median"].round()
    assert len(whole) == 32 * 2 * 3


def test_a_province_leads_to_its_section_from_map_table_ranking_and_small_chart(page):
    assert page.count('href="#IQG10"') >= 3
    assert page.count('<div id="IQG10">') == 1
    anchors = re.findall(r'\bid="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in anchors, target
