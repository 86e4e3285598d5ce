"""Creating a server exactly once."""
