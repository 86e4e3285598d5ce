"""The hours that a server is billed for, as pure functions of time. Nothing here asks the API.

UpCloud bills each started hour, and at most 672 hours a month. Whether an hour is counted from the create of a server
or by the clock is not documented: each function takes an `anchor`, and a bill tells which one is right.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Anchor = Literal["create", "clock"]
"""Where a billed hour begins: `create` counts from the create of the server, `clock` from each full hour (UTC)."""

HOUR = 3600.0
"""Seconds of a billed hour."""
HOURS_A_MONTH = 672
"""Hours that are billed in a month at most: 28 days."""

_BILLED_WHILE_STARTED = ("CLOUDNATIVE-", "GPU-")


def hours_billed(began: datetime, ended: datetime, *, anchor: Anchor = "create") -> int:
    """The started hours between the create of a server and its deletion, or now; at least one.

    The cap of 672 hours a month is not applied: see `hours_by_month`.

    Raises:
        ValueError: a time has no time zone, or `ended` is before `began`.
    """
    return hours_started(*_span(began, ended), anchor=anchor)


def next_hour_begins(began: datetime, now: datetime, *, anchor: Anchor = "create") -> datetime:
    """When the next hour of a server begins that is not paid yet; later than `now`. In UTC.

    Raises:
        ValueError: a time has no time zone, or `now` is before `began`.
    """
    return datetime.fromtimestamp(paid_until(*_span(began, now), anchor=anchor), UTC)


def is_metered(plan: str, state: str) -> bool:
    """Whether a server of this plan is billed in this state; its disks and addresses always are.

    A server of a cloud native or GPU plan is billed unless it is stopped. A server of any other plan is billed until it
    is deleted.
    """
    return state != "stopped" or not plan.startswith(_BILLED_WHILE_STARTED)


def hours_by_month(
    periods: Iterable[tuple[datetime, datetime]], *, anchor: Anchor = "create"
) -> dict[tuple[int, int], int]:
    """The hours billed for one server by (year, month) in UTC, 672 a month at most.

    `periods` are the times in which it was metered: one from its create to its deletion; on plans that are billed while
    started, one for each time that it was started. An hour belongs to the month in which it begins. By the `clock`, two
    periods that share an hour pay for it once.

    Raises:
        ValueError: a time has no time zone, or a period ends before it begins.
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


# The same of seconds since 1970, for those who compare many servers.


def hours_started(began: float, ended: float, *, anchor: Anchor = "create") -> int:
    """As `hours_billed`, of seconds since 1970."""
    first = _hour_of(began, began, anchor)
    return max(1, math.ceil((ended - first) / HOUR))


def paid_until(began: float, now: float, *, anchor: Anchor = "create") -> float:
    """As `next_hour_begins`, of seconds since 1970."""
    return _hour_of(began, now, anchor) + HOUR


def _hour_of(began: float, moment: float, anchor: Anchor) -> float:
    """When the hour began that a moment is in."""
    origin = began if anchor == "create" else 0.0
    return origin + math.floor((moment - origin) / HOUR) * HOUR


def _span(began: datetime, ended: datetime) -> tuple[float, float]:
    for moment in (began, ended):
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone: give one, such as datetime.UTC")
    if ended < began:
        raise ValueError(f"{ended} is before {began}: an hour is counted from the create on")
    return began.timestamp(), ended.timestamp()
