import io
import re
from urllib.parse import unquote

import pandas as pd

from forecast.report.html_tables import csv_link, html_table

FRAME = pd.DataFrame({"Province": ["A", "<b>"], "x": ["1", "=2"], "y": ["3", "4"], "group": ["one", "two"]})


def _saved(html):
    address = re.search(r'href="data:text/csv;charset=utf-8,([^"]*)"', html)[1]
    return pd.read_csv(io.StringIO(unquote(address.replace("&amp;", "&").replace("&#x27;", "'"))), dtype=str)


def test_headings_say_what_they_are_of():
    html = html_table(FRAME, "t", "What it is", False, groups="group", spanners={"Both": {"x": "first", "y": "second"}})
    assert '<th scope="col" rowspan="2">Province</th>' in html
    assert '<th scope="colgroup" colspan="2" class="span">Both</th>' in html
    assert '<th scope="col" class="r">first</th>' in html
    assert '<th scope="colgroup" colspan="3">one</th>' in html
    assert '<th scope="row"><span>A</span></th>' in html
    assert "<caption><span>What it is</span></caption>" in html


def test_it_scrolls_by_itself_and_by_keyboard():
    html = html_table(FRAME, "t", 'a "b"', False)
    assert '<div class="table" role="region" tabindex="0" aria-label="a &quot;b&quot;">' in html


def test_text_is_escaped():
    html = html_table(FRAME, "t", "<i>", True, links=["", "x"])
    assert "<b>" not in html
    assert "<i>" not in html
    assert '<a href="#x">&lt;b&gt;</a>' in html
    assert "SIMULATED DATA" in html


def test_the_file_holds_the_table_and_no_formula():
    saved = _saved(html_table(FRAME, "t", "x", False, groups="group"))
    assert saved.values.tolist() == [["A", "1", "3", "one"], ["<b>", "'=2", "4", "two"]]


def test_the_file_holds_numbers_where_there_are_some():
    numbers = pd.DataFrame({"a": [1.25, None], "b": ["x, \"y\" & 'z' #1", "é"]})
    saved = _saved(html_table(FRAME, "t", "x", False, numbers=numbers))
    assert saved.fillna("").values.tolist() == [["1.25", "x, \"y\" & 'z' #1"], ["", "é"]]
    assert 'download="name.csv"' in csv_link(numbers, "name", "x", "y")
