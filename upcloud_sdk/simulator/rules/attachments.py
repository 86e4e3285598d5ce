"""Attaches storages to servers, and detaches them (chapter 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.records import Device, Server, Storage
from upcloud_sdk.simulator.rules.devices import check_attachable, free_address
from upcloud_sdk.simulator.rules.servers import require_state
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire.calls import ApiFault

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

_MOST_STORAGES, _MOST_DEVICES = 16, 24


def _check_hotplug(server: Server, kind: str, address: str) -> None:
    require_state(server, "started", "stopped")
    if server.state == "stopped":
        return
    if kind == "cdrom":
        raise ApiFault(409, "CDROM_HOTPLUG_UNSUPPORTED", "A CD-ROM device needs the server to be stopped.")
    if address.startswith("ide"):
        raise ApiFault(409, "IDE_HOTPLUG_UNSUPPORTED", "An IDE device needs the server to be stopped.")


def attach(cloud: Cloud, server: Server, storage: Storage | None, *, kind: str, address: str, boot_disk: str) -> None:
    """Add a device with this storage to a server. Raises `ApiFault`."""
    _check_hotplug(server, kind, address)
    check_attachable(storage, kind, server.zone)
    if kind == "cdrom" and any(device.type == "cdrom" for device in server.devices):
        raise ApiFault(409, "CDROM_DEVICE_IN_USE", "The server has a CD-ROM device already.")
    if len(server.devices) >= _MOST_STORAGES or len(server.devices) + len(server.interfaces) >= _MOST_DEVICES:
        raise ApiFault(409, "STORAGE_DEVICE_LIMIT_REACHED", "The server cannot have more devices.")
    if boot_disk == "1" and any(device.boot_disk == "1" for device in server.devices):
        raise ApiFault(400, "TOO_MANY_BOOT_DISKS", "The server has a boot disk already.")
    if storage is not None and storage.backup_rule and server.simple_backup != "no":
        raise ApiFault(
            409, "BACKUP_RULE_CONFLICT", "The server has a simple backup; the storage has a rule of its own."
        )
    place = free_address(server.devices, address)
    server.devices.append(Device(place, kind, storage.uuid if storage else "", boot_disk))
    if storage is not None:
        storage.servers.append(server.uuid)
        usage.share_plan(cloud, server)


def detach(cloud: Cloud, server: Server, device: Device) -> None:
    """Remove a device from a server."""
    _check_hotplug(server, device.type, device.address)
    release(cloud, server, device)
    server.devices.remove(device)


def release(cloud: Cloud, server: Server, device: Device) -> None:
    """Remove the storage from a device."""
    storage = cloud.any_storage(device.storage)
    if storage is not None and server.uuid in storage.servers:
        storage.servers.remove(server.uuid)
        usage.leave_plan(cloud, storage)
    device.storage = ""
    usage.share_plan(cloud, server)
