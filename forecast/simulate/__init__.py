"""Panels and events whose truth is known: for the demo, for documentation and for tests of recovery."""

from forecast.simulate.demo import write_demo
from forecast.simulate.events import SimulatedEvents, simulate_events
from forecast.simulate.indicators import SimulatedIndicators, simulate_indicators
from forecast.simulate.panels import SimulatedPanel, simulate_panel

__all__ = [
    "SimulatedEvents",
    "SimulatedIndicators",
    "SimulatedPanel",
    "simulate_events",
    "simulate_indicators",
    "simulate_panel",
    "write_demo",
]
