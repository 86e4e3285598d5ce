"""The record of a master's servers, in its base directory. Used on the reactor's thread only.

The record outlives the master. For its format see `upcloud_sdk.ci.record.record`. Other threads read and write it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet import defer, threads

from upcloud_sdk.buildbot._buildbot.private import log_error
from upcloud_sdk.ci import RecordHistory, RecordReader, ServerLog, ServerRecorder

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot.api import Master
    from upcloud_sdk.buildbot.configuration.request import ServerRequest  # noqa: F401 - named below
    from upcloud_sdk.ci import JobServer, ServerRecord  # noqa: F401 - the same

RECORD = "upcloud-servers.jsonl"
"""The file in the master's base directory. Older parts have a number at the end."""

_CLOSE_WITHIN = 2.0
"""How long a stopping master waits for a slow disk, in seconds."""


class MasterRecord(ServerRecorder["JobServer[ServerRequest]"]):
    """Records a master's servers."""

    def __init__(self, master: Master) -> None:
        super().__init__(ServerLog(Path(master.basedir) / RECORD))
        self._history = RecordHistory(self.log)
        self._reading = defer.DeferredLock()

    def refused(self, reason: str, **origin: object) -> None:
        """Record that a start failed before a server was requested."""
        entry = self.log.begin(None, **origin)
        entry.note("failed", error=reason)
        entry.finish()

    def reaped(self, uuid: str) -> None:
        """Record that the reaper has destroyed a server of this master or of an earlier run."""
        if not self.gone_by_uuid(uuid):
            reading = defer.ensureDeferred(self.history())
            reading.addCallback(lambda servers: self.log.reaped([uuid], servers))
            reading.addErrback(log_error)

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


def read_record(basedir: Path) -> dict[str, ServerRecord]:
    """The servers in the record of a master, by uuid. Blocks on the disk.

    Raises:
        OSError: the file cannot be read. A missing file is an empty record.
    """
    servers = RecordReader(basedir / RECORD).read().values()
    return {server.uuid: server for server in servers if server.uuid is not None}
