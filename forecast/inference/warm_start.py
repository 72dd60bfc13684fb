"""What a fit leaves for the next one: where to start from, also when the panel has grown by some periods."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from forecast import names
from forecast.inference.bayesian import BayesianFit
from forecast.inference.dispatch import Fit
from forecast.inference.field import Field
from forecast.inference.hyperposterior import HyperPosterior
from forecast.inference.marginal import Marginal

__all__ = ["Start", "start_of", "state_of"]

Array = npt.NDArray[np.float64]
Start = tuple[Array | None, Array | None, Array | None]
_ELEMENT, _OTHER = "element", "other_element"


def state_of(made: HyperPosterior) -> xr.Dataset:
    """The mode of the hyperparameters, as standard normal numbers under the prior, and their covariance."""
    labels = _labels(made.marginal)
    return xr.Dataset(
        {"mode": (_ELEMENT, made.peak.mode.vector), "covariance": ((_ELEMENT, _OTHER), made.peak.covariance)},
        {_ELEMENT: labels, _OTHER: labels},
    )


def start_of(marginal: Marginal, fit: Fit | None) -> Start:
    """Hyperparameters, latents and covariance to start from; None each where the earlier fit has none that serve."""
    if not isinstance(fit, BayesianFit) or fit.state is None:
        return None, None, None
    if [str(label) for label in fit.state[_ELEMENT].values] != _labels(marginal):
        return None, None, None
    return fit.state["mode"].values, _latents(marginal.field, fit), fit.state["covariance"].values


def _labels(marginal: Marginal) -> list[str]:
    """One label per element of the vector of hyperparameters."""
    shapes = marginal.hyperparameters.shapes
    return [
        f"{name}[{number}]" if shape else name
        for name, shape in shapes.items()
        for number in range(int(np.prod(shape)))
    ]


def _latents(field: Field, fit: BayesianFit) -> Array:
    """Posterior means of the latents, by label; a period that is new goes on as the last one."""
    path, static = field.split(field.mean.copy())
    for place in field.places:
        block = place.block
        if block.name not in fit.posterior:
            continue
        mean = fit.posterior[block.name].mean((names.CHAIN, names.DRAW))
        mean = mean.reindex({dim: list(block.coords[dim]) for dim in block.dims if dim != names.PERIOD})
        if place.along:
            mean = mean.reindex({names.PERIOD: field.bound.panel.periods}, method="ffill")
            path[:, place.at] = np.nan_to_num(mean.transpose(*block.dims).values.reshape(-1, field.periods).T)
        else:
            static[place.at] = np.nan_to_num(mean.transpose(*block.dims).values.ravel())
    return field.join(path, static)
