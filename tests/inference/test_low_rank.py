"""A change of low rank: everything that a factor offers, against the dense matrix."""

import numpy as np
import pytest
from dense_algebra import to_dense

from forecast.inference.gaussian.block_arrow import BlockArrow, NotPositiveDefinite
from forecast.inference.gaussian.low_rank import Updated

PERIODS, WIDTH, STATIC, RANK = 5, 3, 2, 4
PATHS = PERIODS * WIDTH


def split(values):
    return values[:PATHS].reshape(PERIODS, WIDTH, *values.shape[1:]), values[PATHS:]


def join(path, static):
    return np.concatenate([path.reshape(PATHS, *path.shape[2:]), static])


@pytest.fixture
def parts():
    """A matrix, U and an indefinite C."""
    rng = np.random.default_rng(0)
    diagonal = np.broadcast_to(4 * np.eye(WIDTH) + 0.1, (PERIODS, WIDTH, WIDTH))
    coupling, arrow = 0.3 * rng.normal(size=(PERIODS - 1, WIDTH)), 0.3 * rng.normal(size=(PERIODS, WIDTH, STATIC))
    middle = rng.normal(size=(RANK, RANK))
    columns = rng.normal(size=(PATHS + STATIC, RANK))
    return BlockArrow(diagonal, coupling, arrow, 6 * np.eye(STATIC)), columns, 0.05 * (middle + middle.T)


def test_it_is_the_factor_of_the_changed_matrix(parts):
    matrix, columns, middle = parts
    assert np.linalg.eigvalsh(middle)[0] < 0 < np.linalg.eigvalsh(middle)[-1]
    found = Updated.of(matrix.factorise(), *split(columns), middle)
    dense = to_dense(matrix) + columns @ middle @ columns.T
    inverse, every = np.linalg.inv(dense), np.eye(len(dense))
    assert found.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1])
    np.testing.assert_allclose(join(*found.solve(*split(every))), inverse, atol=1e-12)
    np.testing.assert_allclose(join(*found.solve(*split(every[0]))), inverse[0], atol=1e-12)
    root = join(*found.backward(*split(every)))
    np.testing.assert_allclose(root @ root.T, inverse, atol=1e-12)
    np.testing.assert_allclose(join(*found.forward(*split(every))), root.T, atol=1e-12)
    selected = found.selected_inverse()
    for period in range(PERIODS):
        here = slice(period * WIDTH, (period + 1) * WIDTH)
        np.testing.assert_allclose(selected.diagonal[period], inverse[here, here], atol=1e-12)
    np.testing.assert_allclose(selected.coupling.ravel(), np.diag(inverse, WIDTH)[: PATHS - WIDTH], atol=1e-12)
    np.testing.assert_allclose(selected.arrow.reshape(PATHS, STATIC), inverse[:PATHS, PATHS:], atol=1e-12)
    np.testing.assert_allclose(selected.corner, inverse[PATHS:, PATHS:], atol=1e-12)


def test_columns_that_say_the_same_twice_are_taken(parts):
    matrix, columns, _ = parts
    twice = np.concatenate([columns[:, :1], columns[:, :1]], axis=1)
    found = Updated.of(matrix.factorise(), *split(twice), np.diag([0.3, -0.1]))
    dense = to_dense(matrix) + 0.2 * columns[:, :1] @ columns[:, :1].T
    np.testing.assert_allclose(join(*found.solve(*split(np.eye(len(dense))))), np.linalg.inv(dense), atol=1e-7)


def test_a_change_that_goes_too_far_is_refused(parts):
    matrix, columns, _ = parts
    with pytest.raises(NotPositiveDefinite, match="couples the periods"):
        Updated.of(matrix.factorise(), *split(columns), -10 * np.eye(RANK))
