"""Data for web interfaces: the documents of a page, and metrics for Prometheus."""
