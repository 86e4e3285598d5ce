"""What is read from answers and written into requests."""
