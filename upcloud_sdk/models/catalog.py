"""What can be chosen from: zones and plans. Chapters "Zones", "Plans" and "Server sizes" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import OpenEnum, Resource


class StorageTier(OpenEnum):
    """The speed of a storage."""

    MAXIOPS = "maxiops"
    """100,000 read and 30,000 write operations a second."""
    STANDARD = "standard"
    """10,000 read and 10,000 write operations a second."""
    HDD = "hdd"
    """600 operations a second; sold as Archive."""


class Zone(Resource):
    """A data centre."""

    id: str
    """Such as `fi-hel1`."""
    description: str
    public: bool
    """False for a private cloud's zone."""
    parent_zone: str | None = None
    """The public zone beside a private one."""


class Plan(Resource):
    """A size that servers are sold in."""

    name: str
    core_number: int
    memory_amount: int
    """MiB."""
    storage_size: int
    """GB of storage in the price; 0 where the plan brings none (cloud native and GPU plans)."""
    storage_tier: StorageTier | None = None
    """The tier of that storage; None where the plan brings none."""
    public_traffic_out: int | None = None
    """Outgoing traffic in the price, GiB a month."""
    gpu_amount: int | None = None
    gpu_model: str | None = None
