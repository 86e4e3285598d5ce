"""Several specs for one server: if one is refused for lack of capacity or by a limit, the next is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.errors import LimitReached, NoCapacity
from upcloud_sdk.events import RefusalEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.waiting import Clock

REMEMBERED_FOR = 300.0
"""Seconds for which a refused size is tried last."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds until a waiting create tries a refused size again: at first, and at most."""

REFUSALS = (NoCapacity, LimitReached)

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
        self._clock, self._emit = clock, emit
        self._refused: dict[Size, _Refusal] = {}

    async def create_first(
        self, specs: Sequence[ServerSpec], create: Callable[[ServerSpec], Awaitable[Server]], *, patience: float = 0.0
    ) -> Server:
        """Create a server from the first spec that is not refused. Recently refused sizes are tried last.

        `patience`: seconds to try refused specs again. Waiting creates take turns.

        Raises:
            NoCapacity, LimitReached: All were refused. The error has the earlier refusals as notes.
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
                    # A refusal means that nothing was created. After any other error, the next spec could create a
                    # second server.
                    refusals.pop(size_of(spec), None)
                    refusals[size_of(spec)] = f"{spec.plan} in {spec.zone} was refused before: {error}"
                    last = error
                    self._note_refusal(spec)
                    now, reason = self._emit.now(), str(error)
                    self._emit(RefusalEvent(at=now, zone=spec.zone, plan=spec.plan, reason=reason))
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
        """Whether to try a spec now. If so, other waiting creates skip it for a while."""
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
            # There is capacity again: waiting creates continue one by one, each when the previous one has succeeded.
            refusal.next_try, refusal.pause = self._clock.now(), FIRST_PAUSE
