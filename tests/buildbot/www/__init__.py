"""The page of the web interface, and the metrics."""
