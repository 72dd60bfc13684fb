import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.events.places import read_gazetteer
from forecast.report.tiles import short_names, tile_layout

POINTS = st.lists(
    st.tuples(st.one_of(st.just(np.nan), st.floats(-60, 60)), st.one_of(st.just(np.nan), st.floats(-170, 170))),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(POINTS)
def test_no_two_tiles_share_a_cell(points):
    latitude, longitude = np.array(points, float).T
    tiles = tile_layout(latitude, longitude)
    cells = set(zip(tiles.column.tolist(), tiles.row.tolist(), strict=True))
    assert len(cells) == len(points)
    assert (tiles.column >= 0).all()
    assert (tiles.column < tiles.columns).all()
    assert (tiles.row >= 0).all()
    assert (tiles.row < tiles.rows).all()


def _turned(position, degrees, apart):
    """Share of pairs at least `apart` degrees from each other that stand in the wrong order."""
    before = degrees[:, None] + apart < degrees[None, :]
    return (before & (position[:, None] > position[None, :])).sum() / before.sum()


def test_the_gazetteer_keeps_its_shape():
    table = read_gazetteer().table
    for country in (["Iraq"], ["Syria"], ["Iraq", "Syria"]):
        part = table[table["country"].isin(country)]
        latitude, longitude = part["latitude"].to_numpy(float), part["longitude"].to_numpy(float)
        tiles = tile_layout(latitude, longitude)
        assert _turned(tiles.row, -latitude, 0.5) == 0
        assert _turned(tiles.column, longitude, 0.5) == 0
        assert tiles.rows * tiles.columns <= 2.2 * len(part)


def test_the_layout_is_the_same_every_time():
    table = read_gazetteer().table
    first, second = (tile_layout(table["latitude"].to_numpy(), table["longitude"].to_numpy()) for _ in range(2))
    assert (first.column == second.column).all()
    assert (first.row == second.row).all()


def test_points_without_coordinates_stand_below_the_others():
    tiles = tile_layout(np.array([30.0, np.nan, 31.0, 32.0]), np.array([40.0, 41.0, 42.0, 43.0]))
    assert tiles.row[1] > tiles.row[[0, 2, 3]].max()


@given(st.lists(st.text(min_size=0, max_size=30), min_size=1, max_size=60))
def test_short_names_are_short_and_differ(labels):
    shorts = short_names(labels)
    assert len(set(shorts)) == len(labels)
    assert all(0 < len(short) <= 6 for short in shorts)


def test_short_names_of_the_gazetteer():
    assert short_names(["Damascus", "Rural Damascus", "Daraa", "Deir ez-Zor"]) == ["Dama", "RDam", "Dara", "DEZo"]
