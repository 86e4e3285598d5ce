"""One server with its build: its guest, connection, disk, lease, and the build's log."""
