"""The parts of Buildbot without a public name that the adapter needs: one function for each."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.python import log
from twisted.python.failure import Failure

from upcloud_sdk.buildbot._buildbot.api import (
    CANCELLED,
    RETRY,
    LatentWorkerSubstantiatiationCancelled,
    States,
    async_to_deferred,
    statusToString,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from twisted.internet.defer import Deferred

    from upcloud_sdk.buildbot._buildbot.api import (
        AbstractLatentWorker,
        Build,
        Connection,
        Master,
        TextLog,
        WorkerForBuilder,
    )

    Accept = Callable[[Any, str], Deferred[Any]]

_DEFAULT_PORT = 9989
_RECORD_AGAIN_AFTER = (1.0, 2.0, 4.0)
"""Pauses in seconds. Buildbot itself tries again for an hour if the database is locked."""
_CLOSE_WITHIN = 5.0
"""Limit for a guest's part in closing a connection, in seconds."""


def is_lost(conn: Connection) -> bool:
    """Whether a connection with Buildbot's own protocol is closed. A websocket connection reports its end by itself."""
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    return bool(getattr(broker, "disconnected", False))


def listening_port(worker: AbstractLatentWorker, *, websocket: bool) -> int:
    """The port where the master listens for a worker."""
    registered = worker.registration
    if registered is not None and websocket and registered.msgpack_reg is not None:
        return registered.get_msgpack_port()
    return registered.getPBPort() if registered is not None and registered.pbReg is not None else _DEFAULT_PORT


class _LimitedLogin:
    """Accepts a guest if its login ends in time."""

    def __init__(self, worker: AbstractLatentWorker, accept: Accept, within: float) -> None:
        self._worker, self._accept, self._within = worker, accept, within

    def __call__(self, mind: Any, name: str) -> Deferred[Any]:  # noqa: ANN401 - Buildbot's
        transport = getattr(mind, "broker", mind).transport
        call = self._worker.master.reactor.callLater(self._within, transport.abortConnection)

        def ended(result: Any) -> Any:  # noqa: ANN401 - handed through
            if call.active():
                call.cancel()
            return result

        return self._accept(mind, name).addBoth(ended)


def limit_logins(worker: AbstractLatentWorker, within: float) -> None:
    """Close the connections of guests with the worker's password that do not complete their login in time.

    To be called when the worker is registered with Buildbot's listeners. Buildbot itself would wait forever. With
    websockets, it would accept no other guest during that time, read no configuration, and not stop.
    """
    registered = worker.registration
    for each in () if registered is None else (registered.pbReg, registered.msgpack_reg):
        if each is not None:
            users = each.manager.dispatchers[each.portstr].users
            password, accept = users[worker.name]
            if not isinstance(accept, _LimitedLogin):
                users[worker.name] = (password, _LimitedLogin(worker, accept, within))


def close_at_once(conn: Connection) -> None:
    """Close a connection without waiting for the guest. Over TLS, Buildbot would wait for its answer."""
    conn.loseConnection()
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    if broker is not None:
        broker.transport.abortConnection()


def close_soon(worker: AbstractLatentWorker, conn: Connection) -> None:
    """Close a connection. Does not wait for the guest longer than five seconds."""
    conn.loseConnection()
    call = worker.master.reactor.callLater(_CLOSE_WITHIN, close_at_once, conn)

    def closed() -> None:
        if call.active():
            call.cancel()

    conn.notifyOnDisconnect(closed)


class _EndingBuild:
    """A build that always ends, also after errors."""

    def __init__(self, worker: AbstractLatentWorker, build: Build) -> None:
        self._worker, self._build = worker, build
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
        # A removed builder has lost them, and needs them to end its last builds.
        builder.master, builder.botmaster = self._worker.master, self._worker.botmaster
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
                wait_for(self._worker, defer.ensureDeferred(_record_end(self._worker, build)))
            if wfb.isBusy():
                wfb.buildFinished()
            builder.buildFinished(build, wfb)
        self._worker.workerforbuilders.pop(wfb, None)


def ensure_end(worker: AbstractLatentWorker, build: Build) -> None:
    """Make sure that a build ends, even if its start fails. Call it in `buildStarted`, before Buildbot's `startBuild`.

    Buildbot itself would wait forever if an error is raised before the first step, if the connection is lost before the
    build listens for that, if its request is cancelled at its start, or if its end cannot be recorded. If a user has
    cancelled the build and the connection is lost before the guest has stopped it, Buildbot would try it again.
    """
    ending = _EndingBuild(worker, build)
    # `startBuild` replaces it, unless it fails before. `buildFinished` needs it.
    build.stopBuildConsumer = SimpleNamespace(stopConsuming=lambda: None)
    build.startBuild, build.stopBuild = async_to_deferred(ending.start), async_to_deferred(ending.stop)
    build.buildFinished = async_to_deferred(ending.finish)


