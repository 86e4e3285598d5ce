"""Storages: checks of states and limits, and removal (chapter 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.records import Storage
from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault
from upcloud_sdk.simulator.wire.fields import one_of

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

TIER = one_of("maxiops", "standard", "hdd")


def storage_state_illegal(storage: Storage) -> ApiFault:
    message = f"The operation is not allowed while the storage {storage.uuid} is in state '{storage.state}'."
    return ApiFault(409, "STORAGE_STATE_ILLEGAL", message)


def details(cloud: Cloud, storage: Storage, status: int = 200) -> Answer:
    return Answer(status, {"storage": documents.storage_details(cloud, storage)})


def own_storage(cloud: Cloud, uuid: str) -> Storage:
    """A storage that the account may change."""
    storage = cloud.storage(uuid)
    if storage.access == "public":
        raise ApiFault(403, "STORAGE_FORBIDDEN", f"The storage {storage.uuid} is public and cannot be changed.")
    return storage


def require_online(storage: Storage) -> None:
    if storage.state not in {"online", "syncing"}:
        raise storage_state_illegal(storage)


def require_at_rest(cloud: Cloud, storage: Storage) -> None:
    """The storage is online, and detached or its server stopped."""
    for uuid in storage.servers:
        server = cloud.servers[uuid]
        if server.state != "stopped":
            message = f"The operation is not allowed while the server {uuid} is in state '{server.state}'."
            raise ApiFault(409, "SERVER_STATE_ILLEGAL", message)
    require_online(storage)


def check_room(cloud: Cloud, zone: str, tier: str, size: int) -> None:
    """Refuse a size above the account's limit for a tier, or a tier that is sold out in the zone."""
    if cloud.is_sold_out(zone, tier):
        message = f"There is no room for the tier {tier} in the zone {zone} at the moment."
        raise ApiFault(409, "STORAGE_RESOURCES_UNAVAILABLE", message)
    limit = cloud.account.resource_limits.get(f"storage_{tier}")
    used = sum(each.size for each in cloud.storages.values() if each.tier == tier and each.type == "normal")
    if limit is not None and used + size > limit:
        code = "MAXIOPS_STORAGE_LIMIT_REACHED" if tier == "maxiops" else "STORAGE_LIMIT_REACHED"
        raise ApiFault(403, code, f"The account may have {limit} GB of the tier {tier}.")


def delete_storage(cloud: Cloud, storage: Storage, backups: str) -> None:
    """Remove a storage and, by the policy, its backups."""
    doomed = cloud.backups_of(storage.uuid)
    doomed = {"keep": [], "keep_latest": doomed[:-1], "delete": doomed}[backups]
    for each in (storage, *doomed):
        cloud.forget(each)
        usage.close(cloud, each)
        cloud.storage_imports.pop(each.uuid, None)
        cloud.storages.pop(each.uuid, None)


def resize_backup(cloud: Cloud, storage: Storage) -> Storage:
    """Create the backup before a resize of a file system."""
    backup = Storage(
        cloud.new_uuid("storage"),
        "Resize Backup",
        storage.size,
        type="backup",
        zone=storage.zone,
        origin=storage.uuid,
    )
    backup.created, backup.encrypted = cloud.clock.now(), storage.encrypted
    cloud.storages[backup.uuid] = backup
    return backup
