"""`WaitPolicy`, and waits with timeouts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import anyio

from upcloud_sdk._tasks import Clock, LoopClock
from upcloud_sdk.errors import (
    RateLimited,
    ResourceFailed,
    ServerFault,
    TransportError,
    UnexpectedAnswer,
    WaitTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from upcloud_sdk.errors import Waited

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPolicy:
    """How often a client reads states while it waits. For fast tests, give it a clock that the test moves.

    A server's state is read `first_read_after` seconds after its create, then every `pause` seconds until `brisk_for`
    seconds have passed. Then the pauses grow up to `longest_pause` seconds.
    """

    first_read_after: float = 5.0
    """Seconds from a create to the first read of the server's state. Servers do not boot faster."""
    pause: float = 1.0
    """Seconds between two reads."""
    brisk_for: float = 60.0
    """The pauses begin to grow after this many seconds."""
    longest_pause: float = 10.0
    """The longest pause, in seconds."""
    growth: float = 1.25
    """The factor by which the pauses grow."""
    search_pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0)
    """Pauses between the searches for a server after a create without a usable answer, in seconds."""
    search_timeout: float = 60.0
    """How long the client then keeps searching in the background, to destroy the server if it appears, in seconds."""
    get_missing_after: float = 5.0
    """A server that is missing in the list is read alone after this many seconds."""
    forgiven: int = 3
    """How many failed reads in a row a wait ignores."""
    clock: Clock = field(default_factory=LoopClock)

    def __post_init__(self) -> None:
        if min(self.first_read_after, self.pause, self.longest_pause, self.brisk_for, self.search_timeout) < 0:
            raise ValueError("WaitPolicy's pauses are in seconds: 0 or more")
        if self.growth < 1:
            raise ValueError("WaitPolicy.growth must be 1 or more")

    def pauses(self) -> Iterator[float]:
        """The pauses between reads: constant at first, then growing."""
        steady = int(self.brisk_for / self.pause) if self.pause else 0
        yield from itertools.repeat(self.pause, steady)
        pause = self.pause
        while True:
            pause = min(self.longest_pause, pause * self.growth)
            yield pause


FAILING = (ServerFault, TransportError, UnexpectedAnswer, RateLimited)
"""Errors of a read that do not end the wait."""


class Waiter(Generic[T]):
    """One wait: what it has seen, and whether it is over. `reached` raises if waiting is useless."""

    def __init__(self, reached: Callable[[T], bool], policy: WaitPolicy) -> None:
        self._reached, self._forgiven, self._pauses = reached, policy.forgiven, policy.pauses()
        self._failures = 0
        self.last: T | None = None
        self.found: T | None = None
        self.error: Exception | None = None
        self.done = anyio.Event()

    def show(self, seen: T) -> None:
        """Pass a result to the waiter."""
        self._failures, self.last = 0, seen
        try:
            if not self._reached(seen):
                return
            self.found = seen
        except Exception as error:  # noqa: BLE001 - an error for this waiter only, which must not stop the others
            self.error = error
        self.done.set()

    def fail(self, error: Exception) -> None:
        """Pass a failed read to the waiter. Up to `WaitPolicy.forgiven` in a row are ignored."""
        self._failures += 1
        if isinstance(error, FAILING) and self._failures <= self._forgiven:
            return
        self.error = error
        self.done.set()

    def next_pause(self, error: Exception | None = None) -> float:
        """Seconds until the next read. After an error, the API may ask for a longer pause."""
        asked = (error.retry_after or 0.0) if isinstance(error, RateLimited) else 0.0
        return max(next(self._pauses), asked)

    def result(self, what: str, timeout: float) -> T:
        """The result that was waited for.

        Raises:
            WaitTimeout: There is none. `last` is the last result.
        """
        if self.error is not None:
            raise self.error
        if self.found is None:
            raise _late(what, timeout, self.last)
        return self.found


async def poll(
    read: Callable[[], Awaitable[T]],
    reached: Callable[[T], bool],
    *,
    policy: WaitPolicy,
    timeout: float,
    what: str,
) -> T:
    """Call `read` until `reached` is true for its result, and return that result.

    Up to `policy.forgiven` failures in a row are ignored. `reached` raises if waiting is useless.

    Raises:
        ValueError: `timeout` is negative.
        WaitTimeout: The time is over. `last` is the last result.
    """
    if reads_once(timeout):
        return await read_once(read, reached, what=what)
    clock, waiter = policy.clock, Waiter(reached, policy)
    with clock.limit(timeout):
        while True:
            problem: Exception | None = None
            try:
                waiter.show(await read())
            except Exception as error:  # noqa: BLE001 - it may pass; otherwise the caller gets it
                waiter.fail(error)
                problem = error
            if waiter.done.is_set():
                break
            await clock.sleep(waiter.next_pause(problem))
    return waiter.result(what, timeout)


def check_number(given: object, what: str, unit: str = "seconds") -> None:
    """Refuse a value that is not a number.

    Raises:
        TypeError: It is not a number, for example text.
    """
    if not isinstance(given, int | float):
        raise TypeError(f"{what} is {given!r}: give a number of {unit}")


def reads_once(timeout: float) -> bool:
    """Whether the timeout is 0, which means to read the state once.

    Raises:
        ValueError: `timeout` is below zero.
        TypeError: It is not a number.
    """
    check_number(timeout, "timeout")
    if not timeout >= 0:
        raise ValueError(f"timeout is {timeout:g}: it must be 0 or more seconds; 0 reads once")
    return timeout == 0


async def read_once(read: Callable[[], Awaitable[T]], reached: Callable[[T], bool], *, what: str) -> T:
    """Call `read` once. Returns the result if `reached` is true for it.

    Raises:
        WaitTimeout: It is not. `last` is the result.
    """
    seen = await read()
    if reached(seen):
        return seen
    raise _late(what, 0, seen)


def _late(what: str, timeout: float, last: object) -> WaitTimeout:
    seen = "nothing was seen" if last is None else f"last seen in state {str(getattr(last, 'state', '?'))!r}"
    return WaitTimeout(f"{what}: not within {timeout:g} s; {seen}", last=cast("Waited | None", last))


_DEAD = frozenset({"error", "pending_delete"})


def fails_on_error(kind: str, uuid: str, state: str, wanted: str) -> None:
    """Raise if the server is in a final state, so that waiting is useless.

    Raises:
        ResourceFailed: The state is "error" or "pending_delete", and not the wanted state.
    """
    if state in _DEAD and wanted != state:
        raise ResourceFailed(kind, uuid, state)
