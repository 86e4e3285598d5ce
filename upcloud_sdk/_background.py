"""Work that the client owns: it goes on when its caller is cancelled, and is waited for when the client closes.

anyio's shield does not stop native asyncio cancellation (`asyncio.timeout`, `task.cancel()`, Ctrl-C), so what must
not be cut short, the POST of a create and a whole destroy, runs in a task of the client's own, and its caller only
waits for it.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio
import anyio.lowlevel

from upcloud_sdk._interrupts import protected
from upcloud_sdk.errors import CleanupFailed, NotOpen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from anyio.abc import TaskGroup

    Limit = Callable[[float], AbstractContextManager[object, bool]]
    """A block that is left after so many seconds."""


log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")


class Unwanted(Exception):
    """Nobody waits for this work any more, and it has had no effect yet: it ends here."""


def _native_cancellation() -> tuple[type[BaseException], ...]:
    """What asyncio raises in a task that it cancels itself. Not imported here: on trio nobody needs it."""
    asyncio = sys.modules.get("asyncio")
    return () if asyncio is None else (asyncio.CancelledError,)


class _Operation(Generic[T]):
    """One piece of owned work."""

    def __init__(self, work: Callable[[], Awaitable[T]], what: str, uuid: str, *, repeatable: bool) -> None:
        self.work, self.what, self.uuid, self.repeatable = work, what, uuid, repeatable
        self.done = anyio.Event()
        self.scope = anyio.CancelScope(shield=True)
        self.error: BaseException | None = None
        self.value: T | None = None
        self.abandoned: Callable[[T], None] | None = None
        self.unheard = False
        """Whether nobody waits for its result."""

    async def execute(self) -> None:
        _CURRENT.set(self)
        try:
            with self.scope:
                self.value = await self._persist()
            if self.scope.cancelled_caught:
                self.error = self.cut_short()
            elif self.abandoned is not None:
                self.abandoned(cast("T", self.value))
        except Exception as error:  # noqa: BLE001 - handed to the caller; a dying task must not cancel the body
            self.error = error
            if self.abandoned is not None and not isinstance(error, Unwanted):
                log.error("%s failed after its caller had gone: %s", self.what, error)  # noqa: TRY400 - a trace may show locals
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.done.set()

    async def _persist(self) -> T:
        while True:
            try:
                return await self.work()
            except _native_cancellation():
                if not self.repeatable or self.scope.cancel_called:
                    raise
                # Not by the client, but once by asyncio, which ends its loop at a second Ctrl-C: what must be done is
                # begun again, and the third one ends it.
                task = sys.modules["asyncio"].current_task()
                assert task is not None
                task.uncancel()

    def cut_short(self) -> CleanupFailed:
        return CleanupFailed(self.uuid, f"{self.what}: given up when the client was closed")

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


_CURRENT: ContextVar[_Operation[Any] | None] = ContextVar("upcloud_sdk_operation", default=None)
"""The operation that the running task executes."""


class Background:
    """The tasks of one client."""

    def __init__(self, limit: Limit = anyio.move_on_after) -> None:
        self._limit = limit
        self._group: TaskGroup | None = None
        self._operations: set[_Operation[Any]] = set()
        self._services: set[anyio.CancelScope] = set()
        self._unheard: dict[str, CleanupFailed] = {}
        """What could not be cleaned up and was told to nobody, by uuid."""

    async def open(self) -> None:
        """Start to own tasks; `close` must be awaited in the same task."""
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group

    def start_service(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Run something that lasts as long as the client and is cancelled when it closes.

        Until then it outlives the cancellation of whoever opened the client, as the operations do that need it.
        """
        scope = anyio.CancelScope(shield=True)

        async def serve() -> None:
            try:
                with scope:
                    await work()
            except Exception:
                log.exception("%s ended", what)
            finally:
                self._services.discard(scope)

        self._open_group().start_soon(protected(serve), name=what)
        self._services.add(scope)

    def start(
        self, work: Callable[[], Awaitable[object]], what: str, *, uuid: str = "", repeatable: bool = False
    ) -> None:
        """Run something to its end without anybody waiting for it but `close`; a failure is logged."""

        def ignore(_: object) -> None:
            """Nobody takes the value."""

        operation = self._launch(work, what, uuid, repeatable=repeatable)
        operation.abandoned, operation.unheard = ignore, True

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        what: str,
        *,
        uuid: str = "",
        repeatable: bool = False,
        abandoned: Callable[[T], None] | None = None,
    ) -> T:
        """What `work` returns. A caller that is cancelled leaves at once, and the work goes on.

        `abandoned` then gets the value, since nobody else does; it must not fail. What is `repeatable` is begun again
        where asyncio cancels all tasks to end its loop.
        """
        operation = self._launch(work, what, uuid, repeatable=repeatable)
        try:
            await operation.done.wait()
        except BaseException:
            operation.unheard = True
            if operation.done.is_set():
                self._note(operation)
            if abandoned is not None:
                self._abandon(operation, abandoned)
            raise
        return operation.result()

    async def finish(
        self, work: Callable[[], Awaitable[T]], what: str, *, uuid: str = "", repeatable: bool = False
    ) -> T:
        """What `work` returns. A caller that is cancelled waits for its end all the same, and is cancelled after it.

        Where the work fails as well, the cancellation is what comes out, with the failure as a note.
        """
        operation = self._launch(work, what, uuid, repeatable=repeatable)
        interruption = await _outlast(operation.done)
        if interruption is None:
            return operation.result()
        if operation.error is not None:
            interruption.add_note(str(operation.error))
        raise interruption

    @staticmethod
    def is_unwanted() -> bool:
        """Whether the operation that the running task executes has lost its caller."""
        operation = _CURRENT.get()
        return operation is not None and operation.abandoned is not None

    @staticmethod
    def describe(what: str) -> None:
        """Say more exactly what the operation is that the running task executes, in case it is cut short."""
        operation = _CURRENT.get()
        if operation is not None:
            operation.what = what

    async def close(self, timeout: float) -> tuple[list[CleanupFailed], BaseException | None]:
        """Wait for what is under way, up to `timeout` seconds, then cancel it.

        Says what was cut short or failed unheard, and the cancellation of the caller that was absorbed meanwhile.
        """
        group = self._group
        if group is None:
            return [], None
        drained = anyio.Event()

        async def drain() -> None:
            with anyio.CancelScope(shield=True), self._limit(timeout):
                while self._operations:
                    await next(iter(self._operations)).done.wait()
                    await anyio.lowlevel.checkpoint()
            drained.set()

        group.start_soon(protected(drain), name="close")
        interruption = await _outlast(drained)
        self._group = None
        late = [operation for operation in self._operations if not operation.done.is_set()]
        for scope in [*(operation.scope for operation in late), *self._services]:
            scope.cancel()
        group.cancel_scope.cancel()
        await group.__aexit__(None, None, None)
        cut = [operation.cut_short() for operation in late if operation.scope.cancelled_caught]
        named = {failure.uuid for failure in cut}
        return [*cut, *(failure for uuid, failure in self._unheard.items() if uuid not in named)], interruption

    def _open_group(self) -> TaskGroup:
        if self._group is None:
            raise NotOpen("the client is not open; use it inside `async with UpCloud(...) as cloud:`")
        return self._group

    def _launch(self, work: Callable[[], Awaitable[T]], what: str, uuid: str, *, repeatable: bool) -> _Operation[T]:
        operation = _Operation(work, what, uuid, repeatable=repeatable)
        group = self._open_group()
        self._operations.add(operation)

        async def execute() -> None:
            try:
                await operation.execute()
            finally:
                self._operations.discard(operation)
                self._note(operation)

        group.start_soon(protected(execute), name=what)
        return operation

    def _note(self, operation: _Operation[Any]) -> None:
        """Remember a failed clean-up that nobody has heard of, until a later one succeeds."""
        if operation.uuid and operation.error is None:
            self._unheard.pop(operation.uuid, None)
        elif operation.unheard and isinstance(operation.error, CleanupFailed):
            self._unheard[operation.error.uuid] = operation.error

    @staticmethod
    def _abandon(operation: _Operation[T], abandoned: Callable[[T], None]) -> None:
        if not operation.done.is_set():
            operation.abandoned = abandoned
        elif operation.error is None:
            abandoned(cast("T", operation.value))


async def _outlast(done: anyio.Event) -> BaseException | None:
    """Wait for an event through cancellations and interrupts; the last of them is returned."""
    interruption: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not done.is_set():
            try:
                await done.wait()
            except BaseException as error:  # noqa: BLE001 - a second cancellation is absorbed until the bound
                interruption = error
    return interruption
