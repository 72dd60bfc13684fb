"""Model and panel to `Fit`."""
