"""Several specs for one server: the next is tried where one is refused for lack of room or by a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from upcloud_sdk.errors import LimitReached, NoCapacity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.waiting import Clock

REMEMBERED_FOR = 300.0
"""Seconds for which a refused size is tried last."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds until a refused size is tried again by one of those that have patience: at first, and at most."""

REFUSALS = (NoCapacity, LimitReached)

Size = tuple[str, str, int | None, int | None]


def size_of(spec: ServerSpec) -> Size:
    """What the API has room for or not: a zone, and a plan or the cores and memory of a custom one."""
    return spec.zone, spec.plan, spec.core_number, spec.memory_amount


@dataclass(slots=True)
class _Refusal:
    """A size that was refused lately."""

    until: float
    """When it is no longer tried last."""
    next_try: float
    """When one of those that have patience may try it again."""
    pause: float


class Capacity:
    """What one client was refused lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[Size, _Refusal] = {}

    async def first(
        self, specs: Sequence[ServerSpec], create: Callable[[ServerSpec], Awaitable[Server]], *, patience: float = 0.0
    ) -> Server:
        """A server of the first spec that is not refused; what was refused lately is tried last.

        `patience`: seconds for which refused specs are tried again, one at a time for all that wait.

        Raises:
            NoCapacity, LimitReached: all were refused; the earlier refusals are notes on the last one.
        """
        ends = self._clock.now() + patience
        refusals: dict[Size, str] = {}
        while True:
            last: NoCapacity | LimitReached | None = None
            for spec in self._ordered(specs):
                if self._clock.now() < ends and not self._may_try(spec):
                    continue
                try:
                    server = await create(spec)
                except REFUSALS as error:
                    # A refusal is an answer: nothing was made. After anything else the next spec could make a second
                    # server.
                    refusals.pop(size_of(spec), None)
                    refusals[size_of(spec)] = f"{spec.plan} in {spec.zone} was refused before: {error}"
                    last = error
                    self._note_refusal(spec)
                else:
                    self._note_success(spec)
                    return server
            if last is not None and self._clock.now() >= ends:
                for refusal in [*refusals.values()][:-1]:
                    last.add_note(refusal)
                raise last
            await self._clock.sleep(max(0.1, min(self._next_try(specs), ends) - self._clock.now()))

    def _ordered(self, specs: Sequence[ServerSpec]) -> list[ServerSpec]:
        now = self._clock.now()
        self._refused = {
            size: refusal for size, refusal in self._refused.items() if max(refusal.until, refusal.next_try) > now
        }
        return sorted(specs, key=lambda spec: refusal.until if (refusal := self._refused.get(size_of(spec))) else 0.0)

    def _may_try(self, spec: ServerSpec) -> bool:
        """Whether it is time to try a spec; then it is nobody else's for a while."""
        refusal = self._refused.get(size_of(spec))
        now = self._clock.now()
        if refusal is None:
            return True
        if refusal.next_try > now:
            return False
        refusal.next_try = now + refusal.pause
        return True

    def _next_try(self, specs: Sequence[ServerSpec]) -> float:
        now = self._clock.now()
        refusals = (self._refused.get(size_of(spec)) for spec in specs)
        return min(now if refusal is None else refusal.next_try for refusal in refusals)

    def _note_refusal(self, spec: ServerSpec) -> None:
        now = self._clock.now()
        refusal = self._refused.get(size_of(spec))
        pause = FIRST_PAUSE if refusal is None else min(LONGEST_PAUSE, refusal.pause * 2)
        self._refused[size_of(spec)] = _Refusal(now + REMEMBERED_FOR, now + pause, pause)

    def _note_success(self, spec: ServerSpec) -> None:
        refusal = self._refused.get(size_of(spec))
        if refusal is not None:
            # There is room again: those that wait go on one by one, each as soon as the one before was let in.
            refusal.next_try, refusal.pause = self._clock.now(), FIRST_PAUSE


def choices(specs: object) -> tuple[ServerSpec, ...]:
    """The specs to be tried, in order.

    Raises:
        ValueError: there are none.
        TypeError: that is no spec, and no sequence of specs.
    """
    # Whoever gives a spec has loaded it; who only looks at servers need not.
    from upcloud_sdk.models.server_requests import ServerSpec  # noqa: PLC0415 - see above

    given = tuple(cast("Sequence[object]", specs)) if isinstance(specs, Sequence) else (specs,)
    if not given:
        raise ValueError("the sequence of specs is empty: give at least one")
    chosen = tuple(spec for spec in given if isinstance(spec, ServerSpec))
    if len(chosen) < len(given):
        raise TypeError("that is no ServerSpec: give one, or a list or tuple of them")
    return chosen
