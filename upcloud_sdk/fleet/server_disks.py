"""New disks for servers, which are deleted with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.fleet.server_waits import ServerWaits
from upcloud_sdk.resources._base import body_of

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.server_requests import ServerRebuildSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.models.storage_requests import StorageCloneSpec
    from upcloud_sdk.models.storages import Storage


class ServerDisks(ServerWaits):
    """New disks for servers. `destroy` and the reaper delete them with the server."""

    async def rebuild_disk(self, uuid: Uuid, spec: ServerRebuildSpec) -> Server:
        """Rebuild a server from a template. `destroy` and the reaper delete the new disk with the server.

        They know the disk by its title, which ends with ids of the SDK. It has none of the SDK's labels.

        The old disk costs money until it is deleted, unless the spec has `delete_detached_disk`.

        Args:
            uuid: Uuid of the server, or the server itself.
            spec: The template and the new disk.

        Raises:
            IllegalState: The server is not stopped.
            OutcomeUnknown: No answer came. Check its disks before you try again.
        """
        from upcloud_sdk.fleet.records.observed import get_server  # noqa: PLC0415 - rarely used

        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        seen = await get_server(self._core.transport, uuid)
        if seen.ownership.attempt is None:
            return await self.rebuild(uuid, spec)
        title = seen.ownership.marked(spec.storage_title or "rebuilt")
        server = await self.rebuild(uuid, spec.model_copy(update={"storage_title": title}))
        before = {device.storage for device in seen.storage_devices if device.storage}
        now = {device.storage for device in server.storage_devices if device.storage}
        self._fleet.add_copies(uuid, now - before)
        if spec.delete_detached_disk:
            for old in before - now:
                self._fleet.forget_disk(old)
        return server

    async def clone_disk(self, uuid: Uuid, source: Uuid, spec: StorageCloneSpec, *, timeout: float = 300) -> Storage:
        """Clone a disk or a template for a server, and wait until the clone is online. It is not attached.

        `destroy` and the reaper delete it with the server. Its title ends with ids until it has its labels.

        Args:
            uuid: Uuid of the server, or the server itself.
            source: Uuid of the disk or template to copy, or the storage itself.
            spec: Title, zone and tier of the clone.
            timeout: Limit for the whole clone, in seconds.

        Raises:
            ValueError: The SDK did not create the server, so the disk could not be found later.
            WaitTimeout: The clone was not online within `timeout` seconds.
            OutcomeUnknown: No answer came, and no clone was found. A late one is deleted.
        """
        from upcloud_sdk.fleet.copies import Copies  # noqa: PLC0415 - rarely used
        from upcloud_sdk.fleet.storages import Storages  # noqa: PLC0415 - rarely used

        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        copies = Copies(self._fleet)
        clone = await copies.make(uuid, uuid_of(source), "clone", body_of(spec))
        clone = await Storages(self._core, self._get_fleet).wait_for_state(clone.uuid, "online", timeout=timeout)
        await copies.label(uuid, clone, spec.title)
        return clone
