"""Examples in the docstrings of the public API give what they say."""

import doctest

import pytest

import forecast as fc

# What needs files, published counts, indicators of capability, or minutes, which notebooks and how-tos show.
WITHOUT = {
    *("Capability", "CapabilitySource", "measure_capability", "Indicators", "read_indicators", "Measurement"),
    *("read_activity", "read_operations", "path_given_counts", "Contrast", "contrast", "decompose", "project", "path"),
    *(
        "oracle",
        "scenario",
        "placed",
        "expected_published",
        "fitted_published",
        "plot_published",
        "published_draws",
        "Facts",
        "facts_of",
    ),
    *(
        "PublishedTotals",
        "read_published",
        "Boundaries",
        "read_boundaries",
        "read_forces",
        "read_zones",
        "fetch",
        "Crosswalk",
    ),
    *("load_backtest", "ensemble", "worst", "pool_weights", "leave_future_out", "compare", "loo", "sample_nuts"),
    *("PoolFit", "PanelSource", "Backtest", "ReportContent", "write_report", "with_predictions", "simulate_events"),
    *(
        "simulate_indicators",
        "DiagnosticsError",
        "ForecastError",
        "METRICS",
        "tail_crps",
        "Recalibration",
        "recalibrate",
        "percent_change",
    ),
}


def test_every_public_name_has_one_or_is_listed():
    names = set(fc.__all__) - {"__version__"}
    shown = {name for name in names if ">>>" in (getattr(fc, name).__doc__ or "")}
    assert names - shown == WITHOUT


@pytest.mark.parametrize("name", sorted(set(fc.__all__) - WITHOUT - {"__version__"}))
def test_an_example(name):
    examples = doctest.DocTestFinder(recurse=False).find(getattr(fc, name), name, globs={"fc": fc})
    runner = doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    for example in examples:
        runner.run(example, out=told.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(told)
