"""The server of a worker while no build runs on it: when it is given up. For the reactor's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import AbstractWorker, States
from upcloud_sdk.buildbot._buildbot.build_ends import end_builds
from upcloud_sdk.buildbot._buildbot.private import give_up_server, set_idle_timer, wait_for
from upcloud_sdk.buildbot.servers.claims import FREED_BY_A_SERVER
from upcloud_sdk.ci.record.changes import Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Connection, DelayedCall, Properties, Reactor
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.request import BuildServer, ServerRequest
    from upcloud_sdk.buildbot.servers.claims import Claims
    from upcloud_sdk.ci.record.claims import Refused

_ENDED = frozenset({Phase.NOT_DESTROYED, Phase.GONE})
_MAKE_WAY_AFTER = 1.0
"""How long other workers may take a waiting build before this worker gives up its idle, unsuitable server."""


class WorkerServer:
    """The server of one worker: which builds it serves, and when it is given up while no build runs on it.

    `request_of` says which server a build needs.
    """

    bridge: Bridge
    """Of its master."""
    claims: Claims
    """The same."""

    _log = Logger()

    def __init__(
        self,
        worker: AbstractLatentWorker,
        arguments: Arguments,
        request_of: Callable[[Properties], Awaitable[ServerRequest]],
    ) -> None:
        self._worker, self._request_of, self.arguments = worker, request_of, arguments
        self.server: BuildServer | None = None
        self.account: Account | None = None
        """The account of the next server. An existing server keeps its account."""
        self.guest_comes_back = False
        """Whether a guest reconnects after a lost connection. No build can start during that time."""
        self._make_way_call: DelayedCall | None = None
        self._lost_call: DelayedCall | None = None

    async def serves(self, build: Properties) -> bool:
        """Whether a build with these properties may run on the existing server."""
        server = self.server
        try:
            if server is None or server.is_outdated or server.account is not self.account:
                return False
            is_alike = server.has_fresh_disks == self.arguments.fresh_disk
            return is_alike and server.choice == await self._request_of(build)
        except Exception:  # noqa: BLE001 - a build whose values cannot be rendered fails when it has a server of its own
            return False

    def refusal(self) -> Refused | None:
        """Why the worker may not make a server now, by `max_servers` or the budget. None if it has one, or may."""
        return None if self.server is not None else self.claims.refusal(self._worker.name, self.arguments, self.account)

    def give_up(self) -> None:
        """Destroy the server, if there is one and it is idle."""
        if self.is_idle and self.server is not None:
            self.server.is_outdated = True
            give_up_server(self._worker)

    @property
    def is_idle(self) -> bool:
        """Whether there is a server without a build."""
        is_parked = self.server is not None and self.server.is_parked
        return (self._worker.state is States.SUBSTANTIATED or is_parked) and not self._worker.building

    def stay_parked(self) -> bool:
        """Plan to give up the parked server at the end of its time. False if that is now."""
        until = None if self.server is None else self.server.stays_until
        left = 0.0 if until is None else until - time.monotonic()
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

    def _look_for_guest(self, server: BuildServer | None, within: float) -> None:
        if self._worker.conn is None and server is not None and self.server is server:
            wait_for(self._worker, defer.ensureDeferred(self._give_up_lost(server, within)))

    async def _give_up_lost(self, server: BuildServer, within: float) -> None:
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

    def lose(self, server: BuildServer) -> None:
        """Give up a lost server: at once if it is idle or gone, otherwise after its build."""
        if self._worker.building:
            wait_for(self._worker, defer.ensureDeferred(self._disconnect_if_gone(server)))
        else:
            self.give_up()

    async def _disconnect_if_gone(self, server: BuildServer) -> None:
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

    def stop_timers(self) -> None:
        """To be called when the worker stops."""
        _cancel(self._make_way_call)
        _cancel(self._lost_call)


class IdleServers:
    """The idle servers of all workers of a master. Under `max_servers`, one is given up for another worker's build."""

    def __init__(self, reactor: Reactor, claims: Claims) -> None:
        self._reactor, self._claims = reactor, claims
        self._all: set[WorkerServer] = set()
        self._blocked: set[WorkerServer] = set()
        """Those of workers that could not take a build since the last check."""
        self._leaving: set[BuildServer] = set()
        self._call: DelayedCall | None = None

    def add(self, idle: WorkerServer) -> None:
        """Add a worker."""
        self._all.add(idle)

    def remove(self, idle: WorkerServer) -> None:
        """Remove a worker that has stopped."""
        self._all.discard(idle)

    def make_room_for(self, blocked: WorkerServer) -> None:
        """In a second, if a build still waits for this worker, give up the idle server whose paid hour ends first."""
        self._blocked.add(blocked)
        self.make_room()

    def make_room(self) -> None:
        """In a second, give up that server, if a build or the server of an image still waits."""
        if self._call is None or not self._call.active():
            self._call = self._reactor.callLater(_MAKE_WAY_AFTER, self._begin)

    def _begin(self) -> None:
        defer.ensureDeferred(self._make_room())

    async def _make_room(self) -> None:
        blocked, self._blocked = self._blocked, set()
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

    async def _is_short_for(self, blocked: set[WorkerServer]) -> bool:
        """Whether a build waits for one of these workers, and an idle server keeps its place."""
        for each in blocked:
            if each in self._all and await each.is_awaited():
                refused = each.refusal()
                if refused is not None and refused.limit in FREED_BY_A_SERVER:
                    return True
        return False

    def close(self) -> None:
        """Stop all timers when the master stops."""
        _cancel(self._call)


def _cancel(call: DelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
