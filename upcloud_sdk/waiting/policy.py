"""The pace of all waiting, and waits with deadlines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from upcloud_sdk._tasks import LoopClock as LoopClock  # noqa: PLC0414 - it is part of this module's names
from upcloud_sdk.errors import (
    RateLimited,
    ResourceFailed,
    ServerFault,
    TransportError,
    UnexpectedAnswer,
    UpCloudError,
    WaitTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")


class Clock(Protocol):
    """A clock that waits by: the event loop's own, or one that a test moves."""

    def now(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed by this clock."""
        ...

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        """A block that is left when so many seconds have passed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """The pace of all waiting of a client. Tests pass one with a clock that they move, and wait for nothing.

    A server is looked at `first_look` seconds after its create, then every `pause` seconds until `brisk_for`
    seconds have passed, then ever more slowly, up to every `longest_pause` seconds.
    """

    first_look: float = 5.0
    """Seconds from a create to the first look at its state; no server was ever seen to boot faster."""
    pause: float = 1.0
    """Seconds between looks."""
    brisk_for: float = 60.0
    """Seconds after which the pauses begin to grow."""
    longest_pause: float = 10.0
    """Seconds that the pauses grow to."""
    growth: float = 1.25
    """By what the pauses are multiplied then."""
    look_for_create: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0)
    """Pauses between the looks for a server whose create got no usable answer."""
    look_on: float = 60.0
    """Seconds that the client then goes on to look, to destroy what turns up."""
    get_missing_after: float = 5.0
    """Seconds after which a server that a list lacks is asked for by itself."""
    forgiven: int = 3
    """Failing looks in a row that a wait survives."""
    clock: Clock = field(default_factory=LoopClock)

    def __post_init__(self) -> None:
        if min(self.first_look, self.pause, self.longest_pause, self.brisk_for, self.look_on) < 0:
            raise ValueError("WaitPolicy's pauses are seconds, 0 or more")
        if self.growth < 1:
            raise ValueError("WaitPolicy.growth is 1 or more")

    def pauses(self) -> Iterator[float]:
        """The pauses between looks: steady for a while, then growing."""
        steady = int(self.brisk_for / self.pause) if self.pause else 0
        yield from itertools.repeat(self.pause, steady)
        pause = self.pause
        while True:
            pause = min(self.longest_pause, pause * self.growth)
            yield pause


FAILING = (ServerFault, TransportError, UnexpectedAnswer, RateLimited)
"""What a look may end in without an end to the wait."""


def may_pass(error: Exception) -> bool:
    """Whether a failing look says nothing about what is waited for."""
    return isinstance(error, FAILING)


def asked_pause(error: Exception | None) -> float:
    """Seconds until the next look that the API asks for."""
    return (error.retry_after or 0.0) if isinstance(error, RateLimited) else 0.0


async def poll(
    look: Callable[[], Awaitable[T]],
    reached: Callable[[T], bool],
    *,
    policy: WaitPolicy,
    timeout: float,
    what: str,
) -> T:
    """Look until what is looked for is reached, and return what was seen then.

    Failing looks are forgiven, up to `policy.forgiven` in a row. `reached` raises where waiting is of no use.

    Raises:
        ValueError: `timeout` is below zero.
        WaitTimeout: `timeout` seconds passed; its `last` is what was seen last.
    """
    if is_one_look(timeout):
        return await look_once(look, reached, what=what)
    clock = policy.clock
    deadline = clock.now() + timeout
    last: T | None = None
    failures = 0
    for pause in policy.pauses():
        remaining = deadline - clock.now()
        if remaining <= 0:
            break
        try:
            with clock.limit(remaining):
                last = await look()
                failures = 0
                if reached(last):
                    return last
        except UpCloudError as error:
            failures += 1
            if not may_pass(error) or failures > policy.forgiven:
                raise
            pause = max(pause, asked_pause(error))  # noqa: PLW2901 - longer, if the API says so
        await clock.sleep(min(pause, max(0.0, deadline - clock.now())))
    raise _late(what, timeout, last)


def is_one_look(timeout: float) -> bool:
    """Whether a wait is none, but a question about now.

    Raises:
        ValueError: `timeout` is below zero.
    """
    if not timeout >= 0:
        raise ValueError(f"timeout is {timeout:g}: it is seconds, 0 or more; 0 looks once")
    return timeout == 0


async def look_once(look: Callable[[], Awaitable[T]], reached: Callable[[T], bool], *, what: str) -> T:
    """What is seen now, if it is what was looked for.

    Raises:
        WaitTimeout: it is not; `last` is what was seen.
    """
    seen = await look()
    if reached(seen):
        return seen
    raise _late(what, 0, seen)


def _late(what: str, timeout: float, last: object) -> WaitTimeout:
    seen = "nothing was seen" if last is None else f"last seen in state {getattr(last, 'state', '?')!s}"
    return WaitTimeout(f"{what}: not within {timeout:g} s; {seen}", last=last)


_DEAD = frozenset({"error", "pending_delete"})


def fails_on_error(kind: str, uuid: str, state: str, wanted: str) -> None:
    """Raise in a state that does not end: nobody waits five minutes for a dead server.

    Raises:
        ResourceFailed: the state is "error" or "pending_delete", and that was not what was waited for.
    """
    if state in _DEAD and wanted != state:
        raise ResourceFailed(kind, uuid, state)
