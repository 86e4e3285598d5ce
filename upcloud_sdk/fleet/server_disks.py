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

    async def rebuild_disk(self, uuid: Uuid, spec: ServerRebuildSpec, *, timeout: float = 600) -> Server:
        """Rebuild a server from a template, and wait until it is started.

        `destroy` and the reaper delete the new disk with the server. Its title ends with ids until it has its labels.
        The old disk costs money until it is deleted, unless the spec has `delete_detached_disk`.

        Args:
            uuid: Uuid of the server, or the server itself.
            spec: The template and the new disk.
            timeout: Limit for the whole rebuild, in seconds.

        Raises:
            IllegalState: The server is not stopped.
            WaitTimeout: The server was not started within `timeout` seconds.
            OutcomeUnknown: No answer came. Check its disks before you try again.
        """
        from upcloud_sdk.fleet.copies import Copies  # noqa: PLC0415 - rarely used
        from upcloud_sdk.fleet.records.observed import get_server  # noqa: PLC0415 - rarely used

        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        seen = await get_server(self._core.transport, uuid)
        if seen.ownership.attempt is None:
            await self.rebuild(uuid, spec)
            return await self.wait_for_state(uuid, "started", timeout=timeout)
        title = spec.storage_title or "rebuilt"
        marked = seen.ownership.marked(title)
        server = await self.rebuild(uuid, spec.model_copy(update={"storage_title": marked}))
        # By its title: somebody else may attach another disk meanwhile.
        new = [device.storage for device in server.storage_devices if device.storage_title == marked and device.storage]
        self._fleet.add_copies(uuid, new)
        if new and spec.delete_detached_disk:
            now = {device.storage for device in server.storage_devices}
            for old in seen.storage_devices:
                if old.storage and old.storage not in now:
                    self._fleet.forget_disk(old.storage)
        server = await self.wait_for_state(uuid, "started", timeout=timeout)
        for device in server.storage_devices:
            if device.storage_title == marked and device.storage:
                await Copies(self._fleet).label(uuid, device.storage, device.labels or {}, title)
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
        await copies.label(uuid, clone.uuid, clone.labels, spec.title)
        return clone
