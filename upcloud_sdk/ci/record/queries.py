"""Questions to the record. Each is asked with a connection, on the thread of the record's reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables
from upcloud_sdk.ci.record.recorded import day_of, paid_days
from upcloud_sdk.ci.record.store import read_open, with_builds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from upcloud_sdk.ci.record.recorded import RecordedServer

_SERVERS, _BUILDS, _PAID = tables.servers.c, tables.builds.c, tables.paid.c


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The median and the 95th percentile of some values, and how many there are."""

    median: float | None = None
    p95: float | None = None
    count: int = 0


@dataclass(slots=True, kw_only=True)
class Sums:
    """What has happened since the begin of a day."""

    servers: int = 0
    builds: int = 0
    failures: int = 0
    hours: int = 0
    """Paid hours that began since then."""
    unpriced: int = 0
    """Those of which the price is not known."""
    used: float = 0.0
    """Seconds in which builds held servers."""
    money: dict[str, int] = field(default_factory=dict[str, int])
    """What the hours cost, by currency, in millionths."""
    queue: Quantiles = Quantiles()
    """Seconds from a build's request until it got a server."""
    boot: Quantiles = Quantiles()
    """Seconds from the request of a server until it was started."""


def servers_between(
    connection: sa.Connection, since: datetime, *, most: int, offset: int = 0
) -> tuple[list[RecordedServer], int]:
    """The servers that were up since then, the newest first: at most so many, and how many there are."""
    wanted = tables.OPEN | (_SERVERS.gone >= since)
    total = connection.execute(sa.select(sa.func.count()).select_from(tables.servers).where(wanted)).scalar_one()
    asked = sa.select(tables.servers).where(wanted).order_by(_SERVERS.asked.desc(), _SERVERS.id)
    return with_builds(connection, connection.execute(asked.limit(most).offset(offset)).all()), total


def failures_since(connection: sa.Connection, since: datetime, *, most: int) -> tuple[list[RecordedServer], int]:
    """The servers and starts since then that failed, the newest first: at most so many, and how many there are."""
    wanted = (tables.OPEN | (_SERVERS.gone >= since)) & _SERVERS.error.is_not(None)
    total = connection.execute(sa.select(sa.func.count()).select_from(tables.servers).where(wanted)).scalar_one()
    asked = sa.select(tables.servers).where(wanted).order_by(_SERVERS.asked.desc(), _SERVERS.id)
    return with_builds(connection, connection.execute(asked.limit(most)).all()), total


def servers_of_month(connection: sa.Connection, begin: datetime, end: datetime) -> list[RecordedServer]:
    """The servers that were made and up between two times, with their builds."""
    wanted = (_SERVERS.asked < end) & (tables.OPEN | (_SERVERS.gone >= begin)) & _SERVERS.uuid.is_not(None)
    return with_builds(connection, connection.execute(sa.select(tables.servers).where(wanted)).all())


def servers_known(connection: sa.Connection) -> list[RecordedServer]:
    """All servers, and starts that failed, the oldest first."""
    return with_builds(connection, connection.execute(sa.select(tables.servers).order_by(_SERVERS.asked)).all())


def servers_named(
    connection: sa.Connection, uuids: Collection[str], disks: Collection[str] = ()
) -> list[RecordedServer]:
    """The servers with these uuids, and those with these disks."""
    texts = sa.type_coerce(_SERVERS.disks, sa.Text)
    wanted = [_SERVERS.uuid.in_(list(uuids)), *(texts.contains(disk, autoescape=True) for disk in disks)]
    return with_builds(connection, connection.execute(sa.select(tables.servers).where(sa.or_(*wanted))).all())


def sums_since(connection: sa.Connection, begin: datetime, now: datetime) -> Sums:
    """What has happened since `begin`, which is the begin of a day in UTC."""
    began = _SERVERS.asked >= begin
    servers, failures = connection.execute(
        sa.select(sa.func.count(_SERVERS.uuid), sa.func.count(_SERVERS.error)).where(began)
    ).one()
    builds = connection.execute(
        sa.select(sa.func.count(sa.distinct(_BUILDS.build))).where(_BUILDS.began >= begin)
    ).scalar_one()
    found = Sums(servers=servers, builds=builds, failures=failures)
    day = day_of(begin)
    paid = sa.select(
        _PAID.currency, _PAID.cost.is_(None), sa.func.sum(_PAID.hours), sa.func.sum(_PAID.cost), sa.func.sum(_PAID.used)
    )
    for currency, is_unpriced, hours, cost, used in connection.execute(
        paid.where(_PAID.day >= day).group_by(_PAID.currency, _PAID.cost.is_(None))
    ):
        found.used += float(used or 0)
        _add(found, int(hours or 0), None if is_unpriced else int(cost or 0), currency)
    _add_open(found, read_open(connection), day, now)
    found.queue = _quantiles(connection, _BUILDS.queued, (_BUILDS.began >= begin) & _BUILDS.queued.is_not(None))
    boot = sa.type_coerce(_SERVERS.started, sa.BigInteger) - sa.type_coerce(_SERVERS.asked, sa.BigInteger)
    found.boot = _quantiles(connection, boot, began & _SERVERS.started.is_not(None), scale=1e-6)
    return found


def _add_open(found: Sums, servers: Iterable[RecordedServer], day: int, now: datetime) -> None:
    for server in servers:
        for paid in paid_days(server, max(now, server.asked)):
            if paid.day >= day:
                found.used += paid.used
                _add(found, paid.hours, paid.cost, server.currency)


def _add(found: Sums, hours: int, cost: int | None, currency: str | None) -> None:
    found.hours += hours
    if cost is None:
        found.unpriced += hours
    elif hours:
        found.money[currency or ""] = found.money.get(currency or "", 0) + cost


def _quantiles(
    connection: sa.Connection,
    value: sa.ColumnElement[int] | sa.ColumnElement[float] | sa.ColumnElement[float | None],
    wanted: sa.ColumnElement[bool],
    *,
    scale: float = 1.0,
) -> Quantiles:
    """Values that were seen, at their rank: sorted by the database."""
    count = connection.execute(sa.select(sa.func.count(value)).where(wanted)).scalar_one()
    if not count:
        return Quantiles()

    def rank(hundredths: int) -> float:
        position = max(0, -(-hundredths * count // 100) - 1)
        found = sa.select(value).where(wanted).order_by(value).limit(1).offset(position)
        return float(connection.execute(found).scalar_one() or 0) * scale

    return Quantiles(rank(50), rank(95), count)
