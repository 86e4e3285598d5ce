"""How long the builds of a builder usually take."""

from __future__ import annotations

from collections import deque
from statistics import median

_REMEMBERED = 9
"""Builds of a builder. More make no difference on a month of real builds, and take longer to notice a change."""


class UsualDurations:
    """Learns from each build that ends: the median of a builder's last builds."""

    def __init__(self) -> None:
        self._last: dict[str, deque[float]] = {}

    def learn(self, builder: str, seconds: float) -> None:
        """A build has ended."""
        self._last.setdefault(builder, deque(maxlen=_REMEMBERED)).append(seconds)

    def of(self, builder: str) -> float | None:
        """Seconds; None if no build of this builder has ended yet."""
        last = self._last.get(builder)
        return None if last is None else median(last)
