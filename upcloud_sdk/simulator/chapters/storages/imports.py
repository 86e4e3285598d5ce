"""Imports into storages: from a URL, or by an upload (chapter 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Step, StorageImport
from upcloud_sdk.simulator.rules.storages import own_storage, require_at_rest, require_online
from upcloud_sdk.simulator.state.imports import (
    IN_PROGRESS,
    free,
)
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, text
from upcloud_sdk.simulator.wire.formats import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Storage
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_PENDING, _IMPORTING, _ONLINE = 0.25, 0.5, 1.5
"""When each state begins, as a part of the import's duration. `completed` is 1."""


def document_of(cloud: Cloud, one: StorageImport) -> Document:
    """Unknown values are empty."""
    read, written = _progress(cloud, one)
    document: Document = {
        "client_content_length": one.client_content_length,
        "client_content_type": one.client_content_type,
        "completed": "" if one.completed is None else iso(one.completed),
        "created": iso(one.created),
        "error_code": one.error_code,
        "error_message": one.error_message,
        "md5sum": one.md5sum,
        "read_bytes": read,
        "sha256sum": one.sha256sum,
        "source": one.source,
        "state": one.state,
        "uuid": one.uuid,
        "written_bytes": written,
    }
    if one.source == "http_import":
        return document | {"source_location": one.source_location}
    return document | {"direct_upload_url": one.direct_upload_url}


def _progress(cloud: Cloud, one: StorageImport) -> tuple[int, int]:
    """Bytes read and written. For a download, in proportion to the time."""
    due = one.steps[0].due if one.steps else None
    if one.source != "http_import" or one.state != "importing" or due is None:
        return one.read_bytes, one.written_bytes
    start = one.began + (due - one.began) * _IMPORTING
    read = int(
        one.client_content_length * min(1.0, (cloud.clock.now() - start) / (due - start) if due > start else 1.0)
    )
    return read, read


def _import_of(cloud: Cloud, storage: Storage) -> StorageImport:
    one = cloud.storage_imports.get(storage.uuid)
    if one is None:
        raise ApiFault(404, "STORAGE_IMPORT_NOT_FOUND", f"The storage {storage.uuid} has no import.")
    return one


@routes.get("/storage/{uuid}/import")
def get_import(cloud: Cloud, call: Call) -> Answer:
    one = _import_of(cloud, cloud.storage(call.args["uuid"]))
    return Answer(200, {"storage_import": document_of(cloud, one)})


@routes.post("/storage/{uuid}/import")
def create_import(cloud: Cloud, call: Call) -> Answer:
    storage = own_storage(cloud, call.args["uuid"])
    with fields(call, "storage_import") as f:
        source = f.need("source", one_of("direct_upload", "http_import"))
        location = f.get("source_location", _address, "")
    if source == "http_import" and not location:
        raise ApiFault(400, "SOURCE_LOCATION_MISSING", "The required attribute source_location is missing.")
    if storage.type != "normal":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", f"A storage of the type {storage.type} takes no import.")
    running = cloud.storage_imports.get(storage.uuid)
    if running is not None and running.state in IN_PROGRESS | {"cancelling"}:
        raise ApiFault(409, "IMPORT_UNAVAILABLE", f"An import into the storage {storage.uuid} is in progress.")
    require_at_rest(cloud, storage)
    require_online(storage)
    one = StorageImport(cloud.new_uuid("import"), storage.uuid, source, cloud.clock.now(), location)
    cloud.storage_imports[storage.uuid] = one
    storage.state = "maintenance"
    if source == "http_import":
        _start_download(cloud, one, storage)
    else:
        host = call.origin or f"https://{storage.zone}.img.upcloud.com"
        one.direct_upload_url = f"{host}/uploader/session/{one.uuid}"
    return Answer(201, {"storage_import": document_of(cloud, one)})


def _address(value: object) -> str:
    location = text(0, 2048)(value)
    if location and not location.startswith(("http://", "https://")):
        raise ValueError("An http or https address was expected.")
    return location


def _start_download(cloud: Cloud, one: StorageImport, storage: Storage) -> None:
    now, length = cloud.clock.now(), cloud.storage_seconds
    steps = [(_PENDING, "pending"), (_IMPORTING, "importing"), (1, "downloaded")]
    cloud.schedule(one, *(Step(event, now + length * part) for part, event in steps))
    cloud.schedule(storage, Step("syncing", now + length), Step("online", now + length * _ONLINE))


@routes.post("/storage/{uuid}/import/cancel")
def cancel_import(cloud: Cloud, call: Call) -> Answer:
    one = _import_of(cloud, own_storage(cloud, call.args["uuid"]))
    if one.state not in IN_PROGRESS:
        raise ApiFault(409, "STORAGE_IMPORT_NOT_IN_PROGRESS", f"The import {one.uuid} is {one.state}.")
    one.state = "cancelling"
    due = cloud.clock.now() + cloud.storage_seconds * _PENDING
    cloud.schedule(one, Step("cancelled", due))
    free(cloud, one, due)
    return Answer(202, {"storage_import": document_of(cloud, one)})
