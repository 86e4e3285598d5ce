"""Tasks that belong to the event loop, on asyncio and trio, and their cancellation."""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING, Any, Protocol, Self

import anyio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager
    from types import TracebackType

    Work = Callable[[], Coroutine[Any, Any, None]]


class Clock(Protocol):
    """A clock for waiting: the event loop's, or one that a test moves."""

    def now(self) -> float:
        """Monotonic time in seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for this many seconds by this clock."""
        ...

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        """A block that is cancelled after this many seconds."""
        ...


class LoopClock:
    """The clock of the event loop."""

    def now(self) -> float:
        """Monotonic time in seconds."""
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Sleep for this many seconds."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        """A block that is cancelled after this many seconds."""
        return anyio.move_on_after(seconds)


def _trio() -> Any:  # noqa: ANN401 - the module trio, which is optional
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_run() else None


def protected(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Protect a task that runs `work` from Ctrl-C, which trio raises in any task.

    Ctrl-C then reaches the program's main task, which waits for our tasks. asyncio always works like this.
    """
    trio = _trio()
    if trio is None:
        return work

    async def run(*args: Any) -> None:  # noqa: ANN401 - the arguments of `work`
        await work(*args)

    guarded: Callable[..., Coroutine[Any, Any, None]] = trio.lowlevel.enable_ki_protection(run)
    return guarded


def is_cancellation(error: BaseException) -> bool:
    """Whether an error is a cancellation by the event loop."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    return (asyncio is not None and isinstance(error, asyncio.CancelledError)) or (
        trio is not None and isinstance(error, trio.Cancelled)
    )


def absorb_native_cancellation(error: BaseException) -> bool:
    """Whether an error was asyncio's cancellation of the running task. If so, undo the cancellation."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError) or _trio() is not None:
        return False
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    return True


def running_loop() -> object:
    """The event loop that runs this code. None if there is none."""
    trio, asyncio = _trio(), sys.modules.get("asyncio")
    if trio is not None:
        token: object = trio.lowlevel.current_trio_token()
        return token
    try:
        return None if asyncio is None else asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopEnded(Exception):
    """The event loop is ending and takes no more tasks."""


class Tasks:
    """Tasks that continue when the task that started them ends."""

    def __init__(self) -> None:
        self._running: set[object] = set()
        self._changed = anyio.Event()

    def start(self, work: Work, name: str, ended: Callable[[], None] | None = None) -> None:
        """Run `work` in a task. `ended` is called at its end, even if it never began. `ended` must not fail."""
        key = object()

        def over() -> None:
            self._running.discard(key)
            self._changed.set()
            if ended is not None:
                ended()

        trio = _trio()
        if trio is None:
            task: asyncio.Task[None] = sys.modules["asyncio"].get_running_loop().create_task(work(), name=name)
            self._running.add(key)

            def done(task: asyncio.Task[None]) -> None:
                if not task.cancelled():
                    task.exception()  # asyncio warns about exceptions that are never retrieved.
                over()

            task.add_done_callback(done)
            return

        async def run() -> None:
            try:
                await work()
            finally:
                over()

        # trio does not raise Ctrl-C in system tasks, but in the main task, which waits for ours.
        try:
            trio.lowlevel.spawn_system_task(run, name=name, context=contextvars.copy_context())
        except RuntimeError as error:
            raise LoopEnded(name) from error
        self._running.add(key)

    async def wait_for_others(self) -> None:
        """Wait until all other tasks have ended."""
        while len(self._running) > 1:
            self._changed = anyio.Event()
            try:
                with anyio.CancelScope(shield=True):
                    await self._changed.wait()
            except BaseException as error:
                if not absorb_native_cancellation(error):
                    raise


class Cancellable:
    """A block that any task of its event loop can cancel.

    Like `asyncio.timeout`, it is not a cancel scope on asyncio: it may be entered in one task and left in another.
    """

    def __init__(self) -> None:
        self._scope: anyio.CancelScope | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self.is_cancelled = False

    def __enter__(self) -> Self:
        if _trio() is not None:
            self._scope = anyio.CancelScope()
            self._scope.__enter__()
        else:
            self._task = sys.modules["asyncio"].current_task()
            self._cancelling = 0 if self._task is None else self._task.cancelling()
        return self

    def cancel(self) -> None:
        """Cancel the block. The code after it continues."""
        self.is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()
        elif self._task is not None and not self._task.done():
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """True if the block ended because of `cancel`."""
        if self._scope is not None:
            return bool(self._scope.__exit__(kind, error, trace))
        task, self._task = self._task, None
        asyncio = sys.modules["asyncio"]
        if not self.is_cancelled or task is None or task is not asyncio.current_task():
            return False
        others = task.uncancel() > self._cancelling
        return isinstance(error, asyncio.CancelledError) and not others
