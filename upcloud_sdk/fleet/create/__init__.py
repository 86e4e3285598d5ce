"""Creates a server exactly once, from the first of several specs that there is capacity for."""
