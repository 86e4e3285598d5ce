"""Destroys a server and its disks in any state, step by step."""
