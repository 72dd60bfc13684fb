"""Derivatives of the log probability of published counts, each against differences of the one below it."""

import numpy as np
import pandas as pd
import pytest
from dense_algebra import to_dense
from published_rows import row

import forecast as fc
from forecast.inference.gaussian.precision import prior_precision
from forecast.inference.likelihood.published import published_parameters
from forecast.inference.likelihood.published_sums import EntryCovariance, Sums
from forecast.inference.mode.published_marginal import PublishedMarginal

TERMS = [fc.Intercept(), fc.Pooled("tactic"), fc.Pooled("province"), fc.Walk(by="province")]
WHOLE = "SY02|SY08|SY09"
# A month split by province and by tactic, and one of its parts again; one split in three; a subset, another publisher,
# a floor, a number about, the rest of a span, a span that is split, and a second zone.
ROWS = [
    row(WHOLE, 42),
    row("SY08|SY09", 36),
    row("SY09", 29),
    row(WHOLE, 15, tactic="ied"),
    row(WHOLE, 30, definition="claimed"),
    row(WHOLE, 20, "2021-04"),
    row("SY02", 3, "2021-04"),
    row("SY08", 7, "2021-04"),
    row(WHOLE, 9, "2021-04", publisher="other"),
    row(WHOLE, 12, "2021-05", definition="claimed"),
    row(WHOLE, 10, "2021-05", bound="at_least"),
    row(WHOLE, 21, "2021-08", bound="approx"),
    row(WHOLE, 150, "2021-03", "2021-07"),
    row(WHOLE, 31, "2021-09", "2021-10"),
    row("SY02", 3, "2021-09", "2021-10"),
    row("SY04|SY05", 17, zone="central"),
    row("SY04", 11, zone="central"),
    row("SY04|SY05", 8, "2021-04", zone="central"),
]
STEP = 1e-5


def differences(function, size, step=STEP):
    """Central differences in each coordinate, from 0."""
    return np.stack([(function(step * unit) - function(-step * unit)) / (2 * step) for unit in np.eye(size)])


@pytest.fixture(scope="module", params=[fc.NegativeBinomial(by="tactic"), fc.NegativeBinomial(by=None), fc.Poisson()])
def at(request):
    """A marginal, hyperparameters and latents."""
    panel = fc.Panel.from_published(pd.DataFrame(ROWS), tactics=["ied"])
    marginal, rng = PublishedMarginal(fc.Model(TERMS, request.param, "m").bind(panel)), np.random.default_rng(0)
    x = rng.normal(0, 0.1, marginal.field.size) + marginal.field.mean
    return marginal, marginal.hyperparameters.constrained(rng.normal(0, 0.3, marginal.hyperparameters.size)), x


@pytest.fixture(scope="module")
def covariance(at):
    """Any covariance of eta."""
    root = np.random.default_rng(1).normal(0, 0.1, (len(at[0].bound.cells),) * 2)
    return root @ root.T


def sums_at(at, moved=0.0, theta=None):
    marginal, own, x = at
    return Sums.at(marginal.entries, theta or own, marginal.eta(own, x) + moved)


def slope(sums):
    return sums.in_eta(sums.first(sums.partials(1)).entry)


def second(sums):
    weight, middle = sums.observed()
    return -(np.diag(weight) + sums.design.T @ (middle @ sums.design).todense())


def test_what_is_there(at):
    """Spans couple periods, the rest of one and one with a part; parts leave cells; what is split has a spread."""
    marginal, entries = at[0], at[0].entries
    assert (marginal.period < 0).sum() == 4 * (1 + entries.has_spread)
    assert entries.published.rows == len(marginal.bound.rows) + 7
    assert len(entries.spread_rows) == (len(entries.published.totals) + 14) * entries.has_spread
    assert len(entries.published.splits.zones) == 2


def test_the_slope_and_the_information(at):
    size = len(at[0].bound.cells)
    numeric = differences(lambda moved: sums_at(at, moved).value(sums_at(at, moved).partials(1)), size)
    np.testing.assert_allclose(slope(sums_at(at)), numeric, atol=1e-6)
    np.testing.assert_allclose(
        second(sums_at(at)), differences(lambda moved: slope(sums_at(at, moved)), size), atol=1e-6
    )


def test_third_derivatives(at, covariance):
    entries = EntryCovariance.of(at[0].entries, covariance)

    def curved(moved):
        return float((np.asarray(second(sums_at(at, moved))) * covariance).sum())

    def skew(moved):
        return (found := sums_at(at, moved)).in_eta(found.across(entries).entry)

    np.testing.assert_allclose(skew(0.0), differences(curved, len(covariance)), atol=1e-6)


def test_columns_are_as_points_one_by_one(at):
    marginal, theta, x = at
    steps = np.random.default_rng(2).normal(0, 0.3, (len(marginal.bound.cells), 3))
    together = Sums.at(marginal.entries, theta, marginal.eta(theta, x)[:, None] + steps)
    value, slopes = together.value(together.partials(1)), slope(together)
    for column, step in enumerate(steps.T):
        sums = sums_at(at, step)
        assert value[column] == pytest.approx(sums.value(sums.partials(1)))
        np.testing.assert_allclose(slopes[:, column], slope(sums), atol=1e-10)


def test_derivatives_in_the_parameters(at, covariance):
    """Of the slope along a change of eta, and of second derivatives times a covariance."""
    sums, moved = sums_at(at), np.random.default_rng(3).normal(0, 0.1, len(covariance))
    entries = EntryCovariance.of(at[0].entries, covariance)
    subsets = sums.in_parameters(sums.across(entries) * 0.0)
    across, along = sums.in_parameters(sums.across(entries)), sums.in_parameters(sums.along(sums.partials(2), moved))
    assert set(across) == set(at[0].bound.model.family.parameters()) | set(published_parameters(at[0].bound))
    for name, values in across.items():
        for element in np.ndindex(values.shape):
            found = []
            for step in (STEP, -STEP):
                theta = {**at[1], name: np.array(at[1][name])}
                theta[name][element] += step
                other = sums_at(at, theta=theta)
                found.append(((np.asarray(second(other)) * covariance).sum(), slope(other) @ moved))
            numeric = (np.array(found[0]) - found[1]) / (2 * STEP)
            ours = np.array([values[element], along[name][element]]) - subsets[name][element]
            np.testing.assert_allclose(ours, numeric, atol=1e-6)


def test_the_factor_is_of_the_whole_precision(at):
    marginal, theta, x = at
    prior, field = prior_precision(marginal.field, theta), marginal.field
    dense = to_dense(prior.with_curvature(*field.curvature(np.zeros(len(marginal.bound.cells)))))
    dense -= field.design.T @ np.asarray(second(sums_at(at))) @ field.design
    factor, is_definite = marginal._factor(theta, prior, marginal.terms(theta, x, 2)), np.linalg.eigvalsh(dense)[0] > 0
    assert (factor.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1])) == is_definite


def test_the_gradient_of_the_log_marginal(at, monkeypatch):
    monkeypatch.setattr("forecast.inference.mode.marginal.TOLERANCE", 1e-20)
    marginal = at[0]
    vector = np.random.default_rng(5).normal(0, 0.3, marginal.hyperparameters.size)
    mode = marginal.mode(vector)

    def value(step):
        return marginal.mode(vector + step, mode.x).value

    gradient = marginal.bound_of(mode).gradient
    np.testing.assert_allclose(gradient, differences(value, len(vector), 1e-4), atol=1e-4)
