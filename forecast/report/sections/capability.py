"""The section on the partner forces' capability."""

from collections.abc import Iterator

from markupsafe import Markup

from forecast.report.capability import (
    CapabilityPart,
    decomposition_rows,
    latest_rows,
    loading_rows,
    own_slopes,
    path_charts,
    said,
    scenario_rows,
    slope_rows,
)
from forecast.report.html_tables import prose_table
from forecast.report.page import Page
from forecast.report.section import Section, drawing, note, paragraphs, subheading

__all__ = ["SECTION"]


def _blocks(page: Page) -> list[Markup]:
    part = page.capability
    if part is None:
        return []
    charts = path_charts(part.capability, page.panel, page.overlays, page.simulated)
    return [
        Markup('<p class="banner">{}</p>').format(
            "These are associations, not effects. For a slope to say what would happen if somebody raised or lowered a "
            "force’s capability, the following would have to hold: nothing that moves both capability and attacks is "
            "missing from the model; attacks do not themselves move the indicators within a period (forces that are "
            "attacked more may be helped, rated or reported differently); the link is the same in the range of the "
            "scenario as in the past; and the indicators measure capability, not activity."
        ),
        paragraphs(said(part)),
        *(
            drawing(
                chart,
                f"Capability of {force} as its indicators tell it, without the counts of attacks: mean and 90% band, "
                "in SDs. Points are the indicators’ values, each in SDs of its own and turned so that up means more "
                "capability.",
            )
            for chart, force in charts
        ),
        *_tables(part, page),
    ]


def _tables(part: CapabilityPart, page: Page) -> Iterator[Markup]:
    simulated = page.simulated
    if len(page.latest):
        yield subheading("Where each force stands")
        caption = "Where the capability of each force stands at the end of the data, in SDs of its own"
        yield prose_table(latest_rows(page.latest), "latest", caption, ["Force"], simulated, numbers=page.latest)
        yield note(f"{page.levels} The map of the first screen can show it.")
    yield subheading("The indicators behind the paths")
    caption = "What each indicator says of capability"
    yield prose_table(loading_rows(part.capability), "loadings", caption, ["Force", "Indicator"], simulated)
    yield note(
        "Loading: SDs of the indicator per SD of capability; the sign is that of the direction which was given to it. "
        "“Shared with capability” is the share of its variance that is not its own noise."
    )
    if len(part.slopes):
        yield subheading("What goes with higher capability")
        caption = "Difference in attacks that goes with higher capability, an association"
        yield prose_table(slope_rows(part.slopes), "slopes", caption, ["Force", "Tactic"], simulated)
        forces = "" if own_slopes(part.slopes) else " The model has the same slopes for all forces."
        yield note(
            "Percent difference of expected attacks per SD of capability, in the provinces of the forces, weighed by "
            f"the attacks of the last year: associations.{forces} The error of the indicators is carried into these "
            "intervals."
        )
    if len(part.scenarios):
        yield subheading("What if capability changed")
        caption = "Attacks in the scenarios, associations carried forward"
        yield prose_table(scenario_rows(part.scenarios), "scenarios", caption, ["Sum of"], simulated, groups="group")
        yield note(
            "Expected attacks over the whole horizon: medians of the draws’ means, so that the base may differ a "
            "little from the medians of counts elsewhere on this page. A scenario and the base forecast share all "
            "random numbers: they differ by the scenario alone, through the slopes, which are associations. Provinces "
            "whose expectation is the same, or below half an attack, are left out."
        )
    if len(part.decomposition):
        heading = "What the forecast change is made of"
        yield subheading(heading)
        yield prose_table(decomposition_rows(part.decomposition), "decomposition", heading, ["Part"], simulated)
        yield note(
            "Change of expected attacks from the mean of the last year to the mean of the forecast, part by part, all "
            "cells weighed by their attacks in the last year. The part of capability is an association carried "
            "forward, not an effect. Parts add up on the log scale, draw by draw; medians and bounds need not."
        )


SECTION: Section = Section("capability", "Capability", "The partner forces’ capability", _blocks)
