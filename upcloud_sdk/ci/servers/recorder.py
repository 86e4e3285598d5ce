"""Records the changes of the servers of jobs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from upcloud_sdk.ci.record.changes import MILLION, BuildChange, Phase
from upcloud_sdk.ci.record.record import BuildRecord
from upcloud_sdk.ci.servers.job_server import JobServer

if TYPE_CHECKING:
    from upcloud_sdk.ci.record.changes import Change
    from upcloud_sdk.ci.record.record import ServerRecord
    from upcloud_sdk.ci.record.server_log import ServerEntry, ServerLog

S = TypeVar("S", bound=JobServer[Any])


class ServerRecorder(Generic[S]):
    """Writes the changes of each `JobServer` into a log.

    Use it in one thread only. Events of a server that was not begun, or is gone, are ignored.
    """

    def __init__(self, log: ServerLog) -> None:
        self.log = log
        """`log.up` has the servers that are not gone. `log.listeners` are called at each change."""
        self._entries: dict[S, ServerEntry] = {}

    def tell(self, server: S, record: ServerRecord, event: str) -> None:
        """For subclasses: called with the steps of a server from `made` to `gone`."""

    def hear(self, server: S, change: Change) -> None:
        """Record a change of this server."""
        if isinstance(change, BuildChange):
            self._hear_build(server, change)
            return
        if change.phase is Phase.ASKED:
            names = ("master", "worker", "builder", "number", "owner", "zone", "plan")
            values = {name: value for name in names if (value := getattr(change, name)) is not None}
            self.begin(server, **values, buildid=None if change.build is None else int(change.build))
        elif change.uuid is not None:
            self.made(server)
        if change.hourly is not None:
            self.priced(server)
        if change.error is not None:
            self.failed(server, change.error)
        step = {
            Phase.STARTED: self.started,
            Phase.ATTACHED: self.attached,
            Phase.IDLE: self.idle,
            Phase.STOPPING: self.stopping,
            Phase.NOT_DESTROYED: self.left,
            Phase.GONE: self.gone,
        }
        if change.phase is not None and change.phase in step:
            step[change.phase](server)

    def _hear_build(self, server: S, change: BuildChange) -> None:
        entry = self._entries.get(server)
        if entry is None:
            return
        if change.ended is not None:
            cost = None if change.cost is None else Decimal(change.cost) / MILLION
            entry.build_ended(int(change.build), result=change.result, cost=cost)
            return
        entry.build_began(
            BuildRecord(
                id=int(change.build),
                builder=change.builder or "",
                number=change.number,
                queued=change.queued,
                began=change.began,
            )
        )

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

    def left(self, server: S) -> None:
        """Record that it could not be destroyed in time."""
        entry = self._entries.get(server)
        if entry is not None:
            entry.note("left", state="left")

    def gone(self, server: S) -> None:
        """Record that it is gone, or was never created."""
        entry, held = self._entries.pop(server, None), server.held_seconds
        if entry is not None:
            entry.finish(held_seconds=None if held is None else round(held, 3))
            self.tell(server, entry.record, "gone")

    def gone_by_uuid(self, uuid: str) -> bool:
        """Record that the reaper has destroyed it. Returns False if it is not a server of this process."""
        found = [server for server, entry in self._entries.items() if entry.record.uuid == uuid]
        for server in found:
            self.gone(server)
        return bool(found)

    def idle(self, server: S) -> None:
        """Record that no build runs on it any more."""
        entry = self._entries.get(server)
        if entry is not None and entry.record.attached is not None:
            entry.note("idle", state="idle", idle=entry.moment())
