"""From Twisted to anyio: a thread with an event loop on which the SDK runs.

The reactor's thread never waits for it: each result comes back as a Deferred. That works with every reactor.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from anyio.from_thread import start_blocking_portal
from twisted.internet import defer, threads
from twisted.logger import Logger
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from anyio.from_thread import BlockingPortal

    from upcloud_sdk.buildbot._buildbot.api import Reactor

T = TypeVar("T")


class Operation(Generic[T]):
    """A coroutine that runs on the bridge's loop. For the reactor's thread."""

    def __init__(
        self,
        portal: BlockingPortal,
        reactor: Reactor,
        function: Callable[..., Awaitable[T]],
        *args: Any,  # noqa: ANN401 - handed through
    ) -> None:
        self.ended: defer.Deferred[T] = defer.Deferred()
        """Fires when the coroutine and its cleanup have ended; with `CancelledError` if it was cancelled."""
        self._portal, self._reactor = portal, reactor
        self._scope: anyio.CancelScope | None = None
        self._deadline = math.inf
        portal.start_task_soon(self._run, function, args)

    def cancel(self, after: float = 0.0) -> None:
        """Cancel the coroutine after `after` seconds. An existing result is kept."""
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
        except Exception:  # noqa: BLE001 - it goes to the caller that waits for `ended`
            outcome = Failure()  # type: ignore[no-untyped-call]  # the same
        finally:
            self._reactor.callFromThread(self.ended.callback, outcome)


class Bridge:
    """The thread. While it runs, the SDK's warnings and errors go to twistd.log."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.is_running = True
        self._context = start_blocking_portal("asyncio", name="upcloud-sdk")
        self._portal = self._context.__enter__()
        self._operations: set[Operation[Any]] = set()
        self._log_handler = _ToTwistedLog(reactor)
        logging.getLogger("upcloud_sdk").addHandler(self._log_handler)

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> Operation[T]:  # noqa: ANN401 - handed through
        """Run a coroutine function on the loop. `end_operations` cancels it."""
        operation = self.start(function, *args)
        self._operations.add(operation)
        operation.ended.addBoth(self._forget, operation)
        return operation

    def start(self, function: Callable[..., Awaitable[T]], *args: Any) -> Operation[T]:  # noqa: ANN401 - handed through
        """Run a coroutine function. `end_operations` does not cancel it: its caller must end it before `close`."""
        return Operation(self._portal, self.reactor, function, *args)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on the loop, soon."""
        self._portal.start_task_soon(function)

    async def end_operations(self) -> None:
        """Cancel all coroutines, and wait until they have ended."""
        self.is_running = False
        running = list(self._operations)
        for operation in running:
            operation.cancel()
        await defer.DeferredList([operation.ended for operation in running], consumeErrors=True)

    async def close(self) -> None:
        """End the thread."""
        await threads.deferToThread(self._context.__exit__, None, None, None)
        logging.getLogger("upcloud_sdk").removeHandler(self._log_handler)

    def _forget(self, outcome: T, operation: Operation[Any]) -> T:
        self._operations.discard(operation)
        return outcome


def fired(future: Future[T], reactor: Reactor) -> defer.Deferred[T]:
    """Fires on the reactor's thread with what another thread answers."""
    answer: defer.Deferred[T] = defer.Deferred()

    def settle(done: Future[T]) -> None:
        try:
            answer.callback(done.result())
        except Exception:  # noqa: BLE001 - the caller gets it
            answer.errback()

    future.add_done_callback(lambda done: reactor.callFromThread(settle, done))
    return answer


class _ToTwistedLog(logging.Handler):
    """Writes the SDK's warnings to twistd.log, where a master's administrator looks."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__(logging.WARNING)
        self._reactor = reactor
        self._log = Logger("upcloud_sdk")

    def emit(self, record: logging.LogRecord) -> None:
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warn
        self._reactor.callFromThread(write, "{message}", message=self.format(record))
