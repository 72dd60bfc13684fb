"""Who issued a report and when: on the page, and on every printed one; nothing where it is not known."""

import re
from dataclasses import replace

import pytest

from forecast.report import footer
from forecast.report.build import render


def test_the_day_and_the_contact_stand_in_the_fold_and_at_the_end(make_content):
    content = make_content(evaluated=False, countries=("Syria",))
    page = render(replace(content, issued="2026-11-30", contact="Unit & <friends>"))
    about = page.split('id="about"')[1]
    assert "<dt>Issued on</dt><dd>30 Nov 2026</dd>" in about
    assert "<dt>Contact</dt><dd>Unit &amp; &lt;friends&gt;</dd>" in about
    assert "<footer>Issued on 30 Nov 2026. Contact: Unit &amp; &lt;friends&gt;. This page holds" in page
    without = render(content)
    assert "Issued on" not in without
    assert "Contact" not in without
    assert "<footer>This page holds" in without


@pytest.mark.parametrize("text", ['a"b', "a\\", "</style><script>", "two\nlines", "é · 漢", "1 2"])
def test_no_text_ends_its_string(text):
    css = footer.page_margins(text, "", text, False)
    string = re.search(r'@bottom-left \{ content: "([^"]*)"; \}', css)[1]
    assert set(re.sub(r"\\[0-9a-f]+ ", "", string)) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
    decoded = re.sub(r"\\([0-9a-f]+) ", lambda code: chr(int(code[1], 16)), string)
    assert decoded == f"{text} · {text}"
