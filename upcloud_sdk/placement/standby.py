"""Keeps servers running during working hours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

_WEEKS_A_MONTH = 365.25 / 12 / 7


@dataclass(frozen=True, kw_only=True)
class Standby:
    """When these workers have a server, with or without builds. Times are the master's local time.

    Raises:
        ValueError: No worker is given, `start` or `end` is not a time such as "07:45", `end` is not after `start`, or
            `days` are not numbers from 0 (Monday) to 6.
    """

    workers: Sequence[str]
    """Names of workers. Each gets a server."""
    start: str
    """When to start the servers, such as "07:45"."""
    end: str
    """Until when to keep them, such as "18:00". After that, they are kept to the end of the paid hour."""
    days: Sequence[int] = (0, 1, 2, 3, 4)
    """Days of the week; Monday is 0, as in Buildbot's `Nightly`."""

    def __post_init__(self) -> None:
        names = cast("object", self.workers)
        if isinstance(names, str) or not self.workers:
            raise ValueError(f"workers is a list with at least one name of a worker, not {names!r}")
        if self.ends <= self.starts:
            raise ValueError(f"end={self.end!r} is not after start={self.start!r}: both are times of the same day")
        if not self.days or not set(self.days) <= set(range(7)):
            raise ValueError(f"days is a list of numbers from 0 (Monday) to 6, not {self.days!r}")

    @property
    def starts(self) -> time:
        """`start` as a time."""
        return _time("start", self.start)

    @property
    def ends(self) -> time:
        """`end` as a time."""
        return _time("end", self.end)

    def seconds_left(self, worker: str, now: datetime) -> float:
        """How long to keep a worker's server, in seconds. `now` is local time. 0 if it is not kept now."""
        if worker not in self.workers or now.weekday() not in self.days:
            return 0.0
        # Seconds since 1970: a day on which the clocks change has 23 or 25 hours.
        began, ends = (datetime.combine(now.date(), time).timestamp() for time in (self.starts, self.ends))
        return ends - now.timestamp() if began <= now.timestamp() < ends else 0.0

    def hours_a_month(self) -> float:
        """Paid hours of all these servers in an average month."""
        today = datetime(2000, 1, 1)  # noqa: DTZ001 - any day will do: only the difference counts
        lasts = datetime.combine(today, self.ends) - datetime.combine(today, self.starts)
        return len(self.workers) * math.ceil(lasts / timedelta(hours=1)) * len(set(self.days)) * _WEEKS_A_MONTH


def _time(name: str, text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day
    except (TypeError, ValueError):
        raise ValueError(f'{name} is a time such as "07:45", not {text!r}') from None
