"""The open client: its event loop, its running calls, and the tasks that it owns.

The tasks continue if their caller is cancelled. The client waits for them when it closes.

anyio's shield does not stop native asyncio cancellation (`asyncio.timeout`, `task.cancel()`, Ctrl-C). So work that must
not be interrupted (the POST of a create, a whole destroy) runs in a task of the client, and its caller only waits for
it. These tasks belong to the event loop, not to a task group. So it does not matter in which task a client is entered
and left, or what is cancelled around it.
"""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio
import anyio.lowlevel

from upcloud_sdk._tasks import LoopClock, LoopEnded, Tasks, absorb_native_cancellation, is_cancellation, running_loop
from upcloud_sdk.errors import CleanupFailed, NotOpen

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from upcloud_sdk._tasks import Clock

    Work = Callable[["Operation[T]"], Awaitable[T]]

log = logging.getLogger("upcloud_sdk")

NOT_OPEN = "the client is not open; use it inside `async with UpCloud(...) as cloud:`"
HAS_ENDED = "the client is closed because its block has ended; use it inside `async with UpCloud(...) as cloud:`"
CLOSED = "the client was closed meanwhile; keep its `async with` block open until all calls and waits have ended"


class OpenState:
    """Whether one client is open, and in which event loop. Its connections and tasks belong to that loop."""

    def __init__(self) -> None:
        self.is_open = self._was_open = False
        self._loop: object = None
        self._thread = ""
        self.waiting: set[anyio.CancelScope] = set()
        """The running calls and waits."""

    def open(self) -> None:
        """Allow calls, waits and tasks, in this event loop."""
        self.is_open = self._was_open = True
        self._loop, self._thread = running_loop(), threading.current_thread().name

    def close(self) -> None:
        """End the calls and waits of other tasks with `NotOpen`."""
        self.is_open = False
        for scope in self.waiting:
            scope.cancel()

    def check(self, what: str) -> None:
        """Raise if `what` cannot begin.

        Raises:
            NotOpen: The client is not open, or is open in another event loop.
        """
        if not self.is_open:
            raise NotOpen(f"{what}: {HAS_ENDED if self._was_open else NOT_OPEN}")
        if running_loop() is not self._loop:
            here = threading.current_thread().name
            raise NotOpen(
                f"{what}: the client was opened in the event loop of thread {self._thread!r}, but is used in another "
                f"event loop, of thread {here!r}; open a client in each event loop, or run the call in the first one "
                f"(anyio.from_thread)"
            )


