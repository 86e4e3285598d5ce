"""The reaper: destroys what was leased and whose lease has ended. Never somebody else's, never what has no lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._interrupts import protected
from upcloud_sdk.errors import NotFound
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.destroy import Destroyer, Spared
from upcloud_sdk.fleet.glance import (
    SERVER_GLANCE,
    SERVER_GLANCES,
    STORAGE_GLANCE,
    STORAGE_GLANCES,
    ServerGlance,
    StorageGlance,
)
from upcloud_sdk.fleet.holdings import api_now
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.models.ownership import LEASE, OWNER
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from upcloud_sdk.fleet.destroy import ServerWatcher
    from upcloud_sdk.fleet.holdings import Holdings, Leftover
    from upcloud_sdk.models.ownership import Ownership
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Servers that are destroyed at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapReport:
    """What a reaper did, or would have done."""

    owner: str
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
    """One round of reaping for one owner."""

    def __init__(
        self,
        core: Core,
        watcher: ServerWatcher,
        holdings: Holdings,
        *,
        owner: str,
        exclusive: bool,
        grace: float,
        dry_run: bool,
        timeout: float,
    ) -> None:
        self._core, self._watcher, self._holdings = core, watcher, holdings
        self._owner, self._exclusive, self._dry_run = owner, exclusive, dry_run
        self._grace, self._timeout = grace, timeout
        self._servers: list[str] = []
        self._storages: list[str] = []
        self._spared: list[str] = []
        self._unreadable: list[str] = []
        self._failed: dict[str, str] = {}

    async def run(self) -> ReapReport:
        """Reap, and say what was done. Only a failure to list what there is raises."""
        params = label_params({OWNER: self._owner, LEASE: None})
        servers = await whole_list(self._core.transport, "/server", SERVER_GLANCES, params)
        now = await api_now(self._core)
        remembered = dict(self._holdings.unfinished) if self._owner == self._core.owner else {}
        due = [server.uuid for server in servers if server.uuid not in remembered and self._is_due(server, now)]
        await self._each(remembered, lambda uuid: self._finish(uuid, remembered[uuid], now))
        await self._each(due, lambda uuid: self._reap_server(uuid, now))
        # After the servers: what was attached to one may be loose now.
        storages = await whole_list(self._core.transport, "/storage", STORAGE_GLANCES, params)
        loose = [storage.uuid for storage in storages if self._is_due(storage, now)]
        await self._each(loose, lambda uuid: self._reap_storage(uuid, now))
        return ReapReport(
            owner=self._owner,
            dry_run=self._dry_run,
            servers=tuple(self._servers),
            storages=tuple(self._storages),
            spared=tuple(self._spared),
            unreadable=tuple(self._unreadable),
            failed=self._failed,
        )

    async def _each(self, uuids: Iterable[str], reap: Callable[[str], Awaitable[None]]) -> None:
        """Reap several at a time; one that fails stops no other."""
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def one(uuid: str) -> None:
            async with limiter:
                try:
                    await reap(uuid)
                except Spared:
                    self._spared.append(uuid)
                except Exception as error:  # noqa: BLE001 - an exception must not stop the rest
                    self._failed[uuid] = str(error) or type(error).__name__
                    log.error("reaper: %s: %s", uuid, error)  # noqa: TRY400 - a trace may show locals

        async with anyio.create_task_group() as group:
            for uuid in uuids:
                group.start_soon(protected(one), uuid)

    # --- servers ------------------------------------------------------------------------------------------------------

    async def _reap_server(self, uuid: str, now: datetime) -> None:
        def still_ours(seen: ServerGlance) -> bool:
            return self._has_ended(seen.ownership, now)

        try:
            # The list may be old, and not show its disks.
            seen = await self._core.transport.call("GET", f"/server/{uuid}", SERVER_GLANCE)
        except NotFound:
            return  # Somebody else was quicker; what disks it left are reaped below.
        if not still_ours(seen):
            raise Spared
        await self._destroy(
            uuid,
            Destroyer(
                self._core,
                self._watcher,
                uuid,
                timeout=self._timeout,
                attempt=seen.ownership.attempt,
                seen=seen,
                still_ours=still_ours,
            ),
        )

    async def _finish(self, uuid: str, left: Leftover, now: datetime) -> None:
        """Destroy what this process could not before, or the disks that are left of it."""

        def still_ours(seen: ServerGlance) -> bool:
            return left.is_unchanged(seen, now)

        destroyer = Destroyer(
            self._core,
            self._watcher,
            uuid,
            timeout=self._timeout,
            storages=left.storages,
            backups=left.backups,
            attempt=left.attempt,
            labels=left.labels,
            still_ours=still_ours,
        )
        try:
            await self._destroy(uuid, destroyer)
        except Spared:
            self._holdings.unfinished.pop(uuid, None)
            raise
        if not self._dry_run:
            self._holdings.unfinished.pop(uuid, None)

    async def _destroy(self, uuid: str, destroyer: Destroyer) -> None:
        if not self._dry_run:
            # In a task of the client's own: a reaper that is cancelled leaves no server half destroyed.
            await self._core.background.run(destroyer.run, f"destroy of server {uuid}", uuid=uuid, repeatable=True)
            self._core.emit(LeaseEvent(at=self._core.emit.now(), uuid=uuid, happened="reaped"))
        self._servers.append(uuid)

    # --- disks --------------------------------------------------------------------------------------------------------

    async def _reap_storage(self, uuid: str, now: datetime) -> None:
        try:
            seen = await self._core.transport.call("GET", f"/storage/{uuid}", STORAGE_GLANCE)
        except NotFound:
            return
        if not seen.is_loose or not self._has_ended(seen.ownership, now) or self._is_held(seen.ownership):
            raise Spared
        if not self._dry_run:
            await self._core.transport.send("DELETE", f"/storage/{uuid}", params=[("backups", "delete")])
        self._storages.append(uuid)

    def _is_held(self, owned: Ownership) -> bool:
        held = (each for each in self._holdings.servers.values() if each.lease is not None)
        return owned.attempt is not None and any(each.attempt == owned.attempt for each in held)

    # --- whose, and until when ----------------------------------------------------------------------------------------

    def _is_due(self, found: ServerGlance | StorageGlance, now: datetime) -> bool:
        owned = found.ownership
        if owned.owner != self._owner or LEASE not in found.labels:
            return False  # The filter should not have shown it; it is not ours to judge.
        if owned.lease is None:
            self._unreadable.append(found.uuid)
            return False
        holding = self._holdings.servers.get(found.uuid)
        if self._has_ended(owned, now) and (holding is None or holding.lease is None):
            return True
        self._spared.append(found.uuid)
        return False

    def _has_ended(self, owned: Ownership, now: datetime) -> bool:
        """Whether a lease is over: by its time, or because its run is known to be dead."""
        if owned.owner != self._owner or owned.lease is None:
            return False
        # A difference, since a sum can be later than all dates there are.
        over_for = (now - owned.lease).total_seconds()
        return over_for > self._grace or (self._exclusive and owned.run not in (None, run_id()))
