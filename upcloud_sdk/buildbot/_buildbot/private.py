"""The parts of Buildbot without a public name that the adapter needs: one function for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import fail
from twisted.internet.error import ConnectionLost
from twisted.python import log
from twisted.python.failure import Failure

from upcloud_sdk.buildbot._buildbot.api import (
    LatentWorkerSubstantiatiationCancelled,
    States,
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
    )

    Accept = Callable[[Any, str], Deferred[Any]]

_DEFAULT_PORT = 9989
_CLOSE_WITHIN = 5.0
"""Limit for a guest's part in closing a connection, in seconds."""


def is_lost(conn: Connection) -> bool:
    """Whether a connection with Buildbot's own protocol is closed. A websocket connection reports its end by itself."""
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    return bool(getattr(broker, "disconnected", False))


def is_forgotten(conn: Connection) -> bool:
    """Whether a websocket connection has reported its end. Buildbot does not tell those who ask for that later."""
    return getattr(conn, "protocol", conn) is None


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
        if getattr(transport, "disconnected", False):
            # A websocket that was closed while Buildbot compared the password: it believes that it is open.
            mind.state = mind.STATE_CLOSED
            return fail(ConnectionLost())
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


async def add_log(build: Build, name: str) -> TextLog | None:
    """A new text log in the step in which the worker of a build is prepared. None if there is no such step."""
    step = build._preparation_step  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name
    return None if step is None else await step.addLog(name, "t")


def result_name(results: int | None) -> str | None:
    """Such as `success`."""
    return None if results is None else statusToString(results)


def log_error(failure: Failure) -> None:
    """Log an error that no caller handles."""
    log.err(failure)  # type: ignore[no-untyped-call]  # Twisted's has no types


def wait_for(worker: AbstractLatentWorker, deferred: Deferred[Any]) -> None:
    """Let a worker wait for this before it stops. An error is logged."""
    worker._deferwaiter.add(deferred)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
