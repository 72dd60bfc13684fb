"""The certificate: effective draws by the weights, in three grades."""

import numpy as np
import pytest

from forecast.inference.laplace.certificate import certify
from forecast.inference.laplace.draws import Weighed
from forecast.inference.posterior.diagnostics import CERTIFIED, failed_checks


def drawn(log_weight, rng):
    """Draws whose forecasts depend on the hyperparameters in part."""
    points = len(log_weight)
    ahead = 0.5 * rng.standard_normal((points, 1, 5)) + rng.standard_normal((points, 4, 5))
    return Weighed(log_weight, ahead)


def test_equal_weights_pass_in_every_grade():
    rng = np.random.default_rng(1)
    table = certify(drawn(np.zeros(500), rng), 1000).set_index("check")
    assert table["passed"].all()
    assert table.loc["hyperparameters: effective draws", "value"] == pytest.approx(500)
    # Latents of their own make more draws count for forecasts than there are hyperparameters.
    assert table.loc[CERTIFIED, "value"] > 700


def test_weights_of_another_posterior_are_refused():
    """Draws of N(0, 1) in 14 dimensions for a posterior that lies 0.7 SDs away in each."""
    rng = np.random.default_rng(2)
    z = rng.standard_normal((500, 14))
    log_weight = (0.7 * z - 0.245).sum(axis=1)
    table = certify(drawn(log_weight, rng), 1000).set_index("check")
    assert not table["passed"].any()
    assert "may be off by" in table.loc[CERTIFIED, "advice"]


def test_a_weight_that_is_left_out_is_seen():
    """Hyperparameters that were drawn from a density three times too narrow, as if they had no weights."""
    rng = np.random.default_rng(3)
    z = rng.standard_normal((500, 6)) / 3
    log_weight = (-0.5 * z**2 + 4.5 * z**2).sum(axis=1)
    assert not certify(drawn(log_weight, rng), 1000)["passed"].all()


def test_a_grade_that_fails_says_by_how_much():
    rng = np.random.default_rng(4)
    log_weight = np.full(500, -50.0)
    log_weight[:80] = 0.0
    table = certify(drawn(log_weight, rng), 1000).set_index("check")
    for check in ("slopes and contrasts: effective draws", "hyperparameters: effective draws"):
        assert not table.loc[check, "passed"]
        assert "0.11 SDs" in table.loc[check, "advice"]
    # A report stands on the grade of forecasts.
    assert failed_checks(table.reset_index(), "m") == ""
    table.loc[CERTIFIED, "passed"] = False
    assert CERTIFIED in failed_checks(table.reset_index(), "m")
