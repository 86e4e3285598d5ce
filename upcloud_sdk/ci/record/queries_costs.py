"""Questions to the record about sums: what servers and builds have cost, by time, by worker and by builder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables
from upcloud_sdk.ci.record.queries import seconds_to
from upcloud_sdk.ci.record.queries_health import NONE, quantiles
from upcloud_sdk.ci.record.recorded import day_of, paid_days
from upcloud_sdk.ci.record.store import read_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from upcloud_sdk.ci.record.queries_health import Quantiles
    from upcloud_sdk.ci.record.recorded import PaidDay, RecordedServer

_SERVERS, _BUILDS, _PAID = tables.servers.c, tables.builds.c, tables.paid.c
_DAY = timedelta(days=1)

OpenDay = tuple["RecordedServer", "PaidDay"]
"""A day of a server that is not gone. The table of paid days has only those that are."""


@dataclass(frozen=True, slots=True)
class Period:
    """Some days, in UTC."""

    name: str
    begin: datetime
    end: datetime
    """When the day after the last one begins."""

    def has(self, day: int) -> bool:
        """Whether a day such as 20261201 is one of these."""
        return day_of(self.begin) <= day < day_of(self.end)

    @property
    def paid(self) -> sa.ColumnElement[bool]:
        """The same of the table of paid days."""
        return (_PAID.day >= day_of(self.begin)) & (_PAID.day < day_of(self.end))


def periods_at(now: datetime) -> tuple[Period, Period, Period]:
    """Today, this month, and the last one."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    return (
        Period("Today (UTC)", today, today + _DAY),
        Period("This month (UTC)", month, (month + 31 * _DAY).replace(day=1)),
        Period("Last month (UTC)", (month - _DAY).replace(day=1), month),
    )


@dataclass(slots=True, kw_only=True)
class Amount:
    """Money, and what is not in it."""

    money: Counter[str] = field(default_factory=Counter[str])
    """By currency, in millionths."""
    unknown: int = 0
    """How many hours or builds have a cost that is not known (yet)."""

    def add(self, number: int, cost: int | None, currency: str | None) -> None:
        """Add so many hours or builds with their cost."""
        if cost is None:
            self.unknown += number
        elif number:
            self.money[currency or ""] += cost


@dataclass(slots=True, kw_only=True)
class Sums:
    """What has happened in a period."""

    servers: int = 0
    """Servers that were made for requests of this time."""
    builds: int = 0
    failures: int = 0
    hours: int = 0
    """Paid hours that began in it."""
    used: float = 0.0
    """Seconds in which builds held servers."""
    cost: Amount = field(default_factory=Amount)
    """Of these hours."""
    queue: Quantiles = NONE
    """Seconds from a build's request until it got a server."""
    boot: Quantiles = NONE
    """Seconds from the request of a server until it was started."""


def open_days(connection: sa.Connection, now: datetime) -> list[OpenDay]:
    """What the servers that are not gone have cost so far."""
    return [(server, day) for server in read_open(connection) for day in paid_days(server, max(now, server.asked))]


def sums_of(connection: sa.Connection, period: Period, up: Iterable[OpenDay]) -> Sums:
    """What has happened in a period."""
    began = (_SERVERS.asked >= period.begin) & (_SERVERS.asked < period.end)
    ran = (_BUILDS.began >= period.begin) & (_BUILDS.began < period.end)
    servers, failures = connection.execute(
        sa.select(sa.func.count(_SERVERS.uuid), sa.func.count(_SERVERS.error)).where(began)
    ).one()
    builds = connection.execute(sa.select(sa.func.count(sa.distinct(_BUILDS.build))).where(ran)).scalar_one()
    found = Sums(servers=servers, builds=builds, failures=failures)
    key = (_PAID.currency, _PAID.cost.is_(None))
    paid = sa.select(*key, sa.func.sum(_PAID.hours), sa.func.sum(_PAID.cost), sa.func.sum(_PAID.used))
    for currency, is_unpriced, hours, cost, used in connection.execute(paid.where(period.paid).group_by(*key)):
        found.hours += int(hours or 0)
        found.used += float(used or 0)
        found.cost.add(int(hours or 0), None if is_unpriced else int(cost or 0), currency)
    for server, day in up:
        if period.has(day.day):
            found.hours += day.hours
            found.used += day.used
            found.cost.add(day.hours, day.cost, server.currency)
    found.queue = quantiles(connection, _BUILDS.queued, ran)
    found.boot = quantiles(connection, seconds_to(_SERVERS.started), began, scale=1e-6)
    return found


