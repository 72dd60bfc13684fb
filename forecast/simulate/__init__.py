"""Panels and events whose truth is known: for the demo, for documentation and for tests of recovery."""

from forecast.simulate.demo import write_demo
from forecast.simulate.events import SimulatedEvents, simulate_events
from forecast.simulate.panels import SimulatedPanel, simulate_panel

__all__ = ["SimulatedEvents", "SimulatedPanel", "simulate_events", "simulate_panel", "write_demo"]
