"""What a web interface tells of servers: the documents of a page, and metrics for Prometheus."""
