"""Families: masses as SciPy has them or by hand, and draws that follow their mass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from forecast.errors import InputError
from forecast.model.families import (
    FAMILIES,
    Counts,
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.priors import Normal

THETA = {
    "log_phi": np.array([0.3, 1.4]),
    "logit_pi": np.array([-2.0, 0.5]),
    "hurdle_a": np.array([-0.4, 0.6]),
    "hurdle_b": 0.8,
}
etas = st.floats(-6, 5)
log_phis = st.floats(-2, 5)


def theta_of(family, theta=THETA):
    """The parameters of the family; the first tactic's where they are shared."""
    shared = {name: not dims for name, (_, dims) in family.parameters().items()}
    return {name: np.ravel(theta[name])[0] if shared[name] else theta[name] for name in shared}


def mass(family, values, eta, tactic=0, theta=THETA):
    values = np.atleast_1d(values).astype(float)
    counts = Counts.of(values, np.full(values.shape, tactic))
    return family.log_mass(counts, np.full(values.shape, eta), theta_of(family, theta))


def nbinom(eta, log_phi):
    phi, mu = np.exp(log_phi), np.exp(eta)
    return stats.nbinom(phi, phi / (phi + mu))


@given(etas, log_phis)
def test_negative_binomial_is_scipys(eta, log_phi):
    values = np.array([0, 1, 2, 7, 50, 900])
    ours = mass(NegativeBinomial(by=None), values, eta, theta={"log_phi": log_phi})
    np.testing.assert_allclose(ours, nbinom(eta, log_phi).logpmf(values), rtol=1e-8, atol=1e-8)


@given(etas)
def test_poisson_is_scipys(eta):
    values = np.array([0, 1, 2, 7, 50, 900])
    np.testing.assert_allclose(mass(Poisson(), values, eta), stats.poisson(np.exp(eta)).logpmf(values), rtol=1e-8)


@given(etas, log_phis, st.floats(-4, 4))
def test_zero_inflation_is_a_mixture_with_zeros(eta, log_phi, logit):
    values = np.array([0, 1, 4, 30])
    theta = {"log_phi": log_phi, "logit_pi": logit}
    ours = mass(ZeroInflatedNegativeBinomial(by=None), values, eta, theta=theta)
    share = special.expit(logit)
    expected = np.log(share * (values == 0) + (1 - share) * nbinom(eta, log_phi).pmf(values))
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-8)


@given(etas, st.floats(-1, 4), st.floats(-3, 2), st.floats(-0.5, 1.5))
def test_hurdle_is_a_hurdle_then_a_truncated_count(eta, log_phi, a, b):
    values = np.array([0, 1, 4, 30])
    theta = {"log_phi": log_phi, "hurdle_a": a, "hurdle_b": b}
    ours = mass(HurdleNegativeBinomial(by=None), values, eta, theta=theta)
    zero = np.exp(-np.exp(a + b * eta))
    truncated = nbinom(eta, log_phi)
    above = np.log1p(-zero) + truncated.logpmf(values[1:]) - np.log(truncated.sf(0))
    np.testing.assert_allclose(ours, [-np.exp(a + b * eta), *above], rtol=1e-6, atol=1e-7)


ALL = [kind(by=by) for kind in list(FAMILIES.values())[1:] for by in ("tactic", None)] + [Poisson()]


@pytest.mark.parametrize("family", ALL, ids=repr)
@pytest.mark.parametrize("eta", [-3.0, 0.0, 2.0])
def test_masses_sum_to_1(family, eta):
    assert np.exp(mass(family, np.arange(3000), eta, tactic=1)).sum() == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_each_tactic_has_its_own_parameters(family):
    values, tactic = np.array([3.0, 3.0, 0.0, 0.0]), np.array([0, 1, 0, 1])
    together = family.log_mass(Counts.of(values, tactic), np.full(4, 0.7), theta_of(family))
    alone = [mass(family, value, 0.7, which)[0] for value, which in zip(values, tactic, strict=True)]
    np.testing.assert_allclose(together, alone)
    assert (together[0] == together[1]) == (not getattr(family, "by", None))


