"""Work that the client owns: it goes on when its caller is cancelled, and is waited for when the client closes.

anyio's shield does not stop native asyncio cancellation (`asyncio.timeout`, `task.cancel()`, Ctrl-C), so what must
not be
cut short, the POST of a create and a whole destroy, runs in a task of the client's own, and its caller only waits
for it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio
import anyio.lowlevel

from upcloud_sdk.errors import CleanupFailed, NotOpen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")


class _Operation(Generic[T]):
    """One piece of owned work."""

    def __init__(self, work: Callable[[], Awaitable[T]], what: str, uuid: str) -> None:
        self.work, self.what, self.uuid = work, what, uuid
        self.done = anyio.Event()
        self.scope = anyio.CancelScope(shield=True)
        self.error: BaseException | None = None
        self.value: T | None = None
        self.abandoned: Callable[[T], Awaitable[object]] | None = None

    async def execute(self) -> None:
        try:
            with self.scope:
                self.value = await self.work()
                if self.abandoned is not None:
                    await self.abandoned(self.value)
            if self.scope.cancelled_caught:
                self.error = CleanupFailed(self.uuid, f"{self.what}: given up when the client was closed")
        except Exception as error:  # noqa: BLE001 - handed to the caller; a dying task must not cancel the body
            self.error = error
            if self.abandoned is not None:
                log.error("%s failed after its caller had gone: %s", self.what, error)  # noqa: TRY400 - a trace may show locals
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.done.set()

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class Background:
    """The tasks of one client."""

    def __init__(self) -> None:
        self._group: TaskGroup | None = None
        self._operations: set[_Operation[Any]] = set()

    async def open(self) -> None:
        """Start to own tasks; `close` must be awaited in the same task."""
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group

    def start_service(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Run something that lasts as long as the client and is cancelled when it closes."""

        async def serve() -> None:
            try:
                await work()
            except Exception:
                log.exception("%s ended", what)

        self._open_group().start_soon(serve, name=what)

    def start(self, work: Callable[[], Awaitable[object]], what: str, *, uuid: str = "") -> None:
        """Run something to its end without anybody waiting for it but `close`."""

        async def ignore(_: object) -> None:
            """Nobody takes the value."""

        self._launch(work, what, uuid).abandoned = ignore

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        what: str,
        *,
        uuid: str = "",
        abandoned: Callable[[T], Awaitable[object]] | None = None,
    ) -> T:
        """What `work` returns. A caller that is cancelled leaves at once, and the work goes on.

        `abandoned` then gets the value, since nobody else does.
        """
        operation = self._launch(work, what, uuid)
        try:
            await operation.done.wait()
        except BaseException:
            if abandoned is not None:
                self._abandon(operation, abandoned)
            raise
        return operation.result()

    async def finish(self, work: Callable[[], Awaitable[T]], what: str, *, uuid: str = "") -> T:
        """What `work` returns. A caller that is cancelled waits for its end all the same, and is cancelled after it."""
        operation = self._launch(work, what, uuid)
        interruption = await _outlast(operation.done)
        if interruption is None:
            return operation.result()
        if operation.error is not None:
            interruption.add_note(str(operation.error))
        raise interruption

    async def close(self, timeout: float) -> tuple[list[CleanupFailed], BaseException | None]:
        """Wait for what is under way, up to `timeout` seconds, then cancel it.

        Says what was cut short, and the cancellation of the caller that was absorbed meanwhile, if there was one.
        """
        group = self._group
        if group is None:
            return [], None
        drained = anyio.Event()

        async def drain() -> None:
            with anyio.move_on_after(timeout, shield=True):
                while self._operations:
                    await next(iter(self._operations)).done.wait()
                    await anyio.lowlevel.checkpoint()
            drained.set()

        group.start_soon(drain, name="close")
        interruption = await _outlast(drained)
        cut = [operation for operation in self._operations if not operation.done.is_set()]
        for operation in cut:
            operation.scope.cancel()
        group.cancel_scope.cancel()
        try:
            await group.__aexit__(None, None, None)
        finally:
            self._group = None
        failures = [CleanupFailed(each.uuid, f"{each.what}: given up when the client was closed") for each in cut]
        return failures, interruption

    def _open_group(self) -> TaskGroup:
        if self._group is None:
            raise NotOpen("the client is not open; use it inside `async with UpCloud(...) as cloud:`")
        return self._group

    def _launch(self, work: Callable[[], Awaitable[T]], what: str, uuid: str) -> _Operation[T]:
        operation = _Operation(work, what, uuid)
        group = self._open_group()
        self._operations.add(operation)

        async def execute() -> None:
            try:
                await operation.execute()
            finally:
                self._operations.discard(operation)

        group.start_soon(execute, name=what)
        return operation

    def _abandon(self, operation: _Operation[T], abandoned: Callable[[T], Awaitable[object]]) -> None:
        if not operation.done.is_set():
            operation.abandoned = abandoned
        elif operation.error is None:
            value = cast("T", operation.value)
            self.start(lambda: abandoned(value), operation.what, uuid=operation.uuid)


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
