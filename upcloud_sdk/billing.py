"""Computes the billed hours of servers. Pure functions of time, without requests.

UpCloud bills each started hour, and at most 672 hours per month. It does not document whether an hour begins at the
create of the server or at the full hour. So each function takes an `anchor`. Compare with a bill to see which is right.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Anchor = Literal["create", "clock"]
"""Where billed hours begin: `create`: at the create of the server. `clock`: at each full hour (UTC)."""

HOUR = 3600.0
"""Length of a billed hour, in seconds."""
HOURS_A_MONTH = 672
"""Maximum of billed hours per month: 28 days."""

_BILLED_WHILE_STARTED = ("CLOUDNATIVE-", "GPU-")


def hours_billed(began: datetime, ended: datetime, *, anchor: Anchor = "create") -> int:
    """Count the started hours between the create of a server and its deletion, or now. At least one.

    Does not apply the maximum of 672 hours per month: see `hours_by_month`.

    Raises:
        ValueError: A time has no time zone, or `ended` is before `began`.
    """
    return hours_started(*_span(began, ended), anchor=anchor)


def next_hour_begins(began: datetime, now: datetime, *, anchor: Anchor = "create") -> datetime:
    """When the next unpaid hour of a server begins: in UTC, after `now`.

    Raises:
        ValueError: A time has no time zone, or `now` is before `began`.
    """
    return datetime.fromtimestamp(paid_until(*_span(began, now), anchor=anchor), UTC)


def is_metered(plan: str, state: str) -> bool:
    """Whether a server of this plan is billed in this state. Disks and addresses are always billed.

    Servers of cloud native and GPU plans are not billed while they are stopped. Other servers are billed until they are
    deleted.
    """
    return state != "stopped" or not plan.startswith(_BILLED_WHILE_STARTED)


def hours_by_month(
    periods: Iterable[tuple[datetime, datetime]], *, anchor: Anchor = "create"
) -> dict[tuple[int, int], int]:
    """Count the billed hours of one server by (year, month) in UTC, at most 672 per month.

    An hour belongs to the month in which it begins. With `clock`, two periods in the same hour pay for it once.

    Args:
        periods: When the server was billed: one period from create to deletion. On plans that are billed only while
            started: one period for each time that it was started.
        anchor: Where billed hours begin.

    Raises:
        ValueError: A time has no time zone, or a period ends before it begins.
    """
    begins: list[float] = []
    for began, ended in periods:
        start, end = _span(began, ended)
        first = _hour_of(start, start, anchor)
        begins += [first + HOUR * number for number in range(hours_started(start, end, anchor=anchor))]
    if anchor == "clock":
        begins = sorted(set(begins))
    months: dict[tuple[int, int], int] = {}
    for begin in begins:
        moment = datetime.fromtimestamp(begin, UTC)
        month = (moment.year, moment.month)
        months[month] = min(HOURS_A_MONTH, months.get(month, 0) + 1)
    return months


# The same functions for seconds since 1970, which are faster for many servers.


def hours_started(began: float, ended: float, *, anchor: Anchor = "create") -> int:
    """Same as `hours_billed`, for seconds since 1970."""
    first = _hour_of(began, began, anchor)
    return max(1, math.ceil((ended - first) / HOUR))


def paid_until(began: float, now: float, *, anchor: Anchor = "create") -> float:
    """Same as `next_hour_begins`, for seconds since 1970."""
    return _hour_of(began, now, anchor) + HOUR


def _hour_of(began: float, moment: float, anchor: Anchor) -> float:
    """Begin of the hour that contains a moment."""
    origin = began if anchor == "create" else 0.0
    return origin + math.floor((moment - origin) / HOUR) * HOUR


def _span(began: datetime, ended: datetime) -> tuple[float, float]:
    for moment in (began, ended):
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone: give one, such as datetime.UTC")
    # As numbers: two datetimes with the same `tzinfo` are compared by their local times.
    begin, end = began.timestamp(), ended.timestamp()
    if end < begin:
        raise ValueError(f"{ended} is before {began}")
    return begin, end
