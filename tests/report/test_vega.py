import json

from hypothesis import given
from hypothesis import strategies as st

from forecast.report.vega import embedded_json, javascript_bundle


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_json_is_the_same_and_holds_no_markup(value):
    text = embedded_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_the_bundle_cannot_end_its_script_element():
    bundle = javascript_bundle()
    assert "</script" not in bundle.lower()
    assert "<!--" not in bundle
    assert "vegaEmbed" in bundle
