"""The reaper: destroys what was leased and whose lease has ended. Never somebody else's, never what has no lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._tasks import protected
from upcloud_sdk.errors import AuthenticationFailed, NotFound
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.api_time import api_now
from upcloud_sdk.fleet.destroy import Destroyer
from upcloud_sdk.fleet.destroy_steps import Spared
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.fleet.observed import get_server, get_storage, list_servers, list_storages, servers_of
from upcloud_sdk.fleet.records import Record, State
from upcloud_sdk.models.ownership import LEASE, OWNER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.observed import ObservedServer, ObservedStorage
    from upcloud_sdk.models.ownership import Ownership

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Servers, or disks, that are destroyed at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapReport:
    """What a reaper did, or would have done."""

    owner: str
    """Whose; "all owners" where all were asked for."""
    dry_run: bool
    servers: tuple[str, ...] = ()
    """Uuids of servers that were destroyed, with the disks made with them; with `dry_run`, that would have been."""
    storages: tuple[str, ...] = ()
    """Uuids of disks whose servers were gone already."""
    spared: tuple[str, ...] = ()
    """Uuids of servers and disks of the owner whose leases have not ended, or were renewed in the last moment."""
    unreadable: tuple[str, ...] = ()
    """Uuids of servers and disks whose lease cannot be read, which does not mean an old one: look at them by hand."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Uuids of what could not be destroyed, with the reason: it may still cost money."""

    def __str__(self) -> str:
        verb = "would destroy" if self.dry_run else "destroyed"
        return (
            f"reaper of {self.owner}: {verb} {len(self.servers)} servers and {len(self.storages)} disks, spared "
            f"{len(self.spared)}, {len(self.unreadable)} with an unreadable lease, {len(self.failed)} failed"
        )


