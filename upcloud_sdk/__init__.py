"""Async Python SDK for UpCloud servers."""

from upcloud_sdk._version import __version__

__all__ = ["__version__"]
