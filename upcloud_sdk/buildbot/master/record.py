"""The record of a master's servers, in its base directory. Used on the reactor's thread only.

The record outlives the master. For its format see `upcloud_sdk.ci.record.record`. Other threads read and write it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet import defer, threads

from upcloud_sdk.buildbot._buildbot.private import log_error, result_name, running_build, set_property, starting_build
from upcloud_sdk.buildbot.servers.build_log import BuildLog, add_notice
from upcloud_sdk.buildbot.servers.server import BuildServer
from upcloud_sdk.ci import BuildRecord, RecordHistory, RecordReader, ServerLog, ServerRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from upcloud_sdk.buildbot._buildbot.api import Build, Master, WorkerForBuilder
    from upcloud_sdk.ci import ServerEntry, ServerRecord

RECORD = "upcloud-servers.jsonl"
"""The file in the master's base directory. Older parts have a number at the end."""

_CLOSE_WITHIN = 2.0
"""How long a stopping master waits for a slow disk, in seconds."""


class MasterRecord(ServerRecorder[BuildServer]):
    """Records a master's servers, writes the logs of builds that wait for one, and sets the cost of builds."""

    def __init__(self, master: Master) -> None:
        super().__init__(ServerLog(Path(master.basedir) / RECORD))
        self._master = master
        self._history = RecordHistory(self.log)
        self._reading = defer.DeferredLock()

    # --- events of a server -------------------------------------------------------------------------------------------

    def asked(self, server: BuildServer, build: Build) -> None:
        """Record that a server is requested for a build."""
        self._begin_log(server, build)
        entry = self._begin_server(server, build)
        if build.buildid is not None:
            assert entry.record.asked is not None
            self._build_began(entry, build, entry.record.asked, self._queued(build))

    def _begin_server(self, server: BuildServer, build: Build) -> ServerEntry:
        request, owner = server.request, server.account.key.owner
        origin = self._origin(build, server.guest.name)
        return self.begin(server, **origin, owner=owner, zone=request.zones[0], plan=request.plans[0])

    def refused(self, worker: str, build: Build, reason: str) -> None:
        """Record that a start failed before a server was requested."""
        entry = self.log.begin(None, **self._origin(build, worker))
        entry.note("failed", error=reason)
        entry.finish()

    def _origin(self, build: Build, worker: str) -> dict[str, object]:
        """The worker and the build of a server, as fields of `ServerRecord`."""
        return {
            "master": self._master.name,
            "worker": worker,
            "builder": build.builder.name,
            "number": build.number,
            "buildid": build.buildid,
        }

    def _begin_log(self, server: BuildServer, build: Build) -> BuildLog:
        guest = server.guest
        server.log = log = BuildLog(build, f"{guest.master}:{guest.port}", self._master.reactor.seconds)
        server.tell = partial(self._master.reactor.callFromThread, log.write)
        return log

    def tell(self, server: BuildServer, record: ServerRecord, event: str) -> None:
        """Write the event to the log of the build that waits for the server."""
        if server.log is not None:
            server.log.hear(record, event)

    def late(self, server: BuildServer) -> None:
        """Record a server that appeared after its start was given up."""
        if self.entry_of(server) is None:
            # Until now it was recorded as never created.
            self._begin_server(server, server.build)
            self.failed(server, "its create was answered too late")
        self.made(server)

    def renewing(self, server: BuildServer, build: Build) -> None:
        """Log that a parked server gets a fresh disk for a build, and starts again."""
        assert server.details is not None
        place = f"{server.details.plan} in {server.details.zone}"
        self._begin_log(server, build).write(f"server {server.uuid} gets a fresh disk: {place}")

    def renewed(self, server: BuildServer) -> None:
        """Log that it has started again."""
        if server.log is not None:
            server.log.started(server.boot_seconds)

    def replaced(self, server: BuildServer, reason: str) -> None:
        """Log that it could not be started again."""
        if server.log is not None:
            server.log.write(f"it could not be started again, and is replaced: {reason}")

    def attached(self, server: BuildServer) -> bool:
        """Record that its guest has attached, for the first time or again. Returns whether it is the first time."""
        is_first = super().attached(server)
        if not is_first and server.log is not None and server.attached_at is not None:
            # Again, with a fresh disk.
            server.log.attached(server.attach_seconds)
            server.log.finish()
        return is_first

    def lease_lost(self, server: BuildServer, reason: str, builds: Iterable[Build]) -> None:
        """Log the loss of its lease, also in the builds that run on it."""
        self.failed(server, reason)
        for build in builds:
            add_notice(build, "lease", f"{reason}. The build goes on as long as its worker is connected.")

    def reaped(self, uuid: str) -> None:
        """Record that the reaper has destroyed a server of this master or of an earlier run."""
        if not self.gone_by_uuid(uuid):
            reading = defer.ensureDeferred(self.history())
            reading.addCallback(lambda servers: self.log.reaped([uuid], servers))
            reading.addErrback(log_error)

    # --- builds -------------------------------------------------------------------------------------------------------

    def build_started(self, server: BuildServer | None, wfb: WorkerForBuilder) -> None:
        """Record that a build takes a running server."""
        if server is None:
            return
        self.hold(server, wfb.builder_name, first=_first_builder(server))
        entry, build = self.entry_of(server), starting_build(wfb)
        if entry is not None:
            began, queued = entry.moment(), self._queued(build)
            build.get_buildid().addCallback(lambda _: self._build_began(entry, build, began, queued))

    def build_finished(self, server: BuildServer | None, wfb: WorkerForBuilder, *, is_idle: bool) -> None:
        """Set the cost of a build that has ended, as properties. `is_idle`: no other build runs on its server."""
        if server is None or server.asked_at is None:
            return
        cost = self.release(server, wfb.builder_name, first=_first_builder(server))
        build, entry = running_build(wfb), self.entry_of(server)
        if build is not None and build.buildid is not None:
            if entry is not None:
                entry.build_ended(build.buildid, result=result_name(build.results), cost=cost)
            if cost is not None:
                set_property(self._master, build.buildid, "upcloud_cost", float(cost))
                if server.currency is not None:
                    set_property(self._master, build.buildid, "upcloud_currency", server.currency)
        if is_idle:
            self.idle(server)

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

    # --- reading ------------------------------------------------------------------------------------------------------

    async def history(self) -> list[ServerRecord]:
        """The servers of the last month, the oldest first, including those that are up.

        Another thread reads the file. If it cannot be read, the list is empty, and the log has the reason.
        """
        await self._reading.acquire()
        try:
            return await threads.deferToThread(self._history.read)
        finally:
            self._reading.release()

    def problems(self) -> list[str]:
        """A sentence for each kind of line that could not be read last time."""
        return self._history.problems()

    async def close(self) -> None:
        """Write the last lines."""
        await threads.deferToThread(self.log.close, _CLOSE_WITHIN)


def _first_builder(server: BuildServer) -> str:
    builder: str = server.build.getProperty("buildername", "")
    return builder


def read_record(basedir: Path) -> dict[str, ServerRecord]:
    """The servers in the record of a master, by uuid. Blocks on the disk.

    Raises:
        OSError: the file cannot be read. A missing file is an empty record.
    """
    servers = RecordReader(basedir / RECORD).read().values()
    return {server.uuid: server for server in servers if server.uuid is not None}
