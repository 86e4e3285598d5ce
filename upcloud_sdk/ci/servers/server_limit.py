"""Limits the number of servers at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class ServerLimit:
    """Counts existing and reserved servers. Any object can hold a slot. Use it in one thread only."""

    def __init__(self) -> None:
        self._holders: set[Hashable] = set()
        self._waiting: dict[Hashable, None] = {}
        """The holders that wait for a slot, in order of arrival."""

    def has_room(self, limit: int | None) -> bool:
        """Whether this limit leaves a free slot that no other holder waits for. None: no limit."""
        return limit is None or len(self._holders) + len(self._waiting) < limit

    @property
    def is_awaited(self) -> bool:
        """Whether a holder waits for a slot."""
        return bool(self._waiting)

    def reserve(self, holder: Hashable, limit: int | None, *, waits: bool = False) -> bool:
        """Take a slot, unless `holder` has one. False if none is free.

        With `waits`, the next free slot is then kept for `holder`, until it reserves or releases it.
        """
        if holder in self._holders:
            return True
        before = len(self._holders)
        for other in self._waiting:
            if other == holder:
                break
            before += 1
        if limit is not None and before >= limit:
            if waits:
                self._waiting[holder] = None
            return False
        self._waiting.pop(holder, None)
        self._holders.add(holder)
        return True

    def holds(self, holder: Hashable) -> bool:
        """Whether `holder` has a slot."""
        return holder in self._holders

    def hand_over(self, holder: Hashable, to: Hashable) -> None:
        """Move the slot of `holder` to `to`."""
        self._holders.remove(holder)
        self._holders.add(to)

    def release(self, holder: Hashable) -> bool:
        """Free the slot of `holder`. False if it had none."""
        had_one = holder in self._holders or holder in self._waiting
        self._holders.discard(holder)
        self._waiting.pop(holder, None)
        return had_one
