"""Divides the cost of a server among its builds and its idle time. The parts add up to the bill.

A build pays the server's price for the time that it holds the server. The build that a server was created for holds it
from the create on, other builds from their own start. Concurrent builds share each second equally. The rest of the paid
hours is idle time.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.billing import HOUR, hours_started

if TYPE_CHECKING:
    from collections.abc import Hashable

    from upcloud_sdk.billing import Anchor


class ServerTime:
    """Measures how long each build holds one server. Times are seconds of one monotonic clock."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._held: dict[Hashable, float] = {}
        self._since = began
        self._shared = 0.0

    @property
    def held_seconds(self) -> float:
        """Seconds that builds pay for, up to the last call of another method."""
        return self._shared

    def hold(self, build: Hashable, now: float) -> None:
        """Start of a build's hold on the server."""
        self._share(now)
        self._held.setdefault(build, 0.0)

    def seconds(self, build: Hashable, now: float) -> float:
        """A build's share so far, in seconds. 0 for a build that does not hold the server."""
        self._share(now)
        return self._held.get(build, 0.0)

    def release(self, build: Hashable, now: float) -> float:
        """End of a build's hold on the server. Returns its share in seconds."""
        seconds = self.seconds(build, now)
        self._held.pop(build, None)
        return seconds

    def _share(self, now: float) -> None:
        passed = max(0.0, now - self._since)
        self._since += passed
        if self._held:
            self._shared += passed
            for build in self._held:
                self._held[build] += passed / len(self._held)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCost:
    """What one server cost."""

    hours: int
    """Paid hours."""
    hourly: Decimal
    """Price per hour."""
    held_seconds: float
    """Seconds that builds pay for."""

    @classmethod
    def of(cls, time: ServerTime, ended: float, hourly: Decimal, *, anchor: Anchor = "create") -> ServerCost:
        """Cost of a server that ended at `ended`. With `anchor="clock"`, times are seconds since 1970."""
        hours = hours_started(time.began, ended, anchor=anchor)
        return cls(hours=hours, hourly=hourly, held_seconds=time.held_seconds)

    @property
    def total(self) -> Decimal:
        """The billed amount."""
        return self.hours * self.hourly

    @property
    def idle(self) -> Decimal:
        """The part that no build pays for."""
        return self.total - cost_of(self.held_seconds, self.hourly)


def cost_of(seconds: float, hourly: Decimal) -> Decimal:
    """Cost of these seconds."""
    return hourly * Decimal(seconds) / Decimal(HOUR)
