"""Draws of the latents with the weights that make them exact."""
