"""Decides when a worker gives up a server on which no build runs. For the reactor's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import AbstractWorker, States
from upcloud_sdk.buildbot._buildbot.private import end_builds, give_up_server, set_idle_timer, wait_for
from upcloud_sdk.buildbot.servers.claims import FREED_BY_A_SERVER
from upcloud_sdk.ci.record.changes import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Connection, DelayedCall, Reactor
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.buildbot.configuration.request import ServerRequest
    from upcloud_sdk.buildbot.servers.claims import Claims
    from upcloud_sdk.ci import JobServer
    from upcloud_sdk.ci.record.claims import Refused

_ENDED = frozenset({Phase.NOT_DESTROYED, Phase.GONE})
_MAKE_WAY_AFTER = 1.0
"""How long other workers may take a waiting build before this worker gives up its idle, unsuitable server."""


class IdleServer:
    """The server of one worker, while no build runs on it."""

    bridge: Bridge
    """Of its master."""

    _log = Logger()

    def __init__(self, worker: AbstractLatentWorker, server: Callable[[], JobServer[ServerRequest] | None]) -> None:
        self._worker, self._get_server = worker, server
        self.guest_comes_back = False
        """Whether a guest reconnects after a lost connection. No build can start during that time."""
        self._make_way_call: DelayedCall | None = None
        self._lost_call: DelayedCall | None = None

    def give_up(self) -> None:
        """Destroy the server, if there is one and it is idle."""
        server = self.server
        if self.is_idle and server is not None:
            server.is_outdated = True
            give_up_server(self._worker)

    @property
    def server(self) -> JobServer[ServerRequest] | None:
        """The server. None if there is none."""
        return self._get_server()

    @property
    def is_idle(self) -> bool:
        """Whether there is a server without a build."""
        is_parked = self.server is not None and self.server.is_parked
        return (self._worker.state is States.SUBSTANTIATED or is_parked) and not self._worker.building

    def stay_parked(self) -> bool:
        """Plan to give up the parked server at the end of its time. False if that is now."""
        server = self.server
        left = 0.0 if server is None or server.stays_until is None else server.stays_until - time.monotonic()
        if left > 0:
            set_idle_timer(self._worker, left)
        return left > 0

    def make_way(self) -> None:
        """In a second, give the server up if a build still waits. Otherwise it would wait for `build_wait_timeout`."""
        if self._make_way_call is None:
            self._make_way_call = self._worker.master.reactor.callLater(_MAKE_WAY_AFTER, self._look_for_builds)

    def _look_for_builds(self) -> None:
        self._make_way_call = None
        wait_for(self._worker, defer.ensureDeferred(self._give_up_if_awaited()))

    async def _give_up_if_awaited(self) -> None:
        if await self.is_awaited():
            self.give_up()

    async def is_awaited(self) -> bool:
        """Whether a builder of this worker has a waiting build."""
        builders = self._worker.botmaster.getBuildersForWorker(self._worker.name)
        oldest = await defer.gatherResults([builder.getOldestRequestTime() for builder in builders])
        return any(oldest)

    def expect_guest(self, within: float) -> None:
        """Give the server up if its guest is not back in this many seconds: it may be off, and still costs money."""
        self.guest_is_back()
        look = self._look_for_guest
        self._lost_call = self._worker.master.reactor.callLater(within, look, self.server, within)

    def _look_for_guest(self, server: JobServer[ServerRequest] | None, within: float) -> None:
        if self._worker.conn is None and server is not None and self.server is server:
            wait_for(self._worker, defer.ensureDeferred(self._give_up_lost(server, within)))

    async def _give_up_lost(self, server: JobServer[ServerRequest], within: float) -> None:
        if self._worker.building:
            try:
                problem = await self.bridge.run(server.find_problem).ended
            except defer.CancelledError:
                return
            if problem is not None and await end_builds(self._worker):
                self._log.warn("worker {name}: {reason}; its build is lost", name=self._worker.name, reason=problem)
        if self._worker.building:
            self.expect_guest(within)
        else:
            self.give_up()

    def lose(self, server: JobServer[ServerRequest]) -> None:
        """Give up a lost server: at once if it is idle or gone, otherwise after its build."""
        if self._worker.building:
            wait_for(self._worker, defer.ensureDeferred(self._disconnect_if_gone(server)))
        else:
            self.give_up()

    async def _disconnect_if_gone(self, server: JobServer[ServerRequest]) -> None:
        try:
            problem = await self.bridge.run(server.find_problem).ended
        except defer.CancelledError:
            return
        if problem is not None and self.server is server and self._worker.conn is not None:
            # Otherwise Buildbot may take an hour to notice. It tries the build again.
            self._worker.conn.loseConnection()

    def guest_is_back(self) -> None:
        """Stop waiting for the guest."""
        _cancel(self._lost_call)

    async def let_guest_back(self, conn: Connection) -> None:
        """Accept a guest whose connection was lost while no build ran. Buildbot would refuse it."""
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
        """Stop all timers when the worker stops."""
        _cancel(self._make_way_call)
        _cancel(self._lost_call)


class IdleServers:
    """The idle servers of all workers of a master. Under `max_servers`, one is given up for another worker's build."""

    def __init__(self, reactor: Reactor, claims: Claims) -> None:
        self._reactor, self._claims = reactor, claims
        self._all: set[IdleServer] = set()
        self._blocked: dict[IdleServer, Callable[[], Refused | None]] = {}
        """Workers that could not take a build since the last check, and whether they still cannot."""
        self._leaving: set[JobServer[ServerRequest]] = set()
        self._call: DelayedCall | None = None

    def add(self, idle: IdleServer) -> None:
        """Add a worker."""
        self._all.add(idle)

    def remove(self, idle: IdleServer) -> None:
        """Remove a worker that has stopped."""
        self._all.discard(idle)

    def make_room_for(self, blocked: IdleServer, refusal: Callable[[], Refused | None]) -> None:
        """In a second, if a build still waits for this worker, give up the idle server whose paid hour ends first.

        `refusal` says whether the worker still may not make a server.
        """
        self._blocked[blocked] = refusal
        self.make_room()

    def make_room(self) -> None:
        """In a second, give up that server, if a build or the server of an image still waits."""
        if self._call is None or not self._call.active():
            self._call = self._reactor.callLater(_MAKE_WAY_AFTER, self._begin)

    def _begin(self) -> None:
        defer.ensureDeferred(self._make_room())

    async def _make_room(self) -> None:
        blocked, self._blocked = self._blocked, {}
        self._leaving = {server for server in self._leaving if server.phase not in _ENDED}
        if self._leaving or self._claims.is_freeing:
            return  # There is room soon. Who is refused again then comes back.
        if not self._claims.is_awaited and not await self._is_short_for(blocked):
            return
        idle = [(server.paid_for, each) for each in self._all if each.is_idle and (server := each.server) is not None]
        if idle:
            _, chosen = min(idle, key=lambda pair: pair[0])
            if chosen.server is not None:
                self._leaving.add(chosen.server)
                chosen.give_up()

    async def _is_short_for(self, blocked: Mapping[IdleServer, Callable[[], Refused | None]]) -> bool:
        """Whether a build waits for one of these workers, and an idle server keeps its place."""
        for each, refusal in blocked.items():
            if each in self._all and await each.is_awaited():
                refused = refusal()
                if refused is not None and refused.limit in FREED_BY_A_SERVER:
                    return True
        return False

    def close(self) -> None:
        """Stop all timers when the master stops."""
        _cancel(self._call)


def _cancel(call: DelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
