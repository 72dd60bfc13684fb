"""The section on limits."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.page import Page
from forecast.report.section import Section, listing

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    limits = (
        "The numbers are attacks that the sources recorded. Attacks that nobody reported are not in them, and "
        "reporting differs between places and times: a change in reporting looks like a change in attacks.",
        "Claimed, confirmed and recorded attacks are different quantities, which can differ by an order of magnitude. "
        "This is a forecast of the quantity in its data; do not add it to another or compare it with one.",
        "The forecast continues patterns of past counts. It knows nothing of plans, operations, agreements or any "
        "other event to come, and nothing here says what causes attacks or what would prevent them.",
        "Counts per province and tactic are small. Differences of one or two attacks are within chance; read the "
        "intervals, not only the medians.",
        "The intervals say how uncertain the model is if its assumptions hold and the data are right. Errors in the "
        "data, such as a wrong place, date or tactic, come on top.",
        f"A province and a {page.unit} are too coarse to say where or when an attack will happen. This report is not "
        "made for choosing targets and must not be used for decisions about single persons or groups.",
    )
    return (listing(limits),)


SECTION: Section = Section("limits", "Limits", "Limits", _blocks)
