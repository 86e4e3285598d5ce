"""The life of a client, its credentials and its names."""
