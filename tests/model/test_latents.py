"""Latents: precision and transform describe one distribution, and paths go on as they should."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecast.model.latents import BYM2, Autoregressive, Direct, Independent, RandomWalk, Shocks, icar_factor
from forecast.model.priors import Beta, HalfNormal, LogNormal, TruncatedNormal

GRAPHS = {
    "chain": ((1,), (0, 2), (1, 3), (2,)),
    "ring": ((1, 3), (0, 2), (1, 3), (2, 0)),
    "island": ((1, 2), (0, 2), (0, 1), ()),
    "two parts": ((1,), (0,), (3, 4), (2, 4), (2, 3)),
    "two parts and two islands": ((), (2,), (1,), (4,), (3, 5), (4,), ()),
    "only islands": ((), (), ()),
}
walk = RandomWalk("sigma", HalfNormal(), 7)
path = Autoregressive("sigma", "half_life", HalfNormal(), LogNormal(), 1.0, 7)
broken = replace(path, breaks=(3, 6), kappa="kappa", kappa_prior=HalfNormal(3.0))


def bym2(graph):
    return BYM2("sigma", "mixing", HalfNormal(), Beta(), GRAPHS[graph])


def covariance(prior, shape, theta):
    """Of the latents, from the linear map that the transform is."""
    size = prior.z_shape(shape)
    zero = prior.transform(np.zeros(size), theta)
    columns = [prior.transform(unit.reshape(size), theta) - zero for unit in np.eye(int(np.prod(size)))]
    factor = np.stack([column.ravel() for column in columns], axis=1)
    return factor @ factor.T


CASES = [
    (Independent(2.5, 1.0), (3,), {}),
    *((Independent("sigma", prior=HalfNormal()), (2, 3), {"sigma": sigma}) for sigma in (0.2, 1.7)),
    *((walk, (2, 7), {"sigma": sigma}) for sigma in (0.1, 2.0)),
    (RandomWalk("sigma", HalfNormal(), 2), (3, 2), {"sigma": 0.7}),
    *((path, (2, 7), {"sigma": sigma, "half_life": life}) for sigma in (0.1, 2.0) for life in (0.2, 3.0, 200.0)),
    (Autoregressive("sigma", "half_life", HalfNormal(), LogNormal(), 1.0, 2), (2,), {"sigma": 1.0, "half_life": 2.0}),
    *((broken, (2, 7), {"sigma": 0.7, "half_life": 3.0, "kappa": kappa}) for kappa in (0.0, 2.0)),
    (Shocks("sigma", HalfNormal(), 4), (3, 4), {"sigma": 0.7}),
    *(
        (bym2(graph), (len(GRAPHS[graph]),), {"sigma": 1.3, "mixing": share})
        for graph in GRAPHS
        for share in (0.0, 0.3, 0.95)
    ),
]


@pytest.mark.parametrize(("prior", "shape", "theta"), CASES)
def test_the_precision_is_the_inverse_of_the_transforms_covariance(prior, shape, theta):
    free = prior.free(shape)
    implied = covariance(prior, shape, theta)
    product = implied[np.ix_(free, free)] @ prior.precision(shape, theta).toarray()
    np.testing.assert_allclose(product, np.eye(int(free.sum())), atol=1e-8)
    assert (implied[~free] == 0).all()


@given(st.floats(0.05, 3), st.floats(0.5, 500), st.sampled_from([1.0, 12 / 52.1775]))
def test_an_autoregression_is_stationary_with_the_half_life_asked_for(sigma, life, months):
    prior = Autoregressive("s", "h", HalfNormal(), LogNormal(), months, 6)
    theta = {"s": sigma, "h": life}
    rho = 0.5 ** (months / life)
    lag = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    expected = sigma**2 / (1 - rho**2) * rho**lag
    np.testing.assert_allclose(covariance(prior, (6,), theta), expected, rtol=1e-9)


def test_a_break_lets_a_path_change_more_in_its_period_alone():
    theta = {"sigma": 0.7, "half_life": 3.0, "kappa": 2.0}
    assert set(broken.hyperparameters) == set(theta)
    back = np.eye(7) - broken.rho(theta) * np.eye(7, k=-1)
    innovations = np.diag(back @ covariance(broken, (7,), theta) @ back.T)
    np.testing.assert_allclose(innovations[1:], 0.7**2 * np.array([1, 1, 5, 1, 1, 5]))
    # What comes after the data knows of no break.
    draws = {name: np.full(4, value) for name, value in theta.items()}
    ahead = [prior.continued(np.zeros(4), draws, 2, np.random.default_rng(1)) for prior in (path, broken)]
    np.testing.assert_array_equal(*ahead)


def test_half_of_a_shock_is_left_after_its_half_life():
    prior = Autoregressive("s", "h", HalfNormal(), LogNormal(), 0.25, 40)
    assert prior.rho({"h": 6.0}) ** 24 == pytest.approx(0.5)


def test_shocks_pass_with_their_period():
    rng, sigma = np.random.default_rng(1), np.full(20_000, 0.7)
    shocks = Shocks("s", HalfNormal(), 4).continued(np.full(20_000, 5.0), {"s": sigma}, 2, rng)
    # Standard errors: .005 and .0035 for means and SDs, .007 for correlations.
    np.testing.assert_allclose(shocks.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(shocks.std(axis=0), 0.7, atol=0.015)
    assert abs(np.corrcoef(shocks.T)[0, 1]) < 0.03


def test_a_random_walk_starts_at_0_and_steps_by_its_innovations():
    z = np.random.default_rng(0).normal(size=(5, 2, 6))
    paths = walk.transform(z, {"sigma": 0.3})
    assert paths.shape == (5, 2, 7)
    np.testing.assert_array_equal(paths[..., 0], 0)
    np.testing.assert_allclose(np.diff(paths, axis=-1), 0.3 * z)


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_intrinsic_factor_sums_to_0_in_each_part_and_is_the_scaled_pseudo_inverse(graph):
    near = GRAPHS[graph]
    factor = icar_factor(near)
    laplacian = np.zeros((len(near), len(near)))
    for area, others in enumerate(near):
        laplacian[area, area] = len(others)
        laplacian[area, list(others)] = -1
    parts = {frozenset(_part(near, area)) for area in range(len(near))}
    for part in map(sorted, parts):
        inside = np.ix_(part, part)
        implied = (factor @ factor.T)[inside]
        if len(part) == 1:
            np.testing.assert_allclose(implied, 1.0)
            continue
        np.testing.assert_allclose(factor[part].sum(axis=0), 0, atol=1e-12)
        inverse = np.linalg.pinv(laplacian[inside])
        np.testing.assert_allclose(implied, inverse / np.exp(np.log(np.diag(inverse)).mean()), atol=1e-10)
        assert np.exp(np.log(np.diag(implied)).mean()) == pytest.approx(1.0)
    assert factor.shape == (len(near), sum(max(1, len(part) - 1) for part in parts))


def _part(near, area):
    seen, todo = set(), [area]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += near[one]
    return seen


def test_parts_do_not_touch_each_other():
    factor = icar_factor(GRAPHS["two parts"])
    assert np.abs((factor @ factor.T)[:2, 2:]).max() == 0


@pytest.mark.parametrize(
    ("prior", "theta"),
    [
        (walk, {"sigma": 0.4}),
        (path, {"sigma": 0.4, "half_life": 3.0}),
        (Independent("sigma", prior=HalfNormal()), {"sigma": 2.0}),
        (bym2("two parts"), {"sigma": 0.5, "mixing": 0.7}),
    ],
)
def test_draws_are_transformed_together_as_one_by_one(prior, theta):
    shape = prior.z_shape((5,) if isinstance(prior, BYM2) else (7,))
    z = np.random.default_rng(1).normal(size=(4, *shape))
    together = prior.transform(z, theta)
    for number in range(4):
        np.testing.assert_allclose(together[number], prior.transform(z[number], theta), rtol=1e-12)


def test_a_direct_latent_is_its_own_number():
    prior = Direct(TruncatedNormal())
    assert prior.transform(0.3, {}) == 0.3
    with pytest.raises(NotImplementedError):
        prior.precision((), {})


# Each of 40,000 paths: a mean of n draws is off by more than 4.5 sd/√n once in 150,000, a variance by more than
# 4.5 · variance · √(2/n); the draws are seeded, so the test is the same each time.
N = 40_000


@pytest.mark.parametrize("steps", [1, 5])
def test_an_autoregression_goes_on_with_the_conditional_mean_and_variance(steps):
    theta = {"sigma": np.full(N, 0.4), "half_life": np.full(N, 3.0)}
    last = np.tile([2.0, -1.0], (N, 1))
    ahead = path.continued(last, theta, steps, np.random.default_rng(2))
    assert ahead.shape == (N, 2, steps)
    rho, step = 0.5 ** (1 / 3), np.arange(1, steps + 1)
    variance = 0.16 * (1 - rho ** (2 * step)) / (1 - rho**2)
    assert (np.abs(ahead.mean(axis=0) - np.outer([2.0, -1.0], rho**step)) < 4.5 * np.sqrt(variance / N)).all()
    assert (np.abs(ahead.var(axis=0) / variance - 1) < 4.5 * np.sqrt(2 / N)).all()


def test_a_random_walk_goes_on_with_the_conditional_mean_and_variance():
    ahead = walk.continued(np.full(N, 1.5), {"sigma": np.full(N, 0.4)}, 5, np.random.default_rng(3))
    assert ahead.shape == (N, 5)
    variance = 0.16 * np.arange(1, 6)
    assert (np.abs(ahead.mean(axis=0) - 1.5) < 4.5 * np.sqrt(variance / N)).all()
    assert (np.abs(ahead.var(axis=0) / variance - 1) < 4.5 * np.sqrt(2 / N)).all()


@pytest.mark.parametrize("prior", [walk, path])
def test_each_draw_goes_on_with_its_own_hyperparameters(prior):
    theta = {"sigma": np.array([1e-12, 1.0]), "half_life": np.array([3.0, 3.0])}
    ahead = prior.continued(np.zeros((2, 3)), theta, 4, np.random.default_rng(4))
    assert np.abs(ahead[0]).max() < 1e-10
    assert np.abs(ahead[1]).min() > 1e-6


def test_breaks_ahead_come_with_their_chance_and_to_all_paths_at_once():
    """A stated chance of .1 with kappa ~ HalfNormal(3): the innovations' variance is 1 + .1 · 9 times as large."""
    plain = Autoregressive("s", "h", HalfNormal(), LogNormal(24.0), 1.0, 5)
    broken = replace(plain, kappa="k", kappa_prior=HalfNormal(3.0), break_chance=0.1)
    theta = {"s": np.full(N, 0.4), "h": np.full(N, 1e6)}
    ahead = [prior.continued(np.zeros((N, 2)), theta, 6, np.random.default_rng(1)) for prior in (plain, broken)]
    first = ahead[1][..., 0] / 0.4
    # The fourth moment of such an innovation is 3 (1 + .2 · 9 + .1 · 3 · 81) = 81; both paths break together.
    assert first.var() == pytest.approx(1.9, abs=4 * np.sqrt(81 / N))
    # A month without a break is as without the chance; with one, both paths move far.
    far = np.abs(first) > 4
    assert (far.all(axis=1)).mean() > 10 * far.mean() ** 2
    spread = [np.quantile(paths[:, 0], 0.95, axis=0) - np.quantile(paths[:, 0], 0.05, axis=0) for paths in ahead]
    wider = spread[1] / spread[0]
    assert (wider > 1).all()
    assert wider[-1] > 1.1
    # Where there was a break, its size is the posterior's.
    known = replace(broken, breaks=(2,))
    wild = known.continued(np.zeros((N, 1)), theta | {"k": np.full(N, 30.0)}, 1, np.random.default_rng(1))
    assert (np.abs(wild) > 2).mean() == pytest.approx(0.1 * 2 * stats.norm.sf(2 / (0.4 * 901**0.5)), rel=0.2)
    never = replace(plain, kappa="k", kappa_prior=HalfNormal(3.0))
    again = never.continued(np.zeros((N, 2)), theta, 6, np.random.default_rng(1))
    np.testing.assert_array_equal(again, ahead[0])
