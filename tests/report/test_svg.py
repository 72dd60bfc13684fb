import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.report import svg


def test_elements_escape_attributes_and_text():
    assert (
        svg.element("a", "<b/>", class_="x", stroke_width=1.25, href=None) == '<a class="x" stroke-width="1.2"><b/></a>'
    )
    assert svg.words("text", "<&>", title='"') == '<text title="&quot;">&lt;&amp;&gt;</text>'


def test_lines_break_at_gaps():
    assert svg.line([0, 1, 2, 3], [5, np.nan, 6.25, 7]) == "M0 5M2 6.2L3 7"


def test_bands_have_a_step_for_every_period():
    assert svg.steps([0, 1, 2], lower=[4, 5], upper=[2, 1]) == "M0 2V2H1V1H2V5H1V4H0Z"


@given(st.floats(0, 1e9))
def test_axes_end_at_round_numbers_above_all_others(value):
    top = svg.ceiling(value)
    assert top >= max(value, 4) * (1 - 1e-9)
    assert top <= 2 * max(value, 4)
    ticks = svg.ticks(top)
    assert 3 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert 0.7 * top < ticks[-1] <= top
    assert len(set(np.diff(ticks))) == 1


@pytest.mark.parametrize(
    ("value", "top", "ticks"),
    [(0, 4, [0, 1, 2, 3, 4]), (109, 120, [0, 25, 50, 75, 100]), (7, 8, [0, 2, 4, 6, 8]), (11, 12, [0, 5, 10])],
)
def test_axes(value, top, ticks):
    assert svg.ceiling(value) == top
    assert svg.ticks(top) == ticks
