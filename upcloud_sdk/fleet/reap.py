"""The reaper: destroys servers and disks whose lease has ended. It ignores other owners and servers without lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._identity import run_id
from upcloud_sdk._tasks import protected
from upcloud_sdk.errors import AuthenticationFailed, NotFound
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.destroy.destroy import OneDestroy
from upcloud_sdk.fleet.destroy.destroy_steps import Spared
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.observed import get_server, get_storage, list_private, list_servers, servers_of
from upcloud_sdk.fleet.records.records import Record, State
from upcloud_sdk.models.ownership import LEASE, OWNER
from upcloud_sdk.resources._delete import delete_storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable
    from datetime import datetime

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.records.observed import ObservedServer, ObservedStorage
    from upcloud_sdk.models.ownership import Ownership

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Maximum number of concurrent deletes of servers, and of disks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapReport:
    """The result of a reap or a dry run."""

    owner: str
    """The owner, or "all owners"."""
    dry_run: bool
    servers: tuple[str, ...] = ()
    """Uuids of servers that were destroyed with their disks, or would be in a dry run."""
    storages: tuple[str, ...] = ()
    """Uuids of deleted disks whose servers were already gone."""
    spared: tuple[str, ...] = ()
    """Uuids of the owner's servers and disks whose leases have not ended, or were just renewed."""
    unreadable: tuple[str, ...] = ()
    """Uuids of servers and disks whose lease cannot be read. They are kept: check them yourself."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Uuids of servers and disks that could not be destroyed, with the reason. They may still cost money."""

    def __str__(self) -> str:
        verb = "would destroy" if self.dry_run else "destroyed"
        return (
            f"reaper of {self.owner}: {verb} servers: {len(self.servers)}, disks: {len(self.storages)}; "
            f"spared: {len(self.spared)}; with an unreadable lease: {len(self.unreadable)}; failed: {len(self.failed)}"
        )


