"""What a section of the page is, and the blocks that it is made of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from forecast.report.page import Page
from forecast.report.vega import Chart

__all__ = ["Section", "drawing", "listing", "note", "paragraphs", "subheading"]


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    id : str
        Its address.
    contents : str
        Its name in the list of contents.
    heading : str
        '{unit}' in it is 'month' or 'week'.
    blocks : callable
        Its text, tables and charts in order, made from what the page knows. Empty ones are left out, and a section
        without any.
    """

    id: str
    contents: str
    heading: str
    blocks: Callable[[Page], Sequence[Markup]]


def paragraphs(texts: Iterable[str]) -> Markup:
    """A paragraph each; markup in a text is escaped unless it is `Markup`."""
    return _lines("<p>{}</p>", texts)


def note(text: str) -> Markup:
    """A paragraph in small print."""
    return Markup('<p class="note">{}</p>').format(text)


def subheading(text: str) -> Markup:
    """A heading below that of the section."""
    return Markup("<h3>{}</h3>").format(text)


def listing(items: Iterable[str]) -> Markup:
    """An unordered list."""
    return Markup("<ul>\n{}\n</ul>").format(_lines("<li>{}</li>", items))


def drawing(chart: Chart, caption: str) -> Markup:
    """A chart of Altair's with its caption."""
    return Markup(
        '<figure>\n<div class="chart" tabindex="0" role="img" aria-label="{}">{}</div>\n'
        "<figcaption>{}</figcaption>\n</figure>"
    ).format(chart.description, Markup(chart.to_svg()), caption)


def _lines(element: str, texts: Iterable[str]) -> Markup:
    return Markup("\n").join(Markup(element).format(text) for text in texts)
