"""Priors: what they refuse, how they print, and that plain data bring them back."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecast.errors import InputError
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, TruncatedNormal, prior_from_dict

number = st.floats(-5, 5)
above = st.floats(0.01, 20)
PRIORS = st.one_of(
    st.builds(Normal, number, above),
    st.builds(HalfNormal, above),
    st.builds(LogNormal, above, above),
    st.builds(Beta, above, above),
    st.builds(lambda mean, sd, low, width: TruncatedNormal(mean, sd, low, low + width), number, above, number, above),
)


@given(PRIORS)
def test_plain_data_bring_a_prior_back(prior):
    assert prior_from_dict(prior.to_dict()) == prior


@given(PRIORS)
def test_the_printed_form_names_the_distribution_and_its_numbers(prior):
    assert str(prior).startswith(type(prior).__name__ + "(")
    assert str(prior).count(",") == len(prior.to_dict()) - 2


@given(PRIORS, st.integers(0, 100))
def test_draws_lie_where_the_density_is_and_come_back_with_the_seed(prior, seed):
    one, two = (prior.draw(np.random.default_rng(seed), (3, 2)) for _ in range(2))
    assert one.shape == (3, 2)
    np.testing.assert_array_equal(one, two)
    low, high = prior.frozen().support()
    assert ((one >= low) & (one <= high)).all()
    assert not prior.positive or low >= 0


@pytest.mark.parametrize(
    ("prior", "density"),
    [
        (Normal(1.0, 2.0), stats.norm(1, 2)),
        (HalfNormal(0.3), stats.halfnorm(0, 0.3)),
        (Beta(0.5, 2.0), stats.beta(0.5, 2)),
    ],
)
def test_scipy_holds_the_same_distribution(prior, density):
    at = np.array([0.05, 0.4, 0.9])
    np.testing.assert_allclose(prior.frozen().logpdf(at), density.logpdf(at))


def test_the_log_of_a_lognormal_is_normal_around_the_log_of_its_median():
    at = np.array([3.0, 24.0, 90.0])
    expected = stats.norm.logpdf(np.log(at), np.log(24), 0.7) - np.log(at)
    np.testing.assert_allclose(LogNormal(24, 0.7).frozen().logpdf(at), expected)


def test_a_truncated_normal_is_a_normal_within_its_bounds():
    prior = TruncatedNormal(0.2, 0.3, -0.5, 1.0)
    inside = stats.norm.cdf(1.0, 0.2, 0.3) - stats.norm.cdf(-0.5, 0.2, 0.3)
    np.testing.assert_allclose(prior.frozen().pdf(0.4), stats.norm.pdf(0.4, 0.2, 0.3) / inside)
    assert prior.frozen().pdf(1.01) == 0


KINDS = [Normal(1, 2), HalfNormal(0.3), LogNormal(24, 1), Beta(0.5, 0.5), TruncatedNormal(0.1, 0.3, -1, 1)]


@pytest.mark.parametrize("prior", KINDS, ids=lambda prior: type(prior).__name__)
def test_standard_normal_numbers_give_quantiles_and_their_slopes(prior):
    z, step = np.linspace(-4, 4, 17), 1e-4
    np.testing.assert_allclose(prior.quantile(z), prior.frozen().ppf(stats.norm.cdf(z)), rtol=1e-6, atol=1e-9)
    inner = z[2:-2]
    differences = (prior.quantile(inner + step) - prior.quantile(inner - step)) / (2 * step)
    np.testing.assert_allclose(prior.slope(inner), differences, rtol=1e-5)


@pytest.mark.parametrize("prior", KINDS, ids=lambda prior: type(prior).__name__)
def test_stacked_priors_do_what_each_does(prior):
    other, z = replace(prior, **{fields(prior)[-1].name: 1.5}), np.array([-0.7, 1.2])
    together = type(prior).stacked([prior, other])
    for verb in ("quantile", "slope"):
        apart = [getattr(each, verb)(z[number : number + 1])[0] for number, each in enumerate((prior, other))]
        np.testing.assert_array_equal(getattr(together, verb)(z), apart)


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Normal(0.0, 0.0), "Normal.sd"),
        (lambda: HalfNormal(-1.0), "HalfNormal.scale"),
        (lambda: LogNormal(0.0, 1.0), "LogNormal.median"),
        (lambda: LogNormal(1.0, float("nan")), "LogNormal.sd"),
        (lambda: Beta(1.0, 0.0), "Beta.beta"),
        (lambda: TruncatedNormal(0.0, -1.0), "TruncatedNormal.sd"),
        (lambda: TruncatedNormal(0.0, 1.0, 1.0, 1.0), "TruncatedNormal"),
    ],
)
def test_impossible_parameters_are_refused_with_their_place(make, where):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"prior": "Gauss", "mean": 0.0}, "Gauss"),
        ({"mean": 0.0}, "None"),
        ({"prior": "Normal", "mu": 0.0}, "mu"),
        ({"prior": "Normal", "sd": "wide"}, "wide"),
    ],
)
def test_unknown_priors_and_parameters_are_refused_with_their_place(values, found):
    with pytest.raises(InputError) as caught:
        prior_from_dict(values, "terms.0.sigma")
    assert caught.value.where.startswith("terms.0.sigma")
    assert found in str(caught.value)
