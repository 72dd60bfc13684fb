"""Covariates that were measured with error: what a panel keeps of them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import InputError
from forecast.panel.panel import Panel

FORCES = ["ISF", "KSF"]


@pytest.fixture
def bare(make_panel):
    """Panel of 24 months; P1 has no force, P3 changed hands."""
    panel = make_panel(np.ones((4, 2, 24)))
    force = np.full((4, 24), "ISF", dtype="<U3")
    force[1], force[3, 10:] = "", "KSF"
    return Panel(panel.dataset.assign(force=(("province", "period"), force)))


def parts(periods, scale=0.4):
    """A mean and a covariance over more periods than the panel's, forces in another order."""
    coords = {"force": FORCES[::-1], "period": periods}
    mean = xr.DataArray(np.arange(2.0)[:, None] + np.arange(len(periods)) / 10, coords, ("force", "period"))
    apart = np.abs(np.subtract.outer(np.arange(len(periods)), np.arange(len(periods))))
    matrix = scale * 0.9**apart
    covariance = xr.DataArray(np.stack([matrix, 4 * matrix]), coords, ("force", "period", "other_period"))
    return mean, covariance


@pytest.fixture
def panel(bare):
    longer = pd.date_range(bare.periods[0] - pd.DateOffset(months=2), periods=28, freq="MS")
    mean, covariance = parts(longer)
    return bare.with_covariate("capability", mean, covariance=covariance, half_life=[6.0, 12.0])


def test_the_mean_is_a_covariate_and_the_error_is_none(panel):
    assert panel.covariates == ["capability"]
    assert panel.measured("capability") is not None
    assert "capability" in panel.to_frame()
    assert "capability_factor" not in panel.to_frame()
    values = panel.covariate("capability").values
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2, 3]]).all()
    # KSF stands first among the given, at 0; ISF at 1. The panel begins two months after the paths.
    np.testing.assert_allclose(values[0, 0, :3], [1.2, 1.3, 1.4])
    np.testing.assert_allclose(values[3, 1, 9:11], [2.1, 1.2])


def test_the_error_keeps_nearly_all_of_its_variance_and_its_shape(panel, bare):
    measured = panel.measured("capability")
    assert measured.forces == ["KSF", "ISF"]
    _, covariance = parts(bare.periods)
    for number, scale in enumerate((1.0, 4.0)):
        root = measured.factor[number]
        kept, wanted = root @ root.T, scale * covariance.values[0]
        assert 0.95 <= np.trace(kept) / np.trace(wanted) <= 1
        assert np.abs(kept - wanted).max() < 0.2 * wanted[0, 0]
        # What is kept are the leading parts: the rest is a covariance too.
        assert np.linalg.eigvalsh(wanted - kept)[0] > -1e-9
    # A component belongs to one force.
    assert not (np.abs(measured.factor).max(axis=1) > 0).all(axis=0).any()
    np.testing.assert_array_equal(measured.unit[3, [0, 23]], [1, 0])
    np.testing.assert_array_equal(measured.unit[1], -1)


def test_a_slice_keeps_the_part_of_the_error_that_is_its_own(panel):
    part = panel.between(end="2020-12-31") if panel.periods[0].year == 2020 else panel.between(end=panel.periods[11])
    whole, cut = panel.measured("capability"), part.measured("capability")
    np.testing.assert_array_equal(cut.factor, whole.factor[:, : len(part.periods)])
    np.testing.assert_array_equal(cut.mean, whole.mean[:, : len(part.periods)])


def test_it_goes_through_a_file(panel, tmp_path):
    panel.save(tmp_path / "panel.nc")
    loaded = Panel.load(tmp_path / "panel.nc")
    assert loaded.covariates == ["capability"]
    for name in ("mean", "factor", "half_life", "unit"):
        np.testing.assert_array_equal(
            getattr(loaded.measured("capability"), name), getattr(panel.measured("capability"), name)
        )
    assert loaded.measured("capability").forces == ["KSF", "ISF"]


def test_it_can_be_taken_out(panel, bare):
    assert panel.without_covariate("capability").dataset.identical(bare.dataset)
    with pytest.raises(InputError, match="no such covariate"):
        panel.without_covariate("other")


def test_another_covariate_was_not_measured_with_error(bare):
    panel = bare.with_covariate("oil", pd.Series(np.arange(24.0), index=bare.periods))
    assert panel.measured("oil") is None
    assert panel.measured("nothing") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, c: (m, c.isel(force=[0])), "lacks forces"),
        (lambda m, c: (m, c.rename(other_period="o")), "dims"),
        (lambda m, c: (m, -c), "is no covariance"),
        (lambda m, c: (m, c + np.tri(24)), "is no covariance"),
        (lambda m, c: (m, c.where(c > 0.1)), "is no covariance"),
        (lambda m, c: (m.isel(force=0), c), "dims"),
        (lambda m, c: (m.to_dataframe("capability").reset_index(), c), "labelled mean"),
    ],
    ids=["forces", "dims", "negative", "asymmetric", "gaps", "mean of one force", "a series"],
)
def test_what_is_no_covariance_is_refused(bare, change, message):
    mean, covariance = change(*parts(bare.periods))
    with pytest.raises(InputError, match=message):
        bare.with_covariate("capability", mean, covariance=covariance)
