"""What counts say of eta: log masses of cells and of published sums, with their derivatives."""
