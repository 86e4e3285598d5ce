"""Storage tiers. Chapter "Storages" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import OpenEnum


class StorageTier(OpenEnum):
    """Tier of a storage: its speed."""

    MAXIOPS = "maxiops"
    """100,000 read and 30,000 write operations per second."""
    STANDARD = "standard"
    """10,000 read and 10,000 write operations per second."""
    HDD = "hdd"
    """600 operations per second. Sold as "Archive"."""
