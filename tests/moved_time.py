"""A clock that moves itself: when nobody has anything left to do, time jumps to the next one who wakes.

The client waits by it, and the simulator's time is the same, so that hours pass in milliseconds on either event loop.
"""

from __future__ import annotations

import heapq
import itertools
import re
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from upcloud_sdk import LoginUser, RetryPolicy, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

SETTLE = 40
"""Turns of the event loop without anybody waking, after which all are taken to be waiting for time."""


class MovedClock:
    """A `WaitPolicy` clock over the simulator's manual one."""

    def __init__(self, hand: ManualClock) -> None:
        self.hand = hand
        self._sleepers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.hand.now()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        awake = anyio.Event()
        self._wake_at(self.now() + seconds, awake.set)
        await awake.wait()

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        return self._limit(seconds)  # type: ignore[return-value]  # contextmanager() does not say that it may swallow

    @contextmanager
    def _limit(self, seconds: float) -> Generator[anyio.CancelScope]:
        over = False
        with anyio.CancelScope() as scope:

            def end() -> None:
                if not over:
                    scope.cancel()

            self._wake_at(self.now() + seconds, end)
            try:
                yield scope
            finally:
                over = True

    def _wake_at(self, when: float, wake: Callable[[], None]) -> None:
        heapq.heappush(self._sleepers, (when, next(self._order), wake))

    async def run(self) -> None:
        """Move time for ever."""
        while True:
            for _ in range(SETTLE):
                await anyio.lowlevel.checkpoint()
            if not self._sleepers:
                await anyio.sleep(0.001)
                continue
            when, _, wake = heapq.heappop(self._sleepers)
            if when > self.now():
                self.hand.advance(when - self.now())
            wake()


@asynccontextmanager
async def moved_time(hand: ManualClock, **pace: float) -> AsyncGenerator[WaitPolicy]:
    """A policy of waiting by which nobody waits."""
    clock = MovedClock(hand)
    async with anyio.create_task_group() as group:
        group.start_soon(clock.run)
        try:
            yield WaitPolicy(clock=clock, **pace)  # type: ignore[arg-type]  # numbers for numbers
        finally:
            group.cancel_scope.cancel()


DEBIAN = "01000000-0000-4000-8000-000020070100"


def server_spec(name: str = "build-1") -> ServerSpec:
    """A small Debian, as most tests want it."""
    return ServerSpec(
        zone="fi-hel1",
        plan="1xCPU-1GB",
        hostname=name,
        title=name,
        storage_devices=(StorageDeviceSpec.clone(DEBIAN, size=25),),
        login_user=LoginUser(ssh_keys=("ssh-ed25519 AAAA key",)),
        metadata=True,
    )


@dataclass
class MovedCloud:
    """A simulator on a manual clock, and the policy by which clients wait for it."""

    sim: Simulator
    hand: ManualClock
    waits: WaitPolicy

    def client(self, owner: str = "tests", **options: Any) -> UpCloud:  # noqa: ANN401 - UpCloud's own
        """A client of this cloud."""
        options.setdefault("retry", RetryPolicy(jitter=0))
        return UpCloud(Token("ucat_test"), transport=self.sim.transport(), waits=self.waits, owner=owner, **options)

    def requests(self) -> list[str]:
        """What was sent so far: method and path without its query, and without the uuid."""
        return [f"{each.method} {each.path.partition('?')[0]}" for each in self.sim.requests]

    def count(self, pattern: str) -> int:
        """How many requests match an expression."""
        return sum(re.fullmatch(pattern, f"{each.method} {each.path}") is not None for each in self.sim.requests)

    @classmethod
    @asynccontextmanager
    async def open(cls, **options: Any) -> AsyncGenerator[MovedCloud]:  # noqa: ANN401 - Simulator's own
        """A cloud for the length of a block."""
        hand = ManualClock()
        async with moved_time(hand) as waits:
            yield cls(Simulator(clock=hand, seed=1, **options), hand, waits)
