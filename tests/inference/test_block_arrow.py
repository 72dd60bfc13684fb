"""Block-tridiagonal matrices with an arrow, against dense linear algebra."""

import numpy as np
import pytest
from dense_algebra import to_dense
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.inference.gaussian.block_arrow import BlockArrow, NotPositiveDefinite


def matrix(periods, width, static, seed=0):
    rng = np.random.default_rng(seed)
    blocks = rng.normal(size=(periods, width, width))
    diagonal = blocks @ blocks.transpose(0, 2, 1) + 3 * np.eye(width)
    coupling = -rng.random((max(periods - 1, 0), width))
    arrow = rng.normal(size=(periods, width, static)) / (1 + periods * width)
    return BlockArrow(diagonal, coupling, arrow, 4 * np.eye(static))


shapes = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 4)).filter(lambda s: s[1] + s[2] > 0)


@given(shapes, st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_everything_is_as_in_dense_algebra(shape, seed):
    given_ = matrix(*shape, seed)
    dense, factor = to_dense(given_), given_.factorise()
    inverse = np.linalg.inv(dense)
    periods, width, _ = shape
    paths, size = periods * width, len(dense)

    def split(x):
        return x[:paths].reshape(periods, width, *x.shape[1:]), x[paths:]

    def join(path, rest):
        return np.concatenate([path.reshape(paths, *path.shape[2:]), rest])

    np.testing.assert_allclose(factor.log_determinant, np.linalg.slogdet(dense)[1], rtol=1e-10)
    np.testing.assert_allclose(join(*factor.solve(*split(np.eye(size)))), inverse, atol=1e-10)
    right = np.arange(size) - 1.5
    np.testing.assert_allclose(join(*factor.solve(*split(right))), inverse @ right, atol=1e-9)
    drawn = join(*factor.backward(*split(np.eye(size))))
    np.testing.assert_allclose(drawn @ drawn.T, inverse, atol=1e-10)
    kept = factor.selected_inverse()
    there = dense != 0
    np.testing.assert_allclose(to_dense(kept)[there], inverse[there], atol=1e-10)
    np.testing.assert_allclose(kept.diagonal, np.swapaxes(kept.diagonal, 1, 2), atol=1e-12)


def test_what_is_given_stays_as_it_was():
    given_ = matrix(3, 2, 2)
    before = to_dense(given_)
    factor = given_.factorise()
    path, static = np.ones((3, 2)), np.ones(2)
    factor.solve(path, static)
    factor.backward(path, static)
    np.testing.assert_array_equal(to_dense(given_), before)
    assert path.min() == static.min() == 1


@pytest.mark.parametrize("part", ["diagonal", "corner"])
def test_an_indefinite_matrix_has_no_factor(part):
    given_ = matrix(3, 2, 2)
    getattr(given_, part)[..., 0, 0] = -1.0
    with pytest.raises(NotPositiveDefinite, match="period 0" if part == "diagonal" else "arrow"):
        given_.factorise()
