"""Leases of a living holder are renewed at half-time, by one task a client; a holder whose lease is lost is told."""

from __future__ import annotations

import logging
import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import anyio

from upcloud_sdk._tasks import protected
from upcloud_sdk.errors import LeaseLost, NotFound, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.api_time import api_now, api_time
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.fleet.observed import get_server
from upcloud_sdk.fleet.records import State
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, Ownership, own_labels

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk.fleet.labels import LabelEditor
    from upcloud_sdk.fleet.observed import ObservedServer
    from upcloud_sdk.fleet.records import Record, Records
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Leases that are renewed at the same time."""

RENEWAL_TIMEOUT = 60.0
"""Seconds that one renewal may take, or a quarter of its lease."""

WAKE_EVERY = 30.0
"""Seconds after which it is looked whether the machine has slept."""

SLEPT = 10.0
"""Seconds by which the wall clock is ahead of the clock that is waited by where a machine has slept."""


class Renewal:
    """Renews the leases that one client holds."""

    def __init__(self, core: Core, records: Records, labels: LabelEditor) -> None:
        self._core, self._records, self._labels = core, records, labels
        self._clock = core.waits.clock
        self._wake = anyio.Event()
        self._running = False

    def hold(self, record: Record) -> None:
        """From now on this client answers for a server, and renews its lease if it has one."""
        if record.seconds is None or record.ends is None:
            self._records.set(record, State.FOR_GOOD)
            return
        self._records.set(record, State.HELD)
        self._tell(record, "taken")
        # Half of it from its end: the create that took it may have been long.
        left = (record.ends - api_time(self._core)).total_seconds()
        record.expires = self._clock.now() + left
        record.due = self._clock.now() + max(0.0, left - record.seconds / 2)
        self._wake.set()
        if not self._running:
            self._core.background.start_service(self._serve, "renewal of leases")
            self._running = True

    def _tell(self, record: Record, happened: Literal["taken", "renewed", "not renewed", "lost"]) -> None:
        emit = self._core.emit
        emit(LeaseEvent(at=emit.now(), uuid=record.uuid, happened=happened, ends=record.ends))

    async def _serve(self) -> None:
        """Runs while there is a lease to renew."""
        limiter = anyio.CapacityLimiter(AT_ONCE)
        self._running = True
        for record in self._records.held.values():
            if record.due == math.inf:
                record.due = self._clock.now()  # Its renewal was cut short, by asyncio.
        try:
            while self._records.held:
                async with anyio.create_task_group() as renewals:
                    while self._records.held:
                        self._wake = anyio.Event()
                        await self._sleep_until(min(record.due for record in self._records.held.values()))
                        now = self._clock.now()
                        for record in [record for record in self._records.held.values() if record.due <= now]:
                            # Not again before this one is over.
                            record.due = math.inf
                            renewals.start_soon(protected(self._renew), record, limiter)
        finally:
            self._running = False

    async def _sleep_until(self, due: float) -> None:
        """Return when a lease is due, or another one was taken, or the machine has slept: then all are due."""
        began, wall = self._clock.now(), time.time()
        with self._clock.limit(max(0.0, min(due - began, WAKE_EVERY))):
            await self._wake.wait()
        if (time.time() - wall) - (self._clock.now() - began) > SLEPT:
            log.warning("this machine has slept: leases are renewed at once")
            for record in self._records.held.values():
                if record.due < math.inf:
                    record.due = self._clock.now()

    async def _renew(self, record: Record, limiter: anyio.CapacityLimiter) -> None:
        assert record.seconds is not None
        ends: datetime | None = None
        try:
            async with limiter, self._labels.editing(record.uuid):
                with self._clock.limit(min(RENEWAL_TIMEOUT, record.seconds / 4)):
                    ends = await self._write(record) if record.state is State.HELD else None
        except NotFound:
            self._lose(record, "it is gone", forget=True)
        except _Lost as lost:
            self._lose(record, str(lost))
        except UpCloudError as error:
            log.warning("the lease of server %s could not be renewed yet: %s", record.uuid, error)
        except Exception:
            log.exception("the lease of server %s could not be renewed yet", record.uuid)
        if record.state is State.HELD:
            # It was not let go meanwhile.
            self._plan_next(record, ends)

    def _plan_next(self, record: Record, ends: datetime | None) -> None:
        assert record.seconds is not None
        now = self._clock.now()
        if ends is not None:
            record.ends, record.expires = ends, now + record.seconds
            record.due = now + record.seconds / 2
            self._tell(record, "renewed")
        elif now >= record.expires:
            self._lose(record, "no renewal got through until its end")
            return
        else:
            record.due = min(now + min(30.0, record.seconds / 8), record.expires)
            self._tell(record, "not renewed")
        self._wake.set()

    def _lose(self, record: Record, why: str, *, forget: bool = False) -> None:
        """Tell the holder of a lease that it is lost."""
        if record.state is not State.HELD:
            return  # It was let go in the meantime.
        self._records.set(record, State.LOST)
        if forget:
            self._records.drop(record)
        message = f"the lease of server {record.uuid} is lost, and not renewed any more: {why}"
        log.warning("%s", message)
        self._tell(record, "lost")
        if record.on_lost is not None:
            try:
                record.on_lost(LeaseLost(record.uuid, message))
            except Exception:
                log.exception("on_lease_lost of server %s failed", record.uuid)

    async def _write(self, record: Record) -> datetime | None:
        """Move the end of a lease; None if the server is in maintenance just now, which takes no change.

        Raises:
            _Lost: somebody else took it, or ended it.
        """
        core = self._core
        assert record.seconds is not None
        seen = await get_server(core.transport, record.uuid)
        if seen.state == "maintenance":
            return None
        self._check_still_ours(seen)
        # Now, as that answer told it: the time since the answer before may have been any.
        ends = await api_now(core) + timedelta(seconds=record.seconds)
        ours = Ownership(core.owner, run_id(), record.attempt, ends).labels()
        await self._labels.write_server(seen, ours)
        return ends

    def _check_still_ours(self, seen: ObservedServer) -> None:
        ours = own_labels(seen.labels)
        if not ours:
            return  # Somebody replaced all labels, and meant no lease by that: they are written again.
        if LEASE not in ours:
            raise _Lost("somebody ended it")
        if (ours.get(OWNER), ours.get(RUN)) != (self._core.owner, run_id()):
            raise _Lost("somebody else took it")


class _Lost(Exception):
    """A lease is not this client's any more."""
