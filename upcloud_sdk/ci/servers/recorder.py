"""Records the events of the servers of jobs, and the cost of their builds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from upcloud_sdk.ci.servers.job_server import JobServer
from upcloud_sdk.placement import ServerTime, cost_of

if TYPE_CHECKING:
    from collections.abc import Hashable
    from decimal import Decimal

    from upcloud_sdk.ci.record.record import ServerRecord
    from upcloud_sdk.ci.record.server_log import ServerEntry, ServerLog

_CENTS = 100

S = TypeVar("S", bound=JobServer[Any])


class ServerRecorder(Generic[S]):
    """Writes the events of each `JobServer` into a log, and measures how long builds hold it.

    Use it in one thread only. Call `begin` before the create of a server, then the method of each event, and `gone` in
    any case. Events of a server that was not begun, or is gone, are ignored.
    """

    def __init__(self, log: ServerLog) -> None:
        self.log = log
        """`log.up` has the servers that are not gone. `log.listeners` are called at each change."""
        self._entries: dict[S, ServerEntry] = {}
        self._times: dict[S, ServerTime] = {}

    def tell(self, server: S, record: ServerRecord, event: str) -> None:
        """For subclasses: called with the steps of a server from `made` to `gone`."""

    def begin(self, server: S, **values: object) -> ServerEntry:
        """Record that a server is or was requested. `values`: known fields of its `ServerRecord`."""
        entry = self._entries[server] = self.log.begin(server.asked_at, **values)
        return entry

    def made(self, server: S) -> None:
        """Record that the API has answered its create."""
        entry, details = self._entries.get(server), server.details
        if entry is None or details is None or server.asked_at is None:
            return
        disks = [device.storage for device in details.storage_devices if device.storage and device.type == "disk"]
        entry.note_made(
            server.billed_span()[0],
            server.asked_at,
            uuid=details.uuid,
            zone=details.zone or "",
            plan=details.plan or "",
            image=server.image,
            image_made=server.image_made,
            disks=tuple(disks),
            adopted=server.is_adopted,
        )
        self.tell(server, entry.record, "made")

    def priced(self, server: S) -> None:
        """Record its price, if it is known."""
        entry = self._entries.get(server)
        if entry is not None and server.credits_per_hour is not None:
            entry.note("priced", credits_per_hour=server.credits_per_hour, currency=server.currency)

    def started(self, server: S) -> None:
        """Record that it has started."""
        entry = self._entries.get(server)
        if entry is not None and server.up_since is not None and entry.record.started is None:
            state = "attaching" if entry.record.attached is None else entry.record.state
            entry.note("started", started=entry.moment(server.up_since), state=state)
            self.tell(server, entry.record, "started")

    def attached(self, server: S) -> bool:
        """Record that its guest has attached. Returns whether this was the first time: only this is recorded."""
        entry = self._entries.get(server)
        if entry is None or server.attached_at is None or entry.record.attached is not None:
            return False
        attached = entry.moment(server.attached_at)
        entry.note("attached", started=entry.record.started or attached, attached=attached, state="building")
        self.tell(server, entry.record, "attached")
        return True

    def failed(self, server: S, reason: str) -> None:
        """Record that its start failed or its guest is lost. Only the first reason is recorded."""
        entry = self._entries.get(server)
        if entry is not None and entry.record.error is None:
            entry.note("failed", error=reason)
            self.tell(server, entry.record, "failed")

    def stopping(self, server: S) -> None:
        """Record that its destroy begins."""
        entry = self._entries.get(server)
        if entry is not None:
            entry.note("stopping", state="stopping", stopping=entry.moment())
            self.tell(server, entry.record, "stopping")

    def left(self, server: S, reason: str) -> None:
        """Record that it could not be destroyed in time."""
        self.failed(server, reason)
        entry = self._entries.get(server)
        if entry is not None:
            entry.note("left", state="left")

    def gone(self, server: S) -> None:
        """Record that it is gone, or was never created."""
        entry, held = self._entries.pop(server, None), self._times.pop(server, None)
        if entry is not None:
            entry.finish(held_seconds=None if held is None else round(held.held_seconds, 3))
            self.tell(server, entry.record, "gone")

    def gone_by_uuid(self, uuid: str) -> bool:
        """Record that the reaper has destroyed it. Returns False if it is not a server of this process."""
        found = [server for server, entry in self._entries.items() if entry.record.uuid == uuid]
        for server in found:
            self.gone(server)
        return bool(found)

    def entry_of(self, server: S) -> ServerEntry | None:
        """Its entry, for its builds. None if it was not begun, or is gone."""
        return self._entries.get(server)

    # --- builds -------------------------------------------------------------------------------------------------------

    def hold(self, server: S, build: Hashable, *, first: Hashable) -> None:
        """Record that a build takes a server. `first`: the build that the server was created for."""
        held = self._time(server, first)
        if held is not None:
            held.hold(build, time.monotonic())

    def release(self, server: S, build: Hashable, *, first: Hashable) -> Decimal | None:
        """Record that a build on it has ended. Returns its cost in the main unit of the currency. None if not known.

        Builds that run at the same time share the cost. `first`: as for `hold`.
        """
        held, price = self._time(server, first), server.credits_per_hour
        if held is None:
            return None
        seconds = held.release(build, time.monotonic())
        return None if price is None else round(cost_of(seconds, price / _CENTS), 9)

    def idle(self, server: S) -> None:
        """Record that no build runs on it any more."""
        entry = self._entries.get(server)
        if entry is not None and entry.record.attached is not None:
            entry.note("idle", state="idle", idle=entry.moment())

    def _time(self, server: S, first: Hashable) -> ServerTime | None:
        """The times of the builds that hold it. None before its create."""
        if server.asked_at is None:
            return None
        if server not in self._times:
            self._times[server] = held = ServerTime(server.asked_at)
            held.hold(first, server.asked_at)
        return self._times[server]
