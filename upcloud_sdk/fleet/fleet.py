"""What the namespaces above one endpoint share: the records of servers, the watcher, the renewal of leases."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import InvalidRequest, NotFound, NotOpen, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.api_time import api_now
from upcloud_sdk.fleet.capacity import Capacity
from upcloud_sdk.fleet.create import create_server
from upcloud_sdk.fleet.destroy import Destroyer, Tools
from upcloud_sdk.fleet.destroy_steps import Spared
from upcloud_sdk.fleet.idempotent_create import UNHELD_TIMEOUT
from upcloud_sdk.fleet.identity import run_id, warn_of_default_owner
from upcloud_sdk.fleet.labels import LabelEditor
from upcloud_sdk.fleet.observed import disks_of, get_server
from upcloud_sdk.fleet.records import Record, Records, State
from upcloud_sdk.fleet.renewal import Renewal
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, own_labels, write_lease
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.servers import SERVERS
from upcloud_sdk.waiting.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.observed import ObservedServer
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server, ServerSummary
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy

    OnLost = Callable[[LeaseLost], None]

log = logging.getLogger("upcloud_sdk")

EXPIRE_TIMEOUT = 10.0
"""Seconds that moving the end of a lease may take once a destroy has failed."""


class Fleet:
    """The servers of one client."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.records = Records()
        self.labels = LabelEditor(core.transport)
        self.renewal = Renewal(core, self.records, self.labels)
        self.watcher: Watcher[ServerSummary] = Watcher(
            get=self._get,
            list_own=self._list_own,
            policy=core.waits,
            background=core.background,
            while_open=core.transport.open_state.required,
            emit=core.emit,
        )
        self.tools = Tools(core, self.watcher, self.labels)
        self._capacity = Capacity(core.waits.clock)

    async def _get(self, uuid: str) -> ServerSummary:
        try:
            return await self.core.transport.call("GET", f"/server/{segment(uuid, 'uuid')}", SERVER)
        except NotFound:
            record = self.records.get(uuid)
            if record is not None and record.state is State.FOR_GOOD:
                self.records.drop(record)
            raise

    async def _list_own(self, wanted: Collection[str]) -> tuple[ServerSummary, ...]:
        """What this run made, as far as it takes to have seen all that are wanted: one answer, nearly always."""

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
    ) -> Server:
        """One new server, held by this client. To be run in a task that the client owns."""
        if lease is not None:
            warn_of_default_owner(self.core.owner)

        async def create(spec: ServerSpec) -> Server:
            server, owned, disks = await create_server(self.core, spec, lease=lease, remove=self.destroy_unheld)
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

        return await self._capacity.first(specs, create, patience=patience)

    # --- leases -------------------------------------------------------------------------------------------------------

    async def take(self, uuid: str, seconds: float, on_lost: OnLost | None) -> ObservedServer:
        """Take a lease on the members of an attempt, or on none of them; the server as it is after that."""
        warn_of_default_owner(self.core.owner)
        async with self.labels.editing(uuid):
            seen = await get_server(self.core.transport, uuid)
            ends = await api_now(self.core) + timedelta(seconds=seconds)
            ours: dict[str, str | None] = {OWNER: self.core.owner, RUN: run_id(), LEASE: write_lease(ends)}
            undo: list[tuple[str, dict[str, str | None]]] = []
            attempt = seen.ownership.attempt
            disks = [] if attempt is None else await disks_of(self.core.transport, attempt)
            try:
                # The server first: while it lives, none of its disks is reaped.
                await self.labels.write_server(seen, ours)
                for disk in disks:
                    undo.append((disk.uuid, {key: disk.labels.get(key) for key in ours}))
                    await self._edit_disk(disk.uuid, ours)
            except UpCloudError:
                await self._undo_take(seen, ours, undo)
                raise
        record = Record(uuid, attempt=attempt, seconds=seconds, ends=ends, on_lost=on_lost)
        record.disks = frozenset(disk.uuid for disk in disks)
        self.renewal.hold(record)
        return _with(seen, ours)

    async def _undo_take(
        self,
        seen: ObservedServer,
        ours: dict[str, str | None],
        undo: Sequence[tuple[str, dict[str, str | None]]],
    ) -> None:
        """Put labels back as they were, since a lease that nobody renews is the end of a server."""
        try:
            for disk, before in undo:
                await self._edit_disk(disk, before)
            await self.labels.write_server(seen, {key: seen.labels.get(key) for key in ours})
        except UpCloudError as error:
            log.error(  # noqa: TRY400 - no trace needed
                "server %s: taking a lease failed half-way, and could not be undone (%s): take or keep it, or it is "
                "reaped when that lease has ended",
                seen.uuid,
                error,
            )

    async def keep(self, uuid: str) -> ObservedServer:
        """Take the lease off the members of an attempt; the server as it is after that."""
        async with self.labels.editing(uuid):
            seen = await get_server(self.core.transport, uuid)
            attempt = seen.ownership.attempt
            if LEASE in seen.labels:
                await self.labels.write_server(seen, {LEASE: None})
            record = self.records.get(uuid) or Record(uuid, attempt=attempt)
            # Whoever holds it in this process leaves it alone from here on.
            self.records.set(record, State.FOR_GOOD)
            record.seconds = record.ends = None
        for disk in [] if attempt is None else await disks_of(self.core.transport, attempt):
            if LEASE in disk.labels:
                await self._edit_disk(disk.uuid, {LEASE: None})
        self.core.emit(LeaseEvent(at=self.core.emit.now(), uuid=uuid, happened="kept"))
        return _with(seen, {LEASE: None})

    async def _edit_disk(self, uuid: str, ours: dict[str, str | None]) -> None:
        try:
            await self.labels.edit_storage(uuid, ours)
        except NotFound:
            log.debug("disk %s is gone", uuid)

    # --- destroy ------------------------------------------------------------------------------------------------------

    def destroy_unheld(self, uuid: str) -> None:
        """Start to destroy a server that nobody holds, in a task of its own."""
        what = f"destroy of server {uuid}"
        try:
            self.core.background.start(
                lambda: self.destroy(uuid, timeout=UNHELD_TIMEOUT), what, uuid=uuid, repeatable=True
            )
        except NotOpen:
            log.error("%s: the client is closed; it may still be running and costing money", what)  # noqa: TRY400 - no trace needed

    async def destroy(
        self,
        uuid: str,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
        holder: Record | None = None,
    ) -> None:
        """Return when a server and its disks are gone. To be run in a task that the client owns.

        `holder`: the record of a holder that gives it up, and leaves it alone where somebody kept or took it.

        Raises:
            CleanupFailed: they were not in time; the lease is left to end, and the reaper of this process remembers.
            Spared: somebody kept or took it.
        """
        record = holder or self.records.get(uuid) or Record(uuid)
        had_lease, state = record.ends is not None, record.state
        if holder is not None and state is State.FOR_GOOD:
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
        )
        try:
            await destroyer.run()
        except (InvalidRequest, Spared):
            # No server can have this uuid, or it is somebody else's.
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

    async def _expire(self, record: Record) -> None:
        """Move the end of a lease to now where the API allows it: any reaper of this owner may finish the destroy."""
        try:
            ends = write_lease(await api_now(self.core))
            async with self.labels.editing(record.uuid):
                seen = await get_server(self.core.transport, record.uuid)
                if LEASE in seen.labels and record.is_still_held(seen, self.core.owner, run_id()):
                    await self.labels.write_server(seen, {LEASE: ends})
                    record.labels = own_labels({**seen.labels, LEASE: ends})
        except UpCloudError as error:
            # The lease ends by itself, since it is no longer renewed.
            log.debug("the lease of server %s was not ended: %s", record.uuid, error)

    # --- waits --------------------------------------------------------------------------------------------------------

    def first_look(self, uuid: str) -> float:
        """Seconds until a look at a server can see it started: no server was ever seen to boot faster."""
        record = self.records.get(uuid)
        if record is None or record.made is None:
            return 0.0
        waits = self.core.waits
        return max(0.0, record.made + waits.first_look - waits.clock.now())

    def is_listed(self, uuid: str) -> bool:
        """Whether the list of what this run made shows a server."""
        record = self.records.get(uuid)
        return record is not None and record.attempt is not None


def _with(seen: ObservedServer, ours: dict[str, str | None]) -> ObservedServer:
    written = {key: value for key, value in {**seen.labels, **ours}.items() if value is not None}
    return seen.model_copy(update={"labels": written})
