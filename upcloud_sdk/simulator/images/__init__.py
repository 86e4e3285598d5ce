"""Disk images for guests that are machines: built by `python -m upcloud_sdk.simulator.images`."""
