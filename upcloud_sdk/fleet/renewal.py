"""Leases of a living holder are renewed at half-time, by one task a client."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import anyio

from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCE
from upcloud_sdk.fleet.holdings import api_now, own_disks, relabel_server, relabel_storage
from upcloud_sdk.models.ownership import LEASE, write_lease

if TYPE_CHECKING:
    from upcloud_sdk.fleet.holdings import Holding, Holdings
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

SHORTEST_LEASE = 60.0
"""Seconds: a shorter lease could end between two tries to renew it."""


def check_lease(seconds: float) -> float:
    """A lease's length.

    Raises:
        ValueError: it is shorter than a renewal can keep.
    """
    if not seconds >= SHORTEST_LEASE:
        raise ValueError(
            f"a lease of {seconds:g} s is shorter than a renewal can keep: give {SHORTEST_LEASE:g} s or more"
        )
    return seconds


class Renewal:
    """Renews what one client holds."""

    def __init__(self, core: Core, holdings: Holdings) -> None:
        self._core, self._holdings = core, holdings
        self._due: dict[str, float] = {}
        self._wake = anyio.Event()
        self._running = False
        self.relabelling = anyio.Lock()
        """Held from reading labels until they are written: two writers of this client must not undo each other."""

    def hold(self, holding: Holding) -> None:
        """From now on this client answers for a server, and renews its lease if it has one."""
        self._holdings.servers[holding.uuid] = holding
        if holding.lease is None:
            self._due.pop(holding.uuid, None)
            return
        self._tell(holding.uuid, "taken", holding.ends)
        self._due[holding.uuid] = self._core.waits.clock.now() + holding.lease / 2
        self._wake.set()
        if not self._running:
            self._running = True
            self._core.background.start_service(self._serve, "renewal of leases")

    def let_go(self, uuid: str) -> Holding | None:
        """No longer renew the lease of a server."""
        self._due.pop(uuid, None)
        return self._holdings.servers.pop(uuid, None)

    def stop_renewing(self, uuid: str) -> None:
        """Leave the lease of a server to end."""
        self._due.pop(uuid, None)

    def _tell(self, uuid: str, happened: Literal["taken", "renewed", "not renewed"], ends: datetime | None) -> None:
        emit = self._core.emit
        emit(LeaseEvent(at=emit.now(), uuid=uuid, happened=happened, ends=ends))

    async def _serve(self) -> None:
        """Runs while there is a lease to renew."""
        try:
            while self._due:
                self._wake = anyio.Event()
                await self._sleep_until(min(self._due.values()))
                now = self._core.waits.clock.now()
                for uuid in [uuid for uuid, due in self._due.items() if due <= now]:
                    await self._renew(uuid)
        finally:
            self._running = False

    async def _sleep_until(self, due: float) -> None:
        seconds = max(0.0, due - self._core.waits.clock.now())
        async with anyio.create_task_group() as race:

            async def sleep() -> None:
                await self._core.waits.clock.sleep(seconds)
                race.cancel_scope.cancel()

            race.start_soon(sleep)
            await self._wake.wait()
            race.cancel_scope.cancel()

    async def _renew(self, uuid: str) -> None:
        holding = self._holdings.servers.get(uuid)
        if holding is None or holding.lease is None:
            self._due.pop(uuid, None)
            return
        try:
            async with self.relabelling:
                ends = await renew(self._core, holding) if uuid in self._due else None
        except NotFound:
            log.warning("server %s is gone: somebody else destroyed it", uuid)
            self.let_go(uuid)
            return
        except UpCloudError as error:
            log.warning("the lease of server %s could not be renewed yet: %s", uuid, error)
            ends = None
        if uuid not in self._due:
            return  # It was let go meanwhile.
        now = self._core.waits.clock.now()
        if ends is None:
            self._due[uuid] = now + min(30.0, holding.lease / 8)
            self._tell(uuid, "not renewed", holding.ends)
        else:
            self._tell(uuid, "renewed", ends)
            holding.ends = ends
            self._due[uuid] = now + holding.lease / 2


async def renew(core: Core, holding: Holding) -> datetime | None:
    """Move the end of a lease, on the server and on the disks made with it; None if it is in maintenance just now."""
    assert holding.lease is not None
    ends = await api_now(core) + timedelta(seconds=holding.lease)
    seen = await core.transport.call("GET", f"/server/{holding.uuid}", SERVER_GLANCE)
    if seen.state == "maintenance":
        return None
    ours = {LEASE: write_lease(ends)}
    await relabel_server(core, holding.uuid, ours, seen)
    for disk in await own_disks(core, seen, holding.attempt):
        try:
            await relabel_storage(core, disk, ours)
        except UpCloudError as error:
            # A disk that is attached is never reaped, whatever its label says.
            log.debug("the lease of disk %s was not renewed: %s", disk, error)
    return ends
