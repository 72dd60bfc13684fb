"""A slope on what is measured with error: biased as theory says where the error is ignored, and right by default."""

import attenuation
import numpy as np
import pandas as pd
import pytest

REPLICATES = 200


@pytest.fixture(scope="module")
def kept():
    """Replicates as `attenuation.py` wrote them: one row per seed and way."""
    return pd.read_csv(attenuation.REFERENCE)


def of(kept, way):
    rows = kept[kept["way"] == way]
    assert len(rows) == REPLICATES
    covers = (rows["lower"] <= attenuation.SLOPE) & (rows["upper"] >= attenuation.SLOPE)
    return rows, float(covers.mean())


@pytest.mark.parametrize("way", ["raw", "cut"])
def test_the_bias_towards_zero_is_that_of_theory(kept, way):
    """Replicate by replicate against the slope that the true path has on the covariate; within 3 standard errors and
    the tenth by which a regression of counts may differ from one of normal values."""
    rows, covers = of(kept, way)
    apart = rows["estimate"] - rows["theory"]
    error = apart.std() / np.sqrt(len(rows))
    assert abs(apart.mean()) < 3 * error + 0.1 * abs(rows["theory"].mean())
    assert rows["estimate"].mean() > 0.8 * attenuation.SLOPE
    assert covers < 0.75


def test_the_mean_alone_is_nearly_unbiased_and_too_sure(kept):
    rows, covers = of(kept, "mean")
    assert abs(rows["estimate"].mean() - attenuation.SLOPE) < 0.1 * abs(attenuation.SLOPE)
    assert covers < 0.8


def test_the_default_is_unbiased_and_covers(kept):
    """The share of 90 % intervals that hold the truth lies between 85 and 95 %, and the mean within 3 errors of it."""
    rows, covers = of(kept, "error")
    error = rows["estimate"].std() / np.sqrt(len(rows))
    assert abs(rows["estimate"].mean() - attenuation.SLOPE) < 3 * error
    assert 0.85 <= covers <= 0.95
    assert rows["passed"].mean() > 0.95


@pytest.mark.slow
def test_replicates_come_out_as_they_are_kept(kept, full):
    """Not to the digit: libraries may round otherwise, and paths are drawn."""
    for seed in kept["seed"].unique()[: 5 if full else 1]:
        again = attenuation.replicate(int(seed)).set_index("way")["estimate"]
        before = kept[kept["seed"] == seed].set_index("way")["estimate"]
        np.testing.assert_allclose(again, before.loc[again.index], atol=0.06)
        assert abs(again["raw"]) < abs(again["error"])