def hours_by_day(connection: sa.Connection, period: Period, up: Iterable[OpenDay]) -> dict[int, tuple[int, float]]:
    """The hours that were paid, and the seconds that builds used, by day."""
    hours, used = Counter[int](), Counter[int]()
    asked = sa.select(_PAID.day, sa.func.sum(_PAID.hours), sa.func.sum(_PAID.used)).where(period.paid)
    for day, paid, seconds in connection.execute(asked.group_by(_PAID.day)):
        hours[day], used[day] = int(paid or 0), int(seconds or 0)
    for _, each in up:
        if period.has(each.day):
            hours[each.day] += each.hours
            used[each.day] += each.used
    return {day: (hours[day], used[day]) for day in sorted(hours)}


def costs_by_worker(
    connection: sa.Connection, periods: Sequence[Period], up: Iterable[OpenDay]
) -> dict[str, list[Amount]]:
    """What the servers of each worker have cost in each period."""
    found = _costs(
        connection,
        (_SERVERS.worker, _PAID.currency, _PAID.cost.is_(None)),
        [(period.paid, _PAID.hours, _PAID.cost) for period in periods],
        tables.paid.join(tables.servers, _SERVERS.id == _PAID.server),
    )
    for server, day in up:
        amounts = found.setdefault(server.worker, [Amount() for _ in periods])
        for period, amount in zip(periods, amounts, strict=True):
            if period.has(day.day):
                amount.add(day.hours, day.cost, server.currency)
    return found


def costs_by_builder(connection: sa.Connection, periods: Sequence[Period]) -> dict[str, list[Amount]]:
    """The parts of the servers' cost that the builds of each builder have, by the period in which they began."""
    one = sa.literal(1)
    return _costs(
        connection,
        (_BUILDS.builder, _SERVERS.currency, _BUILDS.cost.is_(None)),
        [((_BUILDS.began >= period.begin) & (_BUILDS.began < period.end), one, _BUILDS.cost) for period in periods],
        tables.builds.join(tables.servers, _SERVERS.id == _BUILDS.server),
    )


def _costs(
    connection: sa.Connection,
    key: tuple[sa.ColumnElement[Any], ...],
    periods: Sequence[tuple[sa.ColumnElement[bool], sa.ColumnElement[int], sa.ColumnElement[int | None]]],
    source: sa.FromClause,
) -> dict[str, list[Amount]]:
    """Sums by a name.

    Args:
        connection: Of the record.
        key: The name, the currency, and whether the cost is not known.
        periods: For each: which rows are of it, what they count, and their cost.
        source: The tables.
    """
    columns = [sa.func.sum(sa.case((of, value), else_=0)) for of, *values in periods for value in values]
    asked = sa.select(*key, *columns).select_from(source).where(sa.or_(*(each[0] for each in periods))).group_by(*key)
    found: dict[str, list[Amount]] = {}
    for row in connection.execute(asked):
        name, currency, is_unknown, *sums = (*row,)
        amounts = found.setdefault(name, [Amount() for _ in periods])
        for amount, number, cost in zip(amounts, sums[::2], sums[1::2], strict=True):
            amount.add(int(number or 0), None if is_unknown else int(cost or 0), currency)
    return found
