"""Published totals: what reports say of attacks, over sets of provinces, tactics and periods."""
