"""Attach, detach, and the CD-ROM drive (chapter 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.attachments import attach, detach, release
from upcloud_sdk.simulator.rules.devices import boot_disk, check_attachable, device_address
from upcloud_sdk.simulator.rules.servers import details, require_state
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Device, Server
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@routes.post("/server/{uuid}/storage/attach")
def attach_storage(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "storage_device") as f:
        kind = f.get("type", one_of("disk", "cdrom"), "disk")
        wanted = f.get("address", device_address, "ide" if kind == "cdrom" else "virtio")
        uuid = f.get("storage", text(), None)
        boots = f.get("boot_disk", boot_disk, "0", code="STORAGE_DEVICE")
    if uuid is None and kind == "disk":
        raise ApiFault(400, "STORAGE_MISSING", "The required attribute storage is missing.")
    storage = cloud.storage(uuid) if uuid is not None else None
    attach(cloud, server, storage, kind=kind, address=wanted, boot_disk=boots)
    return details(cloud, server)


@routes.post("/server/{uuid}/storage/detach")
def detach_storage(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "storage_device") as f:
        storage = f.get("storage", text(1), None)
        address = f.need("address", device_address) if storage is None else f.get("address", device_address, None)
    fitting = [each for each in server.devices if address in {None, each.address} and storage in {None, each.storage}]
    if not fitting:
        what = f"device address {address}" if storage is None else f"storage {storage}"
        raise ApiFault(409, "DEVICE_ADDRESS_NOT_IN_USE", f"The {what} is not in use.")
    device = fitting[0]
    detach(cloud, server, device)
    return details(cloud, server)


def _drive(server: Server) -> Device:
    device = next((each for each in server.devices if each.type == "cdrom"), None)
    if device is None:
        raise ApiFault(409, "NO_CDROM_DEVICE", "The server has no CD-ROM device.")
    return device


@routes.post("/server/{uuid}/cdrom/load")
def load_cdrom(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "storage_device") as f:
        storage = cloud.storage(f.need("storage", text()))
    require_state(server, "started", "stopped")
    device = _drive(server)
    if device.storage:
        raise ApiFault(409, "CDROM_DEVICE_IN_USE", "There is a disc in the CD-ROM device.")
    check_attachable(storage, "cdrom", server.zone)
    device.storage = storage.uuid
    storage.servers.append(server.uuid)
    return details(cloud, server)


@routes.post("/server/{uuid}/cdrom/eject")
def eject_cdrom(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    require_state(server, "started", "stopped")
    device = _drive(server)
    if not device.storage:
        raise ApiFault(409, "CDROM_EJECT_FAILED", "There is no disc in the CD-ROM device.")
    release(cloud, server, device)
    return details(cloud, server)
