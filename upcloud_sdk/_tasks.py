"""Tasks that belong to the event loop, of asyncio or trio, and what interrupts them."""

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
    """What time is waited by: that of the client's `WaitPolicy`."""

    def now(self) -> float: ...

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]: ...


class LoopClock:
    """The event loop's own clock."""

    def now(self) -> float:
        """Seconds since some moment."""
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        """A block that is left after so many seconds."""
        return anyio.move_on_after(seconds)


def _trio() -> Any:  # noqa: ANN401 - trio, where it runs; it need not be installed
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_run() else None


def protected(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Keep Ctrl-C out of a task that is to be started with `work`: trio raises it in whichever task happens to run.

    It then comes to the program's own task, which waits for what we do. On asyncio that is so anyway.
    """
    trio = _trio()
    if trio is None:
        return work

    async def run(*args: Any) -> None:  # noqa: ANN401 - those of `work`
        await work(*args)

    guarded: Callable[..., Coroutine[Any, Any, None]] = trio.lowlevel.enable_ki_protection(run)
    return guarded


def is_cancellation(error: BaseException) -> bool:
    """Whether an error is how an event loop cancels a task."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    return (asyncio is not None and isinstance(error, asyncio.CancelledError)) or (
        trio is not None and isinstance(error, trio.Cancelled)
    )


def absorb_native_cancellation(error: BaseException) -> bool:
    """Whether an error was asyncio's own cancellation of the running task, which then goes on as if there was none."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError) or _trio() is not None:
        return False
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    return True


class LoopEnded(Exception):
    """The event loop is ending, and takes no more tasks."""


class Tasks:
    """Tasks that run whatever becomes of those that start them."""

    def __init__(self) -> None:
        self._running: set[object] = set()
        self._changed = anyio.Event()

    def start(self, work: Work, name: str, ended: Callable[[], None] | None = None) -> None:
        """Run `work` in a task. `ended` is called once it has ended, even if it never got a step; it must not fail."""
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
                    task.exception()  # asyncio complains of one that nobody has looked at.
                over()

            task.add_done_callback(done)
            return

        async def run() -> None:
            try:
                await work()
            finally:
                over()

        # Ctrl-C is kept out of system tasks: it comes to the program's own, which waits for what we do.
        try:
            trio.lowlevel.spawn_system_task(run, name=name, context=contextvars.copy_context())
        except RuntimeError as error:
            raise LoopEnded(name) from error
        self._running.add(key)

    async def wait_for_others(self) -> None:
        """Return when all tasks but the running one, which is one of them, have ended."""
        while len(self._running) > 1:
            self._changed = anyio.Event()
            try:
                with anyio.CancelScope(shield=True):
                    await self._changed.wait()
            except BaseException as error:
                if not absorb_native_cancellation(error):
                    raise


class Cancellable:
    """A block that can be cancelled from outside: `cancel` may be called by any task of its event loop.

    On asyncio it is no cancel scope, as `asyncio.timeout` is none: it may be entered in one task and left in another.
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
        """Cancel the block; what follows it goes on."""
        self.is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()
        elif self._task is not None and not self._task.done():
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """True where the block ended because of `cancel`."""
        if self._scope is not None:
            return bool(self._scope.__exit__(kind, error, trace))
        task, self._task = self._task, None
        asyncio = sys.modules["asyncio"]
        if not self.is_cancelled or task is None or task is not asyncio.current_task():
            return False
        others = task.uncancel() > self._cancelling
        return isinstance(error, asyncio.CancelledError) and not others
