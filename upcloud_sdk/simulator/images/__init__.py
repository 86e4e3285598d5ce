"""Disk images for guests of the kind `vm`, built by `python -m upcloud_sdk.simulator.images`."""
