"""Move a server between a public zone and a private cloud at the same location (chapter 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.servers import details, require_state
from upcloud_sdk.simulator.rules.storages import storage_state_illegal
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server, Storage
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@routes.post("/server/{uuid}/relocate")
def relocate_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, None) as f:
        zone = cloud.catalog.zone(f.need("zone", text(1)))
    require_state(server, "stopped")
    _check_zones(cloud, server, zone)
    storages = _storages(cloud, server)
    server.zone = zone
    for storage in storages:
        storage.zone = zone
    for interface in server.interfaces:
        for address in interface.ip_addresses:
            address.zone = zone
    return details(cloud, server)


def _check_zones(cloud: Cloud, server: Server, zone: str) -> None:
    """Allow moves between public and private zones of one location: the part of the zone's id before the hyphen."""
    kinds = {cloud.catalog.zones[each]["public"] for each in (server.zone, zone)}
    if len(kinds) != 2 or server.zone.partition("-")[0] != zone.partition("-")[0]:
        raise ApiFault(409, "ZONE_MISMATCH", f"A server cannot be relocated from {server.zone} to {zone}.")
    if any(interface.type == "private" for interface in server.interfaces):
        raise ApiFault(409, "ZONE_MISMATCH", "A server with a private network cannot be relocated.")


def _storages(cloud: Cloud, server: Server) -> list[Storage]:
    """The storages that move with the server: its disks and their backups. All must be online."""
    own = [cloud.storages[device.storage] for device in server.devices if device.storage in cloud.storages]
    moving = own + [backup for storage in own for backup in cloud.backups_of(storage.uuid)]
    for storage in moving:
        if storage.state != "online":
            raise storage_state_illegal(storage)
    return moving
