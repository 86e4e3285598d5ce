"""What a build costs of what its server costs, by a rule that adds up.

A build costs what its server costs an hour, for the time that it held the server. The build that a server was made
for holds it from the create on; any other from its own start. Builds that hold a server at once share each second
evenly. The rest of the paid hours is idle time. So the costs of builds and the idle time add up to what is billed.
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
    """Who held one server, and for how long. Times are seconds of any one clock that never goes back."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._held: dict[Hashable, float] = {}
        self._since = began
        self._shared = 0.0

    @property
    def held_seconds(self) -> float:
        """Time for which builds have paid that have ended, or that somebody has asked about."""
        return self._shared

    def hold(self, build: Hashable, now: float) -> None:
        """A build begins to hold the server."""
        self._share(now)
        self._held.setdefault(build, 0.0)

    def seconds(self, build: Hashable, now: float) -> float:
        """How long a build has held the server so far, less what others held of it; 0 for a build that does not."""
        self._share(now)
        return self._held.get(build, 0.0)

    def release(self, build: Hashable, now: float) -> float:
        """A build ends. Its seconds."""
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
    """What one server cost, as it is billed."""

    hours: int
    """Paid hours."""
    hourly: Decimal
    """What an hour costs."""
    held_seconds: float
    """Time for which builds pay."""

    @classmethod
    def of(cls, time: ServerTime, ended: float, hourly: Decimal, *, anchor: Anchor = "create") -> ServerCost:
        """Of a server that is gone at `ended`. With `anchor="clock"` times are seconds since 1970."""
        hours = hours_started(time.began, ended, anchor=anchor)
        return cls(hours=hours, hourly=hourly, held_seconds=time.held_seconds)

    @property
    def total(self) -> Decimal:
        """What is billed."""
        return self.hours * self.hourly

    @property
    def idle(self) -> Decimal:
        """What no build pays for."""
        return self.total - cost_of(self.held_seconds, self.hourly)


def cost_of(seconds: float, hourly: Decimal) -> Decimal:
    """What so many seconds cost."""
    return hourly * Decimal(seconds) / Decimal(HOUR)
