"""`Fit` to `Forecast`."""