class Reaper:
    """One round of reaping, for one owner or for all of them (None)."""

    def __init__(
        self,
        fleet: Fleet,
        *,
        owner: str | None,
        exclusive: bool,
        grace: float,
        dry_run: bool,
        timeout: float,
        only: Collection[str] | None = None,
    ) -> None:
        self._fleet, self._core, self._records = fleet, fleet.core, fleet.records
        self._owner, self._exclusive, self._dry_run = owner, exclusive, dry_run
        self._grace, self._timeout = grace, timeout
        self._only = None if only is None else frozenset(only)
        self._servers: list[str] = []
        self._gone: set[str] = set()
        """Servers that do not exist any more, although a list may still show them."""
        self._storages: list[str] = []
        self._spared: list[str] = []
        self._unreadable: list[str] = []
        self._failed: dict[str, str] = {}

    async def run(self) -> ReapReport:
        """Reap, and return a report.

        Raises:
            UpCloudError: The servers could not be listed, or the credentials were refused.
        """
        labels = {OWNER: self._owner, LEASE: None}
        servers = await list_servers(self._core.transport, labels)
        now = await api_now(self._core)
        unfinished = self._records.unfinished() if self._owner == self._core.owner else []
        unfinished = [record for record in unfinished if self._is_selected(record.uuid)]
        remembered = {record.uuid for record in unfinished}
        due = [server.uuid for server in servers if server.uuid not in remembered and self._is_due(server, now)]
        await self._each((record.uuid, self._finisher(record, now)) for record in unfinished)
        await self._each((uuid, self._server_reaper(uuid, now)) for uuid in due)
        # After the servers, since their disks may be detached now.
        disks: dict[str | None, list[str]] = {}
        # All of them: those without labels are found by their titles.
        for storage in await list_private(self._core.transport):
            if self._is_due(storage, now):
                disks.setdefault(storage.ownership.attempt, []).append(storage.uuid)
        # Not only those of this client: a list of the servers of one attempt may not show its server.
        living = {server.ownership.attempt for server in servers if server.uuid not in self._gone} - {None}
        for attempt in [each for each in disks if each in living or self._records.is_attempt_held(each)]:
            self._spared.extend(disks.pop(attempt))
        await self._each((uuids[0], self._disk_reaper(attempt, uuids, now)) for attempt, uuids in disks.items())
        return self._report()

    def _report(self) -> ReapReport:
        return ReapReport(
            owner="all owners" if self._owner is None else self._owner,
            dry_run=self._dry_run,
            servers=tuple(self._servers),
            storages=tuple(self._storages),
            spared=tuple(self._spared),
            unreadable=tuple(self._unreadable),
            failed=self._failed,
        )

    async def _each(self, jobs: Iterable[tuple[str, Callable[[], Awaitable[None]]]]) -> None:
        """Run jobs concurrently. A failed job does not stop the others, except refused credentials."""
        limiter = anyio.CapacityLimiter(AT_ONCE)
        refused: list[AuthenticationFailed] = []

        async def one(uuid: str, job: Callable[[], Awaitable[None]]) -> None:
            async with limiter:
                try:
                    await job()
                except Spared:
                    self._spared.append(uuid)
                except Exception as error:  # noqa: BLE001 - a failure must not stop the others
                    self._failed[uuid] = str(error) or type(error).__name__
                    log.error("reaper: %s: %s", uuid, error)  # noqa: TRY400 - a traceback may show secrets
                    refusal = error if isinstance(error, AuthenticationFailed) else error.__cause__
                    if isinstance(refusal, AuthenticationFailed):
                        refused.append(refusal)
                        group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for uuid, job in jobs:
                group.start_soon(protected(one), uuid, job)
        if refused:
            refused[0].add_note(str(self._report()))
            raise refused[0]

    # --- servers ------------------------------------------------------------------------------------------------------

    def _server_reaper(self, uuid: str, now: datetime) -> Callable[[], Awaitable[None]]:
        def still_ours(seen: ObservedServer) -> bool:
            return seen.has_lease and self._has_ended(seen.ownership, now)

        async def reap() -> None:
            try:
                # The list may be old and not show its disks.
                seen = await get_server(self._core.transport, uuid)
            except NotFound:
                self._gone.add(uuid)  # Somebody else was faster. Its other disks are reaped below.
                return
            if not still_ours(seen):
                raise Spared
            await self._destroy(Record(uuid, attempt=seen.ownership.attempt), still_ours, seen)

        return reap

    def _finisher(self, record: Record, now: datetime) -> Callable[[], Awaitable[None]]:
        """Destroys servers that this process could not destroy before, or their remaining disks."""

        def still_ours(seen: ObservedServer) -> bool:
            return before.is_unchanged(seen, now)

        # The destroy changes the record itself.
        before = Record(record.uuid, labels=record.labels)

        async def finish() -> None:
            try:
                await self._destroy(record, still_ours)
            except Spared:
                self._forget(record)
                raise
            except BaseException:
                record.labels = before.labels
                raise
            if not self._dry_run:
                self._forget(record)

        return finish

    def _forget(self, record: Record) -> None:
        if record.state is State.UNFINISHED:
            self._records.drop(record)

    async def _destroy(
        self, record: Record, guard: Callable[[ObservedServer], bool], seen: ObservedServer | None = None
    ) -> None:
        uuid = record.uuid
        work = OneDestroy(
            self._core, self._fleet.watcher, self._fleet.labels, record, timeout=self._timeout, guard=guard, seen=seen
        )
        if not self._dry_run:
            # In a task of the client, so that a cancelled reaper completes the destroy.
            what = f"destroy of server {uuid}"
            await self._core.background.run_owned(lambda _: work.run_to_end(), what, uuid=uuid, repeatable=True)
            self._core.emit(LeaseEvent(at=self._core.emit.now(), uuid=uuid, happened="reaped"))
        self._servers.append(uuid)
        self._gone.add(uuid)

    # --- disks --------------------------------------------------------------------------------------------------------

    def _disk_reaper(self, attempt: str | None, uuids: list[str], now: datetime) -> Callable[[], Awaitable[None]]:
        """Deletes the detached disks of an attempt whose server is gone."""

        async def reap() -> None:
            # An existing server may attach its disk again, even if the disk's lease has ended.
            if attempt is not None and await self._has_server(attempt):
                self._spared.extend(uuids)
                return
            for uuid in uuids:
                await self._reap_disk(uuid, now)

        return reap

    async def _has_server(self, attempt: str) -> bool:
        for server in await servers_of(self._core.transport, attempt):
            if server.uuid in self._gone:
                continue
            try:
                await get_server(self._core.transport, server.uuid)
            except NotFound:
                continue
            return True
        return False

    async def _reap_disk(self, uuid: str, now: datetime) -> None:
        try:
            seen = await get_storage(self._core.transport, uuid)
        except NotFound:
            return
        still_ours = seen.has_lease and self._has_ended(seen.ownership, now)
        if not seen.is_detached or not still_ours:
            self._spared.append(uuid)
            return
        if not self._dry_run:
            try:
                await delete_storage(self._core.transport, uuid, "delete")
            except NotFound:
                return  # Another reaper was faster.
        self._storages.append(uuid)

    # --- owner and end of a lease -------------------------------------------------------------------------------------

    def _is_due(self, found: ObservedServer | ObservedStorage, now: datetime) -> bool:
        owned = found.ownership
        if not self._is_selected(found.uuid):
            return False
        if not owned.is_of(self._owner) or not found.has_lease:
            return False  # The list has others, too.
        if owned.lease is None:
            self._unreadable.append(found.uuid)
            return False
        if self._has_ended(owned, now) and found.uuid not in self._records.held:
            return True
        self._spared.append(found.uuid)
        return False

    def _is_selected(self, uuid: str) -> bool:
        return self._only is None or uuid in self._only

    def _has_ended(self, owned: Ownership, now: datetime) -> bool:
        """Whether a lease has ended: by its time, or because its process does not run any more."""
        if not owned.is_of(self._owner) or owned.lease is None:
            return False
        # A difference: a sum could exceed the largest date.
        over_for = (now - owned.lease).total_seconds()
        return over_for > self._grace or (self._exclusive and owned.run not in (None, run_id()))
