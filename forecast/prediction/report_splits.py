"""Published counts that belong together, drawn so that they agree: parts share out their whole, subsets lie within it.

As in the likelihood (`inference.likelihood.splits`) parts are Dirichlet-multinomial given their whole, and subsets
beta-binomial; parts that are all there is of a whole add up to it in every draw, others never exceed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names

__all__ = ["Split", "dispersion_within", "draw_within", "splits_of"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Counts that share out a whole: parts by province, or by tactic; or one subset.

    Attributes
    ----------
    whole : int
        Row of the whole.
    rows : tuple of int
        Those of its parts, which have no cell in common.
    is_complete : bool
        Whether there is nothing else in the whole.
    """

    whole: int
    rows: tuple[int, ...]
    is_complete: bool


def splits_of(table: pd.DataFrame, whole: Index, cells: Index) -> list[Split]:
    """The splits among published counts, those of a whole before those of its parts.

    Parameters
    ----------
    table : DataFrame
        Published counts with their kind and tactic.
    whole : array of int
        Row of the count that each is a part or subset of; −1 where it is drawn by itself.
    cells : array of int
        How many cells each is over.
    """
    kind, tactic = table["kind"].to_numpy(), table[names.TACTIC].to_numpy()
    groups: dict[tuple[int, str], list[int]] = {}
    for row in np.flatnonzero(whole >= 0):
        by_tactic = tactic[row] != tactic[whole[row]]
        label = f"subset {row}" if kind[row] == "subset" else f"by tactic: {by_tactic}"
        groups.setdefault((int(whole[row]), label), []).append(int(row))

    def depth(row: int) -> int:
        return 0 if whole[row] < 0 else 1 + depth(whole[row])

    found = []
    for (at, label), rows in sorted(groups.items(), key=lambda item: depth(item[0][0])):
        is_complete = not label.startswith("subset") and cells[rows].sum() == cells[at]
        found.append(Split(at, tuple(rows), bool(is_complete)))
    return found


def draw_within(
    rng: np.random.Generator, drawn: Counts, splits: Sequence[Split], share: Array, concentration: Array
) -> Counts:
    """Draws of counts with those of all splits drawn anew, given their wholes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    drawn : array of int64
        (sample, row); what is in no split stays as it is.
    splits : sequence of Split
        Wholes before their parts.
    share : array
        Expected share of each count in its whole (sample, row).
    concentration : array
        Of the shares about that (sample, row); infinite for multinomials and binomials.
    """
    drawn = drawn.copy()
    for split in splits:
        left, beside = drawn[:, split.whole].copy(), np.ones(len(drawn))
        for row in split.rows:
            if split.is_complete and row == split.rows[-1]:
                drawn[:, row] = left
                break
            # Of what is left, this part's share: a Dirichlet's shares are beta in turn.
            rest = np.maximum(beside - share[:, row], 0.0)
            drawn[:, row] = rng.binomial(left, _shares(rng, share[:, row], rest, concentration[:, row]))
            left, beside = left - drawn[:, row], rest
    return drawn


def _shares(rng: np.random.Generator, part: Array, rest: Array, concentration: Array) -> Array:
    """Shares of a part in itself and the rest: beta, or as expected where the concentration is infinite."""
    expected = part / (part + rest)
    scattered = np.isfinite(concentration) & (part > 0) & (rest > 0)
    scale = np.where(scattered, concentration, 1.0)
    drawn = rng.beta(np.where(scattered, scale * part, 1.0), np.where(scattered, scale * rest, 1.0))
    return np.where(scattered, drawn, expected)


def dispersion_within(size: Array, splits: Sequence[Split], share: Array, concentration: Array) -> Array:
    """Dispersion of negative binomials with the variance that each count has by itself, given mean and shares.

    Of a part with share p of a whole with mean m and dispersion k, and concentration c, the variance is
    m·p + (m·p)²·(1/k + (1 − p)/p·(1 + 1/k)/(1 + c)).
    """
    size = size.copy()
    for split in splits:
        of_whole = 1.0 / size[:, split.whole]
        for row in split.rows:
            p = share[:, row]
            size[:, row] = 1.0 / (of_whole + (1.0 - p) / p * (1.0 + of_whole) / (1.0 + concentration[:, row]))
    return size
