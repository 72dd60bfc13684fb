"""Forecasts and what happened to scores."""
