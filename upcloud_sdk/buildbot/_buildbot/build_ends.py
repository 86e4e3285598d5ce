"""The builds of a worker, and their ends: each ends, also where Buildbot itself would wait forever."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING

from twisted.internet import defer

from upcloud_sdk.buildbot._buildbot.api import CANCELLED, RETRY, async_to_deferred
from upcloud_sdk.buildbot._buildbot.private import close_at_once, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Build, Builder, WorkerForBuilder

    Sleep = Callable[[float], Deferred[None]]

_RECORD_AGAIN_AFTER = 1.0, 60.0
"""The first and the longest pause, in seconds. Buildbot itself tries again for an hour if the database is locked."""


def starting_build(wfb: WorkerForBuilder) -> Build:
    """The build that a worker has just taken for a builder. Call it in `buildStarted`."""
    return wfb.builder.building[-1]


def running_build(wfb: WorkerForBuilder) -> Build | None:
    """The build that a worker runs for a builder, or is about to run."""
    return next((build for build in wfb.builder.building if build.workerforbuilder is wfb), None)


class _EndingBuild:
    """A build that always ends, also after errors."""

    def __init__(self, worker: AbstractLatentWorker, build: Build, sleep: Sleep) -> None:
        self._worker, self._build, self._sleep = worker, build, sleep
        self._start, self._stop, self._finish = build.startBuild, build.stopBuild, build.buildFinished
        self._is_cancelled = False

    async def start(self, wfb: WorkerForBuilder) -> None:
        build, is_listening = self._build, False
        try:
            await self._start(wfb)
            is_listening = build.subs is not None
        finally:
            if not build.finished and not is_listening:
                if not build.stopped:
                    self._worker.putInQuarantine()
                await build.buildFinished(["worker", "cancelled" if build.stopped else "lost"], RETRY)

    async def stop(self, reason: str = "<no reason given>", results: int = CANCELLED) -> None:
        self._is_cancelled = self._is_cancelled or results == CANCELLED
        await self._stop(reason, results)

    async def finish(self, text: list[str], results: int) -> None:
        build, builder = self._build, self._build.builder
        restore_builder(self._worker, builder)
        if self._is_cancelled and results == RETRY:
            text, results = ["cancelled", *text[1:]], CANCELLED
        if build.buildid is None:
            build.finished, build.results = True, results
        else:
            await self._finish(text, results)
        wfb = build.workerforbuilder
        if build in builder.building:
            # Its end, or even its begin, is not in the database. But its worker is free.
            if build.buildid is not None:
                defer.ensureDeferred(self._record_end()).addErrback(lambda _: None)  # The master stops.
            if wfb.isBusy():
                wfb.buildFinished()
            builder.buildFinished(build, wfb)
        self._worker.workerforbuilders.pop(wfb, None)

    async def _record_end(self) -> None:
        """Try again to record the end of the build. Its page shows that it runs until then."""
        seconds, longest = _RECORD_AGAIN_AFTER
        while True:
            await self._sleep(seconds)
            seconds = min(2 * seconds, longest)
            with contextlib.suppress(Exception):  # only the first error is logged
                await self._worker.master.data.updates.finishBuild(self._build.buildid, self._build.results)
                return


def restore_builder(worker: AbstractLatentWorker, builder: Builder) -> None:
    """Give a builder that was removed what it has lost, and needs to complete the requests of its last builds."""
    builder.master, builder.botmaster = worker.master, worker.botmaster


def ensure_end(worker: AbstractLatentWorker, build: Build, sleep: Sleep) -> None:
    """Make sure that a build ends, even if its start fails. Call it in `buildStarted`, before Buildbot's `startBuild`.

    `sleep` fires after some seconds, and fails when the master stops.

    Buildbot itself would wait forever if an error is raised before the first step, if the connection is lost before the
    build listens for that, if its request is cancelled at its start, or if its end cannot be recorded. If a user has
    cancelled the build and the connection is lost before the guest has stopped it, Buildbot would try it again.
    """
    ending = _EndingBuild(worker, build, sleep)
    # `startBuild` replaces it, unless it fails before. `buildFinished` needs it.
    build.stopBuildConsumer = SimpleNamespace(stopConsuming=lambda: None)
    build.startBuild, build.stopBuild = async_to_deferred(ending.start), async_to_deferred(ending.stop)
    build.buildFinished = async_to_deferred(ending.finish)


def builds_on(worker: AbstractLatentWorker) -> list[Build]:
    """The builds that run on a worker, or wait for its guest."""
    return [build for busy in worker.building for build in busy.builder.building if build.workerforbuilder is busy]


async def end_builds(worker: AbstractLatentWorker) -> bool:
    """End the builds that Buildbot still shows as running on a lost worker. They are tried again.

    Returns whether there was a build to end.
    """
    lost = [build for build in builds_on(worker) if not build.finished]
    for build in lost:
        await build.buildFinished(["worker", "lost"], RETRY)
    return bool(lost)


def drop_builders(worker: AbstractLatentWorker) -> bool:
    """Leave the builders that a new configuration has removed, or that no longer have this worker.

    Their builds on this worker end, and are tried again. Buildbot itself would wait forever, since the guest does not
    know their builder any more, and would not give the worker back to a builder of the same name.

    Returns whether there was such a build. By websocket, the guest goes on with its command.
    """
    builders, had_builds = worker.botmaster.getBuildersForWorker(worker.name), False
    for name, wfb in list(worker.workerforbuilders.items()):
        if wfb.builder in builders or name is wfb:
            continue
        del worker.workerforbuilders[name]
        build = running_build(wfb)
        if build is None:
            continue
        # The worker is busy until the build has ended. A builder may get the name again before.
        worker.workerforbuilders[wfb], had_builds = wfb, True
        if build.conn is not None:
            waits_for_guest = build.stopped
            build.lostRemote()
            if waits_for_guest and worker.conn is not None:
                # Buildbot waits for its answer to the cancel, which a guest that hangs does not give.
                close_at_once(worker.conn)
        else:
            wait_for(worker, build.stopBuild("its builder no longer has this worker", RETRY))
    return had_builds
