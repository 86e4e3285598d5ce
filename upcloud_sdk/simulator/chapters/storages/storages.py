"""List, get, create, modify and delete storages (chapter 9). See also `copies`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Storage
from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.rules.backup_rules import read_backup_policy, read_backup_rule
from upcloud_sdk.simulator.rules.storages import (
    TIER,
    check_room,
    delete_storage,
    details,
    own_storage,
    require_at_rest,
    require_online,
    resize_backup,
)
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, Pause
from upcloud_sdk.simulator.wire.fields import fields, text, whole, yes_no
from upcloud_sdk.simulator.wire.paging import STORAGES, in_order, page, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_KINDS: dict[str, Callable[[Storage], bool]] = {
    "public": lambda storage: storage.access == "public",
    "private": lambda storage: storage.access == "private",
    "favorite": lambda storage: storage.favorite,
    "normal": lambda storage: storage.type == "normal",
    "backup": lambda storage: storage.type == "backup",
    "cdrom": lambda storage: storage.type == "cdrom",
    "template": lambda storage: storage.type == "template",
}

_KEYS: dict[str, Callable[[Storage], str | float]] = {
    "created": lambda storage: storage.created or 0,
    "size": lambda storage: storage.size,
    "tier": lambda storage: storage.tier or "",
    "title": lambda storage: storage.title,
    "type": lambda storage: storage.type,
    "zone": lambda storage: storage.zone or "",
}
"""Sort keys of storages."""


def _listed(cloud: Cloud, call: Call, *kinds: str) -> Answer:
    for kind in kinds:
        if kind not in _KINDS:
            raise ApiFault(400, "STORAGE_INVALID", "The storage UUID is invalid.")
    filters, now = labels.wanted(call), cloud.clock.now()
    # The own ones first: official clients look up a storage in the first page, and most entries are public.
    search = (call.param("search") or "").lower()
    found = [
        storage
        for records in (cloud.storages, cloud.catalog.storages)
        for storage in records.values()
        if storage.hidden_until <= now
        and all(_KINDS[kind](storage) for kind in kinds)
        and labels.match(storage.labels, filters)
        and search in f"{storage.title}\n{storage.uuid}".lower()
    ]
    found = list(in_order(call, found, _KEYS))
    shown = found if "favorite" in kinds else page(call, found, STORAGES)
    headers = total(found, told=cloud.total_count)
    return Answer(
        200, {"storages": {"storage": [documents.storage_summary(cloud, each) for each in shown]}}, headers=headers
    )


@routes.get("/storage")
def list_storages(cloud: Cloud, call: Call) -> Answer:
    return _listed(cloud, call)


@routes.get("/storage/{uuid}")
def get_storage(cloud: Cloud, call: Call) -> Answer:
    """A storage, or a list of one kind: both have the same path."""
    if call.args["uuid"] in _KINDS:
        return _listed(cloud, call, call.args["uuid"])
    return details(cloud, cloud.storage(call.args["uuid"]))


@routes.get("/storage/{access}/{kind}")
def list_storages_by_two(cloud: Cloud, call: Call) -> Answer:
    return _listed(cloud, call, call.args["access"], call.args["kind"])


@routes.get("/storage/{access}/{kind}/favorite")
def list_favorites(cloud: Cloud, call: Call) -> Answer:
    return _listed(cloud, call, call.args["access"], call.args["kind"], "favorite")


@routes.post("/storage")
def create_storage(cloud: Cloud, call: Call) -> Answer | Pause:
    with fields(call, "storage") as f:
        zone = cloud.catalog.zone(f.need("zone", text(1)))
        title = f.need("title", text(1, 255), code="STORAGE_TITLE")
        size = f.need("size", whole(1, 4096))
        tier = f.get("tier", TIER, "maxiops")
        storage = Storage(cloud.new_uuid("storage"), title, size, zone=zone, tier=tier, created=cloud.clock.now())
        storage.encrypted = f.get("encrypted", yes_no, "no")
        storage.backup_rule = read_backup_rule(f) or {}
        storage.labels = labels.read_bare(f) or {}
    cloud.check_credits()
    check_room(cloud, zone, tier, size)
    storage.hidden_until = cloud.clock.now() + cloud.list_lag
    cloud.storages[storage.uuid] = storage
    return Pause(cloud.storage_seconds, lambda: details(cloud, storage, 201))


@routes.put("/storage/{uuid}")
def modify_storage(cloud: Cloud, call: Call) -> Answer | Pause:
    storage = own_storage(cloud, call.args["uuid"])
    require_online(storage)
    with fields(call, "storage") as f:
        title = f.get("title", text(1, 255), storage.title, code="STORAGE_TITLE")
        size = f.get("size", whole(1, 4096), storage.size)
        resizes = f.get("filesystem_resize", yes_no, "no") == "yes"
        rule = read_backup_rule(f)
        wanted = labels.read_bare(f)
    if rule and any(cloud.servers[uuid].simple_backup != "no" for uuid in storage.servers):
        raise ApiFault(409, "BACKUP_RULE_CONFLICT", "The storage's server has a simple backup.")
    grows = size != storage.size
    if size < storage.size:
        raise ApiFault(400, "SIZE_INVALID", f"A storage cannot shrink: it has {storage.size} GB.")
    if grows:
        require_at_rest(cloud, storage)
        check_room(cloud, storage.zone or "", storage.tier or "", size - storage.size)
        usage.close(cloud, storage)
        if resizes:
            resize_backup(cloud, storage)
    storage.title, storage.size = title, size
    for uuid in storage.servers:
        if uuid in cloud.servers:  # a test may have removed it
            usage.share_plan(cloud, cloud.servers[uuid])
    if rule is not None:
        storage.backup_rule = rule
    if wanted is not None:
        own = {key: value for key, value in storage.labels.items() if key.startswith("_")}
        storage.labels = own | wanted
    return Pause(cloud.storage_seconds if grows else 0, lambda: details(cloud, storage, 202))


@routes.delete("/storage/{uuid}")
def delete_one_storage(cloud: Cloud, call: Call) -> Answer:
    storage = own_storage(cloud, call.args["uuid"])
    policy = read_backup_policy(call)
    if storage.servers:
        raise ApiFault(409, "STORAGE_ATTACHED", f"The storage {storage.uuid} is attached to a server.")
    require_online(storage)
    delete_storage(cloud, storage, policy)
    return Answer(204)


@routes.post("/storage/{uuid}/favorite")
def add_favorite(cloud: Cloud, call: Call) -> Answer:
    cloud.storage(call.args["uuid"]).favorite = True
    return Answer(204)


@routes.delete("/storage/{uuid}/favorite")
def remove_favorite(cloud: Cloud, call: Call) -> Answer:
    cloud.storage(call.args["uuid"]).favorite = False
    return Answer(204)
