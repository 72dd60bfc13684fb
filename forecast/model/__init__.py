"""What is believed before the data are seen, as plain data: nothing here samples or optimises."""
