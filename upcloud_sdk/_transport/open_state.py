"""Whether a client is open. When it closes, waiting calls end immediately."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._tasks import HomeLoop
from upcloud_sdk.errors import NotOpen

if TYPE_CHECKING:
    from types import TracebackType

NOT_OPEN = "the client is not open; use it inside `async with UpCloud(...) as cloud:`"
HAS_ENDED = "the client is closed because its block has ended; use it inside `async with UpCloud(...) as cloud:`"
CLOSED = "the client was closed meanwhile; keep its `async with` block open until all calls and waits have ended"


class OpenState:
    """Whether one client is open."""

    def __init__(self) -> None:
        self.is_open = self._was_open = False
        self._home: HomeLoop | None = None
        self._waiting: set[anyio.CancelScope] = set()

    def open(self) -> None:
        """Allow calls and waits, in this event loop."""
        self.is_open = self._was_open = True
        self._home = HomeLoop()

    def close(self) -> None:
        """End the calls and waits of other tasks with `NotOpen`."""
        self.is_open = False
        for scope in self._waiting:
            scope.cancel()

    def required(self, what: str) -> _Block:
        """A block for a call or a wait.

        Raises:
            NotOpen: The client is not open, is open in another event loop, or is closed before the block ends.
        """
        if not self.is_open or self._home is None:
            raise NotOpen(f"{what}: {HAS_ENDED if self._was_open else NOT_OPEN}")
        if problem := self._home.problem():
            raise NotOpen(f"{what}: {problem}")
        return _Block(self._waiting, what)


class _Block:
    """A class instead of a generator, for speed: each call has one."""

    def __init__(self, waiting: set[anyio.CancelScope], what: str) -> None:
        self._waiting, self._what, self._scope = waiting, what, anyio.CancelScope()

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