@pytest.mark.parametrize("family", ALL, ids=repr)
@pytest.mark.parametrize("eta", [-2.5, 0.5, 3.0])
def test_draws_follow_the_mass(family, eta):
    """Pearson's chi-square of 40,000 draws; its p-value lies below 1e-5 once in 100,000 for a right family."""
    n = 40_000
    theta = {name: np.broadcast_to(value, (n, *np.shape(value))) for name, value in theta_of(family).items()}
    draws = family.draw(np.random.default_rng(9), np.full((n, 1, 2), eta), theta)
    assert draws.shape == (n, 1, 2)
    assert draws.dtype == np.int64
    for tactic in (0, 1):
        expected = n * np.exp(mass(family, np.arange(2000), eta, tactic))
        enough = int((expected > 8).sum())
        seen = np.bincount(draws[:, 0, tactic], minlength=enough)[:enough]
        rest = n - expected[:enough].sum(), n - seen.sum()
        statistic = ((seen - expected[:enough]) ** 2 / expected[:enough]).sum()
        statistic += (rest[1] - rest[0]) ** 2 / rest[0] if rest[0] > 8 else 0.0
        assert stats.chi2.sf(statistic, enough) > 1e-5


@pytest.mark.parametrize("eta", [-60.0, -30.0, 12.0])
def test_counts_above_a_hurdle_are_whole_and_above_0_for_any_mean(eta):
    theta = {"log_phi": np.full(200, 1.0), "hurdle_a": np.full(200, 5.0), "hurdle_b": np.zeros(200)}
    draws = HurdleNegativeBinomial(by=None).draw(np.random.default_rng(0), np.full((200, 1, 1), eta), theta)
    assert draws.min() >= 1
    if eta < 0:
        assert draws.max() == 1


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_the_same_seed_gives_the_same_counts(family):
    theta = {name: np.full((3, 2) if dims else 3, 0.4) for name, (_, dims) in family.parameters().items()}
    one, two = (family.draw(np.random.default_rng(1), np.ones((3, 4, 2)), theta) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_each_distinct_pair_stands_once():
    counts = Counts.of([2, 0, 2, 2, 0], [0, 0, 1, 0, 0])
    assert len(counts.distinct_value) == 3
    np.testing.assert_array_equal(counts.distinct_value[counts.pair], [2, 0, 2, 2, 0])
    np.testing.assert_array_equal(counts.distinct_tactic[counts.pair], [0, 0, 1, 0, 0])


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_only_poisson_and_negative_binomial_take_sums(family):
    assert family.sums == (type(family) in (Poisson, NegativeBinomial))


@pytest.mark.parametrize("kind", [NegativeBinomial, ZeroInflatedNegativeBinomial, HurdleNegativeBinomial])
def test_parameters_vary_by_tactic_or_not_at_all(kind):
    assert kind(by="").by is None
    with pytest.raises(InputError, match=r"province.*tactic"):
        kind(by="province")


@pytest.mark.parametrize(
    ("family", "name", "option"),
    [
        (NegativeBinomial, "log_phi", "log_phi"),
        (ZeroInflatedNegativeBinomial, "logit_pi", "logit_pi"),
        (HurdleNegativeBinomial, "hurdle_a", "a"),
        (HurdleNegativeBinomial, "hurdle_b", "b"),
    ],
)
def test_one_prior_is_changed_at_a_time_and_printed(family, name, option):
    changed = family(**{option: Normal(0.25, 0.125)})
    differ = [key for key, value in changed.parameters().items() if value != family().parameters()[key]]
    assert differ == [name]
    assert "Normal(0.25, 0.125)" in changed.equation()
    assert "Normal(0.25, 0.125)" not in family().equation()


def test_the_priors_are_those_of_the_design():
    assert NegativeBinomial().parameters() == {"log_phi": (Normal(2, 1.5), ("tactic",))}
    assert ZeroInflatedNegativeBinomial().parameters()["logit_pi"] == (Normal(-2, 1), ("tactic",))
    assert HurdleNegativeBinomial().parameters()["hurdle_a"] == (Normal(0, 1), ("tactic",))
    assert HurdleNegativeBinomial().parameters()["hurdle_b"] == (Normal(1, 0.5), ())
