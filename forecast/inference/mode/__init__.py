"""Hyperparameters as one vector, their marginal density, and its mode."""
