"""Questions to the record about starts: how many succeed, how long they take, and why they fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables
from upcloud_sdk.ci.record.queries import seconds_to
from upcloud_sdk.ci.record.store import read

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from upcloud_sdk.ci.record.recorded import RecordedServer

_SERVERS = tables.servers.c
_SECONDS = 1e-6
_MOST_FAILURES = 5000
_OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b\d+(\.\d+)? s\b|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+00:00)?")
"""What differs between two failures of one cause: uuids, seconds, times."""

Value = sa.ColumnElement[int] | sa.ColumnElement[float] | sa.ColumnElement[float | None] | sa.ColumnElement[int | None]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The median and the 95th percentile of some values, and how many there are."""

    median: float | None = None
    p95: float | None = None
    count: int = 0


NONE = Quantiles()


def quantiles(
    connection: sa.Connection, value: Value, wanted: sa.ColumnElement[bool], *, scale: float = 1.0
) -> Quantiles:
    """Values that were seen, at their rank."""
    return quantiles_by(connection, sa.literal(0), value, wanted, scale=scale).get(0, NONE)


def quantiles_by(
    connection: sa.Connection,
    key: sa.ColumnElement[Any],
    value: Value,
    wanted: sa.ColumnElement[bool],
    *,
    scale: float = 1.0,
) -> dict[Any, Quantiles]:
    """The same for each group: sorted by the database."""
    ranked = (
        sa.select(
            key.label("key"),
            value.label("value"),
            sa.func.row_number().over(partition_by=key, order_by=value).label("rank"),
            sa.func.count().over(partition_by=key).label("count"),
        )
        .where(wanted, value.is_not(None))
        .subquery()
        .c
    )

    def at(hundredths: int) -> sa.ColumnElement[Any]:
        is_there = ranked.rank == (ranked["count"] * hundredths + 99) // 100
        return sa.func.max(sa.case((is_there, ranked.value)))

    asked = sa.select(ranked["key"], sa.func.max(ranked["count"]), at(50), at(95)).group_by(ranked["key"])
    return {
        row[0]: Quantiles(float(row[2] or 0) * scale, float(row[3] or 0) * scale, int(row[1]))
        for row in connection.execute(asked)
    }


@dataclass(frozen=True, slots=True)
class Starts:
    """The starts of servers of one kind."""

    name: str
    """Such as a plan. Empty: a start that failed before it was chosen."""
    attached: int
    failed: int
    """Those that never attached, and have an error."""
    boot: Quantiles
    """Seconds until the server was started."""
    attach: Quantiles
    """Seconds until its guest was attached."""


def starts_by(connection: sa.Connection, column: str, since: datetime) -> list[Starts]:
    """The starts that were asked for since then, by `plan`, `zone` or `image`, the most first."""
    key, began = _SERVERS[column], _SERVERS.asked >= since
    has_failed = _SERVERS.attached.is_(None) & _SERVERS.error.is_not(None)
    failed = sa.func.sum(sa.case((has_failed, 1), else_=0))
    asked = sa.select(key, sa.func.count(_SERVERS.attached), failed).where(began).group_by(key)
    boot = quantiles_by(connection, key, seconds_to(_SERVERS.started), began, scale=_SECONDS)
    attach = quantiles_by(connection, key, seconds_to(_SERVERS.attached), began, scale=_SECONDS)
    found = [
        Starts(name, int(good), int(bad or 0), boot.get(name, NONE), attach.get(name, NONE))
        for name, good, bad in connection.execute(asked)
    ]
    return sorted(found, key=lambda each: (-each.attached - each.failed, each.name))


def times_since(
    connection: sa.Connection, since: datetime, step: timedelta
) -> list[tuple[datetime, Quantiles, Quantiles]]:
    """How long servers took to boot and to attach, for each step of the time in which some were asked for."""
    began = _SERVERS.asked >= since
    width = int(step.total_seconds() * 1_000_000)
    key = (sa.type_coerce(_SERVERS.asked, sa.BigInteger) - tables.microseconds(since)) // width
    boot = quantiles_by(connection, key, seconds_to(_SERVERS.started), began, scale=_SECONDS)
    attach = quantiles_by(connection, key, seconds_to(_SERVERS.attached), began, scale=_SECONDS)
    return [
        (since + int(number) * step, boot.get(number, NONE), attach.get(number, NONE))
        for number in sorted(boot.keys() | attach.keys())
    ]


@dataclass(slots=True)
class Failures:
    """Servers and starts that failed for one reason."""

    newest: RecordedServer
    count: int


def failures_since(connection: sa.Connection, since: datetime, *, most: int) -> tuple[list[Failures], int]:
    """The reasons since then, the newest first: at most so many, and how many servers and starts failed.

    Reasons that differ in uuids or seconds only are one. Of many failures, the newest 5000 are counted.
    """
    wanted = (tables.OPEN | (_SERVERS.gone >= since)) & _SERVERS.error.is_not(None)
    asked = sa.select(_SERVERS.id, _SERVERS.error).where(wanted).order_by(_SERVERS.asked.desc(), _SERVERS.id)
    counts, newest = dict[str, int](), dict[str, str]()
    total = 0
    for key, error in connection.execute(asked.limit(_MOST_FAILURES)):
        total += 1
        reason = _OWN.sub("…", error)
        newest.setdefault(reason, key)
        counts[reason] = counts.get(reason, 0) + 1
    shown = dict(list(newest.items())[:most])
    servers = {server.id: server for server in read(connection, shown.values())}
    return [Failures(servers[key], counts[reason]) for reason, key in shown.items()], total
