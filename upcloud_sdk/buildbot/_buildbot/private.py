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
"""Seconds that a guest has to take part in closing its connection."""


def is_lost(conn: Connection) -> bool:
    """Whether a connection by Buildbot's own protocol is closed. A websocket connection reports its end by itself."""
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    return bool(getattr(broker, "disconnected", False))


def listening_port(worker: AbstractLatentWorker, *, websocket: bool) -> int:
    """The port where the master listens for a worker."""
    registered = worker.registration
    if registered is not None and websocket and registered.msgpack_reg is not None:
        return registered.get_msgpack_port()
    return registered.getPBPort() if registered is not None and registered.pbReg is not None else _DEFAULT_PORT


class _LimitedLogin:
    """Accepts a guest that says in time who it is."""

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
    """Close the connections of guests that have the worker's password, and then do not say who they are in time.

    To be called when the worker is registered with Buildbot's listeners. Buildbot itself would wait for ever. By
    websocket, it would accept no other guest meanwhile, read no configuration, and not stop.
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
    """Close a connection. A guest that does not take part in that has five seconds."""
    conn.loseConnection()
    call = worker.master.reactor.callLater(_CLOSE_WITHIN, close_at_once, conn)

    def closed() -> None:
        if call.active():
            call.cancel()

    conn.notifyOnDisconnect(closed)


class _EndingBuild:
    """A build that ends in any case."""

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
        build = self._build
        if self._is_cancelled and results == RETRY:
            text, results = ["cancelled", *text[1:]], CANCELLED
        if build.buildid is None:
            build.finished, build.results = True, results
        else:
            await self._finish(text, results)
        wfb = build.workerforbuilder
        if build in build.builder.building:
            # Its end is not in the database, or not even its begin. But its worker is free.
            if build.buildid is not None:
                wait_for(self._worker, defer.ensureDeferred(_record_end(self._worker, build)))
            if wfb.isBusy():
                wfb.buildFinished()
            build.builder.buildFinished(build, wfb)


def ensure_end(worker: AbstractLatentWorker, build: Build) -> None:
    """Let a build end that does not start. To be called in `buildStarted`: Buildbot calls `startBuild` next.

    Buildbot itself would wait for ever if an error is raised before the first step, if the connection is lost before
    the build listens for that, if its request is cancelled as it begins, or if its end cannot be recorded. It would try
    a build again that a user has cancelled, if the connection is lost before its guest has stopped it.
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
        with contextlib.suppress(Exception):  # the first of them is in the log
            await master.data.updates.finishBuild(build.buildid, build.results)
            return


def builds_on(worker: AbstractLatentWorker) -> list[Build]:
    """The builds that run on a worker, or wait for its guest."""
    return [build for busy in worker.building for build in busy.builder.building if build.workerforbuilder is busy]


async def end_builds(worker: AbstractLatentWorker) -> bool:
    """End the builds that Buildbot believes to run on a worker that is lost. They are tried again.

    Returns whether there was a build to end.
    """
    lost = [build for build in builds_on(worker) if not build.finished]
    for build in lost:
        await build.buildFinished(["worker", "lost"], RETRY)
    return bool(lost)


def give_up_server(worker: AbstractLatentWorker) -> None:
    """Let a worker disconnect its guest and destroy its server, whatever its `build_wait_timeout`."""
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
    """Let Buildbot stop a worker whose server is parked. It stops only workers that it believes to be up."""
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
        # Buildbot tells pages only of what it has changed itself.
        await worker.master.data.updates.set_worker_graceful(worker.workerid, worker._graceful)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name


def set_idle_timer(worker: AbstractLatentWorker, seconds: float) -> None:
    """Let a worker destroy its server after this many seconds, unless a build begins before."""
    worker._clearBuildWaitTimer()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    leave = worker._soft_disconnect  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    worker.build_wait_timer = worker.master.reactor.callLater(seconds, leave)


def set_property(master: Master, buildid: int, name: str, value: object) -> None:
    """Give a build that has ended another property. An error is logged."""
    master.data.updates.setBuildProperty(buildid, name, value, "Worker").addErrback(log_error)


def running_build(wfb: WorkerForBuilder) -> Build | None:
    """The build that a worker runs for a builder, or is about to run."""
    return next((build for build in wfb.builder.building if build.workerforbuilder is wfb), None)


async def add_log(build: Build, name: str) -> TextLog | None:
    """A new log of plain text in the step in which the worker of a build is prepared; None if there is no such step."""
    step = build._preparation_step  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
    return None if step is None else await step.addLog(name, "t")


def starting_build(wfb: WorkerForBuilder) -> Build:
    """The build that a worker has just taken for a builder: to be called in `buildStarted`."""
    return wfb.builder.building[-1]


def result_name(results: int | None) -> str | None:
    """Such as `success`."""
    return None if results is None else statusToString(results)


def log_error(failure: Failure) -> None:
    """Log an error that nobody waits for."""
    log.err(failure)  # type: ignore[no-untyped-call]  # Twisted's has no types


def wait_for(worker: AbstractLatentWorker, deferred: Deferred[Any]) -> None:
    """Let a worker wait for this before it stops. An error is logged."""
    worker._deferwaiter.add(deferred)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
