"""The account's records, which are saved and loaded as a whole, and the clock."""

from upcloud_sdk.simulator.records.records import Device, Interface, IpAddress, Records, Server, Storage

__all__ = ["Device", "Interface", "IpAddress", "Records", "Server", "Storage"]
