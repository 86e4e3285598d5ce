"""Replaces the disk of a server between jobs, so that a job finds no files of the previous one.

With a public template, the server is rebuilt and gets new user_data. With any other template, a new clone replaces the
old disk. The clone can be made while the previous job still runs, and the user_data stay those of the create.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import WaitPolicy
from upcloud_sdk.billing import is_metered
from upcloud_sdk.errors import IllegalState, ResourceFailed, UpCloudError
from upcloud_sdk.models import ServerChanges, ServerRebuildSpec, ServerState, StorageChanges, StorageCloneSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk import Server, ServerSpec, UpCloud
    from upcloud_sdk.models import StorageDevice, StorageSummary
    from upcloud_sdk.waiting import Clock

log = logging.getLogger("upcloud_sdk")

CLONE_AGAIN_AFTER = 2.0
"""Seconds before a refused clone is retried."""


class FreshDisk:
    """The system disk of one server, replaced between two jobs.

    Call `switch_off`, then `renew`, as often as needed, and `prepare` while a job runs. After an error, destroy the
    server: that deletes all its disks, including a prepared one. `clock`: that of the client's `WaitPolicy`. None: the
    event loop's.
    """

    def __init__(self, cloud: UpCloud, server: Server, template: StorageSummary, *, clock: Clock | None = None) -> None:
        self._cloud, self._server, self._template = cloud, server, template
        self._clock = clock or WaitPolicy().clock
        self._clone: str | None = None
        """Uuid of the prepared disk."""
        self._cloning = anyio.Lock()

    @property
    def is_rebuilt(self) -> bool:
        """Whether the guest gets new user_data each time. True for public templates."""
        return self._template.access == "public"

    @property
    def is_worth_it(self) -> bool:
        """Whether the paid hour continues while the server is stopped. If not, each start costs a new hour."""
        return is_metered(self._server.plan or "", "stopped")

    async def prepare(self, spec: ServerSpec, *, timeout: float) -> None:
        """Make the next disk while the old one is in use, if possible. If it fails, `renew` tries again."""
        if self.is_rebuilt:
            return
        try:
            await self._clone_once(spec, timeout)
        except UpCloudError as error:
            log.warning("server %s: could not make its next disk yet: %s", self._server.uuid, error)

    async def switch_off(self, *, timeout: float) -> None:
        """Stop the server and wait until it is stopped. Then no process of the previous build runs.

        Raises:
            UpCloudError: The server may still run.
        """
        servers, uuid = self._cloud.servers, self._server.uuid
        await servers.stop(uuid, stop_type="hard")
        await servers.wait_for_state(uuid, ServerState.STOPPED, timeout=timeout)

    async def renew(
        self, spec: ServerSpec, *, timeout: float, starts: Callable[[], object], was_sealed: bool = False
    ) -> None:
        """Replace the disk of the stopped server, start the server and wait for that. Deletes the old disk.

        Args:
            spec: As for a new server. Only system disk, login and, if `is_rebuilt`, user_data are used.
            timeout: Limit for each wait, in seconds.
            starts: Called just before the server starts. From then on its guest may call.
            was_sealed: Whether the metadata service was switched off. The next guest needs it again.

        Raises:
            UpCloudError: It failed. Destroy the server.
        """
        servers, uuid = self._cloud.servers, self._server.uuid
        if was_sealed and spec.metadata:
            await servers.modify(uuid, ServerChanges(metadata=True))
        if self.is_rebuilt:
            starts()
            await servers.rebuild_disk(uuid, _rebuild_spec(spec), timeout=timeout)
        else:
            await self._exchange(spec, timeout)
            starts()
            await servers.start(uuid)
            await servers.wait_for_state(uuid, ServerState.STARTED, timeout=timeout)

    async def _clone_once(self, spec: ServerSpec, timeout: float) -> str:
        """The uuid of the prepared clone. Makes it if there is none. A private template makes one clone at a time."""
        ends = self._clock.now() + timeout
        async with self._cloning:
            while self._clone is None:
                try:
                    self._clone = await self._make_clone(spec, timeout)
                except IllegalState:
                    # Refused without effect: the template makes a clone for another server.
                    left = ends - self._clock.now()
                    if left <= 0:
                        raise
                    source = spec.storage_devices[0].storage or self._template.uuid
                    await self._cloud.storages.wait_for_state(source, "online", timeout=left)
                    # Don't flood the API if it refuses for another reason.
                    await self._clock.sleep(CLONE_AGAIN_AFTER)
            return self._clone

    async def _make_clone(self, spec: ServerSpec, timeout: float) -> str:
        disk, server = spec.storage_devices[0], self._server
        wanted = StorageCloneSpec(
            zone=server.zone or spec.zone, title=disk.title or spec.title, tier=disk.tier, encrypted=disk.encrypted
        )
        source = disk.storage or self._template.uuid
        clone = await self._cloud.servers.clone_disk(server.uuid, source, wanted, timeout=timeout)
        if disk.size is not None and clone.size is not None and disk.size > clone.size:
            await self._cloud.storages.modify(clone.uuid, StorageChanges(size=disk.size))
        return clone.uuid

    async def _exchange(self, spec: ServerSpec, timeout: float) -> None:
        """Put the clone in the place of the old disk, and delete the old disk."""
        servers, uuid = self._cloud.servers, self._server.uuid
        clone = await self._clone_once(spec, timeout)
        self._clone = None
        old = _boot_device((await servers.get(uuid)).storage_devices)
        if old is None or old.storage is None:
            raise ResourceFailed("server", uuid, ServerState.STOPPED)
        await servers.detach_storage(uuid, old.address)
        await servers.attach_storage(uuid, clone, address=old.address, boot_disk=old.boot_disk is not False)
        await self._cloud.storages.delete(old.storage, backups="delete")


def _rebuild_spec(spec: ServerSpec) -> ServerRebuildSpec:
    disk = spec.storage_devices[0]
    return ServerRebuildSpec(
        clone_source=disk.storage or "",
        delete_detached_disk=True,
        storage_title=disk.title or spec.title,
        encrypted=disk.encrypted,
        login_user=spec.login_user,
        user_data=spec.user_data,
    )


def _boot_device(devices: tuple[StorageDevice, ...]) -> StorageDevice | None:
    """The boot disk: the one that is set, or the first."""
    disks = (device for device in devices if device.type == "disk")
    return min(disks, key=lambda device: not device.boot_disk, default=None)
