"""Disks and CD-ROM drives: reads them from requests, and assigns addresses (chapters 7.1 and 10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.records import Device, Server, Storage
from upcloud_sdk.simulator.rules.backup_rules import read_backup_rule
from upcloud_sdk.simulator.rules.storages import TIER, storage_state_illegal
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import Fields, one_of, text, whole, yes_no

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.state.cloud import Cloud

_MOST = 16
_SLOTS = {
    "virtio": [f"virtio:{n}" for n in range(16)],
    "scsi": [f"scsi:0:{n}" for n in range(16)],
    "ide": [f"ide:{bus}:{n}" for bus in range(2) for n in range(2)],
}
_ADDRESS = re.compile(r"(?:virtio(?::(?:\d|1[0-5]))?|scsi(?::0:(?:\d|1[0-5]))?|ide(?::[01]:[01])?)")


@dataclass(slots=True)
class DeviceRequest:
    """A requested storage device."""

    action: str
    type: str
    source: Storage | None
    address: str | None = None
    title: str = ""
    size: int = 0
    tier: str = "maxiops"
    encrypted: str = "no"
    boot_disk: str = "0"
    backup_rule: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])


def device_address(value: object) -> str:
    """A bus (`virtio`) or a place on it (`virtio:1`, `scsi:0:0`, `ide:0:1`)."""
    address = text()(value)
    if not _ADDRESS.fullmatch(address):
        raise ValueError("An address such as virtio, virtio:1, scsi:0:0 or ide:0:1 was expected.")
    return address


def boot_disk(value: object) -> str:
    """`0` or `1`, as a number or a string."""
    return one_of("0", "1")(str(value) if type(value) is int else value)


def free_address(devices: Iterable[Device], wanted: str) -> str:
    """The wanted address, or the first free one of a bus. Raises `ApiFault`: DEVICE_ADDRESS_IN_USE."""
    taken = {device.address for device in devices}
    for address in _SLOTS.get(wanted, [wanted]):
        if address not in taken:
            return address
    raise ApiFault(409, "DEVICE_ADDRESS_IN_USE", f"The device address {wanted} is in use.")


def read_devices(cloud: Cloud, server: Server, f: Fields) -> list[DeviceRequest]:
    """Read and check the devices of a create request. Creates nothing."""
    items = f.items("storage_devices", "storage_device")
    if items is None:
        raise ApiFault(400, "STORAGE_DEVICES_MISSING", "The required attribute storage_devices is missing.")
    if not items:
        raise ApiFault(400, "STORAGE_DEVICE_MISSING", "A server needs at least one storage device.")
    if len(items) > _MOST:
        raise ApiFault(409, "STORAGE_DEVICE_LIMIT_REACHED", f"A server has at most {_MOST} storage devices.")
    devices = [_read_device(cloud, server, item) for item in items]
    if sum(each.type == "cdrom" for each in devices) > 1:
        raise ApiFault(409, "CDROM_DEVICE_IN_USE", "A server has at most one CD-ROM device.")
    if sum(each.boot_disk == "1" for each in devices) > 1:
        raise ApiFault(400, "TOO_MANY_BOOT_DISKS", "A server has at most one boot disk.")
    attached = [each.source.uuid for each in devices if each.action == "attach" and each.source is not None]
    if len(set(attached)) != len(attached):
        raise ApiFault(409, "STORAGE_ATTACHED_AS_DISK", "A storage is given twice.")
    return devices


def _read_device(cloud: Cloud, server: Server, item: Fields) -> DeviceRequest:
    with item as f:
        action = f.need("action", one_of("create", "clone", "attach"))
        kind = f.get("type", one_of("disk", "cdrom"), "disk")
        wanted = DeviceRequest(action, kind, None, f.get("address", device_address, None, code="ADDRESS"))
        wanted.boot_disk = f.get("boot_disk", boot_disk, "0", code="STORAGE_DEVICE")
        storage = f.get("storage", text(), None)
        title = f.get("title", text(1, 255), None, code="STORAGE_TITLE")
        size = f.get("size", whole(1, 4096), None)
        tier = f.get("tier", TIER, None)
        wanted.encrypted = f.get("encrypted", yes_no, "no")
        wanted.backup_rule = read_backup_rule(f) or {}
        wanted.labels = labels.read_bare(f) or {}
    if action == "create":
        if storage:
            raise ApiFault(400, "STORAGE_INVALID", "A storage that is created is not given by its uuid.")
        if size is None:
            raise ApiFault(400, "SIZE_MISSING", "The required attribute size is missing.")
        wanted.size = size
    else:
        if not storage:
            raise ApiFault(400, "STORAGE_MISSING", "The required attribute storage is missing.")
        wanted.source = cloud.storage(storage)
    if action == "attach":
        check_attachable(wanted.source, kind, server.zone)
        return wanted
    if title is None:
        raise ApiFault(400, "STORAGE_TITLE_MISSING", "The required attribute title is missing.")
    wanted.title = title
    wanted.tier = _tier(cloud, server, tier)
    if wanted.source is not None:
        _check_clone(wanted, size, server.zone)
    return wanted


def _tier(cloud: Cloud, server: Server, wanted: str | None) -> str:
    """The requested tier, or the plan's. Developer and starter plans allow only `standard`."""
    plan = cloud.catalog.plans.get(server.plan)
    own = plan["storage_tier"] if plan else None
    if wanted is not None and own == "standard" and wanted == "maxiops":
        raise ApiFault(400, "TIER_INVALID", f"The plan {server.plan} does not take the tier {wanted}.")
    return wanted or own or "maxiops"


