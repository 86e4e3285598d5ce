"""Shared by `servers` and `leases` of one client: records of servers, the watcher, the renewal of leases."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import InvalidRequest, LeaseLost, NotFound, NotOpen, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.create.capacity import Capacity
from upcloud_sdk.fleet.create.create import create_server
from upcloud_sdk.fleet.create.idempotent_create import UNHELD_TIMEOUT
from upcloud_sdk.fleet.destroy.destroy import Destroyer, Tools
from upcloud_sdk.fleet.destroy.destroy_steps import Spared
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.identity import run_id, warn_of_default_owner
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

    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server, ServerSummary
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy

    OnLost = Callable[[LeaseLost], None]

log = logging.getLogger("upcloud_sdk")

EXPIRE_TIMEOUT = 10.0
"""Limit for setting the end of a lease to now after a failed destroy, in seconds."""


class Fleet:
    """The servers of one client."""

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
            while_open=core.transport.open_state.required,
            emit=core.emit,
        )
        self.tools = Tools(core, self.watcher, self.labels)
        self._capacity = Capacity(core.waits.clock, core.emit)

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

    async def create(
        self,
        specs: Sequence[ServerSpec],
        *,
        lease: float | None,
        patience: float = 0.0,
        on_lost: OnLost | None = None,
        on_late: Callable[[Server], None] | None = None,
    ) -> Server:
        """Create a server for this client. Must run in a task that the client owns."""
        if lease is not None:
            warn_of_default_owner(self.core.owner)

        async def create(spec: ServerSpec) -> Server:
            server, owned, disks = await create_server(
                self.core, spec, lease=lease, remove=self.destroy_unheld, on_late=on_late
            )
            self.renewal.hold(
                Record(
                    server.uuid,
                    attempt=owned.attempt,
                    disks=disks,
                    seconds=lease,
                    ends=owned.lease,
                    made=self.core.waits.clock.now(),
                    on_lost=on_lost,
                    labels=owned.labels(),
                )
            )
            return server

        return await self._capacity.create_first(specs, create, patience=patience)

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
            disks = [] if attempt is None else await disks_of(self.core.transport, attempt, with_titled=True)
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
        for disk in [] if attempt is None else await disks_of(self.core.transport, attempt, with_titled=True):
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

    # --- destroy ------------------------------------------------------------------------------------------------------

    def destroy_unheld(self, uuid: str) -> None:
        """Start a task that destroys a server without a holder."""
        what = f"destroy of server {uuid}"
        try:
            self.core.background.start(
                lambda: self.destroy(uuid, timeout=UNHELD_TIMEOUT), what, uuid=uuid, repeatable=True
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
        looks_first: bool = True,
    ) -> None:
        """Destroy a server and its disks, and wait until they are gone. Must run in a task that the client owns.

        `holder`: the record of the holder, who must not delete the server if somebody kept or took it. `looks_first`:
        whether that is checked before the stop, too. If not, a server to spare is started again.

        Raises:
            CleanupFailed: They were not gone in time. The lease ends now, and the reaper of this process tries again.
            Spared: Somebody kept or took it.
        """
        known = self.records.get(uuid)
        record = holder or known or Record(uuid)
        had_lease = record.ends is not None
        if holder is not None and (holder.state is State.NO_LEASE or known not in (None, holder)):
            # This client has kept it or taken it again.
            raise Spared(uuid)
        self.records.set(record, State.ENDING)
        record.storages, record.backups = storages, backups

        def is_still_held(seen: ObservedServer) -> bool:
            return record.is_still_held(seen, self.core.owner, run_id())

        destroyer = Destroyer(
            self.tools,
            record,
            timeout=timeout,
            stop_type=stop_type,
            guard=None if holder is None else is_still_held,
            looks_first=looks_first,
        )
        try:
            await destroyer.run()
        except (InvalidRequest, Spared):
            # The uuid is invalid, or belongs to another account.
            self.records.drop(record)
            raise
        except Exception:
            if record.state is State.ENDING:
                if had_lease:
                    with self.core.waits.clock.limit(EXPIRE_TIMEOUT):
                        await self._expire(record)
                self.records.set(record, State.UNFINISHED)
            raise
        except BaseException:
            if record.state is State.ENDING:
                self.records.set(record, State.UNFINISHED)
            raise
        self.records.drop(record)

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
        holder = self.records.get(uuid) or Record(uuid)
        try:
            await self.destroy(
                uuid,
                timeout=timeout,
                stop_type=stop_type,
                storages=storages,
                backups=backups,
                holder=holder,
                looks_first=holder.state is not State.HELD,
            )
        except Spared:
            why = "somebody kept or took it, or this client has no lease on it"
            raise LeaseLost(uuid, f"server {uuid} is not destroyed: {why}") from None

    async def _expire(self, record: Record) -> None:
        """Set the end of a lease to now if the API allows it, so that any reaper of this owner can destroy it."""
        try:
            ends = write_lease(await api_now(self.core))
            async with self.labels.editing(record.uuid):
                seen = await get_server(self.core.transport, record.uuid)
                if LEASE in seen.labels and record.is_still_held(seen, self.core.owner, run_id()):
                    record.written.append(ends)
                    await self.labels.write_server(seen, {LEASE: ends})
                    record.labels = sdk_labels({**seen.labels, LEASE: ends})
        except UpCloudError as error:
            # The lease ends later, since nobody renews it.
            log.debug("could not end the lease of server %s now: %s", record.uuid, error)

    # --- waits --------------------------------------------------------------------------------------------------------

    def first_look(self, uuid: str) -> float:
        """Seconds until the earliest time at which a server can be started. Servers do not boot faster."""
        record = self.records.get(uuid)
        if record is None or record.made is None:
            return 0.0
        waits = self.core.waits
        return max(0.0, record.made + waits.first_look - waits.clock.now())

    def is_listed(self, uuid: str) -> bool:
        """Whether the list of this run's servers contains a server."""
        record = self.records.get(uuid)
        return record is not None and record.attempt is not None


def _with(seen: ObservedServer, ours: dict[str, str | None]) -> ObservedServer:
    written = {key: value for key, value in {**seen.labels, **ours}.items() if value is not None}
    return seen.model_copy(update={"labels": written})
