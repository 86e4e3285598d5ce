"""What the account holds, and how time passes: plain records, saved and loaded as a whole."""

from upcloud_sdk.simulator.records.records import Device, Interface, IpAddress, Records, Server, Storage

__all__ = ["Device", "Interface", "IpAddress", "Records", "Server", "Storage"]
