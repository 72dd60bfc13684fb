"""Charts as SVG: elements, paths and scales as text. Colours and sizes of text come from the page's classes."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

__all__ = ["ceiling", "element", "line", "place", "steps", "ticks", "words"]

Numbers = npt.NDArray[np.float64] | Sequence[float]
# What axes end at, and what they count by, times a power of ten.
_ENDS, _STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10), (1, 2, 2.5, 5, 10)


def element(tag: str, content: str = "", **attributes: object) -> str:
    """An element of SVG or HTML; `class_` is `class`, other underscores are hyphens, and numbers are rounded.

    Attributes that are None are left out; `content` is markup, and text in it is already escaped.
    """
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{place(value) if isinstance(value, float) else escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{shown}>{content}</{tag}>"


def words(tag: str, text: str, **attributes: object) -> str:
    """An element that holds text."""
    return element(tag, escape(text), **attributes)


def place(value: float) -> str:
    """A coordinate, to a tenth of a unit: '12.3', '12'."""
    return f"{value:.1f}".removesuffix(".0")


def line(x: Numbers, y: Numbers) -> str:
    """The path through points; it breaks where y is NaN."""
    path, is_open = "", False
    for left, height in zip(x, y, strict=True):
        if np.isfinite(height):
            path += f"{'L' if is_open else 'M'}{place(left)} {place(height)}"
        is_open = bool(np.isfinite(height))
    return path


def steps(edges: Numbers, lower: Numbers, upper: Numbers) -> str:
    """The path around a band with one lower and one upper bound between each two edges."""
    forward, back = f"M{place(edges[0])} {place(upper[0])}", ""
    for left, right, low, high in zip(edges[:-1], edges[1:], lower, upper, strict=True):
        forward += f"V{place(high)}H{place(right)}"
        back = f"V{place(low)}H{place(left)}" + back
    return f"{forward}{back}Z"


def ceiling(value: float) -> int:
    """The end of an axis that begins at 0: a round number at or above `value`, at least 4."""
    value = max(value, 4.0)
    power = 10.0 ** np.floor(np.log10(value))
    return int(np.ceil(next(end * power for end in _ENDS if end * power >= value)))


def ticks(top: int) -> list[int]:
    """Round numbers from 0 to `top`, three to six of them, the last at or below `top`."""
    power = 10.0 ** np.floor(np.log10(top / 4))
    by = (float(max(nice * power, 1.0)) for nice in _STEPS)
    # Attacks are whole: an axis by 2.5 would be printed 0, 2, 5, 8, 10.
    step = next(step for step in by if top / step <= 5 and step.is_integer())
    return [round(step * number) for number in range(int(top // step) + 1)]
