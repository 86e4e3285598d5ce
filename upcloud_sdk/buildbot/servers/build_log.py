"""The log of a build that waits for its server: lines with times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from twisted.internet import defer

from upcloud_sdk.buildbot._buildbot.private import add_log, wait_for
from upcloud_sdk.ci.record.changes import BuildChange, Phase, units

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from upcloud_sdk.buildbot._buildbot.api import Build, TextLog
    from upcloud_sdk.buildbot.configuration.request import BuildServer
    from upcloud_sdk.ci.record.changes import Change

NAME = "server"
"""The name of the log. It belongs to the step in which the build's worker is prepared."""


class BuildLog:
    """The log of the build that a server is made or renewed for: a listener of the server, on the reactor's thread.

    Builds do not wait for it, and do not fail because of it.
    """

    def __init__(self, build: Build, server: BuildServer, master: str, now: Callable[[], float]) -> None:
        self._worker, self.server, self._master, self._now = build.workerforbuilder.worker, server, master, now
        self._is_open = True
        self._log: TextLog | None = None
        self._turn = defer.DeferredLock()
        self._do(self._begin(build))
        if server.details is not None:
            self.write(f"server {server.uuid} gets a fresh disk: {server.details.plan} in {server.details.zone}")

    async def _begin(self, build: Build) -> None:
        self._log = await add_log(build, NAME)

    def write(self, text: str) -> None:
        """Add a line. Nothing is added after the log is finished."""
        if self._is_open:
            moment = datetime.fromtimestamp(self._now(), UTC)
            self._do(self._write(f"{moment:%H:%M:%S} UTC  {' '.join(text.split())}\n"))

    def hear(self, change: Change) -> None:
        """Write a change of the server."""
        if isinstance(change, BuildChange):
            return
        server = self.server
        if change.uuid is not None:
            how = "found by its label, since the answer to its create was lost" if change.adopted else "created"
            self.write(f"server {change.uuid} {how}: {change.plan} in {change.zone}")
        if change.hourly is not None:
            self.write(f"it costs {units(change.hourly):.4f} {server.currency or ''} an hour")
        if change.error is not None:
            self.write(change.error)
        if change.phase is Phase.STARTED:
            self.write(f"started after {server.boot_seconds or 0:.0f} s; its worker attaches to {self._master}")
        if change.phase is Phase.ATTACHED:
            self.write(f"its worker attached after {server.attach_seconds or 0:.0f} s")
        # The guest may attach before the API answers the create, or though the create fails.
        is_complete = server.attached_at is not None and (server.details is not None or server.error is not None)
        if is_complete or change.phase in {Phase.STOPPING, Phase.GONE}:
            self.finish()

    def finish(self) -> None:
        """Close the log when its lines are written."""
        if self._is_open:
            self._is_open = False
            self._do(self._finish())

    async def _write(self, line: str) -> None:
        if self._log is not None:
            await self._log.addContent(line)

    async def _finish(self) -> None:
        if self._log is not None:
            await self._log.finish()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        wait_for(self._worker, self._turn.run(lambda: defer.ensureDeferred(work)))


def add_notice(build: Build, name: str, text: str) -> None:
    """Add a log with one line to the step in which the build's worker was prepared."""

    async def write() -> None:
        log = await add_log(build, name)
        if log is not None:
            await log.addContent(f"{text}\n")
            await log.finish()

    wait_for(build.workerforbuilder.worker, defer.ensureDeferred(write()))
