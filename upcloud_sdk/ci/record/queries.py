"""Questions to the record about servers. Each is asked with a connection, on the thread of the record's reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables
from upcloud_sdk.ci.record.store import build_of, with_builds

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer

_SERVERS, _BUILDS = tables.servers.c, tables.builds.c
_MOST_CHOICES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which servers are asked for, and in which order. An empty text wants all."""

    state: str = ""
    worker: str = ""
    """A part of its name."""
    builder: str = ""
    zone: str = ""
    plan: str = ""
    sort: str = ""
    """A column; with a `-` before it, the greatest is first. What there is not is last. An unknown one is ignored."""
    offset: int = 0
    """How many of these to leave out."""
    most: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the servers that were asked for."""

    servers: list[RecordedServer]
    count: int
    """How many there are."""
    states: dict[str, int]
    """How many there are in each state, whichever state is asked for."""
    choices: dict[str, list[str]]
    """The workers, builders, zones and plans of all servers of the time."""


def servers_between(connection: sa.Connection, since: datetime, now: datetime, wanted: Wanted) -> Found:
    """The servers that were up since then. Without an order, the newest are first. States: up, destroyed, failed."""
    in_time = tables.OPEN | (_SERVERS.gone >= since)
    state = sa.case((_SERVERS.error.is_not(None), "failed"), (tables.OPEN, "up"), else_="destroyed")
    matching = sa.and_(in_time, *_filters(wanted))
    counts = sa.select(state, sa.func.count()).select_from(tables.servers).where(matching).group_by(state)
    states = {row[0]: int(row[1]) for row in connection.execute(counts)}
    asked = sa.select(tables.servers).where(matching)
    if wanted.state:
        asked = asked.where(state == wanted.state)
    asked = asked.order_by(*_order(wanted.sort, now, state), _SERVERS.asked.desc(), _SERVERS.id)
    rows = connection.execute(asked.limit(wanted.most).offset(wanted.offset)).all()
    count = states.get(wanted.state, 0) if wanted.state else sum(states.values())
    return Found(with_builds(connection, rows), count, states, _choices(connection, in_time))


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.worker:
        found.append(_SERVERS.worker.icontains(wanted.worker, autoescape=True))
    if wanted.builder:
        ran = sa.select(_BUILDS.server).where(_BUILDS.builder == wanted.builder)
        found.append((_SERVERS.builder == wanted.builder) | _SERVERS.id.in_(ran))
    if wanted.zone:
        found.append(_SERVERS.zone == wanted.zone)
    if wanted.plan:
        found.append(_SERVERS.plan == wanted.plan)
    return found


def _order(sort: str, now: datetime, state: sa.ColumnElement[str]) -> list[sa.ColumnElement[Any]]:
    until = sa.func.coalesce(_number(_SERVERS.gone), sa.literal(tables.microseconds(now), sa.BigInteger))
    first = _SERVERS.id == _BUILDS.server
    queued = sa.select(_BUILDS.queued).where(first, _BUILDS.queued.is_not(None)).order_by(_BUILDS.began).limit(1)
    hours = sa.func.coalesce(_SERVERS.hours, (until - _number(_SERVERS.created)) // tables.HOUR + 1)
    columns: dict[str, sa.ColumnElement[Any]] = {
        "worker": _SERVERS.worker,
        "builder": _SERVERS.builder,
        "zone": _SERVERS.zone,
        "plan": _SERVERS.plan,
        "asked": _SERVERS.asked,
        "queue": queued.scalar_subquery(),
        "boot": seconds_to(_SERVERS.started),
        "attach": seconds_to(_SERVERS.attached),
        "up": until - _number(_SERVERS.asked),
        "hours": hours,
        "cost": sa.func.coalesce(_SERVERS.cost, _SERVERS.hourly * hours),
        "state": state,
        "uuid": _SERVERS.uuid,
    }
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        return []
    return [(column.desc() if sort.startswith("-") else column.asc()).nulls_last()]


def _number(moment: sa.ColumnElement[datetime | None] | sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    return sa.type_coerce(moment, sa.BigInteger)


def seconds_to(moment: sa.ColumnElement[datetime | None]) -> sa.ColumnElement[int]:
    """From the request of a server to another of its times, in microseconds."""
    return _number(moment) - _number(_SERVERS.asked)


def _choices(connection: sa.Connection, in_time: sa.ColumnElement[bool]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in ("worker", "builder", "zone", "plan"):
        column = _SERVERS[name]
        asked = sa.select(column).distinct().where(in_time, column != "").order_by(column).limit(_MOST_CHOICES)
        found[name] = list(connection.execute(asked).scalars())
    return found


def servers_of_month(connection: sa.Connection, begin: datetime, end: datetime) -> list[RecordedServer]:
    """The servers that were made and up between two times, with their builds."""
    wanted = (_SERVERS.asked < end) & (tables.OPEN | (_SERVERS.gone >= begin)) & _SERVERS.uuid.is_not(None)
    return with_builds(connection, connection.execute(sa.select(tables.servers).where(wanted)).all())


def servers_known(connection: sa.Connection) -> list[RecordedServer]:
    """All servers, and starts that failed, the oldest first."""
    return with_builds(connection, connection.execute(sa.select(tables.servers).order_by(_SERVERS.asked)).all())


def builds_ended(connection: sa.Connection, most: int) -> list[tuple[RecordedBuild, datetime]]:
    """The newest builds that have ended, and when the guest of each one's server attached."""
    joined = tables.builds.join(tables.servers, _BUILDS.server == _SERVERS.id)
    wanted = _BUILDS.ended.is_not(None) & (_BUILDS.ended > _SERVERS.attached)
    asked = sa.select(tables.builds, _SERVERS.attached).select_from(joined).where(wanted)
    rows = connection.execute(asked.order_by(_BUILDS.began.desc()).limit(most))
    return [(build_of(row), row.attached) for row in rows]


def servers_named(
    connection: sa.Connection, uuids: Collection[str], disks: Collection[str] = ()
) -> list[RecordedServer]:
    """The servers with these uuids, and those with these disks."""
    texts = sa.type_coerce(_SERVERS.disks, sa.Text)
    wanted = [_SERVERS.uuid.in_(list(uuids)), *(texts.contains(disk, autoescape=True) for disk in disks)]
    return with_builds(connection, connection.execute(sa.select(tables.servers).where(sa.or_(*wanted))).all())
