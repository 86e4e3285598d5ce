"""An automatic clock for tests: when all tasks wait, time jumps to the end of the next wait.

Client and simulator share this time, so that hours pass in milliseconds, on asyncio and on trio.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import re
import time
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import sniffio
import trio.testing

from upcloud_sdk import LoginUser, RetryPolicy, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator


@dataclass(order=True)
class _Alarm:
    at: float
    order: int
    ring: Callable[[], object] | None = field(compare=False)
    """Called at this time. None if the wait has ended: the clock does not jump to it."""


class AutojumpClock:
    """A clock for `WaitPolicy` that moves the simulator's manual clock."""

    def __init__(self, hand: ManualClock) -> None:
        self.hand = hand
        self.until = math.inf
        """The latest time to which the clock jumps automatically."""
        self._alarms: list[_Alarm] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.hand.now()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        awake = anyio.Event()
        alarm = self._set(seconds, awake.set)
        try:
            await awake.wait()
        finally:
            alarm.ring = None

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        return self._limit(seconds)  # type: ignore[return-value]  # contextmanager() does not say that it may swallow

    @contextmanager
    def _limit(self, seconds: float) -> Generator[anyio.CancelScope]:
        with anyio.CancelScope() as scope:
            if seconds <= 0:
                scope.cancel()
            alarm = self._set(seconds, scope.cancel)
            try:
                yield scope
            finally:
                alarm.ring = None

    def _set(self, seconds: float, ring: Callable[[], object]) -> _Alarm:
        alarm = _Alarm(self.now() + seconds, next(self._order), ring)
        if seconds < math.inf:
            heapq.heappush(self._alarms, alarm)
        return alarm

    async def run(self) -> None:
        """Move the clock until cancelled."""
        while True:
            await _all_others_wait()
            while self._alarms and self._alarms[0].ring is None:
                heapq.heappop(self._alarms)
            if not self._alarms or self._alarms[0].at > self.until:
                await anyio.sleep(0.001)
                continue
            alarm = heapq.heappop(self._alarms)
            if alarm.at > self.now():
                self.hand.advance(alarm.at - self.now())
            if alarm.ring is not None:
                alarm.ring()


async def _all_others_wait() -> None:
    """Return when all other tasks wait."""
    if sniffio.current_async_library() == "trio":
        await trio.testing.wait_all_tasks_blocked()
        return
    quiet = 0
    # Check twice: a callback of the loop may have woken a task in between.
    while quiet < 2:
        await anyio.lowlevel.checkpoint()
        quiet = 0 if any(map(_is_busy, asyncio.all_tasks())) else quiet + 1


def _is_busy(task: asyncio.Task[Any]) -> bool:
    # The same check as in anyio's wait_all_tasks_blocked, which sleeps in between.
    waiter: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    return task is not asyncio.current_task() and (waiter is None or waiter.done())


@asynccontextmanager
async def moved_time(hand: ManualClock, **pace: float) -> AsyncGenerator[WaitPolicy]:
    """A `WaitPolicy` on an automatic clock, so that waits take no real time."""
    clock = AutojumpClock(hand)
    async with anyio.create_task_group() as group:
        group.start_soon(clock.run)
        try:
            yield WaitPolicy(clock=clock, **pace)  # type: ignore[arg-type]  # numbers for numbers
        finally:
            group.cancel_scope.cancel()


class MovedTransport(httpx.AsyncBaseTransport):
    """Calls a simulator. Delayed answers take time on the automatic clock, and missing ones end in a timeout."""

    def __init__(self, sim: Simulator, clock: AutojumpClock) -> None:
        self._sim, self._clock = sim, clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._clock.limit(request.extensions["timeout"]["read"]):
            return await self._answer(request)
        raise httpx.ReadTimeout("no answer", request=request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        exchange = self._sim.exchange(request.method, request.url.raw_path.decode(), headers, request.content)
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                due = next(exchange)
            except StopIteration as end:
                delivery = end.value
                break
            await self._clock.sleep(due - self._clock.now())
        if delivery.dropped or delivery.truncated:
            raise httpx.RemoteProtocolError("the connection was closed", request=request)
        return httpx.Response(delivery.status, headers=delivery.headers, content=delivery.body, request=request)


DEBIAN = "01000000-0000-4000-8000-000020070100"


def server_spec(name: str = "build-1", **more: Any) -> ServerSpec:  # noqa: ANN401 - ServerSpec's own
    """The spec of a small Debian server."""
    fields: dict[str, Any] = {
        "zone": "fi-hel1",
        "plan": "PREMIUM-1xCPU-1GB",
        "hostname": name,
        "title": name,
        "storage_devices": (StorageDeviceSpec.clone(DEBIAN, size=25),),
        "login_user": LoginUser(ssh_keys=("ssh-ed25519 AAAA key",)),
        "metadata": True,
    }
    return ServerSpec.model_validate({**fields, **more})


@dataclass
class MovedCloud:
    """A simulator on an automatic clock, and the `WaitPolicy` for its clients."""

    sim: Simulator
    hand: ManualClock
    waits: WaitPolicy

    @property
    def clock(self) -> AutojumpClock:
        """The clock of all waits."""
        assert isinstance(self.waits.clock, AutojumpClock)
        return self.waits.clock

    def client(self, owner: str = "tests", **options: Any) -> UpCloud:  # noqa: ANN401 - UpCloud's own
        """A client of this cloud."""
        options.setdefault("retry", RetryPolicy(jitter=0))
        options.setdefault("waits", self.waits)
        options.setdefault("transport", self.transport())
        return UpCloud(Token("ucat_test"), owner=owner, **options)

    def transport(self) -> MovedTransport:
        """A transport to this cloud."""
        return MovedTransport(self.sim, self.clock)

    def requests(self) -> list[str]:
        """The requests so far: method and path, without query and uuid."""
        return [f"{each.method} {each.path.partition('?')[0]}" for each in self.sim.requests]

    def count(self, pattern: str) -> int:
        """How many requests match an expression."""
        return sum(re.fullmatch(pattern, f"{each.method} {each.path}") is not None for each in self.sim.requests)

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        await self.waits.clock.sleep(seconds)

    @classmethod
    @asynccontextmanager
    async def open(cls, **options: Any) -> AsyncGenerator[MovedCloud]:  # noqa: ANN401 - Simulator's own
        """A cloud during a block."""
        hand = ManualClock()
        async with moved_time(hand) as waits:
            yield cls(Simulator(clock=hand, seed=1, **options), hand, waits)


class OffsetClock:
    """The time of this machine plus an offset that the test increases, to hold an answer as long as needed."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def real_seconds(self, seconds: float) -> float | None:
        return None

    def push(self, seconds: float) -> None:
        """Add this many seconds."""
        self._ahead += seconds
