"""What a fit leaves for the next one: where to start from, also when the panel has grown by some periods."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from forecast import names
from forecast.inference.gaussian.field import Field
from forecast.inference.laplace.coordinates import Axis
from forecast.inference.laplace.emulator import Emulator
from forecast.inference.laplace.hyperposterior import HyperPosterior, Shape
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.slopes import Pilot
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit

__all__ = ["Start", "start_of", "state_of"]

Array = npt.NDArray[np.float64]
_ELEMENT, _OTHER, _KNOT, _POINT, _SLOPE = "element", "other_element", "knot", "point", "slope"
# What an axis has at each knot, in the order of its attributes.
_BY_KNOT = ("z", "s", "slope")


@dataclass(frozen=True)
class Start:
    """Where a fit starts from: vector of hyperparameters and its covariance, latents, the density's shape, a pilot; and
    the vector of another mode.
    """

    vector: Array
    x: Array
    covariance: Array
    shape: Shape
    pilot: Pilot | None
    other: Array | None


def state_of(made: HyperPosterior) -> xr.Dataset:
    """What a fit leaves: mode and covariance of the hyperparameters, as standard normal numbers, and their density."""
    labels, shape = _labels(made.marginal), made.shape()
    both, axes = (_ELEMENT, _OTHER), shape.axes
    knots = max((len(axis.z) for axis in axes), default=0)
    padded = {name: np.full((len(axes), knots), np.nan) for name in _BY_KNOT}
    for number, axis in enumerate(axes):
        for name, rows in padded.items():
            rows[number, : len(axis.z)] = getattr(axis, name)
    emulator, pilot = shape.emulator, made.marginal.pilot
    optional: dict[str, Any] = {}
    if made.other is not None:
        optional["other_mode"] = _ELEMENT, made.other.peak.gaussian.vector
    if pilot is not None:
        optional |= {"slope_information": (_SLOPE, pilot.information), "slope_estimate": (_SLOPE, pilot.estimate)}
    return xr.Dataset(
        {
            "mode": (_ELEMENT, made.peak.gaussian.vector),
            "covariance": (both, made.peak.covariance),
            "root": (both, shape.root),
            **{f"axis_{name}": ((_ELEMENT, _KNOT), rows) for name, rows in padded.items()},
            "axis_least": (_ELEMENT, np.array([axis.least for axis in axes], dtype=float)),
            "point": ((_POINT, _ELEMENT), emulator.points),
            "value_weight": (_POINT, emulator.value_weight),
            "gradient_weight": ((_POINT, _ELEMENT), emulator.gradient_weight),
            "kernel": ((_ELEMENT, "kernel_part"), emulator.kernel),
            "level": emulator.level,
            **optional,
        },
        {_ELEMENT: labels, _OTHER: labels},
    )


def start_of(marginal: Marginal, fit: Fit | None) -> Start | None:
    """Where to start from; None where the earlier fit has nothing that serves."""
    if not isinstance(fit, BayesianFit) or fit.state is None:
        return None
    state, labels = fit.state, _labels(marginal)
    if not labels or [str(label) for label in state[_ELEMENT].values] != labels:
        return None
    axes = []
    for number in range(len(labels)):
        there = np.isfinite(state["axis_z"].values[number])
        z, knots, slope = (state[f"axis_{name}"].values[number][there] for name in _BY_KNOT)
        axes.append(Axis(z, knots, slope, float(state["axis_least"].values[number])))
    points, weights = state["point"].values, (state["value_weight"].values, state["gradient_weight"].values)
    emulator = Emulator(points, state["kernel"].values, float(state["level"]), *weights)
    shape = Shape(state["root"].values, tuple(axes), emulator)
    pilot = None
    if "slope_estimate" in state:
        pilot = Pilot(state["slope_information"].values, state["slope_estimate"].values)
    other = state["other_mode"].values if "other_mode" in state else None
    return Start(state["mode"].values, _latents(marginal.field, fit), state["covariance"].values, shape, pilot, other)


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
