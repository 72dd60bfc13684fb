"""What partner forces are capable of, as far as indicators tell it."""
