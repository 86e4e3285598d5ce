"""A clock without real waits: sleeps end at once, in the order of their times."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

SETTLE = 40
"""After this many turns of the event loop without a new sleep, all tasks are assumed to wait."""

_Limits = dict[anyio.CancelScope, float]


class AutojumpClock:
    """A clock for `WaitPolicy(clock=...)` that jumps to the end of the next sleep.

    For work without real waits: answers of respx or of a simulator in the same process. `moved` is called with each
    jump, to move another clock too. `slept` are the lengths of all sleeps, in the order in which they began.
    """

    def __init__(self, moved: Callable[[float], None] | None = None) -> None:
        self.slept: list[float] = []
        self._now = 0.0
        self._moved = moved
        self._ids = itertools.count()
        self._sleepers: list[tuple[float, int]] = []
        self._limits: _Limits = {}
        self._changes = 0

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when this sleep is the next to end. The clock is then at its end."""
        self.slept.append(seconds)
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        mine = (self._now + seconds, next(self._ids))
        heapq.heappush(self._sleepers, mine)
        self._changes += 1
        try:
            while not await self._is_my_turn(mine):
                pass
        finally:
            self._sleepers.remove(mine)
            heapq.heapify(self._sleepers)
            self._changes += 1

    async def _is_my_turn(self, mine: tuple[float, int]) -> bool:
        seen = self._changes
        for _ in range(SETTLE):
            await anyio.lowlevel.checkpoint()
            if self._changes != seen or self._sleepers[0] != mine:
                return False
        self._jump(min(mine[0], *self._limits.values()) if self._limits else mine[0])
        return self._now >= mine[0]

    def _jump(self, to: float) -> None:
        step, self._now = to - self._now, to
        if step and self._moved is not None:
            self._moved(step)
        for scope, ends in list(self._limits.items()):
            if ends <= to:
                del self._limits[scope]
                scope.cancel()
                self._changes += 1

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        """A block that is cancelled after this many seconds of the clock."""
        return _Limit(self._limits, self._now + seconds, is_over=seconds <= 0)


class _Limit:
    def __init__(self, limits: _Limits, ends: float, *, is_over: bool) -> None:
        self._limits, self._ends, self._is_over = limits, ends, is_over
        self._scope = anyio.CancelScope()

    def __enter__(self) -> anyio.CancelScope:
        self._scope.__enter__()
        if self._is_over:
            self._scope.cancel()
        else:
            self._limits[self._scope] = self._ends
        return self._scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._limits.pop(self._scope, None)
        return bool(self._scope.__exit__(kind, error, trace))