async def _record_end(worker: AbstractLatentWorker, build: Build) -> None:
    """Try again to record the end of a build. Its page shows that it runs until then."""
    master = worker.master
    for seconds in _RECORD_AGAIN_AFTER:
        paused: Deferred[None] = defer.Deferred()
        master.reactor.callLater(seconds, paused.callback, None)
        await paused
        with contextlib.suppress(Exception):  # only the first error is logged
            await master.data.updates.finishBuild(build.buildid, build.results)
            return


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
            build.lostRemote()
        else:
            wait_for(worker, build.stopBuild("its builder no longer has this worker", RETRY))
    return had_builds


def give_up_server(worker: AbstractLatentWorker) -> None:
    """Let a worker disconnect its guest and destroy its server now, without `build_wait_timeout`."""
    wait_for(worker, worker._soft_disconnect(stopping_service=True))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name


def join_stop(worker: AbstractLatentWorker) -> bool:
    """Wait for the running stop of a worker's server instead of a second one. False if none is running.

    A build that waits for the end of the stop is cancelled. Buildbot would queue a second stop, which would also cancel
    the start for the next build.
    """
    if worker.state is States.INSUBSTANTIATING_SUBSTANTIATING:
        worker.state, worker.substantiation_build = States.INSUBSTANTIATING, None
        reason = LatentWorkerSubstantiatiationCancelled(worker.name, "the start of its server was cancelled")
        failure = Failure(reason)  # type: ignore[no-untyped-call]  # Twisted's has no types
        worker._fireSubstantiationNotifier(failure)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
    return worker.state is States.INSUBSTANTIATING


def queued_stop(worker: AbstractLatentWorker) -> Deferred[None] | None:
    """Fires after the stop that waits for the end of the start. None if no stop waits.

    Buildbot would queue a second stop, which would also cancel the start for the next build.
    """
    lock = worker._start_stop_lock  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
    if worker.state not in {States.SUBSTANTIATING_STARTING, States.SUBSTANTIATED} or not lock.waiting:
        return None
    return lock.acquire().addCallback(lambda _: lock.release())


def stop_parked(worker: AbstractLatentWorker) -> None:
    """Let Buildbot stop a worker whose server is parked. Buildbot stops only workers that it considers running."""
    worker.state = States.SUBSTANTIATED


def show_on_page(worker: AbstractLatentWorker, facts: Mapping[str, object]) -> None:
    """Add facts to a worker's page, in the database. Facts from its guest are kept."""
    conn, master = worker.conn, worker.master
    assert conn is not None
    known = {name: conn.info.get(name) for name in ("admin", "host", "access_uri", "version")}
    write = master.data.updates.workerConnected(
        workerid=worker.workerid, masterid=master.masterid, workerinfo={**known, **facts}
    )
    wait_for(worker, write)


async def clear_page(worker: AbstractLatentWorker) -> None:
    """Remove the facts about a guest that is gone from a worker's page, unless another guest has attached."""
    database = worker.master.db

    def clear(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        workers = database.model.workers
        connection.execute(workers.update().where(workers.c.id == worker.workerid).values(info={}))

    if worker.conn is None:
        await database.pool.do_with_transaction(clear)
        # Buildbot notifies pages only of its own changes.
        await worker.master.data.updates.set_worker_graceful(worker.workerid, worker._graceful)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name


def set_idle_timer(worker: AbstractLatentWorker, seconds: float) -> None:
    """Let a worker destroy its server after this many seconds, unless a build begins before."""
    worker._clearBuildWaitTimer()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    leave = worker._soft_disconnect  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    worker.build_wait_timer = worker.master.reactor.callLater(seconds, leave)


def set_property(master: Master, buildid: int, name: str, value: object) -> None:
    """Set another property of a finished build. An error is logged."""
    master.data.updates.setBuildProperty(buildid, name, value, "Worker").addErrback(log_error)


def running_build(wfb: WorkerForBuilder) -> Build | None:
    """The build that a worker runs for a builder, or is about to run."""
    return next((build for build in wfb.builder.building if build.workerforbuilder is wfb), None)


async def add_log(build: Build, name: str) -> TextLog | None:
    """A new text log in the step in which the worker of a build is prepared. None if there is no such step."""
    step = build._preparation_step  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
    return None if step is None else await step.addLog(name, "t")


def starting_build(wfb: WorkerForBuilder) -> Build:
    """The build that a worker has just taken for a builder. Call it in `buildStarted`."""
    return wfb.builder.building[-1]


def result_name(results: int | None) -> str | None:
    """Such as `success`."""
    return None if results is None else statusToString(results)


def log_error(failure: Failure) -> None:
    """Log an error that no caller handles."""
    log.err(failure)  # type: ignore[no-untyped-call]  # Twisted's has no types


def wait_for(worker: AbstractLatentWorker, deferred: Deferred[Any]) -> None:
    """Let a worker wait for this before it stops. An error is logged."""
    worker._deferwaiter.add(deferred)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
