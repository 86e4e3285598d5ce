"""The disks of a server that is being destroyed: which of them to delete or release, and how."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import Conflict, NotFound, UpCloudError
from upcloud_sdk.fleet.destroy.delete import send_delete
from upcloud_sdk.fleet.destroy.titled_disks import label, titled_disks
from upcloud_sdk.fleet.records.observed import attached_disks, disks_of, get_storage
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk._transport import Transport
    from upcloud_sdk.fleet.records.labels import LabelEditor
    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.fleet.records.records import Record

log = logging.getLogger("upcloud_sdk")


class Disks:
    """The disks of the server of one destroy."""

    def __init__(self, transport: Transport, labels: LabelEditor, record: Record) -> None:
        self._transport, self._labels, self._record = transport, labels, record
        self.attached: dict[str, bool] | None = None
        """The attached disks, and whether each was created with the server. None if they were not read."""
        # Only a list shows which of them have a lease.
        self.made = None if record.storages == "none" else record.disks
        """The disks that were created with the server. None if not known."""
        self.leased = frozenset[str]()
        """The created disks that have a lease."""
        self.deleted = frozenset[str]()
        """The deleted disks."""
        self._titled = frozenset[str]()

    async def read_attached(self, server: ObservedServer) -> None:
        """Read which of the attached disks were created with the server."""
        disks = await attached_disks(self._transport, server) if self._record.attempt else {}
        self.attached = {
            disk: labels.get(ATTEMPT) == self._record.attempt or disk in self._titled for disk, labels in disks.items()
        }

    async def read_titled(self) -> None:
        """Find disks without labels that were created for the server, and add labels, so that others find them."""
        if self._record.attempt is None or not self._record.is_titled:
            return
        found = await titled_disks(self._transport, attempt=self._record.attempt)
        self._titled = frozenset(each.disk.uuid for each in found)
        if self.made is not None:
            self.made |= self._titled
        for each in found:
            try:
                await label(self._labels, each, Ownership.read(self._record.labels or {}))
            except UpCloudError as error:
                # It may not be complete yet.
                log.debug("disk %s of server %s could not get labels yet: %s", each.disk.uuid, self._record.uuid, error)

    async def find_made(self) -> None:
        """Read which disks were created with the server."""
        assert self._record.attempt is not None
        await self.read_titled()
        found = await disks_of(self._transport, self._record.attempt)
        # A list can lag, so remember the disks that were seen on the server.
        attached = frozenset(disk for disk, is_ours in (self.attached or {}).items() if is_ours)
        self.made = frozenset(disk.uuid for disk in found) | self._titled | attached
        self.leased = frozenset(disk.uuid for disk in found if LEASE in disk.labels)

    async def release(self) -> None:
        """Remove the leases of disks to keep, so that they are never reaped."""
        for disk in sorted(self.leased):
            with suppress(NotFound):
                await self._labels.edit_storage(disk, {LEASE: None})
            self.leased -= {disk}

    def note_deleted_server(self, server: ObservedServer, *, with_all: bool) -> None:
        """Note that the server is gone: with all attached disks, or perhaps without them."""
        attached = frozenset(str(each.storage) for each in server.storage_devices if each.type == "disk")
        if with_all:
            self.deleted |= attached
        elif self._record.storages == "all":
            self.made = attached | (self.made or frozenset())

    async def delete(self, on_failure: Callable[[UpCloudError], None]) -> bool:
        """Delete the disks that were created with the server. Returns whether all are gone."""
        assert self.made is not None
        for disk in sorted(self.made - self.deleted):
            try:
                await self._delete(disk)
            except UpCloudError as error:
                on_failure(error)
                continue
            self.deleted |= {disk}
        return self.made <= self.deleted

    async def _delete(self, disk: str) -> None:
        path = f"/storage/{path_segment(disk, 'uuid')}"
        backups = self._record.backups
        try:
            await send_delete(self._transport, path, [] if backups is None else [("backups", backups)])
        except NotFound:
            return
        except Conflict as conflict:
            try:
                seen = await get_storage(self._transport, disk)
            except NotFound:
                return
            uuid = self._record.uuid
            if not seen.servers or uuid in seen.servers:
                raise conflict from None
            log.warning("disk %s, created with server %s, is attached to another server: it is kept", disk, uuid)