def _check_clone(wanted: DeviceRequest, size: int | None, zone: str) -> None:
    source = wanted.source
    assert source is not None
    if source.type == "cdrom":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {source.type} cannot be cloned.")
    if source.state != "online":
        raise storage_state_illegal(source)
    if source.zone is not None and source.zone != zone:
        raise ApiFault(409, "ZONE_MISMATCH", f"The storage {source.uuid} is in another zone.")
    wanted.size = source.size if size is None else size
    if wanted.size < source.size:
        message = f"The size must be at least that of the storage that is cloned, {source.size} GB."
        raise ApiFault(400, "SIZE_INVALID", message)


def check_attachable(storage: Storage | None, kind: str, zone: str) -> None:
    """Refuse a storage that cannot become a device of this kind in this zone."""
    if storage is None:
        return
    if storage.access == "public" and storage.type != "cdrom":
        raise ApiFault(409, "PUBLIC_STORAGE_ATTACH", "A public storage cannot be attached; clone it.")
    if storage.type == "backup" or ((storage.type == "cdrom") != (kind == "cdrom") and storage.access == "public"):
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {storage.type} cannot be a {kind}.")
    if storage.servers and storage.access == "private":
        code = "STORAGE_ATTACHED_AS_CDROM" if kind == "disk" and storage.type == "cdrom" else "STORAGE_ATTACHED_AS_DISK"
        raise ApiFault(409, code, f"The storage {storage.uuid} is attached to a server.")
    if storage.zone is not None and storage.zone != zone:
        raise ApiFault(409, "ZONE_MISMATCH", f"The storage {storage.uuid} is in another zone.")
    if storage.state not in {"online", "syncing"}:
        raise storage_state_illegal(storage)


def place_devices(cloud: Cloud, server: Server, wanted: list[DeviceRequest]) -> None:
    """Create and attach the requested devices. Explicit addresses come first, so that others do not take them."""
    explicit = {each.address for each in wanted if each.address and ":" in each.address}
    placed: list[Device] = [Device(address, "disk") for address in explicit if address]
    if len(explicit) != sum(":" in (each.address or "") for each in wanted):
        raise ApiFault(409, "DEVICE_ADDRESS_IN_USE", "A device address is given twice.")
    addresses: list[str] = []
    for each in wanted:
        address = each.address or ("ide" if each.type == "cdrom" else "virtio")
        if ":" not in address:
            address = free_address(placed, address)
            placed.append(Device(address, each.type))
        addresses.append(address)
    for each, address in zip(wanted, addresses, strict=True):
        storage = each.source if each.action == "attach" else _make(cloud, server, each)
        device = Device(address, each.type, storage.uuid if storage else "", each.boot_disk)
        server.devices.append(device)
        if storage is not None:
            storage.servers.append(server.uuid)


def _make(cloud: Cloud, server: Server, wanted: DeviceRequest) -> Storage:
    """Create the disk of a new server. In maintenance until the server runs."""
    now = cloud.clock.now()
    storage = Storage(
        cloud.new_uuid("storage"),
        wanted.title,
        wanted.size,
        state="maintenance",
        zone=server.zone,
        tier=wanted.tier,
        created=now,
        encrypted=wanted.encrypted,
        backup_rule=wanted.backup_rule,
        hidden_until=now + cloud.list_lag,
    )
    if wanted.source is not None:
        storage.license = wanted.source.license
        storage.labels = cloud.template_labels(wanted.source)
    storage.labels |= wanted.labels
    plan = cloud.catalog.plans.get(server.plan)
    # Prefer a new disk: attached disks are already paid for.
    storage.part_of_plan = plan is not None and plan["storage_size"] > 0 and plan["storage_tier"] == storage.tier
    cloud.storages[storage.uuid] = storage
    if wanted.source is not None:
        cloud.copy_disk(wanted.source, storage)
    return storage
