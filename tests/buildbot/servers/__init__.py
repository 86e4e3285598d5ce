"""One server with its build: guest, connection, disk, lease, and the build's log."""