class WhileOpen:
    """A block for a call or a wait. A class instead of a generator, for speed: each call has one.

    Raises:
        NotOpen: The client is not open, is open in another event loop, or is closed before the block ends.
    """

    def __init__(self, state: OpenState, what: str) -> None:
        state.check(what)
        self._waiting, self._what, self._scope = state.waiting, what, anyio.CancelScope()

    def __enter__(self) -> None:
        self._scope.__enter__()
        self._waiting.add(self._scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.discard(self._scope)
        self._scope.__exit__(kind, error, trace)
        if self._scope.cancelled_caught:
            raise NotOpen(f"{self._what}: {CLOSED}") from None


class Unwanted(Exception):
    """Nobody waits for this work any more, and it has had no effect yet. So it ends."""


class Operation(Generic[T]):
    """One task that the client owns. Its work gets it, and may change `what`, `work` and `repeatable`."""

    def __init__(self, work: Work[T], what: str, uuid: str, *, repeatable: bool) -> None:
        self.work = work
        """What runs, and what runs again if asyncio cancels all tasks to end its loop, if it is `repeatable`."""
        self.what, self.uuid, self.repeatable = what, uuid, repeatable
        self.done = anyio.Event()
        self.scope = anyio.CancelScope(shield=True)
        self.error: BaseException | None = None
        self.value: T | None = None
        self.on_cancel: Callable[[T], None] | None = None
        """Called with the result if the caller was cancelled."""
        self.is_abandoned = False
        """Whether nobody waits for its result."""
        self._is_named = False

    async def execute(self) -> None:
        try:
            with self.scope:
                self.value = await self._persist()
            if self.scope.cancelled_caught:
                self.error = self.cut_short()
            elif self.on_cancel is not None:
                self.on_cancel(cast("T", self.value))
        except Exception as error:  # noqa: BLE001 - the caller gets it; a failed task must not cancel the body
            self.error = error
            if self.on_cancel is not None and not isinstance(error, Unwanted):
                log.error("%s failed after its caller was cancelled: %s", self.what, error)  # noqa: TRY400 - a traceback may show secrets
        except BaseException as error:
            self.error = error
            self.say_interrupted()
            if isinstance(error, GeneratorExit) or is_cancellation(error):
                raise
        finally:
            self.done.set()

    async def _persist(self) -> T:
        while True:
            try:
                return await self.work(self)
            except GeneratorExit:
                # Closed with its event loop.
                self.say_interrupted()
                raise
            except BaseException as error:
                # Cancelled by asyncio at the end of its loop, not by the client. The work must be done: begin it again.
                if not self.repeatable or self.scope.cancel_called or not absorb_native_cancellation(error):
                    raise

    def say_interrupted(self) -> None:
        """Log once that the work is not finished."""
        if not self._is_named:
            self._is_named = True
            log.error("%s was interrupted: its resources may still exist and cost money", self.what)

    def cut_short(self) -> CleanupFailed:
        return CleanupFailed(self.uuid, f"{self.what}: given up because the client was closed")

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


_OPEN: weakref.WeakSet[Background] = weakref.WeakSet()


@atexit.register
def name_unfinished() -> None:
    """Log unfinished work when the process ends, for example after a third Ctrl-C."""
    for background in tuple(_OPEN):
        background.name_unfinished()


class Background:
    """The tasks of one client."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = LoopClock() if clock is None else clock
        self.open_state = OpenState()
        self._tasks: Tasks | None = None
        self._operations: set[Operation[Any]] = set()
        self._services: set[anyio.CancelScope] = set()
        self._abandoned: dict[str, CleanupFailed] = {}
        """Failures of abandoned cleanups, by uuid."""

    def open(self) -> None:
        """Start taking tasks and calls."""
        self.open_state.open()
        self._tasks = Tasks()
        _OPEN.add(self)
        self._abandoned.clear()

    def run_service(self, work: Callable[[], Awaitable[None]], what: str, *, ends_by_itself: bool = False) -> None:
        """Run a task until the client closes, which cancels it.

        Cancelling its callers does not end it. When asyncio cancels all tasks to end its loop, a service continues only
        with `ends_by_itself`, which means that it ends when nobody needs it. Other services must not block the loop.
        """
        # trio cancels the remaining tasks at the end of its program, and waits for shielded ones.
        scope = anyio.CancelScope(shield=ends_by_itself)

        async def serve() -> None:
            try:
                with scope:
                    await persist()
            except Exception:
                log.exception("%s ended", what)
            finally:
                self._services.discard(scope)

        async def persist() -> None:
            while True:
                try:
                    return await work()
                except BaseException as error:
                    if not ends_by_itself or scope.cancel_called or not absorb_native_cancellation(error):
                        raise

        self._open_tasks(what).start(serve, what)
        self._services.add(scope)

    def start_owned(self, work: Work[object], what: str, *, uuid: str = "", repeatable: bool = False) -> None:
        """Run a task to its end. Only `close` waits for it. A failure is logged."""

        def ignore(_: object) -> None:
            """Do nothing with the result."""

        operation = self._launch(work, what, uuid, repeatable=repeatable)
        operation.on_cancel, operation.is_abandoned = ignore, True

    async def run_owned(
        self,
        work: Work[T],
        what: str,
        *,
        uuid: str = "",
        repeatable: bool = False,
        on_cancel: Callable[[T], None] | None = None,
        outlast: bool = False,
    ) -> T:
        """Run `work` and return its result. If the caller is cancelled, it stops waiting, and the work continues.

        `on_cancel` then gets the result, and must not fail. With `outlast`, a cancelled caller still waits for the end
        of the work. It is cancelled after that, and an error of the work is added as a note. `repeatable` work is begun
        again if asyncio cancels all tasks to end its loop.
        """
        operation = self._launch(work, what, uuid, repeatable=repeatable)
        if outlast:
            interruption = await _outlast(operation.done)
            if interruption is None:
                return operation.result()
            if operation.error is not None:
                interruption.add_note(str(operation.error))
            raise interruption
        try:
            await operation.done.wait()
        except BaseException:
            operation.is_abandoned = True
            if operation.done.is_set():
                self._note(operation)
            if on_cancel is not None:
                self._hand_over(operation, on_cancel)
            raise
        return operation.result()

    async def close(self, timeout: float) -> tuple[list[CleanupFailed], BaseException | None]:  # noqa: C901 - a sequence of steps
        """Wait for running tasks, up to `timeout` seconds, then cancel them.

        Returns the operations that were interrupted or failed without a waiting caller, and the cancellation of the
        caller that was absorbed during the close.
        """
        tasks = self._tasks
        if tasks is None:
            return [], None
        drained, ended = anyio.Event(), anyio.Event()
        ends = self._clock.now() + timeout
        late: list[Operation[Any]] = []

        async def drain() -> None:
            while True:
                try:
                    with anyio.CancelScope(shield=True), self._clock.limit(max(0.0, ends - self._clock.now())):
                        while self._operations:
                            await next(iter(self._operations)).done.wait()
                            await anyio.lowlevel.checkpoint()
                    break
                except BaseException as error:
                    if not absorb_native_cancellation(error):
                        raise
                    if self._clock.now() >= ends:
                        break

        async def end() -> None:
            try:
                await drain()
            finally:
                self._tasks = None
                late.extend(operation for operation in self._operations if not operation.done.is_set())
                for scope in [*(operation.scope for operation in late), *self._services]:
                    scope.cancel()
                drained.set()
            await tasks.wait_for_others()

        try:
            tasks.start(end, "close", ended.set)
        except LoopEnded:
            # The event loop and all its tasks have already ended.
            self._tasks = None
            self.name_unfinished()
            _OPEN.discard(self)
            return [*self._abandoned.values()], None
        interruption = await _outlast(ended)
        # If Ctrl-C interrupted the task above, some work is unfinished.
        self.name_unfinished()
        _OPEN.discard(self)
        cut = [operation.cut_short() for operation in late if operation.scope.cancelled_caught]
        named = {failure.uuid for failure in cut}
        return [*cut, *(failure for uuid, failure in self._abandoned.items() if uuid not in named)], interruption

    def name_unfinished(self) -> None:
        """Log the work that will not be finished."""
        for operation in self._operations:
            if not operation.done.is_set():
                operation.say_interrupted()

    def _open_tasks(self, what: str) -> Tasks:
        self.open_state.check(what)
        if self._tasks is None:
            raise NotOpen(f"{what}: {CLOSED}")
        return self._tasks

    def _launch(self, work: Work[T], what: str, uuid: str, *, repeatable: bool) -> Operation[T]:
        operation = Operation(work, what, uuid, repeatable=repeatable)
        try:
            self._open_tasks(what).start(operation.execute, what, lambda: self._ended(operation))
        except LoopEnded as error:
            raise NotOpen(f"{what}: the event loop is ending and takes no more work") from error
        self._operations.add(operation)
        return operation

    def _ended(self, operation: Operation[Any]) -> None:
        if not operation.done.is_set():
            # Cancelled by asyncio before its first step.
            if operation.repeatable and self._tasks is not None and not operation.scope.cancel_called:
                self._tasks.start(operation.execute, operation.what, lambda: self._ended(operation))
                return
            operation.error = operation.error or operation.cut_short()
            operation.done.set()
        self._operations.discard(operation)
        self._note(operation)

    def _note(self, operation: Operation[Any]) -> None:
        """Remember a failed cleanup that no caller knows of, until a later one succeeds."""
        if operation.uuid and operation.error is None:
            self._abandoned.pop(operation.uuid, None)
        elif operation.is_abandoned and isinstance(operation.error, CleanupFailed):
            self._abandoned[operation.error.uuid] = operation.error

    @staticmethod
    def _hand_over(operation: Operation[T], on_cancel: Callable[[T], None]) -> None:
        if not operation.done.is_set():
            operation.on_cancel = on_cancel
        elif operation.error is None:
            on_cancel(cast("T", operation.value))


async def _outlast(done: anyio.Event) -> BaseException | None:
    """Wait for an event despite cancellations and interrupts. Returns the last of them."""
    interruption: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not done.is_set():
            try:
                await done.wait()
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - further cancellations are absorbed until the time limit
                interruption = error
    return interruption