class Reaper:
    """One round of reaping, for one owner or for all of them (None)."""

    def __init__(
        self, fleet: Fleet, *, owner: str | None, exclusive: bool, grace: float, dry_run: bool, timeout: float
    ) -> None:
        self._fleet, self._core, self._records = fleet, fleet.core, fleet.records
        self._owner, self._exclusive, self._dry_run = owner, exclusive, dry_run
        self._grace, self._timeout = grace, timeout
        self._servers: list[str] = []
        self._storages: list[str] = []
        self._spared: list[str] = []
        self._unreadable: list[str] = []
        self._failed: dict[str, str] = {}

    async def run(self) -> ReapReport:
        """Reap, and say what was done.

        Raises:
            UpCloudError: what there is could not be listed, or the credentials were refused.
        """
        labels = {OWNER: self._owner, LEASE: None}
        servers = await list_servers(self._core.transport, labels)
        now = await api_now(self._core)
        unfinished = self._records.unfinished() if self._owner == self._core.owner else []
        remembered = {record.uuid for record in unfinished}
        due = [server.uuid for server in servers if server.uuid not in remembered and self._is_due(server, now)]
        await self._each((record.uuid, self._finisher(record, now)) for record in unfinished)
        await self._each((uuid, self._server_reaper(uuid, now)) for uuid in due)
        # After the servers: what was attached to one may be loose now.
        disks: dict[str | None, list[str]] = {}
        for storage in await list_storages(self._core.transport, labels):
            if self._is_due(storage, now):
                disks.setdefault(storage.ownership.attempt, []).append(storage.uuid)
        for attempt in [attempt for attempt in disks if self._records.is_attempt_held(attempt)]:
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
        """Do several jobs at a time; one that fails stops no other, but for credentials that are refused."""
        limiter = anyio.CapacityLimiter(AT_ONCE)
        refused: list[AuthenticationFailed] = []

        async def one(uuid: str, job: Callable[[], Awaitable[None]]) -> None:
            async with limiter:
                try:
                    await job()
                except Spared:
                    self._spared.append(uuid)
                except Exception as error:  # noqa: BLE001 - an exception must not stop the rest
                    self._failed[uuid] = str(error) or type(error).__name__
                    log.error("reaper: %s: %s", uuid, error)  # noqa: TRY400 - a trace may show locals
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
            return LEASE in seen.labels and self._has_ended(seen.ownership, now)

        async def reap() -> None:
            try:
                # The list may be old, and not show its disks.
                seen = await get_server(self._core.transport, uuid)
            except NotFound:
                return  # Somebody else was quicker; what disks it left are reaped below.
            if not still_ours(seen):
                raise Spared
            record = Record(uuid, attempt=seen.ownership.attempt)
            await self._destroy(
                Destroyer(self._fleet.tools, record, timeout=self._timeout, guard=still_ours, seen=seen), uuid
            )

        return reap

    def _finisher(self, record: Record, now: datetime) -> Callable[[], Awaitable[None]]:
        """Destroys what this process could not before, or the disks that are left of it."""

        def still_ours(seen: ObservedServer) -> bool:
            return before.is_unchanged(seen, now)

        # The destroy itself writes down what it sees.
        before = Record(record.uuid, labels=record.labels)

        async def finish() -> None:
            destroyer = Destroyer(self._fleet.tools, record, timeout=self._timeout, guard=still_ours)
            try:
                await self._destroy(destroyer, record.uuid)
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

    async def _destroy(self, destroyer: Destroyer, uuid: str) -> None:
        if not self._dry_run:
            # In a task of the client's own: a reaper that is cancelled leaves no server half destroyed.
            await self._core.background.run(destroyer.run, f"destroy of server {uuid}", uuid=uuid, repeatable=True)
            self._core.emit(LeaseEvent(at=self._core.emit.now(), uuid=uuid, happened="reaped"))
        self._servers.append(uuid)

    # --- disks --------------------------------------------------------------------------------------------------------

    def _disk_reaper(self, attempt: str | None, uuids: list[str], now: datetime) -> Callable[[], Awaitable[None]]:
        """Deletes the loose disks of an attempt whose server is gone."""

        async def reap() -> None:
            # A server that lives may want its disk back, whatever became of the end that the disk was made with.
            if attempt is not None and await servers_of(self._core.transport, attempt):
                self._spared.extend(uuids)
                return
            for uuid in uuids:
                await self._reap_disk(uuid, now)

        return reap

    async def _reap_disk(self, uuid: str, now: datetime) -> None:
        try:
            seen = await get_storage(self._core.transport, uuid)
        except NotFound:
            return
        still_ours = LEASE in seen.labels and self._has_ended(seen.ownership, now)
        if not seen.is_loose or not still_ours or self._records.is_attempt_held(seen.ownership.attempt):
            self._spared.append(uuid)
            return
        if not self._dry_run:
            await self._core.transport.send("DELETE", f"/storage/{uuid}", params=[("backups", "delete")])
        self._storages.append(uuid)

    # --- whose, and until when ----------------------------------------------------------------------------------------

    def _is_due(self, found: ObservedServer | ObservedStorage, now: datetime) -> bool:
        owned = found.ownership
        if not self._is_asked_for(owned) or LEASE not in found.labels:
            return False  # The filter should not have shown it; it is not ours to judge.
        if owned.lease is None:
            self._unreadable.append(found.uuid)
            return False
        if self._has_ended(owned, now) and found.uuid not in self._records.held:
            return True
        self._spared.append(found.uuid)
        return False

    def _is_asked_for(self, owned: Ownership) -> bool:
        return owned.owner is not None and self._owner in {None, owned.owner}

    def _has_ended(self, owned: Ownership, now: datetime) -> bool:
        """Whether a lease is over: by its time, or because its run is known to be dead."""
        if not self._is_asked_for(owned) or owned.lease is None:
            return False
        # A difference, since a sum can be later than all dates there are.
        over_for = (now - owned.lease).total_seconds()
        return over_for > self._grace or (self._exclusive and owned.run not in (None, run_id()))
