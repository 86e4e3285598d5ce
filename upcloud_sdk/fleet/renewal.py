"""Leases of a living holder are renewed at half-time, by one task a client."""

from __future__ import annotations

import logging
import math
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

import anyio

from upcloud_sdk._interrupts import protected
from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCE
from upcloud_sdk.fleet.holdings import api_now, api_time, own_disks, relabel_server, relabel_storage
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, Ownership, own_labels

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime

    from upcloud_sdk.fleet.glance import ServerGlance
    from upcloud_sdk.fleet.holdings import Holding, Holdings
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Leases that are renewed at the same time."""

RENEWAL_TIMEOUT = 60.0
"""Seconds that one renewal may take, or a quarter of its lease."""


class Renewal:
    """Renews what one client holds."""

    def __init__(self, core: Core, holdings: Holdings) -> None:
        self._core, self._holdings = core, holdings
        self._due: dict[str, float] = {}
        self._wake = anyio.Event()
        self._running = False
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def relabelling(self, uuid: str) -> AsyncGenerator[None]:
        """Held from reading a server's labels until they are written: two writers must not undo each other."""
        async with self._locks.setdefault(uuid, anyio.Lock()):
            yield

    def hold(self, holding: Holding) -> None:
        """From now on this client answers for a server, and renews its lease if it has one."""
        self._holdings.servers[holding.uuid] = holding
        self._holdings.unfinished.pop(holding.uuid, None)
        if holding.lease is None or holding.ends is None:
            self._due.pop(holding.uuid, None)
            return
        self._tell(holding.uuid, "taken", holding.ends)
        # Half of it from its end: the create that took it may have been long.
        left = (holding.ends - api_time(self._core)).total_seconds()
        self._due[holding.uuid] = self._core.waits.clock.now() + max(0.0, left - holding.lease / 2)
        self._wake.set()
        if not self._running:
            self._core.background.start_service(self._serve, "renewal of leases")
            self._running = True

    def let_go(self, uuid: str) -> None:
        """This client no longer answers for a server."""
        self._due.pop(uuid, None)
        self._holdings.servers.pop(uuid, None)

    def stop_renewing(self, uuid: str) -> None:
        """Leave the lease of a server to end."""
        self._due.pop(uuid, None)

    def _tell(self, uuid: str, happened: Literal["taken", "renewed", "not renewed"], ends: datetime | None) -> None:
        emit = self._core.emit
        emit(LeaseEvent(at=emit.now(), uuid=uuid, happened=happened, ends=ends))

    async def _serve(self) -> None:
        """Runs while there is a lease to renew."""
        limiter = anyio.CapacityLimiter(AT_ONCE)
        try:
            while self._due:
                async with anyio.create_task_group() as renewals:
                    while self._due:
                        self._wake = anyio.Event()
                        await self._sleep_until(min(self._due.values()))
                        now = self._core.waits.clock.now()
                        for uuid in [uuid for uuid, due in self._due.items() if due <= now]:
                            # Not again before this one is over.
                            self._due[uuid] = math.inf
                            renewals.start_soon(protected(self._renew), uuid, limiter)
        finally:
            self._running = False

    async def _sleep_until(self, due: float) -> None:
        clock = self._core.waits.clock
        with clock.limit(max(0.0, due - clock.now())):
            await self._wake.wait()

    async def _renew(self, uuid: str, limiter: anyio.CapacityLimiter) -> None:
        holding = self._holdings.servers.get(uuid)
        if holding is None or holding.lease is None:
            self._due.pop(uuid, None)
            return
        ends: datetime | None = None
        try:
            async with limiter, self.relabelling(uuid):
                with self._core.waits.clock.limit(min(RENEWAL_TIMEOUT, holding.lease / 4)):
                    ends = await self._write(holding) if uuid in self._due else None
        except (NotFound, LostLease) as error:
            if isinstance(error, NotFound) and not error.code:
                # Not the API's own words, but somebody's between us.
                self._plan_next(holding, holding.lease, None)
                return
            log.warning("the lease of server %s is not renewed any more: %s", uuid, error)
            # What was made with it is still known, for whoever destroys it.
            holding.lease = holding.ends = None
            self._due.pop(uuid, None)
            self._tell(uuid, "not renewed", None)
            return
        except UpCloudError as error:
            log.warning("the lease of server %s could not be renewed yet: %s", uuid, error)
        except Exception:
            log.exception("the lease of server %s could not be renewed yet", uuid)
        if uuid in self._due:
            # It was not let go meanwhile.
            self._plan_next(holding, holding.lease, ends)

    def _plan_next(self, holding: Holding, lease: float, ends: datetime | None) -> None:
        if ends is None:
            pause = min(30.0, lease / 8)
            self._tell(holding.uuid, "not renewed", holding.ends)
        else:
            pause = lease / 2
            holding.ends = ends
            self._tell(holding.uuid, "renewed", ends)
        self._due[holding.uuid] = self._core.waits.clock.now() + pause
        self._wake.set()

    async def _write(self, holding: Holding) -> datetime | None:
        """Move the end of a lease, on the server and on the disks made with it; None if it is in maintenance just now.

        Raises:
            LostLease: somebody else took it, or ended it.
        """
        core = self._core
        assert holding.lease is not None
        seen = await core.transport.call("GET", f"/server/{holding.uuid}", SERVER_GLANCE)
        if seen.state == "maintenance":
            return None
        self._check_still_ours(seen)
        # Now, as that answer told it: the time since the answer before may have been any.
        ends = await api_now(core) + timedelta(seconds=holding.lease)
        ours = Ownership(core.owner, run_id(), holding.attempt, ends).labels()
        await relabel_server(core, seen, ours)
        for disk in await own_disks(core, seen, holding.attempt):
            try:
                await relabel_storage(core, disk, {LEASE: ours[LEASE]})
            except UpCloudError as error:
                # A disk that is attached is never reaped, whatever its label says.
                log.debug("the lease of disk %s was not renewed: %s", disk, error)
        return ends

    def _check_still_ours(self, seen: ServerGlance) -> None:
        ours = own_labels(seen.labels)
        if not ours:
            return  # Somebody replaced all labels, and meant no lease by that: they are written again.
        if LEASE not in ours:
            raise LostLease("somebody ended it")
        if (ours.get(OWNER), ours.get(RUN)) != (self._core.owner, run_id()):
            raise LostLease("somebody else took it")


class LostLease(Exception):
    """A lease is not this client's any more."""
