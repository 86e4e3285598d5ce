"""What is written into the record, and read back: statements of one transaction each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables
from upcloud_sdk.ci.record.changes import BuildChange, Phase, ServerChange
from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer, days_of_month, paid_days

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from upcloud_sdk.ci.record.claims import Refused

_SERVER = tuple(each.name for each in fields(RecordedServer) if each.name != "builds")
_BUILD = tuple(each.name for each in fields(RecordedBuild))
_LONGEST_TEXT = 2000
_QUEUED_FOR = timedelta(seconds=30)
"""How long a process keeps its turn without a sign of life."""
_AT_ONCE = 500
"""Ids in one statement. SQLite has a limit."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A server, whoever made it, is gone."""

    uuid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A claim whose transaction failed, but may have been committed. Nobody made a server for it."""

    id: str


@dataclass(frozen=True, slots=True)
class Queued:
    """A process that waits for room in a limit. See `Refused`."""

    process: str
    limit: str
    allowed: int
    hourly: int | None
    """Price of its next server, if it waits for `per_hour`."""


IN_TURN = frozenset({"max_servers", "per_hour"})
"""The limits in which processes go in turn. A month has no room again for anybody when a server is gone."""


Written = ServerChange | BuildChange | Ended | Withdrawn | RecordedServer
"""What a record writes. A `RecordedServer` replaces the row that there may be."""


def write(connection: sa.Connection, items: Iterable[Written]) -> list[RecordedServer]:
    """Write changes, in their order. Returns the servers as they are after that."""
    items = tuple(items)
    ids = {key for key in map(key_of, items) if key is not None}
    before = {server.id: server for server in read(connection, ids)}
    after = dict(before)
    for item in items:
        if isinstance(item, RecordedServer):
            after[item.id] = item
        elif isinstance(item, Withdrawn):
            after.pop(item.id, None)
            connection.execute(tables.servers.delete().where(tables.servers.c.id == item.id))
        elif isinstance(item, Ended):
            for server in _with_uuid(connection, item.uuid, after, before):
                after[server.id] = server.after(ServerChange(id=server.id, at=item.at, phase=Phase.GONE))
        else:
            key = item.id if isinstance(item, ServerChange) else item.server
            known = after.get(key)
            after[key] = RecordedServer.of(item) if known is None else known.after(item)
    for server in after.values():
        _write(connection, before.get(server.id), server)
    return list(after.values())


def key_of(item: Written) -> str | None:
    """The id of the server that an item is about. None: not known without a query."""
    if isinstance(item, Ended):
        return None
    return item.server if isinstance(item, BuildChange) else item.id


def _with_uuid(
    connection: sa.Connection, uuid: str, after: Mapping[str, RecordedServer], before: dict[str, RecordedServer]
) -> list[RecordedServer]:
    found = connection.execute(sa.select(tables.servers.c.id).where(tables.servers.c.uuid == uuid, tables.OPEN))
    for server in read(connection, {row.id for row in found} - after.keys()):
        before[server.id] = server
    known = {**before, **after}
    return [server for server in known.values() if server.uuid == uuid and server.is_open]


def _write(connection: sa.Connection, before: RecordedServer | None, server: RecordedServer) -> None:
    if server == before:
        return
    values: dict[str, Any] = {name: _clean(getattr(server, name)) for name in _SERVER}
    values |= {"hours": server.hours, "cost": server.cost}
    days = [] if server.gone is None else paid_days(server, server.gone)
    if before is None:
        connection.execute(tables.servers.insert().values(values))
    else:
        connection.execute(tables.servers.update().where(tables.servers.c.id == server.id).values(values))
    known = {build.build: build for build in before.builds} if before is not None else {}
    for build in server.builds:
        row = {name: _clean(getattr(build, name)) for name in _BUILD}
        if build.build not in known:
            connection.execute(tables.builds.insert().values(row))
        elif known[build.build] != build:
            same = (tables.builds.c.server == server.id) & (tables.builds.c.build == build.build)
            connection.execute(tables.builds.update().where(same).values(row))
    if before is not None and before.gone is not None:
        connection.execute(tables.paid.delete().where(tables.paid.c.server == server.id))
    if days:
        rows = [
            {
                "server": server.id,
                "currency": server.currency,
                "day": d.day,
                "hours": d.hours,
                "cost": d.cost,
                "used": d.used,
            }
            for d in days
        ]
        connection.execute(tables.paid.insert(), rows)


def _clean(value: object) -> object:
    """PostgreSQL stores no NUL, and an error may be a page of text."""
    return value.replace("\0", "")[:_LONGEST_TEXT] if type(value) is str else value


# --- reading ----------------------------------------------------------------------------------------------------------


def read(connection: sa.Connection, ids: Collection[str]) -> list[RecordedServer]:
    """These servers, with their builds."""
    found, wanted = list[RecordedServer](), sorted(ids)
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        rows = connection.execute(sa.select(tables.servers).where(tables.servers.c.id.in_(some))).all()
        found += with_builds(connection, rows)
    return found


def read_open(connection: sa.Connection) -> list[RecordedServer]:
    """All servers that are not gone, the oldest first, with their builds."""
    rows = connection.execute(sa.select(tables.servers).where(tables.OPEN).order_by(tables.servers.c.asked)).all()
    return with_builds(connection, rows)


def with_builds(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[RecordedServer]:
    """Rows of the table of servers as servers."""
    builds: dict[str, list[RecordedBuild]] = {}
    ids = [row.id for row in rows]
    for first in range(0, len(ids), _AT_ONCE):
        asked = sa.select(tables.builds).where(tables.builds.c.server.in_(ids[first : first + _AT_ONCE]))
        for row in connection.execute(asked.order_by(tables.builds.c.began)):
            builds.setdefault(row.server, []).append(build_of(row))
    return [_server(row, builds.get(row.id, ())) for row in rows]


def build_of(row: sa.Row[Any]) -> RecordedBuild:
    """A row of the table of builds as a build."""
    return RecordedBuild(**{name: getattr(row, name) for name in _BUILD})


def _server(row: sa.Row[Any], builds: Iterable[RecordedBuild]) -> RecordedServer:
    values: dict[str, Any] = {name: getattr(row, name) for name in _SERVER}
    values |= {"phase": Phase(row.phase), "builds": tuple(builds)}
    return RecordedServer(**values)


def read_month(connection: sa.Connection, month: tuple[int, int]) -> dict[str, int]:
    """What the servers that are gone have cost in a month, by currency."""
    first, after = days_of_month(month)
    paid = tables.paid.c
    sums = sa.select(paid.currency, sa.func.sum(paid.cost)).where(paid.day >= first, paid.day < after)
    rows = connection.execute(sums.group_by(paid.currency))
    return {row[0] or "": int(row[1] or 0) for row in rows}


def known_uuids(connection: sa.Connection, uuids: Collection[str]) -> set[str]:
    """Which of these servers are in the record."""
    found, wanted = set[str](), sorted(uuids)
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        found |= set(
            connection.execute(sa.select(tables.servers.c.uuid).where(tables.servers.c.uuid.in_(some))).scalars()
        )
    return found


def lock(connection: sa.Connection) -> None:
    """Let no other claim begin before this transaction ends. SQLite has that lock from its begin on."""
    connection.execute(sa.select(tables.record.c.id).with_for_update()).all()


def queue(connection: sa.Connection, process: str, refused: Refused) -> None:
    """Note that a process waits for room in a limit, and forget those that have said so no more."""
    now, table = _database_time(connection), tables.queue
    hourly = refused.wanted if refused.limit == "per_hour" else None
    values = {"limited_by": refused.limit, "allowed": refused.allowed, "hourly": hourly, "seen": now}
    connection.execute(table.delete().where(table.c.seen < now - _QUEUED_FOR))
    if not connection.execute(table.update().where(table.c.process == process).values(values)).rowcount:
        connection.execute(table.insert().values(process=process, since=now, **values))


def leave_queue(connection: sa.Connection, process: str) -> None:
    """Note that a process waits no more."""
    connection.execute(tables.queue.delete().where(tables.queue.c.process == process))


def queued_before(connection: sa.Connection, process: str) -> tuple[Queued, ...]:
    """The other processes that wait, and have for longer than this one, if it does."""
    found = connection.execute(sa.select(tables.queue).order_by(tables.queue.c.since, tables.queue.c.process)).all()
    if not found:
        return ()
    now = _database_time(connection)
    before = itertools.takewhile(lambda row: row.process != process, found)
    return tuple(
        Queued(row.process, row.limited_by, row.allowed, row.hourly) for row in before if row.seen >= now - _QUEUED_FOR
    )


def _database_time(connection: sa.Connection) -> datetime:
    """The clock that all processes share. SQLite tells no zone: it is UTC."""
    now = connection.execute(sa.select(sa.func.current_timestamp())).scalar_one()
    return now if now.tzinfo is not None else now.replace(tzinfo=UTC)


def forget(connection: sa.Connection, now: datetime, kept: timedelta, most: int) -> int:
    """Delete servers that were gone for long enough, at most so many. Returns how many.

    `now` may be of a clock that is years ahead: the newest server was made by the API's.
    """
    made = tables.servers.c.uuid.is_not(None)
    newest = connection.execute(sa.select(sa.func.max(tables.servers.c.asked)).where(made)).scalar()
    if newest is None:
        return 0
    before = min(now, newest) - kept
    old = sa.select(tables.servers.c.id).where(tables.servers.c.gone < before).limit(most)
    return connection.execute(tables.servers.delete().where(tables.servers.c.id.in_(old))).rowcount
