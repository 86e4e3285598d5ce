"""Attach and detach, by the storage's path (chapter 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.attachments import attach, detach
from upcloud_sdk.simulator.rules.devices import boot_disk, device_address
from upcloud_sdk.simulator.rules.storages import details
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@routes.post("/storage/{uuid}/attach")
def attach_to_server(cloud: Cloud, call: Call) -> Answer:
    storage = cloud.storage(call.args["uuid"])
    with fields(call, "storage_device") as f:
        server = cloud.server(f.need("server", text(1)))
        kind = f.get("type", one_of("disk", "cdrom"), "disk")
        address = f.get("address", device_address, "ide" if kind == "cdrom" else "virtio")
        boots = f.get("boot_disk", boot_disk, "0", code="STORAGE_DEVICE")
    attach(cloud, server, storage, kind=kind, address=address, boot_disk=boots)
    return details(cloud, storage)


@routes.post("/storage/{uuid}/detach")
def detach_from_server(cloud: Cloud, call: Call) -> Answer:
    storage = cloud.storage(call.args["uuid"])
    server = cloud.servers.get(storage.servers[0]) if storage.servers else None
    if server is None:
        raise ApiFault(409, "STORAGE_NOT_ATTACHED", f"The storage {storage.uuid} is attached to no server.")
    detach(cloud, server, next(device for device in server.devices if device.storage == storage.uuid))
    return details(cloud, storage)
