"""Renews the leases of one client after half of their time, and tells holders about lost leases."""

from __future__ import annotations

import logging
import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import anyio

from upcloud_sdk._identity import run_id
from upcloud_sdk._tasks import protected
from upcloud_sdk._transport.transport import SLEPT
from upcloud_sdk.errors import LeaseLost, NotFound, UpCloudError
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.records.api_time import api_now, api_time
from upcloud_sdk.fleet.records.observed import get_server
from upcloud_sdk.fleet.records.records import State
from upcloud_sdk.models.ownership import LEASE, Ownership, write_lease

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk.fleet.records.labels import LabelEditor
    from upcloud_sdk.fleet.records.records import Record, Records
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

AT_ONCE = 10
"""Maximum number of concurrent renewals."""

RENEWAL_TIMEOUT = 60.0
"""Limit for one renewal, in seconds. At most a quarter of its lease."""

WAKE_EVERY = 30.0
"""Seconds between two checks whether the machine has slept."""


class Renewal:
    """Renews the leases that one client holds."""

    def __init__(self, core: Core, records: Records, labels: LabelEditor) -> None:
        self._core, self._records, self._labels = core, records, labels
        self._clock = core.waits.clock
        self._wake = anyio.Event()
        self._running = False

    def hold(self, record: Record) -> None:
        """Manage a server from now on, and renew its lease if it has one."""
        if record.seconds is None or record.ends is None:
            self._records.set(record, State.NO_LEASE)
            return
        self._records.set(record, State.HELD)
        record.written.append(write_lease(record.ends))
        self._tell(record, "taken")
        # Counted from its end, since the create may have been slow.
        left = (record.ends - api_time(self._core)).total_seconds()
        record.expires = self._clock.now() + left
        record.due = self._clock.now() + max(0.0, left - record.seconds / 2)
        self._wake.set()
        if not self._running:
            self._core.background.run_service(self._serve, "renewal of leases")
            self._running = True

    async def check(self, uuid: str) -> None:
        """Read a server, and tell its holder if its lease is lost.

        Raises:
            LeaseLost: It is lost, or was never taken.
            UpCloudError: The server could not be read.
        """
        record = self._records.held.get(uuid)
        if record is None:
            raise LeaseLost(uuid, f"server {uuid}: this client has no lease on it")
        try:
            seen = await get_server(self._core.transport, uuid)
        except NotFound:
            raise self._lose(record, "it is gone", forget=True) from None
        why = record.lost_to(seen, self._core.owner, run_id())
        if why is not None:
            raise self._lose(record, why)

    def _tell(self, record: Record, happened: Literal["taken", "renewed", "not renewed", "lost"]) -> None:
        emit = self._core.emit
        emit(LeaseEvent(at=emit.now(), uuid=record.uuid, happened=happened, ends=record.ends))

    async def _serve(self) -> None:
        """Run as long as there is a lease to renew."""
        limiter = anyio.CapacityLimiter(AT_ONCE)
        self._running = True
        for record in self._records.held.values():
            if record.due == math.inf:
                record.due = self._clock.now()  # asyncio has cancelled its renewal.
        try:
            while self._records.held:
                async with anyio.create_task_group() as renewals:
                    while self._records.held:
                        self._wake = anyio.Event()
                        await self._sleep_until(min(record.due for record in self._records.held.values()))
                        now = self._clock.now()
                        for record in [record for record in self._records.held.values() if record.due <= now]:
                            # Not again before this renewal ends.
                            record.due = math.inf
                            renewals.start_soon(protected(self._renew), record, limiter)
        finally:
            self._running = False

    async def _sleep_until(self, due: float) -> None:
        """Wait until a lease is due, a lease is taken, or the machine has slept, which makes all leases due."""
        began, wall = self._clock.now(), time.time()
        with self._clock.limit(max(0.0, min(due - began, WAKE_EVERY))):
            await self._wake.wait()
        if (time.time() - wall) - (self._clock.now() - began) > SLEPT:
            log.warning("this machine has slept: renewing all leases now")
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
            # It is still held.
            self._plan_next(record, ends)

    def _plan_next(self, record: Record, ends: datetime | None) -> None:
        assert record.seconds is not None
        now = self._clock.now()
        if ends is not None:
            record.ends, record.expires = ends, now + record.seconds
            record.due = now + record.seconds / 2
            self._tell(record, "renewed")
        elif now >= record.expires:
            self._lose(record, "no renewal succeeded before its end")
            return
        else:
            record.due = min(now + min(30.0, record.seconds / 8), record.expires)
            self._tell(record, "not renewed")
        self._wake.set()

    def _lose(self, record: Record, why: str, *, forget: bool = False) -> LeaseLost:
        """Tell the holder that its lease is lost. Returns the error for the holder."""
        message = f"the lease of server {record.uuid} is lost, and not renewed any more: {why}"
        error = LeaseLost(record.uuid, message)
        if record.state is not State.HELD:
            return error  # It is not held any more.
        self._records.set(record, State.LOST)
        if forget:
            self._records.drop(record)
        log.warning("%s", message)
        self._tell(record, "lost")
        if record.on_lost is not None:
            try:
                record.on_lost(error)
            except Exception:
                log.exception("on_lease_lost of server %s failed", record.uuid)
        return error

    async def _write(self, record: Record) -> datetime | None:
        """Set a new end. None if the server is in maintenance, since it refuses changes then.

        Raises:
            _Lost: Somebody else took or ended it.
        """
        core = self._core
        assert record.seconds is not None
        seen = await get_server(core.transport, record.uuid)
        if seen.state == "maintenance":
            return None
        lost = record.lost_to(seen, core.owner, run_id())
        if lost is not None:
            raise _Lost(lost)
        # Use the time of this answer, since the previous one may be old.
        ends = await api_now(core) + timedelta(seconds=record.seconds)
        ours = Ownership(core.owner, run_id(), record.attempt, ends).labels()
        if LEASE in seen.labels:
            # After many failed renewals, `written` no longer has this end, and it would look like somebody else's.
            record.written.append(seen.labels[LEASE])
        record.written.append(ours[LEASE])
        await self._labels.write_server(seen, ours)
        return ends


class _Lost(Exception):
    """This client no longer has the lease."""
