"""When a worker gives up a server on which no build runs. For the reactor's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot_api import AbstractWorker, States, end_builds, give_up_server, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.buildbot._buildbot_api import AbstractLatentWorker, Connection, DelayedCall, Reactor
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.ci import ServerLimit

_MAKE_WAY_AFTER = 1.0
"""Seconds that other workers have to take a waiting build before this one gives up its idle, unsuitable server."""


class IdleServer:
    """The server of one worker, while no build runs on it."""

    _log = Logger()

    def __init__(self, worker: AbstractLatentWorker, server: Callable[[], BuildServer | None]) -> None:
        self._worker, self._get_server = worker, server
        self.guest_comes_back = False
        """Whether a guest is attaching whose connection was lost. No build can start in this moment."""
        self._make_way_call: DelayedCall | None = None
        self._lost_call: DelayedCall | None = None

    def give_up(self) -> None:
        """Destroy it, if there is one and it is idle."""
        if self.is_idle:
            give_up_server(self._worker)

    @property
    def server(self) -> BuildServer | None:
        """Which one it is."""
        return self._get_server()

    @property
    def is_idle(self) -> bool:
        """Whether there is one, and no build on it."""
        return self._worker.state is States.SUBSTANTIATED and not self._worker.building

    def make_way(self) -> None:
        """Give it up in a second, if a build still waits then: otherwise it waits for `build_wait_timeout`."""
        if self._make_way_call is None:
            self._make_way_call = self._worker.master.reactor.callLater(_MAKE_WAY_AFTER, self._look_for_builds)

    def _look_for_builds(self) -> None:
        self._make_way_call = None
        wait_for(self._worker, defer.ensureDeferred(self._give_up_if_awaited()))

    async def _give_up_if_awaited(self) -> None:
        if await self.is_awaited():
            self.give_up()

    async def is_awaited(self) -> bool:
        """Whether a build waits that its worker could run."""
        builders = self._worker.botmaster.getBuildersForWorker(self._worker.name)
        oldest = await defer.gatherResults([builder.getOldestRequestTime() for builder in builders])
        return any(oldest)

    def expect_guest(self, within: float) -> None:
        """Give it up if its guest is not back within so many seconds: it may have switched itself off, and costs."""
        self.guest_is_back()
        look = self._look_for_guest
        self._lost_call = self._worker.master.reactor.callLater(within, look, self.server, within)

    def _look_for_guest(self, server: BuildServer | None, within: float) -> None:
        if self._worker.conn is None and server is not None and self.server is server:
            wait_for(self._worker, defer.ensureDeferred(self._give_up_lost(server, within)))

    async def _give_up_lost(self, server: BuildServer, within: float) -> None:
        if self._worker.building:
            try:
                problem = await server.account.bridge.run(server.find_problem).ended
            except defer.CancelledError:
                return
            if problem is None:
                self.expect_guest(within)
                return
            # Buildbot does not notice that a connection is lost in the moment in which it begins a build.
            self._log.warn("worker {name}: {problem}; its build is lost", name=self._worker.name, problem=problem)
            await end_builds(self._worker)
        self.give_up()

    def guest_is_back(self) -> None:
        """Expect no guest any more."""
        _cancel(self._lost_call)

    async def let_guest_back(self, conn: Connection) -> None:
        """Let in a guest whose connection was lost while no build ran. Buildbot would refuse it."""
        worker = self._worker
        self.guest_comes_back = True
        try:
            await AbstractWorker.attached(worker, conn)
        except Exception as error:  # noqa: BLE001 - whatever it is: the guest is not of use
            self._log.warn("worker {name} could not attach again: {error}", name=worker.name, error=error)
            self.give_up()
        finally:
            self.guest_comes_back = False
        worker.botmaster.maybeStartBuildsForWorker(worker.name)

    def close(self) -> None:
        """Decide nothing any more: the worker stops."""
        _cancel(self._make_way_call)
        _cancel(self._lost_call)


class IdleServers:
    """Those of all workers of a master. Where `max_servers` leaves no room, one makes way for another worker."""

    def __init__(self, reactor: Reactor, limit: ServerLimit) -> None:
        self._reactor, self._limit = reactor, limit
        self._all: set[IdleServer] = set()
        self._blocked: set[IdleServer] = set()
        """Of workers that could not take a build since the last look."""
        self._leaving: set[BuildServer] = set()
        self._call: DelayedCall | None = None

    def add(self, idle: IdleServer) -> None:
        """Count in the server of another worker."""
        self._all.add(idle)

    def remove(self, idle: IdleServer) -> None:
        """Forget a worker that has stopped."""
        self._all.discard(idle)

    def make_room_for(self, blocked: IdleServer) -> None:
        """Let the idle server go whose paid hour ends first, if a build still waits for this worker in a second."""
        self._blocked.add(blocked)
        if self._call is None or not self._call.active():
            self._call = self._reactor.callLater(_MAKE_WAY_AFTER, self._look)

    def _look(self) -> None:
        defer.ensureDeferred(self._make_room())

    async def _make_room(self) -> None:
        blocked, self._blocked = self._blocked & self._all, set()
        self._leaving = {server for server in self._leaving if self._limit.holds(server)}
        if self._leaving or not any([await each.is_awaited() for each in blocked]):
            return
        idle = [(server.paid_for, each) for each in self._all if each.is_idle and (server := each.server) is not None]
        if idle:
            _, chosen = min(idle, key=lambda pair: pair[0])
            if chosen.server is not None:
                self._leaving.add(chosen.server)
                chosen.give_up()

    def close(self) -> None:
        """Decide nothing any more: the master stops."""
        _cancel(self._call)


def _cancel(call: DelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
