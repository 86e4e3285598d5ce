"""One server with its build: its log, the heartbeat of its guest, and when an idle server is given up."""
