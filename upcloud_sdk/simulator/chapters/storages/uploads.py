"""The upload host: receives the content of an import, without credentials (chapter 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Step, StorageImport
from upcloud_sdk.simulator.state.imports import capacity_of, complete, fail
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call, Refusal, Sink
from upcloud_sdk.simulator.wire.content import Content

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


class _Upload:
    """The body of one upload."""

    def __init__(self, cloud: Cloud, one: StorageImport, kind: str) -> None:
        self._cloud, self._import = cloud, one
        self._content = Content(kind, capacity_of(cloud, one))
        self._problem = ""

    def write(self, chunk: bytes) -> None:
        if self._problem:
            return
        try:
            self._content.write(chunk)
        except ValueError as error:
            self._problem = str(error)
        with self._cloud.lock:
            self._import.read_bytes = self._content.read_bytes
            self._import.written_bytes = self._content.written_bytes

    def finish(self) -> Answer:
        one, content = self._import, self._content
        with self._cloud.lock:
            self._cloud.settle()
            if one.state != "importing":
                return _gone(one).answer()
            try:
                content.finish()
            except ValueError as error:
                self._problem = self._problem or str(error)
            if self._problem:
                fail(self._cloud, one, "CLIENT_FAILURE", self._problem)
                return ApiFault(400, "INVALID_REQUEST", self._problem).answer()
            self._sync()
            complete(one, content, self._cloud.clock.now())
        document = {
            "md5sum": one.md5sum,
            "sha256sum": one.sha256sum,
            "written_bytes": one.written_bytes,
        }
        return Answer(200, document, content_type=PLAIN_JSON)

    def _sync(self) -> None:
        """The storage can be used immediately, and is online a little later."""
        storage = self._cloud.storages.get(self._import.storage)
        if storage is not None:
            storage.state = "syncing"
            self._cloud.schedule(storage, Step("online", self._cloud.clock.now() + self._cloud.storage_seconds))

    def abort(self) -> None:
        with self._cloud.lock:
            if self._import.state == "importing":
                fail(self._cloud, self._import, "CLIENT_FAILURE", "The connection was closed before the end.")


def _gone(one: StorageImport) -> ApiFault:
    return ApiFault(409, "STORAGE_IMPORT_NOT_IN_PROGRESS", f"The import {one.uuid} is {one.state}.")


@routes.upload("PUT", "/uploader/session/{uuid}")
def upload(cloud: Cloud, call: Call) -> Sink:
    """Refuse requests with an Authorization header, since this host must not get credentials."""
    if "authorization" in call.headers:
        message = "The upload host was sent an Authorization header, which is for the API only."
        return Refusal(ApiFault(400, "INVALID_REQUEST", message).answer())
    cloud.settle()
    wanted = call.args["uuid"].lower()
    one = next((each for each in cloud.storage_imports.values() if each.uuid == wanted), None)
    if one is None or one.source != "direct_upload":
        return Refusal(ApiFault(404, "STORAGE_IMPORT_NOT_FOUND", "There is no such upload session.").answer())
    if one.state != "prepared":
        return Refusal(_gone(one).answer())
    one.state = "importing"
    one.client_content_type = call.headers.get("content-type", "")
    length = call.headers.get("content-length", "")
    one.client_content_length = int(length) if length.isascii() and length.isdigit() else 0
    return _Upload(cloud, one, one.client_content_type.partition(";")[0].strip().lower())
