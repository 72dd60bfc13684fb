"""Who issued a report, and when: in the fold about the forecast, at the end of the page, and on every printed one."""

import pandas as pd

from forecast.report.wording import day_label

__all__ = ["facts", "page_margins", "sentences"]


def facts(issued: str, contact: str) -> dict[str, str]:
    """The day of issue and the contact as label and text, as far as they are known."""
    known = {"Issued on": _day(issued), "Contact": contact}
    return {label: text for label, text in known.items() if text}


def sentences(issued: str, contact: str) -> list[str]:
    """The same as sentences."""
    return [f"{label}{':' if label == 'Contact' else ''} {text}." for label, text in facts(issued, contact).items()]


def page_margins(title: str, issued: str, contact: str, simulated: bool) -> str:
    """What stands in the margins of printed pages, as CSS: title, day of issue and contact, and the number of the page.

    Browsers without margin boxes of pages (CSS Paged Media Level 3) print without them.
    """
    said = " · ".join(text for text in (title, f"issued {_day(issued)}" if issued else "", contact) if text)
    boxes = {
        "bottom-left": _string(said),
        "bottom-right": f"counter(page) {_string(' of ')} counter(pages)",
        "top-right": _string("SIMULATED DATA" if simulated else ""),
    }
    rules = "".join(f"@{place} {{ content: {content}; }} " for place, content in boxes.items())
    return f"@page {{ {rules}}}"


def _day(issued: str) -> str:
    return day_label(pd.Timestamp(issued)) if issued else ""


def _string(text: str) -> str:
    """A string of CSS in which every sign but letters and digits is escaped, so that no text can end it."""
    plain = (sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):x} " for sign in text)
    return f'"{"".join(plain)}"'
