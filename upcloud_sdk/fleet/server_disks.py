"""New disks for servers, which are deleted with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.fleet.server_waits import ServerWaits

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

        They find the disk by its title. The old disk costs money until it is deleted, unless the spec has
        `delete_detached_disk`.

        Args:
            uuid: Uuid of the server, or the server itself.
            spec: The template and the new disk.

        Raises:
            IllegalState: The server is not stopped.
            OutcomeUnknown: No answer came. Check its disks before you try again.
        """
        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        title = await self._fleet.announce_disk(uuid, spec.storage_title or "rebuilt")
        if title is not None:
            spec = spec.model_copy(update={"storage_title": title})
        return await self.rebuild(uuid, spec)

    async def clone_disk(self, uuid: Uuid, source: Uuid, spec: StorageCloneSpec, *, timeout: float = 300) -> Storage:
        """Clone a disk or a template for a server, and wait until the clone is online. It is not attached.

        `destroy` and the reaper delete it with the server. They find the disk by its title.

        Args:
            uuid: Uuid of the server, or the server itself.
            source: Uuid of the disk or template to copy, or the storage itself.
            spec: Title, zone and tier of the clone.
            timeout: Limit for the whole clone, in seconds.

        Raises:
            ValueError: The SDK did not create the server, so the disk could not be found later.
            WaitTimeout: The clone was not online within `timeout` seconds.
            OutcomeUnknown: No answer came. A clone that appears is deleted with the server.
        """
        from upcloud_sdk.fleet.storages import Storages  # noqa: PLC0415 - rarely used

        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        title = await self._fleet.announce_disk(uuid, spec.title)
        if title is None:
            raise ValueError(f"server {uuid} has no attempt label: a disk created for it would not be deleted with it")
        storages = Storages(self._core, self._get_fleet)
        clone = await storages.clone(source, spec.model_copy(update={"title": title}))
        return await storages.wait_for_state(clone.uuid, "online", timeout=timeout)
