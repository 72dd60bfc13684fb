"""The table of indicators: what is read, refused, revised, and known on a day; published tables as indicators."""

import pandas as pd
import pytest

import forecast as fc
from forecast import names
from forecast.capability.published import read_activity, read_operations
from forecast.datasets import data_path
from forecast.errors import InputError

ROWS = {
    "force": ["ISF", "ISF", "SDF", "SDF"],
    "indicator": ["own_share", "rating", "own_share", "rating"],
    "period_start": ["2021-01-01", "2021-01-01", "2021-02-01", "2021-01-01"],
    "period_end": ["2021-01-31", "2021-03-31", "2021-02-28", "2021-03-31"],
    "value": [0.4, 3, 0.55, 2],
    "scale": ["share", "ordinal 1-5", "share", "Ordinal 1–5"],
    "direction": [1, 1, 1, 1],
    "total": [25, None, None, None],
}


def table(**columns):
    return pd.DataFrame({**ROWS, **columns})


def test_a_table_is_read_and_written(tmp_path):
    path = tmp_path / "indicators.csv"
    table().to_csv(path, index=False)
    indicators = fc.read_indicators(path)
    assert tuple(indicators.table.columns) == names.INDICATOR_COLUMNS
    assert indicators.forces == ["ISF", "SDF"]
    assert indicators.indicators == ["own_share", "rating"]
    assert set(indicators.table["scale"]) == {"share", "ordinal 1-5"}
    assert indicators.table["total"].tolist()[0] == 25
    indicators.save(path)
    pd.testing.assert_frame_equal(fc.read_indicators(path).table, indicators.table)
    assert "4 values of 2" in repr(indicators)
    assert indicators.plot().to_dict()["facet"]


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("force", "", "a label"),
        ("period_start", "03/04/2021", "a day"),
        ("period_end", "2020-12-31", "not before"),
        ("value", "many", "a number"),
        ("value", 1.2, "a share"),
        ("scale", "percent", "ordinal 1-k"),
        ("scale", "ordinal 1-40", "ordinal 1-k"),
        ("direction", 2, "1, -1"),
        ("total", -3, "above 0"),
        ("reported", "soon", "a day"),
        ("reported", "2020-12-01", "not before"),
    ],
)
def test_a_wrong_cell_names_its_row_and_column(tmp_path, column, value, found):
    path, wrong = tmp_path / "wrong.csv", table(reported="").astype(object)
    wrong.loc[2, column] = value
    wrong.to_csv(path, index=False)
    with pytest.raises(InputError, match=rf"wrong.csv: row 4, column {column}: .*{found}"):
        fc.read_indicators(path)


def test_values_must_be_on_their_scale():
    for value in (0, 6, 2.5):
        with pytest.raises(InputError, match="on the scale"):
            fc.Indicators.from_frame(table(value=[0.4, value, 0.5, 2]))
    with pytest.raises(InputError, match="whole number from 0"):
        fc.Indicators.from_frame(table(scale="count", total=None))
    with pytest.raises(InputError, match="total"):
        fc.Indicators.from_frame(table(total=[25, 10, None, None]))


def test_one_scale_and_direction_per_indicator_and_no_value_twice():
    with pytest.raises(InputError, match="rating has another scale"):
        fc.Indicators.from_frame(table(scale=["share", "ordinal 1-5", "share", "ordinal 1-4"]))
    with pytest.raises(InputError, match="rating has another direction"):
        fc.Indicators.from_frame(table(direction=[1, 1, 1, -1]))
    twice = pd.concat([table(), table().iloc[:1]])
    with pytest.raises(InputError, match="row 5: a value stands there twice"):
        fc.Indicators.from_frame(twice)
    with pytest.raises(InputError, match="columns are missing"):
        fc.Indicators.from_frame(table().drop(columns="scale"))


