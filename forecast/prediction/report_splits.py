"""Published counts that belong together, drawn so that they agree: parts share out their whole, subsets lie within it.

As in the likelihood (`inference.likelihood.splits`) parts are beta-binomial in turn, each given what is left of their
whole, and so are subsets; parts that are all there is of a whole add up to it in every draw, others never exceed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names

__all__ = ["Split", "Turns", "dispersion_within", "draw_within", "splits_of", "turns_of"]

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
    is_subset : bool
        Whether it is a subset, of another definition.
    """

    whole: int
    rows: tuple[int, ...]
    is_complete: bool
    is_subset: bool = False


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

    splits = []
    for (at, label), rows in sorted(groups.items(), key=lambda item: depth(item[0][0])):
        is_subset = label.startswith("subset")
        is_complete = not is_subset and cells[rows].sum() == cells[at]
        splits.append(Split(at, tuple(rows), bool(is_complete), is_subset))
    return splits


@dataclass(frozen=True)
class Turns:
    """Shares of counts in their wholes, in the order in which a split's parts are drawn, each from what is left.

    Attributes
    ----------
    share, rest : array
        Expected share of each count in its whole, and of all that comes after it (sample, row).
    concentration : array
        Of the count's share in both, of a beta distribution (sample, row); infinite where that is as expected.
    """

    share: Array
    rest: Array
    concentration: Array


def turns_of(splits: Sequence[Split], share: Array, size: Array, psi: Array, nu: Array) -> Turns:
    """What the counts of splits are drawn by.

    Parameters
    ----------
    splits : sequence of Split
        Of these counts.
    share : array
        Expected share of each count in its whole (sample, row).
    size : array
        Dispersion S² / Σ mu²/phi of each count (sample, row).
    psi, nu : array
        What concentrations of parts are multiplied by, and those of subsets (sample, row).
    """
    rest, concentration = np.ones(share.shape), nu.copy()
    # Spreads over the squared sum of the whole.
    spread = share**2 / size
    for split in splits:
        left, behind = np.ones(len(share)), 1.0 / size[:, split.whole]
        for row in split.rows:
            rest[:, row] = np.maximum(left - share[:, row], 0.0)
            after = np.maximum(behind - spread[:, row], 0.0)
            if not split.is_subset:
                with np.errstate(divide="ignore", invalid="ignore"):
                    both = share[:, row] * rest[:, row] * (spread[:, row] + after) / (spread[:, row] * after)
                    concentration[:, row] = np.where(after > 0, psi[:, row] * both, np.inf)
            left, behind = rest[:, row], after
    return Turns(share, rest, concentration)


def draw_within(rng: np.random.Generator, drawn: Counts, splits: Sequence[Split], turns: Turns) -> Counts:
    """Draws of counts (sample, row) with those of all splits drawn anew, given their wholes; others as they are."""
    drawn = drawn.copy()
    for split in splits:
        left = drawn[:, split.whole].copy()
        for row in split.rows:
            if split.is_complete and row == split.rows[-1]:
                drawn[:, row] = left
                break
            drawn[:, row] = rng.binomial(left, _shares(rng, turns, row))
            left = left - drawn[:, row]
    return drawn


def _shares(rng: np.random.Generator, turns: Turns, row: int) -> Array:
    """Shares of a count in itself and what comes after it (sample)."""
    part, concentration = _expected(turns, row), turns.concentration[:, row]
    scattered = np.isfinite(concentration) & (part > 0) & (part < 1)
    scale = np.where(scattered, concentration, 1.0)
    drawn = rng.beta(np.where(scattered, scale * part, 1.0), np.where(scattered, scale * (1.0 - part), 1.0))
    return np.where(scattered, drawn, part)


def _expected(turns: Turns, row: int) -> Array:
    """Expected share of a count in itself and what comes after it (sample)."""
    return np.asarray(turns.share[:, row] / (turns.share[:, row] + turns.rest[:, row]))


def dispersion_within(size: Array, splits: Sequence[Split], turns: Turns) -> Array:
    """Dispersion of negative binomials with the variance that each count has by itself (sample, row).

    Of a part with share p of a whole with mean m and dispersion k, and concentration c, the variance is
    m·p + (m·p)²·(1/k + (1 − p)/p·(1 + 1/k)/(1 + c)); what is left is such a part too.

    Parameters
    ----------
    size : array
        Dispersion of each count if it were drawn as a total (sample, row).
    splits, turns
        As of `draw_within`.
    """
    size = size.copy()
    for split in splits:
        of_left = 1.0 / size[:, split.whole]
        for row in split.rows:
            if split.is_complete and row == split.rows[-1]:
                size[:, row] = 1.0 / of_left
                break
            p, scatter = _expected(turns, row), (1.0 + of_left) / (1.0 + turns.concentration[:, row])
            size[:, row] = 1.0 / (of_left + (1.0 - p) / p * scatter)
            of_left = of_left + p / np.maximum(1.0 - p, 1e-12) * scatter
    return size
