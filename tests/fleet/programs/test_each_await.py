"""An interruption at any await of a script leaves no server."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    Work = Callable[[], Awaitable[None]]
    Way = Callable[["Awaits"], Awaitable[None]]

pytestmark = pytest.mark.anyio


class Awaits:
    """Runs work, and calls a function when the work awaits for the n-th time."""

    def __init__(self, work: Work, number: int) -> None:
        self._work, self._number = work, number
        self.act: Callable[[], object] = lambda: None
        self.count = 0

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work().__await__()
        step: Callable[[], Any] = partial(next, inner)
        while True:
            try:
                waits_for = step()
            except StopIteration:
                return
            self.count += 1
            if self.count == self._number:
                self.act()
            try:
                result = yield waits_for
            except BaseException as error:  # noqa: BLE001 - the work's to handle, whatever it is
                step = partial(inner.throw, error)
            else:
                step = partial(inner.send, result)


async def by_scope(work: Awaits) -> None:
    with anyio.CancelScope() as scope:
        work.act = scope.cancel
        await work


async def by_timeout(work: Awaits) -> None:
    try:
        async with asyncio.timeout(None) as limit:
            work.act = lambda: limit.reschedule(0)
            await work
    except TimeoutError:
        pass


async def by_cancel(work: Awaits) -> None:
    await _cancel(work, times=1)


async def by_two_cancels(work: Awaits) -> None:
    await _cancel(work, times=2)


async def _cancel(work: Awaits, *, times: int) -> None:
    async def run() -> None:
        await work

    task = asyncio.create_task(run())

    def act() -> None:
        loop = asyncio.get_running_loop()
        task.cancel()
        for _ in range(times - 1):
            loop.call_later(0.001, task.cancel)

    work.act = act
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def life(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()):
        await moved.later(10)


@pytest.mark.parametrize(
    ("anyio_backend", "interrupted"),
    [
        pytest.param("asyncio", by_scope, id="asyncio-scope"),
        pytest.param("trio", by_scope, id="trio-scope"),
        pytest.param("asyncio", by_timeout, id="asyncio.timeout"),
        pytest.param("asyncio", by_cancel, id="task.cancel"),
        pytest.param("asyncio", by_two_cancels, id="task.cancel twice"),
    ],
)
async def test_an_interruption_at_any_await_leaves_nothing(interrupted: Way) -> None:
    for number in itertools.count(1):
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved:
            work = Awaits(partial(life, moved), number)
            await interrupted(work)
            assert moved.sim.servers == {}, number
            assert moved.sim.storages == {}, number
            assert moved.count("POST /server") <= 1, number
        if work.count < number:  # The work had ended before this await.
            assert number > 6
            return
