"""Blocks: broadcasting over the grid and the sparse design are the same map."""

import numpy as np
import pytest

from forecast.model.blocks import Block
from forecast.model.latents import Direct, Independent
from forecast.model.spec import Model


@pytest.fixture(scope="module")
def bound(full_model, panel):
    return full_model.bind(panel)


@pytest.fixture(scope="module", params=range(20))
def block(request, bound):
    return bound.blocks[request.param]


def test_the_grid_and_the_design_agree(block, bound):
    values = np.random.default_rng(5).normal(size=block.shape)
    on_grid = np.broadcast_to(block.on_grid(values), bound.grid)
    np.testing.assert_allclose(on_grid.ravel(), block.design(bound.grid) @ values.ravel(), rtol=1e-10, atol=1e-12)


def test_draws_are_laid_on_the_grid_together_as_one_by_one(block, bound):
    values = np.random.default_rng(6).normal(size=(3, *block.shape))
    together = np.asarray(block.on_grid(values))
    assert together.ndim == 4
    for number in range(3):
        np.testing.assert_allclose(together[number], block.on_grid(values[number]), rtol=1e-12, atol=1e-12)


def test_labels_are_as_many_as_latents_and_named_once(block, bound):
    assert tuple(block.coords) == block.dims or set(block.coords) == set(block.dims)
    for dim in block.dims:
        assert len(set(block.coords[dim])) == len(block.coords[dim])
    assert [other.name for other in bound.blocks].count(block.name) == 1


def test_another_basis_takes_the_place_of_the_training_panels(block):
    if block.basis is None or block.has_path:
        return
    values = np.random.default_rng(7).normal(size=block.shape)
    doubled = block.on_grid(values, basis=2 * block.basis)
    np.testing.assert_allclose(doubled, 2 * np.asarray(block.on_grid(values)), atol=1e-12)


def test_no_block_of_the_model_is_left_out(bound):
    assert len(bound.blocks) == 22
    direct = [block.name for block in bound.blocks if isinstance(block.prior, Direct)]
    assert direct == ["excitation", "spillover"]


def test_a_coordinate_of_the_provinces_is_spread_by_hand():
    block = Block("b", ("country", "tactic"), {"country": ["A", "B"], "tactic": ["x", "y"]}, Independent(1.0),
                  groups={"country": np.array([0, 1, 0])})  # fmt: skip
    on_grid = block.on_grid(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(on_grid[:, :, 0], [[1, 2], [3, 4], [1, 2]])


def test_the_whole_of_eta_is_the_sum_of_the_terms(every_term, panel):
    whole, alone = Model(every_term).bind(panel), {}
    for term in every_term:
        for block in Model([term]).bind(panel).blocks:
            alone[block.name] = block
    rng = np.random.default_rng(8)
    for block in whole.blocks:
        values = rng.normal(size=block.shape)
        np.testing.assert_array_equal(block.on_grid(values), alone[block.name].on_grid(values))
