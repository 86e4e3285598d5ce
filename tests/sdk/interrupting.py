"""The ways to interrupt a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Work = Callable[[], Awaitable[object]]
    Way = Callable[[Work, Callable[[], Awaitable[object]]], Awaitable[None]]


async def by_scope(work: Work, moment: Callable[[], Awaitable[object]]) -> None:
    """By a cancel scope of anyio, or of trio."""
    async with anyio.create_task_group() as group:
        group.start_soon(_run, work)
        await moment()
        group.cancel_scope.cancel()


async def by_timeout(work: Work, moment: Callable[[], Awaitable[object]]) -> None:
    """By `asyncio.timeout`, which `asyncio.wait_for` uses too."""

    async def limited() -> None:
        async with asyncio.timeout(None) as limit:
            limits.append(limit)
            await work()

    limits: list[asyncio.Timeout] = []
    task = asyncio.create_task(limited())
    await moment()
    limits[0].reschedule(asyncio.get_running_loop().time())
    with pytest.raises(TimeoutError):
        await task


async def by_cancel(work: Work, moment: Callable[[], Awaitable[object]]) -> None:
    """By `task.cancel()`, which Ctrl-C uses too."""
    await _cancel(work, moment, times=1)


async def by_two_cancels(work: Work, moment: Callable[[], Awaitable[object]]) -> None:
    """By `task.cancel()` twice."""
    await _cancel(work, moment, times=2)


async def _cancel(work: Work, moment: Callable[[], Awaitable[object]], *, times: int) -> None:
    task = asyncio.create_task(_run(work))
    await moment()
    for _ in range(times):
        task.cancel()
        await settle()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _run(work: Work) -> None:
    await work()


async def settle() -> None:
    """Let all tasks run until they wait."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


WAYS = [
    pytest.param("asyncio", by_scope, id="asyncio-scope"),
    pytest.param("trio", by_scope, id="trio-scope"),
    pytest.param("asyncio", by_timeout, id="asyncio.timeout"),
    pytest.param("asyncio", by_cancel, id="task.cancel"),
    pytest.param("asyncio", by_two_cancels, id="task.cancel twice"),
]
"""Parameters `("anyio_backend", "interrupted")`."""
