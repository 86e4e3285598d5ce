"""Clone, templatize, back up, restore, cancel, resize (chapter 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Step, Storage
from upcloud_sdk.simulator.rules.documents import storage_details
from upcloud_sdk.simulator.rules.storages import (
    TIER,
    check_room,
    details,
    own_storage,
    require_at_rest,
    require_online,
    resize_backup,
    storage_state_illegal,
)
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, Pause
from upcloud_sdk.simulator.wire.fields import fields, text, yes_no

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


def _copy(cloud: Cloud, source: Storage, copy: Storage, busy: str) -> Answer:
    """Begin a copy. Its source has the state `busy` until the end of the copy."""
    cloud.check_credits()
    now = cloud.clock.now()
    copy.created, copy.state, copy.copied_from = now, "maintenance", source.uuid
    copy.hidden_until = now + cloud.list_lag
    cloud.storages[copy.uuid] = copy
    cloud.copy_disk(source, copy)
    cloud.schedule(copy, Step("online", now + cloud.storage_seconds))
    answer = details(cloud, copy, 201)
    if source.access == "private":
        source.state = busy
    return answer


@routes.post("/storage/{uuid}/clone")
def clone_storage(cloud: Cloud, call: Call) -> Answer:
    source = cloud.storage(call.args["uuid"])
    with fields(call, "storage") as f:
        zone = cloud.catalog.zone(f.need("zone", text(1)))
        title = f.need("title", text(1, 255), code="STORAGE_TITLE")
        tier = f.get("tier", TIER, source.tier or "maxiops")
        encrypted = f.get("encrypted", yes_no, source.encrypted)
    require_at_rest(cloud, source)
    check_room(cloud, zone, tier, source.size)
    copy = Storage(cloud.new_uuid("storage"), title, source.size, zone=zone, tier=tier, encrypted=encrypted)
    copy.license, copy.labels = source.license, cloud.template_labels(source)
    return _copy(cloud, source, copy, "cloning")


@routes.post("/storage/{uuid}/templatize")
def templatize_storage(cloud: Cloud, call: Call) -> Answer:
    source = own_storage(cloud, call.args["uuid"])
    with fields(call, "storage") as f:
        title = f.need("title", text(1, 255), code="STORAGE_TITLE")
    if source.type != "normal":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {source.type} cannot become a template.")
    require_at_rest(cloud, source)
    copy = Storage(cloud.new_uuid("storage"), title, source.size, type="template", zone=source.zone, tier=source.tier)
    copy.license, copy.encrypted = source.license, source.encrypted
    copy.template_type = "native"
    answer = _copy(cloud, source, copy, "cloning")
    document = storage_details(cloud, copy)
    for name in ("progress", "template_type"):  # only a GET has them
        document.pop(name, None)
    answer.document = {"storage": document}
    return answer


@routes.post("/storage/{uuid}/backup")
def backup_storage(cloud: Cloud, call: Call) -> Answer:
    source = own_storage(cloud, call.args["uuid"])
    with fields(call, "storage") as f:
        title = f.need("title", text(1, 255), code="STORAGE_TITLE")
    if source.type != "normal":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {source.type} has no backups.")
    require_online(source)
    copy = Storage(cloud.new_uuid("storage"), title, source.size, type="backup", zone=source.zone, origin=source.uuid)
    copy.encrypted = source.encrypted
    return _copy(cloud, source, copy, "backuping")


@routes.post("/storage/{uuid}/restore")
def restore_backup(cloud: Cloud, call: Call) -> Answer:
    backup = own_storage(cloud, call.args["uuid"])
    if backup.type != "backup":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"The storage {backup.uuid} is not a backup.")
    require_online(backup)
    origin = cloud.storages.get(backup.origin or "")
    if origin is None:
        raise ApiFault(404, "STORAGE_NOT_FOUND", f"The storage {backup.origin} does not exist.")
    require_at_rest(cloud, origin)
    origin.state = "maintenance"
    cloud.schedule(origin, Step("online", cloud.clock.now() + cloud.storage_seconds))
    return Answer(204)


@routes.post("/storage/{uuid}/cancel")
def cancel_copy(cloud: Cloud, call: Call) -> Answer:
    copy = own_storage(cloud, call.args["uuid"])
    if copy.copied_from is None or copy.state != "maintenance" or copy.type == "backup":
        raise ApiFault(409, "UNABLE_TO_CANCEL", f"The storage {copy.uuid} is not being cloned.")
    source = cloud.storages.get(copy.copied_from)
    if source is not None:
        source.state = "online"
    cloud.forget(copy)
    del cloud.storages[copy.uuid]
    return Answer(204)


@routes.post("/storage/{uuid}/resize")
def resize_filesystem(cloud: Cloud, call: Call) -> Pause:
    storage = own_storage(cloud, call.args["uuid"])
    if storage.type != "normal":
        raise ApiFault(
            409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {storage.type} has no filesystem to resize."
        )
    require_at_rest(cloud, storage)
    if storage.state != "online":
        raise storage_state_illegal(storage)
    backup = resize_backup(cloud, storage)
    storage.state = "maintenance"
    cloud.schedule(storage, Step("online", cloud.clock.now() + cloud.storage_seconds))

    def resized() -> Answer:
        cloud.complete(storage)
        return Answer(200, {"resize_backup": storage_details(cloud, backup)})

    return Pause(cloud.storage_seconds, resized)
