import re
from html.parser import HTMLParser

import pandas as pd

from forecast.ledger import Ledger
from forecast.report import figure_tables
from forecast.report.fans import series_of
from forecast.report.figures import outlook
from forecast.report.sections.about import input_table, ledger_table
from forecast.report.sections.past import score_table


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data.strip()


def _rows(html):
    parser = _Cells()
    parser.feed(html)
    return parser.rows


def _outlook(ahead):
    sums = {f"{number}": f"sum-{number}" for number in range(1 + len(ahead.groups) if len(ahead.provinces) > 1 else 0)}
    return figure_tables.outlook_table(ahead, sums, {key: key for key in ahead.provinces["province"]}, False)


def test_the_outlook_has_sums_first_and_provinces_by_country(gazetteer_panel, make_forecast):
    ahead = outlook(make_forecast(gazetteer_panel()), {"west": ["SY02"]})
    html = _outlook(ahead)
    rows = _rows(html)
    names = [row[0] for row in rows]
    assert names[names.index("Sums") + 1 :][:4] == ["All provinces", "Iraq", "Syria", "West"]
    total = rows[names.index("All provinces")]
    assert total[4] == f"{ahead.total['sum_median']:,.0f}"
    assert total[5] == f"{ahead.total['sum_lower']:,.0f} to {ahead.total['sum_upper']:,.0f}"
    assert len(rows) == 2 + 3 + 4 + 32


def test_one_period_has_one_group_of_columns(make_panel, make_forecast):
    ahead = outlook(make_forecast(make_panel([[[1, 2, 3]]]), horizon=1), {})
    rows = _rows(_outlook(ahead))
    assert rows[0] == ["Province", "Last 3 months", "Apr 2020", "Chance"]
    assert "Sums" not in [row[0] for row in rows]


def test_rows_lead_to_their_sections(gazetteer_panel, make_forecast):
    html = _outlook(outlook(make_forecast(gazetteer_panel(countries=("Syria",))), {}))
    assert re.search(r'<th scope="row"><a href="#sum-0">All provinces</a></th>', html)
    assert re.search(r'<th scope="row"><a href="#SY02">Aleppo</a></th>', html)


def test_tactics_of_a_province(gazetteer_panel, make_forecast):
    ahead = outlook(make_forecast(gazetteer_panel(countries=("Syria",))), {})
    rows = _rows(figure_tables.tactic_table(ahead.cells[:2], ahead, "x", "There", True))
    assert [row[0] for row in rows] == ["Tactic", "per month", "IED", "small arms"]


def test_periods_of_a_province(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    forecast = make_forecast(panel)
    series = series_of(panel, forecast, None, tactics=True)["P0", "all"]
    rows = _rows(figure_tables.period_table(series, "x", "There", "month", False))
    assert rows[0] == ["Month", "Median", "50% interval", "90% interval"]
    assert [row[0] for row in rows[1:]] == ["Apr 2020", "May 2020", "Jun 2020"]
    first = forecast.quantiles([0.05, 0.25, 0.5, 0.75, 0.95]).isel(province=0, tactic=0, period=0).values
    assert rows[1][1:] == [f"{first[2]}", f"{first[1]} to {first[3]}", f"{first[0]} to {first[4]}"]


def test_the_ledger_escapes_what_it_shows():
    ledger = Ledger().add("<b>rule</b>", 1234, "dropped", 'why "so" & not', ["<script>x</script>"], "a'b")
    html = ledger_table(ledger, False)
    assert "<b>" not in html
    assert "<script>" not in html
    assert _rows(html)[1] == ["a'b", "<b>rule</b>", "dropped", "1,234", 'why "so" & not', "<script>x</script>"]


def test_nothing_to_show_is_no_table():
    assert ledger_table(Ledger(), False) == ""
    assert input_table([]) == ""
    assert score_table(pd.DataFrame(), "a", "month", False) == ""


def test_scores_by_cell_and_total_best_first(make_content):
    content = make_content(countries=("Syria",))
    rows = _rows(score_table(content.scores, "regression", "month", False))
    labels = [row[0] for row in rows]
    assert labels.index("Each province, tactic and month") < labels.index("Total of each month")
    models = labels[labels.index("Each province, tactic and month") + 1 :][:2]
    assert sorted(models) == [
        "No attacks at all (zero)",
        "Regression on past counts (regression), this report",
    ]
    cells = content.scores[content.scores["level"] == "cell"]
    best = cells.groupby("model")["crps_log"].mean().idxmin()
    assert f"({best})" in models[0]
    first = rows[labels.index(models[0])]
    assert float(first[1]) == round(cells[cells["model"] == best]["crps_log"].mean(), 3)
    assert first[-1] == f"{len(cells) // 2}"


def test_inputs_keep_all_columns_that_say_something():
    html = input_table([{"path": "a.csv", "rows": 1234, "sha256": ""}, {"path": "b.csv", "licence": "CC BY"}])
    assert _rows(html) == [
        ["File", "Rows", "licence"],
        ["a.csv", "1,234", "–"],
        ["b.csv", "–", "CC BY"],
    ]
