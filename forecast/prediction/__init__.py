"""`Fit` to `Forecast`."""

# Registers `predict` for Bayesian fits.
import forecast.prediction.simulation  # noqa: F401
