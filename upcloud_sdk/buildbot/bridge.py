"""From Twisted to anyio: one thread a master, on whose event loop the SDK runs.

The reactor's thread never waits for it: what is asked for comes back as a Deferred. That works with every reactor.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import anyio
from anyio.from_thread import start_blocking_portal
from twisted.internet import defer, threads
from twisted.logger import Logger
from twisted.python.failure import Failure

from upcloud_sdk import UpCloud
from upcloud_sdk.buildbot._types import SharedService
from upcloud_sdk.buildbot.dead_masters import DeadMasters
from upcloud_sdk.buildbot.memo import Catalogue
from upcloud_sdk.buildbot.reaping import Reaping
from upcloud_sdk.buildbot.room import Room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from anyio.from_thread import BlockingPortal

    from upcloud_sdk import WaitPolicy
    from upcloud_sdk.buildbot._types import Master, Reactor
    from upcloud_sdk.buildbot.reaping import ReapPace
    from upcloud_sdk.credentials import Credentials

T = TypeVar("T")

_CLOSE_TIMEOUT = 10.0
"""Seconds that clients may take to close where no worker has said how long the master may take to stop."""
_LAST_MOMENT = 1.0
"""Seconds that they have in any case."""


class Operation(Generic[T]):
    """A coroutine on the bridge's loop, as the reactor's thread sees it."""

    def __init__(
        self,
        portal: BlockingPortal,
        reactor: Reactor,
        function: Callable[..., Awaitable[T]],
        *args: Any,  # noqa: ANN401 - handed through
    ) -> None:
        self.ended: defer.Deferred[T] = defer.Deferred()
        """Fires when the coroutine has really ended, its clean-up too; with `CancelledError` if it was cancelled."""
        self._portal, self._reactor = portal, reactor
        self._scope: anyio.CancelScope | None = None
        self._deadline = math.inf
        portal.start_task_soon(self._run, function, args)

    def cancel(self, after: float = 0.0) -> None:
        """Ask the coroutine to end, unless it has within `after` seconds. A result that is there already stands."""
        self._portal.start_task_soon(self._cancel, after)

    def _cancel(self, after: float) -> None:
        self._deadline = min(self._deadline, anyio.current_time() + after)
        if self._scope is not None:
            self._scope.deadline = self._deadline

    async def _run(self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        outcome: T | Failure = Failure(defer.CancelledError())  # type: ignore[no-untyped-call]  # Twisted's has no types
        try:
            with anyio.CancelScope(deadline=self._deadline) as self._scope:
                outcome = await function(*args)
        except Exception:  # noqa: BLE001 - it goes to whoever waits for `ended`
            outcome = Failure()  # type: ignore[no-untyped-call]  # the same
        finally:
            self._reactor.callFromThread(self.ended.callback, outcome)


class Account(NamedTuple):
    """An account of the API, and how it is used."""

    credentials: Credentials
    base_url: str | None
    waits: WaitPolicy

    def client(self, owner: str) -> UpCloud:
        """A client of this account for this owner."""
        return UpCloud(self.credentials, base_url=self.base_url, owner=owner, waits=self.waits)


class Bridge(SharedService):
    """The portal of a master and the clients that are open on it; stopped after everything else in the master."""

    _portal: BlockingPortal
    _log_handler: _ToTwistedLog
    _context: AbstractContextManager[BlockingPortal]

    def __init__(self) -> None:
        super().__init__()
        self._running: set[Operation[Any]] = set()
        self._clients: dict[tuple[Account, str], _OpenClient] = {}
        self._catalogues: dict[UpCloud, Catalogue] = {}
        self._reapings: dict[UpCloud, Reaping] = {}
        self._watched: set[Account] = set()
        self._opening = defer.DeferredLock()
        self.room = Room()
        """Servers that the workers of this master have."""
        self._shutdown_began = 0.0
        self._close_by: float | None = None

    @classmethod
    def getName(cls) -> str:  # noqa: N802 - Buildbot's
        """One bridge a master, whatever its workers are configured with."""
        return "upcloud_sdk"

    @classmethod
    def of(cls, master: Master) -> defer.Deferred[Bridge]:
        """The bridge of this master."""
        return cls.getService(master)

    def startService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """Start the thread. At once: a second worker that asks meanwhile must get a bridge that works."""
        self._context = start_blocking_portal("asyncio", name="upcloud-sdk")
        self._portal = self._context.__enter__()
        self._log_handler = _ToTwistedLog(self.master.reactor)
        logging.getLogger("upcloud_sdk").addHandler(self._log_handler)
        return super().startService()

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> Operation[T]:  # noqa: ANN401 - handed through
        """Run a coroutine function on the bridge's loop."""
        operation = Operation(self._portal, self.master.reactor, function, *args)
        self._running.add(operation)
        operation.ended.addBoth(self._forget, operation)
        return operation

    async def client(self, account: Account, owner: str) -> UpCloud:
        """The open client of an owner in an account; made and opened at the first call.

        Await it on the reactor's thread, use it in what is given to `run`.
        """
        key = (account, owner)
        await self._opening.acquire()
        try:
            if key not in self._clients:
                self._clients[key] = await _OpenClient.open(self._portal, self.master.reactor, account.client(owner))
        finally:
            self._opening.release()
        return self._clients[key].cloud

    async def catalogue(self, account: Account, owner: str) -> Catalogue:
        """Templates and prices of an account, with its client."""
        cloud = await self.client(account, owner)
        return self._catalogues.setdefault(cloud, Catalogue(cloud))

    def reaping(self, account: Account, cloud: UpCloud, pace: ReapPace, *, exclusive: bool) -> Reaping:
        """The reaper of this client, which begins at the first call and ends with the bridge."""
        if cloud not in self._reapings:
            reaping = self._reapings[cloud] = Reaping(cloud, account.waits.clock, pace, exclusive)
            # It logs what fails; what ends it is that the bridge ends.
            self.run(reaping.run).ended.addErrback(lambda _: None)
        if self.master.config.multiMaster and account not in self._watched:
            self._watched.add(account)
            DeadMasters(self, account, every=pace.every).watch()
        return self._reapings[cloud]

    def shutdown_time_left(self, timeout: float) -> float | None:
        """What is left of `timeout` seconds since the master was first seen to shut down; None if it does not."""
        now = self.master.reactor.seconds()
        if not self.master.botmaster.shuttingDown:
            self._close_by = None
            return None
        if self._close_by is None:
            self._shutdown_began = self._close_by = now
        self._close_by = max(self._close_by, self._shutdown_began + timeout)
        return max(0.0, self._shutdown_began + timeout - now)

    def stopService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """End what runs, close the clients, end the thread."""
        return defer.ensureDeferred(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        running = list(self._running)
        for operation in running:
            operation.cancel()
        await defer.DeferredList([operation.ended for operation in running], consumeErrors=True)
        now = self.master.reactor.seconds()
        left = _CLOSE_TIMEOUT if self._close_by is None else self._close_by - now
        closing = [client.close(max(left, _LAST_MOMENT)) for client in self._clients.values()]
        await defer.DeferredList(closing, consumeErrors=True)
        await threads.deferToThread(self._context.__exit__, None, None, None)
        logging.getLogger("upcloud_sdk").removeHandler(self._log_handler)

    def _forget(self, outcome: T, operation: Operation[Any]) -> T:
        self._running.discard(operation)
        return outcome


class _OpenClient:
    """A client, entered and left in one task of the portal's loop."""

    def __init__(self, portal: BlockingPortal, reactor: Reactor, cloud: UpCloud) -> None:
        self.cloud = cloud
        self._portal, self._reactor = portal, reactor
        self._opened: defer.Deferred[None] = defer.Deferred()
        self._leave: anyio.Event | None = None
        self._operation = Operation(portal, reactor, self._stay_open)
        self._operation.ended.addErrback(self._failed)

    @classmethod
    async def open(cls, portal: BlockingPortal, reactor: Reactor, cloud: UpCloud) -> _OpenClient:
        self = cls(portal, reactor, cloud)
        await self._opened
        return self

    def close(self, timeout: float) -> defer.Deferred[None]:
        """Fires when the client is closed: what it was still destroying has ended, or the time is up."""
        self.cloud.close_timeout = timeout
        if self._leave is not None:
            self._portal.start_task_soon(self._leave.set)
        return self._operation.ended

    async def _stay_open(self) -> None:
        self._leave = anyio.Event()
        async with self.cloud:
            self._reactor.callFromThread(self._opened.callback, None)
            await self._leave.wait()

    def _failed(self, failure: Failure) -> None:
        # What a client leaves behind when it closes, it has logged itself.
        if not self._opened.called:
            self._opened.errback(failure)


class _ToTwistedLog(logging.Handler):
    """What the SDK warns of goes where a master's administrator looks: into twistd.log."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__(logging.WARNING)
        self._reactor = reactor
        self._log = Logger("upcloud_sdk")

    def emit(self, record: logging.LogRecord) -> None:
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warn
        self._reactor.callFromThread(write, "{message}", message=self.format(record))
