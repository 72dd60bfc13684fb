"""A cheap and positive curvature of the log marginal in the hyperparameters: where a search for its maximum begins.

For the hyperparameters of the latents it is the average of observed and expected information of the Gaussian working
model (Gilmour, Thompson & Cullis 1995), in which the traces cancel: with u_j = −(dQ/dtheta_j)(m − mean),
½(u_j'Q⁻¹u_k − u_j'H⁻¹u_k). For the parameters of the family it is the difference of their scores at given latents, for
slopes their Gauss-Newton form, each less what the latents take up. It costs one solution with a column per
hyperparameter, which also says how the mean of the latents moves.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import Gaussian
from forecast.inference.mode.marginal import Bound, Marginal

__all__ = ["Information", "information"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Information:
    """What a Gaussian of the latents says of its surroundings.

    Attributes
    ----------
    matrix : array
        Approximate negative Hessian of the log posterior density of the vector.
    tangent : array
        Derivative of the mean of the latents in the vector (n, element).
    of_counts : array
        The counts' part of the information, on the scale of the values: its diagonal.
    """

    matrix: Array
    tangent: Array
    of_counts: Array


def information(marginal: Marginal, gaussian: Gaussian, bound: Bound) -> Information:
    """The information at the best Gaussian of the latents."""
    field, layout = marginal.field, marginal.hyperparameters
    columns, through = np.zeros((field.size, layout.size)), np.zeros((field.size, layout.size))
    of_prior = np.zeros(layout.size, dtype=bool)
    for name, force, through_prior in gaussian.prior.forces(*field.split(gaussian.x - field.mean)):
        place = layout.slices[name]
        columns[:, place], through[:, place] = field.join(*force)[:, None], field.join(*through_prior)[:, None]
        of_prior[place] = True
    of_likelihood = _of_likelihood(marginal, gaussian, bound, columns)
    solved = field.join(*gaussian.factor.solve(*field.split(columns))) if layout.size else columns
    taken = columns.T @ solved
    both, neither = np.outer(of_prior, of_prior), np.outer(~of_prior, ~of_prior)
    total = np.where(both, 0.5 * (columns.T @ through - taken), np.where(neither, of_likelihood - taken, 0.0))
    jacobian = layout.jacobian(gaussian.vector)
    inner = jacobian.T @ total @ jacobian
    values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
    matrix = layout.prior_information(gaussian.vector) + (vectors * np.maximum(values, 0.0)) @ vectors.T
    return Information(matrix, solved @ jacobian, np.diagonal(total))


def _of_likelihood(marginal: Marginal, gaussian: Gaussian, bound: Bound, columns: Array) -> Array:
    """Information of the family's parameters and of slopes at given latents; fills their columns."""
    field, layout, design = marginal.field, marginal.hyperparameters, gaussian.design
    matrix = np.zeros((layout.size, layout.size))
    for element, column, difference in marginal.of_parameters(gaussian, bound):
        columns[:, element], matrix[element, element] = design.back(column), difference
    bases = dict(field.feedback)
    if field.carried is not None:
        felt = field.carried.felt(field.split(gaussian.x)[1])
        bases |= {name: derivative * felt for name, derivative in field.carried.derivatives.items()}
    if not bases:
        return matrix
    slope, weight = marginal.slopes_of_cells(gaussian, bound)
    basis = np.concatenate(list(bases.values()))
    places = np.r_[tuple(layout.slices[name] for name in bases)]
    columns[:, places] = design.back((basis * -weight).T)
    matrix[np.ix_(places, places)] = (basis * weight) @ basis.T
    if field.carried is not None:
        for name, derivative in field.carried.derivatives.items():
            pull = np.stack([field.carried.back(row * slope) for row in derivative], axis=1)
            field.split(columns[:, layout.slices[name]])[1][field.carried.columns] += pull
    return matrix
