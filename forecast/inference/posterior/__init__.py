"""What a Bayesian fit is, what it says of itself, and how it is kept."""
