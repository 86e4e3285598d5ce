"""Several specs for one server: the next is tried where one is refused for lack of room or by a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from upcloud_sdk.errors import LimitReached, NoCapacity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server

REMEMBERED_FOR = 300.0
"""Seconds for which a refused zone and plan are tried last."""

REFUSALS = (NoCapacity, LimitReached)


class Capacity:
    """What one client was refused lately."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._refused: dict[tuple[str, str], float] = {}

    async def first(self, specs: Sequence[ServerSpec], create: Callable[[ServerSpec], Awaitable[Server]]) -> Server:
        """A server of the first spec that is not refused; what was refused lately is tried last.

        Raises:
            NoCapacity, LimitReached: all were refused; the earlier refusals are notes on the last one.
        """
        refusals: list[str] = []
        ordered = self._ordered(specs)
        for number, spec in enumerate(ordered, 1):
            try:
                return await create(spec)
            except REFUSALS as error:
                # A refusal is an answer: nothing was made. After anything else the next spec could make a second
                # server.
                self._refused[spec.zone, spec.plan] = self._now() + REMEMBERED_FOR
                if number == len(ordered):
                    for refusal in refusals:
                        error.add_note(refusal)
                    raise
                refusals.append(f"{spec.plan} in {spec.zone} was refused before: {error}")
        raise AssertionError("a sequence of specs is never empty")

    def _ordered(self, specs: Sequence[ServerSpec]) -> list[ServerSpec]:
        now = self._now()
        self._refused = {key: until for key, until in self._refused.items() if until > now}
        return sorted(specs, key=lambda spec: self._refused.get((spec.zone, spec.plan), 0.0))


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
