"""The log of a build that waits for its server: lines with times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from twisted.internet import defer

from upcloud_sdk.buildbot._buildbot.private import add_log, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from upcloud_sdk.buildbot._buildbot.api import Build, TextLog
    from upcloud_sdk.ci import ServerRecord

NAME = "server"
"""The name of the log. It belongs to the step in which the build's worker is prepared."""


class BuildLog:
    """The log of one build. For the reactor's thread. Builds do not wait for it, and do not fail because of it."""

    def __init__(self, build: Build, master: str, now: Callable[[], float]) -> None:
        self._worker, self._master, self._now = build.workerforbuilder.worker, master, now
        self._is_open = True
        self._log: TextLog | None = None
        self._turn = defer.DeferredLock()
        self._do(self._begin(build))

    async def _begin(self, build: Build) -> None:
        self._log = await add_log(build, NAME)

    def write(self, text: str) -> None:
        """Add a line. Nothing is added after the log is finished."""
        if self._is_open:
            moment = datetime.fromtimestamp(self._now(), UTC)
            self._do(self._write(f"{moment:%H:%M:%S} UTC  {' '.join(text.split())}\n"))

    def hear(self, server: ServerRecord, event: str) -> None:
        """Write an event of the server's record."""
        match event:
            case "made":
                how = "found by its label, since the answer to its create was lost" if server.adopted else "created"
                self.write(f"server {server.uuid} {how}: {server.plan} in {server.zone}")
            case "started":
                self.started(server.seconds("asked", "started"))
            case "attached":
                self.attached(server.seconds("asked", "attached"))
            case "failed":
                self.write(str(server.error))
            case _:
                pass
        # The guest may attach before the API answers the create, or though the create fails.
        is_complete = server.attached is not None and (server.made is not None or server.has_failed)
        if is_complete or event in {"stopping", "gone"}:
            self.finish()

    def started(self, seconds: float | None) -> None:
        """Write that the server has started."""
        self.write(f"started after {seconds or 0:.0f} s; its worker attaches to {self._master}")

    def attached(self, seconds: float | None) -> None:
        """Write that the worker on the server has attached."""
        self.write(f"its worker attached after {seconds or 0:.0f} s")

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
