"""Shared by `servers` and `leases` of one client: records of servers, the watcher, the renewal of leases."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from upcloud_sdk._identity import run_id, warn_of_default_owner
from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.create.create import ServerCreator
from upcloud_sdk.fleet.destroy.server_destroyer import ServerDestroyer
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.labels import LabelEditor
from upcloud_sdk.fleet.records.observed import disks_of, get_server
from upcloud_sdk.fleet.records.records import Record, Records, State
from upcloud_sdk.fleet.records.renewal import Renewal
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN, sdk_labels, write_lease
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.servers import SERVERS
from upcloud_sdk.waiting.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.models.servers import ServerSummary
    from upcloud_sdk.resources._base import Core

    OnLost = Callable[[LeaseLost], None]

log = logging.getLogger("upcloud_sdk")


class Fleet:
    """What the namespaces of one client share about its servers: records, leases, waits, creates and destroys."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.records = Records()
        self.labels = LabelEditor(core.transport)
        self.renewal = Renewal(core, self.records, self.labels)
        self.watcher: Watcher[ServerSummary] = Watcher(
            get=self._get,
            list_run=self._list_run,
            policy=core.waits,
            background=core.background,
            emit=core.emit,
        )
        self.destroyer = ServerDestroyer(core, self.records, self.watcher, self.labels)
        self.creator = ServerCreator(core, self.renewal, self.destroyer)

    async def _get(self, uuid: str) -> ServerSummary:
        try:
            return await self.core.transport.call("GET", f"/server/{path_segment(uuid, 'uuid')}", SERVER)
        except NotFound:
            record = self.records.get(uuid)
            if record is not None and record.state is State.NO_LEASE:
                self.records.drop(record)
            raise

    async def _list_run(self, wanted: Collection[str]) -> tuple[ServerSummary, ...]:
        """List the servers of this run until all wanted ones are found. Usually one request."""

        def enough(found: Collection[ServerSummary]) -> bool:
            return {server.uuid for server in found}.issuperset(wanted)

        params = label_params({RUN: run_id()})
        return await whole_list(self.core.transport, "/server", SERVERS, params, enough=enough)

    # --- leases -------------------------------------------------------------------------------------------------------

    async def take(self, uuid: str, seconds: float, on_lost: OnLost | None) -> ObservedServer:
        """Take a lease on the server and all disks of an attempt, or on none. Returns the changed server."""
        warn_of_default_owner(self.core.owner)
        async with self.labels.editing(uuid):
            seen = await get_server(self.core.transport, uuid)
            ends = await api_now(self.core) + timedelta(seconds=seconds)
            ours: dict[str, str | None] = {OWNER: self.core.owner, RUN: run_id(), LEASE: write_lease(ends)}
            undo: list[tuple[str, dict[str, str | None]]] = []
            attempt = seen.ownership.attempt
            disks = [] if attempt is None else await disks_of(self.core.transport, attempt)
            try:
                # The server first: disks are not reaped while their server exists.
                await self.labels.write_server(seen, ours)
                for disk in disks:
                    undo.append((disk.uuid, {key: disk.labels.get(key) for key in ours}))
                    await self._edit_disk(disk.uuid, {ATTEMPT: attempt, **ours})
            except UpCloudError:
                await self._undo_take(seen, ours, undo)
                raise
        after = _with(seen, ours)
        self.renewal.hold(
            Record(
                uuid,
                attempt=attempt,
                disks=frozenset(disk.uuid for disk in disks),
                seconds=seconds,
                ends=ends,
                on_lost=on_lost,
                labels=sdk_labels(after.labels),
            )
        )
        return after

    async def _undo_take(
        self,
        seen: ObservedServer,
        ours: dict[str, str | None],
        undo: Sequence[tuple[str, dict[str, str | None]]],
    ) -> None:
        """Restore the labels, since a server with a lease that nobody renews would be reaped."""
        try:
            for disk, before in undo:
                await self._edit_disk(disk, before)
            await self.labels.write_server(seen, {key: seen.labels.get(key) for key in ours})
        except UpCloudError as error:
            log.error(  # noqa: TRY400 - no traceback needed
                "server %s: taking a lease failed and could not be undone (%s): take or keep the server, or it will be "
                "reaped when its lease ends",
                seen.uuid,
                error,
            )

    async def keep(self, uuid: str) -> ObservedServer:
        """Remove the lease from the server and disks of an attempt. Return the server after that."""
        seen = await self._keep_server(uuid)
        attempt = seen.ownership.attempt
        for disk in [] if attempt is None else await disks_of(self.core.transport, attempt):
            # An incomplete image keeps its lease: without it, it would look like a complete one.
            if disk.has_lease and disk.type != "template":
                await self._edit_disk(disk.uuid, {**seen.ownership.labels(), LEASE: None})
        # A renewal by another process that was under way may have written the lease again.
        seen = await self._keep_server(uuid)
        self.core.emit(LeaseEvent(at=self.core.emit.now(), uuid=uuid, happened="kept"))
        return _with(seen, {LEASE: None})

    async def _keep_server(self, uuid: str) -> ObservedServer:
        """Remove the lease from a server. Return the server before that."""
        async with self.labels.editing(uuid):
            seen = await get_server(self.core.transport, uuid)
            if LEASE in seen.labels:
                await self.labels.write_server(seen, {LEASE: None})
            record = self.records.get(uuid) or Record(uuid, attempt=seen.ownership.attempt)
            # From now on its holder in this process does not delete it.
            self.records.set(record, State.NO_LEASE)
            record.seconds = record.ends = None
        return seen

    async def _edit_disk(self, uuid: str, ours: dict[str, str | None]) -> None:
        try:
            await self.labels.edit_storage(uuid, ours)
        except NotFound:
            log.debug("disk %s is gone", uuid)

    def add_copies(self, server: str, copies: Collection[str]) -> None:
        """Note storages that were made for a server, and are deleted with it."""
        record = self.records.get(server)
        if record is not None:
            record.copies |= frozenset(copies)

    def forget_disk(self, uuid: str) -> None:
        """Note that a storage is gone, or belongs to no server any more."""
        for record in self.records:
            record.copies -= {uuid}
            if record.disks is not None:
                record.disks -= {uuid}

    # --- waits --------------------------------------------------------------------------------------------------------

    def boot_delay(self, uuid: str) -> float:
        """Seconds until the earliest time at which a server can be started. Servers do not boot faster."""
        record = self.records.get(uuid)
        if record is None or record.made is None:
            return 0.0
        waits = self.core.waits
        return max(0.0, record.made + waits.first_read_after - waits.clock.now())

    def is_listed(self, uuid: str) -> bool:
        """Whether the list of this run's servers contains a server."""
        record = self.records.get(uuid)
        return record is not None and record.attempt is not None


def _with(seen: ObservedServer, ours: dict[str, str | None]) -> ObservedServer:
    written = {key: value for key, value in {**seen.labels, **ours}.items() if value is not None}
    return seen.model_copy(update={"labels": written})
