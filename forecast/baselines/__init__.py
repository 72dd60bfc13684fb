"""Simple rivals behind the same `fit` and `predict` as every model."""
