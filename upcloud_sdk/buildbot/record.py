"""The record of a master's servers, in its base directory. Used on the reactor's thread only.

The record outlives the master. For its format see `upcloud_sdk.ci.record`. Other threads read and write the file.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet import defer, threads

from upcloud_sdk.buildbot._buildbot_private import log_error, result_name, running_build, set_property, starting_build
from upcloud_sdk.buildbot.build_log import BuildLog, add_notice
from upcloud_sdk.ci import BuildRecord, RecordReader, ServerLog
from upcloud_sdk.ci.record import VERSION
from upcloud_sdk.placement import ServerTime, cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.buildbot._buildbot_api import Build, Master, WorkerForBuilder
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.ci import ServerEntry, ServerRecord

RECORD = "upcloud-servers.jsonl"
"""The file in the master's base directory. Older parts have a number at the end."""
log = logging.getLogger("upcloud_sdk")

_CENTS = 100
_REMEMBERED = timedelta(days=32)
_FLUSH_WITHIN = 1.0
_CLOSE_WITHIN = 2.0
"""How long a stopping master waits for a slow disk, in seconds."""


class MasterRecord:
    """Writes the record of a master's servers, and sets the cost of builds."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.log = ServerLog(Path(master.basedir) / RECORD)
        """`log.up` has the servers that are not gone. `log.listeners` are called at each change."""
        self._reader = RecordReader(self.log.path)
        self._entries: dict[BuildServer, ServerEntry] = {}
        self._times: dict[BuildServer, ServerTime] = {}
        self._reading = defer.DeferredLock()

    # --- what happens to a server -------------------------------------------------------------------------------------

    def asked(self, server: BuildServer, build: Build) -> None:
        """A server is requested for a build."""
        self._begin_log(server, build)
        entry = self._begin_server(server, build)
        if build.buildid is not None:
            assert entry.record.asked is not None
            self._build_began(entry, build, entry.record.asked, self._queued(build))

    def _begin_server(self, server: BuildServer, build: Build) -> ServerEntry:
        request, owner = server.request, server.account.key.owner
        entry = self._entries[server] = self._begin(
            build, server.guest.name, server.asked_at, owner=owner, zone=request.zones[0], plan=request.plans[0]
        )
        return entry

    def refused(self, worker: str, build: Build, reason: str) -> None:
        """A start has failed before a server was requested."""
        entry = self._begin(build, worker)
        entry.note("failed", error=reason)
        entry.finish()

    def _begin(self, build: Build, worker: str, at: float | None = None, **values: object) -> ServerEntry:
        return self.log.begin(
            at,
            master=self._master.name,
            worker=worker,
            builder=build.builder.name,
            number=build.number,
            buildid=build.buildid,
            **values,
        )

    def _begin_log(self, server: BuildServer, build: Build) -> BuildLog:
        guest = server.guest
        server.log = log = BuildLog(build, f"{guest.master}:{guest.port}", self._master.reactor.seconds)
        server.tell = partial(self._master.reactor.callFromThread, log.write)
        return log

    def renewing(self, server: BuildServer, build: Build) -> None:
        """A parked server gets a fresh disk for a build, and starts again."""
        assert server.details is not None
        place = f"{server.details.plan} in {server.details.zone}"
        self._begin_log(server, build).write(f"server {server.uuid} gets a fresh disk: {place}")

    def renewed(self, server: BuildServer) -> None:
        """It was seen to be started again."""
        if server.log is not None:
            server.log.started(server.boot_seconds)

    def replaced(self, server: BuildServer, reason: str) -> None:
        """It could not be started again."""
        if server.log is not None:
            server.log.write(f"it could not be started again, and is replaced: {reason}")

    def made(self, server: BuildServer) -> None:
        """The API has answered its create."""
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
        self._tell(server, entry, "made")

    def late(self, server: BuildServer) -> None:
        """It has appeared after its start was given up."""
        if server not in self._entries:
            # It seemed that there was none.
            self._begin_server(server, server.build)
            self.failed(server, "its create was answered too late")
        self.made(server)

    def priced(self, server: BuildServer) -> None:
        """Its price is known."""
        if server.credits_per_hour is not None:
            self._note(server, "priced", credits_per_hour=server.credits_per_hour, currency=server.currency)

    def started(self, server: BuildServer) -> None:
        """It was seen to be started."""
        entry = self._entries.get(server)
        if entry is not None and server.up_since is not None and entry.record.started is None:
            state = "attaching" if entry.record.attached is None else entry.record.state
            entry.note("started", started=entry.moment(server.up_since), state=state)
            self._tell(server, entry, "started")

    def attached(self, server: BuildServer) -> None:
        """Its guest has attached, for the first time or again."""
        entry = self._entries.get(server)
        if entry is not None and server.attached_at is not None and entry.record.attached is None:
            attached = entry.moment(server.attached_at)
            entry.note("attached", started=entry.record.started or attached, attached=attached, state="building")
            self._tell(server, entry, "attached")
        elif server.log is not None and server.attached_at is not None:
            # Again, with a fresh disk.
            server.log.attached(server.attach_seconds)
            server.log.finish()

    def failed(self, server: BuildServer, reason: str) -> None:
        """Its start has failed, or its guest is lost. The first reason is recorded."""
        entry = self._entries.get(server)
        if entry is not None and entry.record.error is None:
            entry.note("failed", error=reason)
            self._tell(server, entry, "failed")

    def lease_lost(self, server: BuildServer, reason: str, builds: Iterable[Build]) -> None:
        """Its lease is lost. The builds that run on it say so."""
        self.failed(server, reason)
        for build in builds:
            add_notice(build, "lease", f"{reason}. The build goes on as long as its worker is connected.")

    def stopping(self, server: BuildServer) -> None:
        """Its destroy begins."""
        entry = self._entries.get(server)
        if entry is not None:
            entry.note("stopping", state="stopping", stopping=entry.moment())
            self._tell(server, entry, "stopping")

    def left(self, server: BuildServer, reason: str) -> None:
        """It could not be destroyed in time."""
        self.failed(server, reason)
        self._note(server, "left", state="left")

    def gone(self, server: BuildServer) -> None:
        """It is gone, or was never created."""
        entry, held = self._entries.pop(server, None), self._times.pop(server, None)
        if entry is not None:
            entry.finish(held_seconds=None if held is None else round(held.held_seconds, 3))
            self._tell(server, entry, "gone")

    def reaped(self, uuid: str) -> None:
        """The reaper has destroyed a server of this master or of an earlier run."""
        for server, entry in list(self._entries.items()):
            if entry.record.uuid == uuid:
                self.gone(server)
                return
        reading = defer.ensureDeferred(self.history())
        reading.addCallback(lambda servers: self.log.reaped([uuid], servers))
        reading.addErrback(log_error)

    def _note(self, server: BuildServer, event: str, **values: object) -> None:
        entry = self._entries.get(server)
        if entry is not None:
            entry.note(event, **values)

    def _tell(self, server: BuildServer, entry: ServerEntry, event: str) -> None:
        """Write it to the log of the build that waits for the server."""
        if server.log is not None:
            server.log.hear(entry.record, event)

    # --- builds -------------------------------------------------------------------------------------------------------

    def build_started(self, server: BuildServer | None, wfb: WorkerForBuilder) -> None:
        """A build takes a running server."""
        if server is None:
            return
        held = self._time(server)
        if held is not None:
            held.hold(wfb.builder_name, time.monotonic())
        entry, build = self._entries.get(server), starting_build(wfb)
        if entry is not None:
            began, queued = entry.moment(), self._queued(build)
            build.get_buildid().addCallback(lambda _: self._build_began(entry, build, began, queued))

    def build_finished(self, server: BuildServer | None, wfb: WorkerForBuilder, *, is_idle: bool) -> None:
        """Set the cost of a build that has ended, as properties. `is_idle`: no other build runs on its server."""
        held = self._time(server) if server is not None else None
        if held is None or server is None:
            return
        seconds = held.release(wfb.builder_name, time.monotonic())
        build, entry = running_build(wfb), self._entries.get(server)
        price = server.credits_per_hour
        cost = None if price is None else round(cost_of(seconds, price / _CENTS), 9)
        if build is not None and build.buildid is not None:
            if entry is not None:
                entry.build_ended(build.buildid, result=result_name(build.results), cost=cost)
            if cost is not None:
                set_property(self._master, build.buildid, "upcloud_cost", float(cost))
                if server.currency is not None:
                    set_property(self._master, build.buildid, "upcloud_currency", server.currency)
        if entry is not None and is_idle and entry.record.attached is not None:
            entry.note("idle", state="idle", idle=entry.moment())

    @staticmethod
    def _build_began(entry: ServerEntry, build: Build, began: datetime, queued: float | None) -> None:
        assert build.buildid is not None
        entry.build_began(
            BuildRecord(id=build.buildid, builder=build.builder.name, number=build.number, queued=queued, began=began)
        )

    def _queued(self, build: Build) -> float | None:
        """Seconds since the oldest request of a build was submitted. Not below 0 if the clock jumps."""
        submitted = [request.submittedAt for request in build.requests if request.submittedAt is not None]
        return max(0.0, round(self._master.reactor.seconds() - min(submitted), 3)) if submitted else None

    def _time(self, server: BuildServer) -> ServerTime | None:
        """Which builds hold a server. The build for which it was created holds it from its create."""
        if server.asked_at is None:
            return None
        if server not in self._times:
            self._times[server] = held = ServerTime(server.asked_at)
            held.hold(server.build.getProperty("buildername", ""), server.asked_at)
        return self._times[server]

    # --- reading ------------------------------------------------------------------------------------------------------

    async def history(self) -> list[ServerRecord]:
        """The servers of the last month, the oldest first, including those that are up.

        Another thread reads the file. If it cannot be read, the list is empty, and the log has the reason.
        """
        await self._reading.acquire()
        try:
            return await threads.deferToThread(self._read)
        finally:
            self._reading.release()

    def _read(self) -> list[ServerRecord]:
        self.log.flush(_FLUSH_WITHIN)
        try:
            seen = [server.seen for server in self._reader.read().values() if server.seen is not None]
            # If this host's clock has jumped ahead, the record must not be forgotten.
            now = min(datetime.now(UTC), max(seen, default=datetime.now(UTC)))
            return list(self._reader.read(now - _REMEMBERED).values())
        except OSError as error:
            log.warning("%s cannot be read: %s", self.log.path, error)
            return []

    def problems(self) -> list[str]:
        """A sentence for each kind of line that could not be read last time."""
        found: list[str] = []
        if self._reader.newest_version > VERSION:
            found.append(
                f"{RECORD} was written by a newer version of upcloud-sdk, too: what this one does not know is left out."
            )
        if lines := self._reader.unreadable:
            found.append(f"{RECORD}: {lines} {'line' if lines == 1 else 'lines'} could not be read: left out.")
        return found

    async def close(self) -> None:
        """Write the last lines."""
        await threads.deferToThread(self.log.close, _CLOSE_WITHIN)


def read_record(basedir: Path) -> dict[str, ServerRecord]:
    """The servers in the record of a master, by uuid. Blocks on the disk.

    Raises:
        OSError: the file cannot be read. A missing file is an empty record.
    """
    servers = RecordReader(basedir / RECORD).read().values()
    return {server.uuid: server for server in servers if server.uuid is not None}
