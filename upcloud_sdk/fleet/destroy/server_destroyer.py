"""Destroys servers for their holders: only if nobody else kept or took them, and notes what is left to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from upcloud_sdk._identity import run_id
from upcloud_sdk.errors import InvalidRequest, LeaseLost, NotOpen, UpCloudError
from upcloud_sdk.fleet.destroy.destroy import OneDestroy
from upcloud_sdk.fleet.destroy.destroy_steps import Spared
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.observed import get_server
from upcloud_sdk.fleet.records.records import Record, State
from upcloud_sdk.models.ownership import LEASE, sdk_labels, write_lease
from upcloud_sdk.resources._one_create import UNHELD_TIMEOUT

if TYPE_CHECKING:
    from upcloud_sdk.fleet.records.labels import LabelEditor
    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.fleet.records.records import Records
    from upcloud_sdk.models.servers import ServerSummary
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy
    from upcloud_sdk.waiting.watcher import Watcher

log = logging.getLogger("upcloud_sdk")

EXPIRE_TIMEOUT = 10.0
"""Limit for setting the end of a lease to now after a failed destroy, in seconds."""


class ServerDestroyer:
    """Destroys the servers of one client."""

    def __init__(self, core: Core, records: Records, watcher: Watcher[ServerSummary], labels: LabelEditor) -> None:
        self._core, self._records, self._watcher, self._labels = core, records, watcher, labels

    def start_destroy(self, uuid: str) -> None:
        """Start a task that destroys a server without a holder."""
        what = f"destroy of server {uuid}"
        try:
            self._core.background.start_owned(
                lambda _: self.destroy(uuid, timeout=UNHELD_TIMEOUT), what, uuid=uuid, repeatable=True
            )
        except NotOpen:
            log.error("%s: the client is closed; it may still be running and costing money", what)  # noqa: TRY400 - no traceback needed

    async def destroy(
        self,
        uuid: str,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
        holder: Record | None = None,
        reads_first: bool = True,
    ) -> None:
        """Destroy a server and its disks, and wait until they are gone. Must run in a task that the client owns.

        `holder`: the record of the holder, who must not delete the server if somebody kept or took it. `reads_first`:
        whether that is checked before the stop, too. If not, a server to spare is started again.

        Raises:
            CleanupFailed: They were not gone in time. The lease ends now, and the reaper of this process tries again.
            Spared: Somebody kept or took it.
        """
        known = self._records.get(uuid)
        record = holder or known or Record(uuid)
        had_lease = record.ends is not None
        if holder is not None and (holder.state is State.NO_LEASE or known not in (None, holder)):
            # This client has kept it or taken it again.
            raise Spared(uuid)
        self._records.set(record, State.ENDING)
        record.storages, record.backups = storages, backups

        def is_still_held(seen: ObservedServer) -> bool:
            return record.is_still_held(seen, self._core.owner, run_id())

        work = OneDestroy(
            self._core,
            self._watcher,
            self._labels,
            record,
            timeout=timeout,
            stop_type=stop_type,
            guard=None if holder is None else is_still_held,
            reads_first=reads_first,
        )
        try:
            await work.run_to_end()
        except (InvalidRequest, Spared):
            # The uuid is invalid, or belongs to another account.
            self._records.drop(record)
            raise
        except Exception:
            if record.state is State.ENDING:
                if had_lease:
                    with self._core.waits.clock.limit(EXPIRE_TIMEOUT):
                        await self._expire(record)
                self._records.set(record, State.UNFINISHED)
            raise
        except BaseException:
            if record.state is State.ENDING:
                self._records.set(record, State.UNFINISHED)
            raise
        self._records.drop(record)

    async def destroy_held(self, uuid: str, holder: Record | None, *, timeout: float) -> None:
        """Destroy the server of a block that has ended, unless somebody else has kept or taken it."""
        try:
            await self.destroy(uuid, timeout=timeout, holder=holder)
        except Spared:
            log.warning("server %s was kept or taken by somebody else: it is not destroyed", uuid)

    async def destroy_leased(
        self, uuid: str, *, timeout: float, stop_type: StopType, storages: StoragePolicy, backups: BackupPolicy | None
    ) -> None:
        """Destroy a server on which this client has a lease.

        Raises:
            CleanupFailed: As `destroy`.
            LeaseLost: Somebody kept or took it, or there was no lease.
        """
        holder = self._records.get(uuid) or Record(uuid)
        try:
            await self.destroy(
                uuid,
                timeout=timeout,
                stop_type=stop_type,
                storages=storages,
                backups=backups,
                holder=holder,
                reads_first=holder.state is not State.HELD,
            )
        except Spared:
            why = "somebody kept or took it, or this client has no lease on it"
            raise LeaseLost(uuid, f"server {uuid} is not destroyed: {why}") from None

    async def _expire(self, record: Record) -> None:
        """Set the end of a lease to now if the API allows it, so that any reaper of this owner can destroy it."""
        try:
            ends = write_lease(await api_now(self._core))
            async with self._labels.editing(record.uuid):
                seen = await get_server(self._core.transport, record.uuid)
                if LEASE in seen.labels and record.is_still_held(seen, self._core.owner, run_id()):
                    record.written.append(ends)
                    await self._labels.write_server(seen, {LEASE: ends})
                    record.labels = sdk_labels({**seen.labels, LEASE: ends})
        except UpCloudError as error:
            # The lease ends later, since nobody renews it.
            log.debug("could not end the lease of server %s now: %s", record.uuid, error)
