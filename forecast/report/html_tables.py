"""Tables as HTML: headings that screen readers can tell, a first column that stays in view, and the table as a file."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from forecast.files import neutralised
from forecast.report.svg import element, words

__all__ = ["csv_link", "html_table", "prose_table"]

# Columns of text in tables of numbers.
_TEXT = ("Province", "Tactic", "Model", "Month", "Week", "force")


def html_table(
    frame: pd.DataFrame,
    name: str,
    caption: str,
    simulated: bool,
    *,
    groups: str | None = None,
    spanners: Mapping[str, Mapping[str, str]] | None = None,
    right: Sequence[str] = (),
    prose: bool = False,
    links: Sequence[str] = (),
    numbers: pd.DataFrame | None = None,
) -> Markup:
    """A table that scrolls sideways by itself where it is wide, with a link to it as a CSV file.

    Parameters
    ----------
    frame : DataFrame
        Texts, one row each; the first column says what a row is about.
    name, caption : str
        Its name in the page, and what it shows.
    simulated : bool
        Label it as showing simulated data.
    groups : str, optional
        The column that parts the rows into groups.
    spanners : mapping, optional
        Headings above headings: {heading: {column: its own heading}}.
    right : sequence of str
        Columns that stand right in a table of `prose`, in which all others stand left.
    prose : bool
        Whether its columns are text, and may break into lines.
    links : sequence of str
        Sections that the rows lead to, '' for none.
    numbers : DataFrame, optional
        What the file holds, where that is not the texts.
    """
    columns = [column for column in frame.columns if column != groups]
    left = {column for column in columns if (column not in right if prose else column in _TEXT)} | {columns[0]}
    rows, part = "", None
    for position, row in enumerate(frame.to_dict("records")):
        if groups and row[groups] != part:
            part = row[groups]
            heading = words("th", str(part), scope="colgroup", colspan=len(columns))
            rows += element("tr", heading, class_="group")
        first, *others = columns
        link = links[position] if links else ""
        opening = words("a", str(row[first]), href=f"#{link}") if link else words("span", str(row[first]))
        cells = element("th", opening, scope="row")
        cells += "".join(words("td", str(row[column]), class_=None if column in left else "r") for column in others)
        rows += element("tr", cells)
    label = words("strong", "SIMULATED DATA", class_="simulated") + " " if simulated else ""
    table = element("caption", label + words("span", caption))
    table += element("thead", _headings(columns, left, spanners or {})) + element("tbody", rows)
    table = element("table", table, id=f"table-{name}", class_="prose" if prose else None)
    scrolls = element("div", table, class_="table", role="region", tabindex=0, aria_label=caption)
    return Markup(scrolls) + csv_link(frame if numbers is None else numbers, name, f"{caption} as a CSV file", "As CSV")


def prose_table(
    frame: pd.DataFrame,
    name: str,
    caption: str,
    left: Sequence[str],
    simulated: bool,
    *,
    groups: str | None = None,
    numbers: pd.DataFrame | None = None,
) -> Markup:
    """An `html_table` of text, whose columns stand right but for those that are named."""
    right = [column for column in frame.columns if column not in (*left, groups)]
    return html_table(frame, name, caption, simulated, groups=groups, prose=True, right=right, numbers=numbers)


def csv_link(table: pd.DataFrame, name: str, says: str, text: str) -> Markup:
    """A link that saves a table as a CSV file, which the page itself holds."""
    data = neutralised(table).to_csv(index=False, lineterminator="\n", float_format="%.6g")
    address = f"data:text/csv;charset=utf-8,{quote(data, safe=_PLAIN)}"
    link = words("a", text, class_="csv", download=f"{name}.csv", href=address, aria_label=f"{text}: {says}")
    return Markup(link)


# What stands as it is in the data of a link.
_PLAIN = ",:;/()=+.-_~@!*'$?"


def _headings(columns: Sequence[str], left: set[str], spanners: Mapping[str, Mapping[str, str]]) -> str:
    """One row of headings, or two where some stand under others."""
    below = {column: (heading, text) for heading, part in spanners.items() for column, text in part.items()}

    def place(column: str) -> str | None:
        return None if column in left else "r"

    if not below:
        cells = (words("th", column, scope="col", class_=place(column)) for column in columns)
        return element("tr", "".join(cells))
    upper, lower, last = "", "", ""
    for column in columns:
        if column not in below:
            upper += words("th", column, scope="col", rowspan=2, class_=place(column))
            last = ""
            continue
        heading, text = below[column]
        if heading != last:
            upper += words("th", heading, scope="colgroup", colspan=len(spanners[heading]), class_="span")
            last = heading
        lower += words("th", text, scope="col", class_=place(column))
    return element("tr", upper) + element("tr", lower)
