"""How fast storages are. Chapter "Storages" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import OpenEnum


class StorageTier(OpenEnum):
    """The speed of a storage."""

    MAXIOPS = "maxiops"
    """100,000 read and 30,000 write operations a second."""
    STANDARD = "standard"
    """10,000 read and 10,000 write operations a second."""
    HDD = "hdd"
    """600 operations a second; sold as Archive."""
