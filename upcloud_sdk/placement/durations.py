"""Estimates how long the builds of a builder take."""

from __future__ import annotations

from collections import deque
from statistics import median

_REMEMBERED = 9
"""Builds remembered per builder. More did not help with a month of real builds, and react later to changes."""


class UsualDurations:
    """The median duration of each builder's last builds."""

    def __init__(self) -> None:
        self._last: dict[str, deque[float]] = {}

    def learn(self, builder: str, seconds: float) -> None:
        """Add a finished build."""
        self._last.setdefault(builder, deque(maxlen=_REMEMBERED)).append(seconds)

    def of(self, builder: str) -> float | None:
        """Median in seconds. None if no build of this builder has finished yet."""
        last = self._last.get(builder)
        return None if last is None else median(last)
