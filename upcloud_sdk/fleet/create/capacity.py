"""Several specs for one server: if one is refused for lack of capacity or by a limit, the next is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.errors import LimitReached, NoCapacity
from upcloud_sdk.events import RefusalEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.waiting import Clock

REMEMBERED_FOR = 300.0
"""Seconds for which a refused size is tried last."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds until a waiting create tries a refused size again: at first, and at most."""

REFUSALS = (NoCapacity, LimitReached)
"""A refusal means that nothing was created. After any other error, the next spec could create a second server."""

Size = tuple[str, str, int | None, int | None]


def size_of(spec: ServerSpec) -> Size:
    """What can be sold out: a plan in a zone, or cores and memory of a custom plan in a zone."""
    return spec.zone, spec.plan, spec.core_number, spec.memory_amount


@dataclass(slots=True)
class _Refusal:
    """A size that was refused recently."""

    until: float
    """The time from which it is not tried last any more."""
    next_try: float
    """The time at which a waiting create may try it again."""
    pause: float


class Capacity:
    """The sizes that were recently refused to one client."""

    def __init__(self, clock: Clock, emit: Emitter) -> None:
        self.clock, self._emit = clock, emit
        self._refused: dict[Size, _Refusal] = {}

    def ordered(self, specs: Sequence[ServerSpec]) -> list[ServerSpec]:
        """The specs in their order, but recently refused sizes last."""
        now = self.clock.now()
        self._refused = {
            size: refusal for size, refusal in self._refused.items() if max(refusal.until, refusal.next_try) > now
        }
        return sorted(specs, key=lambda spec: refusal.until if (refusal := self._refused.get(size_of(spec))) else 0.0)

    def may_try(self, spec: ServerSpec) -> bool:
        """Whether a waiting create may try a spec now. If so, other waiting creates skip it for a while."""
        refusal = self._refused.get(size_of(spec))
        now = self.clock.now()
        if refusal is None:
            return True
        if refusal.next_try > now:
            return False
        refusal.next_try = now + refusal.pause
        return True

    def next_try(self, specs: Sequence[ServerSpec]) -> float:
        """When a waiting create may try one of these specs."""
        now = self.clock.now()
        refusals = (self._refused.get(size_of(spec)) for spec in specs)
        return min(now if refusal is None else refusal.next_try for refusal in refusals)

    def note_refusal(self, spec: ServerSpec, error: NoCapacity | LimitReached) -> None:
        """Note that a create of this spec was refused."""
        now = self.clock.now()
        refusal = self._refused.get(size_of(spec))
        pause = FIRST_PAUSE if refusal is None else min(LONGEST_PAUSE, refusal.pause * 2)
        self._refused[size_of(spec)] = _Refusal(now + REMEMBERED_FOR, now + pause, pause)
        self._emit(RefusalEvent(at=self._emit.now(), zone=spec.zone, plan=spec.plan, reason=str(error)))

    def note_success(self, spec: ServerSpec) -> None:
        """Note that a create of this spec has succeeded."""
        refusal = self._refused.get(size_of(spec))
        if refusal is not None:
            # There is capacity again: waiting creates continue one by one, each when the previous one has succeeded.
            refusal.next_try, refusal.pause = self.clock.now(), FIRST_PAUSE


class SpecChoice:
    """Which of several specs one create tries next.

    `patience`: seconds to try refused specs again. Waiting creates take turns.
    """

    def __init__(self, capacity: Capacity, specs: Sequence[ServerSpec], patience: float) -> None:
        self._capacity, self._specs = capacity, specs
        self._ends = capacity.clock.now() + patience
        self._left = capacity.ordered(specs)
        """Not tried yet in this round."""
        self._last: NoCapacity | LimitReached | None = None
        """The last refusal of this round."""
        self._refusals: dict[Size, str] = {}

    async def next_spec(self) -> ServerSpec:
        """The next spec to try. After each round, this waits.

        Raises:
            NoCapacity, LimitReached: All were refused, and there is no time left. It has earlier refusals as notes.
        """
        capacity, clock = self._capacity, self._capacity.clock
        while True:
            while self._left:
                spec = self._left.pop(0)
                if clock.now() >= self._ends or capacity.may_try(spec):
                    return spec
            if self._last is not None and clock.now() >= self._ends:
                for refusal in [*self._refusals.values()][:-1]:
                    self._last.add_note(refusal)
                raise self._last
            await clock.sleep(max(0.1, min(capacity.next_try(self._specs), self._ends) - clock.now()))
            self._left, self._last = capacity.ordered(self._specs), None

    def note_refusal(self, spec: ServerSpec, error: NoCapacity | LimitReached) -> None:
        """Note that the last spec was refused."""
        self._last = error
        self._refusals.pop(size_of(spec), None)
        self._refusals[size_of(spec)] = f"{spec.plan} in {spec.zone} was refused before: {error}"
        self._capacity.note_refusal(spec, error)
