"""The latents as a Gaussian field: order, design, precision, factors, and the best Gaussian."""
