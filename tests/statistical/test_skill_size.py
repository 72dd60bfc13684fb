"""The level of the test of skill: where there is no difference it finds one in at most about one backtest of ten."""

import numpy as np
import pandas as pd
import pytest
import skill_size

import forecast as fc


def test_the_reference_holds_what_is_said_of_it():
    """8 to 11 % with 12 origins six periods ahead, less with more; 5,000 runs leave an error of .004."""
    kept = pd.read_csv(skill_size.REFERENCE).set_index(["origins", "horizon"])
    assert set(kept.index) == set(skill_size.SETTINGS)
    assert kept.loc[(12, 6), "size"].between(0.07, 0.12).all()
    assert kept.drop(index=(12, 6))["size"].between(0.04, 0.1).all()


@pytest.mark.slow
def test_sizes_are_those_of_the_reference(full):
    runs = skill_size.RUNS if full else 1000
    kept = pd.read_csv(skill_size.REFERENCE)
    again = skill_size.sizes(runs, seed=2)
    # Both by Monte Carlo; eight comparisons stay within 3.2 standard errors in 99 % of seeds.
    apart = (again["size"] - kept["size"]).abs() / np.hypot(again["error"], kept["error"])
    assert apart.max() < 3.2


def test_skill_does_what_was_simulated():
    """The p-value and bounds of the table are those of the sums that the simulation tests."""
    differences = skill_size.overlap(np.random.default_rng(5), 12, 6, 20)
    for run, is_found in zip(differences, skill_size.found(differences), strict=True):
        months = pd.date_range("2020-01-01", periods=20, freq="MS")
        rows = [
            (model, months[origin], ahead + 1, "P", "t", months[origin + ahead + 1], value)
            for model, values in (("a", run), ("b", 0 * run))
            for (origin, ahead), value in np.ndenumerate(values)
        ]
        columns = ["model", "origin", "horizon", "province", "tactic", "period", "crps_log"]
        table = pd.DataFrame(rows, columns=columns)
        row = fc.skill(table, "b").iloc[0]
        assert (row["p_value"] < 0.05) == is_found
        assert (row["lower"] > 0 or row["upper"] < 0) == is_found


def test_the_simulation_sees_a_test_that_is_too_sure(monkeypatch):
    """Sums by origin and the error of independent ones, as if nothing overlapped."""

    def by_origin(differences):
        return differences.sum(axis=2), np.full(differences.shape[1], differences.shape[2])

    def independent(total, size):
        return total.std(axis=-1, ddof=1) * np.sqrt(total.shape[-1]) / size.sum(axis=-1), total.shape[-1] - 1

    monkeypatch.setattr(skill_size, "by_target", by_origin)
    monkeypatch.setattr(skill_size, "long_run_error", independent)
    assert (skill_size.sizes(300, ((12, 6),))["size"] > 0.25).all()
