"""The steps of an import into a storage: by time, or as its bytes arrive (chapter 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.records import Step, StorageImport
from upcloud_sdk.simulator.wire.content import Content

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.account_state import AccountState


IN_PROGRESS = frozenset({"prepared", "pending", "importing"})


def entered(cloud: AccountState, one: StorageImport, event: str, when: float) -> None:
    """Apply the next step of an import."""
    if event == "importing" and one.source == "http_import":
        found = _downloaded(cloud, one)
        one.client_content_length = 0 if found is None else len(found)
        one.client_content_type = "application/octet-stream"
    if event != "downloaded":
        one.state = event
        return
    body = _downloaded(cloud, one)
    if body is None:
        fail(cloud, one, "IMPORT_FAILURE", f"The address {one.source_location} could not be read.")
        return
    content = Content(_kind_of(one.source_location), capacity_of(cloud, one))
    try:
        content.write(body)
        content.finish()
    except ValueError as error:
        fail(cloud, one, "IMPORT_FAILURE", str(error))
        return
    complete(one, content, when)


def _downloaded(cloud: AccountState, one: StorageImport) -> bytes | None:
    """The content at the URL: as set by a test, or else the URL itself."""
    return cloud.downloads.get(one.source_location, one.source_location.encode())


def _kind_of(location: str) -> str:
    path = location.partition("?")[0]
    return "application/gzip" if path.endswith(".gz") else "application/x-xz" if path.endswith(".xz") else ""


def capacity_of(cloud: AccountState, one: StorageImport) -> int:
    """How many bytes fit into the storage."""
    storage = cloud.storages.get(one.storage)
    return 0 if storage is None else storage.size * 1024**3


def complete(one: StorageImport, content: Content, when: float) -> None:
    """Complete the import. The checksums are those of the written data."""
    one.read_bytes, one.written_bytes = content.read_bytes, content.written_bytes
    one.md5sum, one.sha256sum = content.md5.hexdigest(), content.sha256.hexdigest()
    one.state, one.completed = "completed", when


def fail(cloud: AccountState, one: StorageImport, code: str, message: str) -> None:
    """Fail the import. The storage can be used for another one."""
    cloud.forget(one)
    one.state, one.completed = "failed", cloud.clock.now()
    one.error_code, one.error_message = code, message
    free(cloud, one, cloud.clock.now())


def free(cloud: AccountState, one: StorageImport, when: float) -> None:
    storage = cloud.storages.get(one.storage)
    if storage is not None:
        cloud.schedule(storage, Step("online", when))