def test_two_files_must_agree(tmp_path):
    for name, scale in (("a", "index"), ("b", "count")):
        one = table(scale=scale, total=None, value=[1, 2, 3, 4]).iloc[:2].assign(force=name)
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(InputError, match="the files together"):
        fc.read_indicators([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_what_was_known_on_a_day():
    """A revision counts from the day on which it was reported, a value without one from its last day."""
    first, revised = table().iloc[:1], table(value=0.6).iloc[:1].assign(reported="2021-06-01")
    indicators = fc.Indicators.from_frame(pd.concat([first, revised]))
    assert indicators.known("2021-01-30").table.empty
    assert indicators.known("2021-02-01").table["value"].tolist() == [0.4]
    assert indicators.known("2021-06-01").table["value"].tolist() == indicators.known().table["value"].tolist() == [0.6]
    with pytest.raises(InputError, match="is no day"):
        indicators.known("someday")


def test_a_later_report_changes_nothing_before_it():
    indicators = fc.Indicators.from_frame(table())
    later = fc.Indicators.from_frame(pd.concat([table(), table(value=[0.9, 5, 0.9, 5]).assign(reported="2021-09-01")]))
    pd.testing.assert_frame_equal(indicators.known("2021-08-31").table, later.known("2021-08-31").table)


def test_a_direction_can_be_given():
    indicators = fc.Indicators.from_frame(table(direction=[0, 1, 0, 1]))
    assert "not used, as no direction is given: own_share" in repr(indicators)
    assert (indicators.with_direction("own_share", -1).table["direction"] == [-1, 1, -1, 1]).all()
    with pytest.raises(InputError, match="is not there"):
        indicators.with_direction("raids", 1)
    with pytest.raises(InputError, match="no direction"):
        indicators.with_direction("rating", 3)


# Published tables ----------------------------------------------------------------------------------------------------


def operations(tmp_path, rows):
    columns = ["start", "end", "country", "partnered", "us_only", "isis_killed", "isis_detained", "source"]
    path = tmp_path / "operations.csv"
    pd.DataFrame([[*row, "", "", "", "a release"] for row in rows], columns=columns).to_csv(path, index=False)
    return path


def test_totals_are_not_added_to_their_parts(tmp_path):
    path = operations(
        tmp_path,
        [
            ("2024-01-01", "2024-03-31", "Iraq", 66),
            ("2024-01-01", "2024-06-30", "Iraq", 137),
            ("2023-01-01", "2023-12-31", "Iraq", 300),
            ("2023-04-01", "2023-04-30", "Iraq", 25),
            ("2023-05-01", "2023-05-31", "Iraq+Syria", 40),
        ],
    )
    indicators = read_operations(path)
    spans = indicators.table.set_index("period_start")
    assert spans["value"].tolist() == [25, 66, 71]
    assert f"{spans.index[-1]:%Y-%m-%d}" == "2024-04-01"
    assert indicators.ledger.rows("overlapping totals") == indicators.ledger.rows("country without one force") == 1
    assert set(indicators.table["direction"]) == {1}
    assert set(read_operations(path, directions={}).table["direction"]) == {0}


def test_the_shipped_operations():
    indicators = read_operations(data_path("oir_operations.csv"))
    assert indicators.forces == ["ISF", "SDF"]
    assert set(indicators.table.loc[indicators.table["direction"] == 0, "indicator"]) == {"killed", "detained"}
    spans = indicators.table.sort_values(["force", "indicator", "period_start"])
    same = spans.duplicated(["force", "indicator"])
    assert (spans["period_start"] > spans["period_end"].shift())[same].all()


def test_raids_and_arrests_have_no_direction():
    indicators = read_activity(data_path("sdf_activity.csv"))
    assert indicators.indicators == ["arrests", "raids"]
    assert set(indicators.table["direction"]) == {0}
    assert indicators.ledger.rows("overlapping totals") == 2


def test_values_of_the_future_are_refused():
    with pytest.raises(InputError, match=r"column period_start: is not allowed \(found 2120-01-01.*up to today"):
        fc.Indicators.from_frame(table(period_start="2120-01-01", period_end="2120-01-31"))
