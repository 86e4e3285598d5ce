"""The disks of a server that is being destroyed: which of them to delete or release, and how."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from upcloud_sdk.errors import Conflict, NotFound, UnexpectedAnswer, UpCloudError
from upcloud_sdk.fleet.records.observed import attached_disks, disks_of, get_storage
from upcloud_sdk.models.ownership import ATTEMPT, LEASE
from upcloud_sdk.resources._delete import delete_storage

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
        self._made = None if record.storages == "none" else record.disks
        self.leased = frozenset[str]()
        """The created disks that have a lease."""
        self.deleted = frozenset[str]()
        """The deleted disks."""
        self._copies = frozenset[str]()

    @property
    def made(self) -> frozenset[str] | None:
        """The disks that were created with the server, and later for it. None if not known."""
        return None if self._made is None else self._made | self.copies

    @property
    def copies(self) -> frozenset[str]:
        """The copies among them, which may have become images since."""
        return self._copies | self._record.copies

    async def read_attached(self, server: ObservedServer) -> None:
        """Read which of the attached disks were created with the server."""
        disks = await attached_disks(self._transport, server) if self._record.attempt else {}
        self.attached = {disk: attempt == self._record.attempt for disk, attempt in disks.items()}

    async def find_made(self) -> None:
        """Read which disks were created with the server."""
        assert self._record.attempt is not None
        found = await disks_of(self._transport, self._record.attempt)
        # A list can lag, so remember the disks that were seen on the server.
        attached = frozenset(disk for disk, is_ours in (self.attached or {}).items() if is_ours)
        self._made = frozenset(disk.uuid for disk in found) | attached
        self._copies = frozenset(disk.uuid for disk in found if disk.type == "template")
        self.leased = frozenset(disk.uuid for disk in found if disk.has_lease)

    async def release(self) -> None:
        """Remove the leases of disks to keep, so that they are never reaped."""
        for disk in sorted(self.leased):
            with suppress(NotFound):
                # With an attempt label, its title does not count any more.
                await self._labels.edit_storage(disk, {ATTEMPT: self._record.attempt, LEASE: None})
            self.leased -= {disk}

    def note_deleted_server(self, server: ObservedServer, *, with_all: bool) -> None:
        """Note that the server is gone: with all attached disks, or perhaps without them."""
        attached = frozenset(str(each.storage) for each in server.storage_devices if each.type == "disk")
        if with_all:
            self.deleted |= attached
        elif self._record.storages == "all":
            self._made = attached | (self._made or frozenset())

    async def delete_copies(self, on_failure: Callable[[UpCloudError], None]) -> None:
        """Delete the detached copies before the server: its disk cannot be deleted while a copy of it is made."""
        await self._delete_each(self.copies - (self.attached or {}).keys(), on_failure)

    async def delete(self, on_failure: Callable[[UpCloudError], None]) -> bool:
        """Delete the disks that were created with the server. Returns whether all are gone."""
        await self._delete_each(self.made or frozenset(), on_failure)
        return (self.made or frozenset()) <= self.deleted

    async def _delete_each(self, disks: frozenset[str], on_failure: Callable[[UpCloudError], None]) -> None:
        for disk in sorted(disks - self.deleted):
            try:
                await self._delete(disk)
            except UpCloudError as error:
                on_failure(error)
                continue
            self.deleted |= {disk}

    async def _delete(self, disk: str) -> None:
        try:
            if disk in self.copies and await self._is_image(disk):
                return
            await delete_storage(self._transport, disk, self._record.backups)
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

    async def _is_image(self, copy: str) -> bool:
        """Whether a copy has become a complete image. A list may not show it yet."""
        seen = await get_storage(self._transport, copy)
        if "labels" not in seen.model_fields_set:
            raise UnexpectedAnswer(f"GET /storage/{copy}", "storage", "labels", "it is missing")
        return seen.is_image
