"""What a worker may be configured with, and what server and guest come of it."""
