"""Where tiles stand: a grid that keeps the relative positions of provinces, and names short enough for it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Tiles", "short_names", "tile_layout"]

# Grids with this many cells per province are tried, the tightest first.
_ROOM = (1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0)


@dataclass(frozen=True)
class Tiles:
    """Where each province stands in a grid: rows count from the north, columns from the west."""

    column: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    columns: int
    rows: int


def tile_layout(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> Tiles:
    """Give each point its own cell of a grid that keeps relative positions.

    Each coordinate is the mean of its position and of its rank, so that crowded parts spread; the assignment to cells
    then has the least sum of squared distances. Of several grids the one that turns the fewest pairs around wins, the
    tighter one among equals. Points without coordinates follow in rows of their own at the bottom.
    """
    known = np.isfinite(latitude) & np.isfinite(longitude)
    n_known, n_rest = int(known.sum()), int((~known).sum())
    column, row = np.zeros(len(known), np.int64), np.zeros(len(known), np.int64)
    columns, rows = int(np.ceil(np.sqrt(1.5 * n_rest))), 0
    if n_known:
        candidates = [_assigned(latitude[known], longitude[known], room) for room in _ROOM]
        best = min(candidates, key=lambda tiles: _turned(tiles, latitude[known], longitude[known]))
        column[known], row[known], columns, rows = best.column, best.row, max(best.columns, min(columns, 4)), best.rows
    if n_rest:
        column[~known], row[~known] = np.arange(n_rest) % columns, rows + np.arange(n_rest) // columns
        rows += -(-n_rest // columns)
    return Tiles(column, row, columns, rows)


def _assigned(latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64], room: float) -> Tiles:
    from scipy.optimize import linear_sum_assignment

    width = np.ptp(longitude) * np.cos(np.radians(latitude.mean()))
    shape = np.clip(width / max(np.ptp(latitude), 1e-9), 0.4, 2.5)
    cells = len(latitude) * room
    columns = max(1, int(np.ceil(np.sqrt(cells * shape))))
    rows = int(np.ceil(cells / columns))
    grid_column, grid_row = (index.ravel() for index in np.meshgrid(np.arange(columns), np.arange(rows)))
    east, south = _spread(longitude) * (columns - 1), _spread(-latitude) * (rows - 1)
    cost = (east[:, None] - grid_column) ** 2 + (south[:, None] - grid_row) ** 2
    _, cell = linear_sum_assignment(cost)
    column, row = grid_column[cell] - grid_column[cell].min(), grid_row[cell] - grid_row[cell].min()
    return Tiles(column, row, int(column.max()) + 1, int(row.max()) + 1)


def _spread(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.stats import rankdata

    extent = np.ptp(values)
    if extent == 0:
        return np.full(len(values), 0.5)
    ranks = (rankdata(values) - 1) / (len(values) - 1)
    return np.asarray((ranks + (values - values.min()) / extent) / 2)


def _turned(tiles: Tiles, latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> int:
    """Number of pairs half a degree or more apart whose order the grid turns around, north-south and west-east."""
    turned = 0
    for position, degrees in ((tiles.row, -latitude), (tiles.column, longitude)):
        before = degrees[:, None] + 0.5 < degrees[None, :]
        turned += int((before & (position[:, None] > position[None, :])).sum())
    return turned


def short_names(labels: list[str]) -> list[str]:
    """Up to four letters per name, no two alike: 'Dama', 'RDam'; a number where letters do not suffice."""
    shorts: list[str] = []
    for label in labels:
        words = "".join(c if c.isalnum() else " " for c in label).split() or ["?"]
        initials = "".join(word[0].upper() for word in words[:-1])[:2]
        candidates = [initials + words[-1][: 4 - len(initials)].capitalize(), words[0][:4], words[0][:3] + words[0][-1]]
        numbered = (f"{candidates[0][:3]}{number}" for number in range(2, len(labels) + 2))
        shorts.append(next(name for name in (*candidates, *numbered) if name not in shorts))
    return shorts
