"""How many servers there may be at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class ServerLimit:
    """Counts servers that exist or are reserved. Any object can hold a place. For one thread."""

    def __init__(self) -> None:
        self._holders: set[Hashable] = set()

    def has_room(self, limit: int | None) -> bool:
        """Whether another server fits under this limit; None: there is no limit."""
        return limit is None or len(self._holders) < limit

    def reserve(self, holder: Hashable, limit: int | None) -> bool:
        """Take a place, unless `holder` has one. False if there is none."""
        if holder in self._holders:
            return True
        if not self.has_room(limit):
            return False
        self._holders.add(holder)
        return True

    def holds(self, holder: Hashable) -> bool:
        """Whether `holder` has a place."""
        return holder in self._holders

    def hand_over(self, holder: Hashable, to: Hashable) -> None:
        """Let `to` have the place of `holder`."""
        self._holders.remove(holder)
        self._holders.add(to)

    def release(self, holder: Hashable) -> bool:
        """Give a place back. False if `holder` had none."""
        had_one = holder in self._holders
        self._holders.discard(holder)
        return had_one
