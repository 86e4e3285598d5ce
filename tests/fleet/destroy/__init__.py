"""Destroying a server and its disks."""
