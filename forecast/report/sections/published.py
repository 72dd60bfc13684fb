"""The section on published totals."""

from collections.abc import Iterator

from markupsafe import Markup

from forecast.report.html_tables import prose_table
from forecast.report.page import Page
from forecast.report.published import PublishedPart, expected_rows, province_rows, published_said
from forecast.report.section import Section, drawing, note, paragraphs, subheading
from forecast.report.totals import activity_charts, totals_charts

__all__ = ["SECTION"]


def _blocks(page: Page) -> list[Markup]:
    part = page.content.published
    if part is None:
        return []
    return [
        paragraphs(published_said(part)),
        paragraphs(
            [
                "Where a publisher regularly gives floors (“at least 23”), they count as exact numbers under a "
                "definition of its own: what is estimated and forecast is then what it reports, and more attacks may "
                "have happened. A floor that stands alone counts as a bound."
            ]
        ),
        *_charts(part, page),
        *_expected(part, page.simulated),
        *_informed(part, page.simulated),
    ]


def _charts(part: PublishedPart, page: Page) -> Iterator[Markup]:
    for chart, zone in totals_charts(part, page.panel, page.overlays, page.simulated):
        yield subheading(f"{zone}: published totals and fitted ones")
        yield drawing(
            chart,
            "Points are totals of the zone as published, one colour per definition and publisher; a rule is a total "
            f"over several {page.unit}s, per {page.unit}, without those within it that were published by themselves. "
            "Lines and bands are what the model expects, with its 90% interval; points scatter around them, and may "
            "lie outside. Dashes and the light band at the end are the median and the 90% interval of the next "
            "reports.",
        )
    for chart, force in activity_charts(part, page.overlays, page.simulated):
        yield subheading(f"Activity of {force}, as published")
        yield drawing(
            chart,
            "Values as published, per month; a rule spans the days that a value is over. Raids and arrests answer to "
            "attacks: by themselves they are no measure of a force’s capability. They stand here beside the attacks, "
            "and the model does not use them.",
        )


def _expected(part: PublishedPart, simulated: bool) -> Iterator[Markup]:
    heading = "The next expected reports"
    yield subheading(heading)
    yield prose_table(expected_rows(part), "expected", heading, ["For"], simulated, groups="group")
    yield note(
        "The number that each publisher would give for the zone, by the name that it counts attacks under, if it "
        "reports at all. The interval holds the uncertainty of the attacks, of the share that the publisher counts, "
        "and chance. Definitions without a total in the last year come last: their publisher may have given them up."
    )


def _informed(part: PublishedPart, simulated: bool) -> Iterator[Markup]:
    heading, left = "How each province is known", ("Province", "Known lately by")
    yield subheading(heading)
    yield prose_table(province_rows(part), "informed", heading, left, simulated, groups="group")
    yield note(
        "A number of its own is a published count of that province alone, or what is left of a total whose other "
        "provinces were published. “Totals with it” are published counts over several provinces of which it is one. "
        "Where a province is known by totals only, its share of them rests on earlier numbers and on the model: the "
        "forecast of a single such province is far less sure than that of its zone."
    )


SECTION: Section = Section(
    "published", "Published totals", "What was published, and what is expected to be published next", _blocks
)
