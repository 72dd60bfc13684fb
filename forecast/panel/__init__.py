"""Events to `Panel`: labelled counts by province, tactic and period."""
