"""The past servers for a web page: phases, totals, failures. Times are seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from upcloud_sdk.billing import HOUR
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.life import Life, seconds
from upcloud_sdk.ci.record.queries import failures_since, servers_between, sums_since

if TYPE_CHECKING:
    import sqlalchemy as sa

    from upcloud_sdk.ci.record.queries import Quantiles, Sums
    from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer

Document = dict[str, Any]
"""A JSON object."""

MOST_SERVERS = 300
"""How many servers a document has at most."""
MOST_FAILURES = 100
_LONGEST_REASON = 400
_MOST_BUILDS = 20


def builds_of(record: RecordedServer) -> list[Document]:
    """Its newest builds. If its start failed before a server was requested: the build that needed one."""
    if not record.builds and record.build is not None:
        return [{"builder": record.builder, "number": record.number, "id": _id(record.build), "result": None}]
    return [build_document(build) for build in record.builds[-_MOST_BUILDS:]]


def build_document(build: RecordedBuild) -> Document:
    """A build, with what a link to it needs."""
    return {"builder": build.builder, "number": build.number, "id": _id(build.build), "result": build.result}


def _id(build: str) -> int | str:
    return int(build) if build.isdecimal() else build


def history(
    connection: sa.Connection, *, since: datetime, now: datetime, offset: int = 0, most: int = MOST_SERVERS
) -> Document:
    """The servers that were up since then (the newest first), the totals of today and of this month, and failures.

    Of many servers a document has a part: `count` says how many there are, `offset` which one is the first.
    """
    servers, count = servers_between(connection, since, most=most, offset=offset)
    failures, failed = failures_since(connection, since, most=MOST_FAILURES)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    until = now.timestamp()
    return {
        "since": since.timestamp(),
        "count": count,
        "offset": offset,
        "servers": [server_document(Life(server, until)) for server in servers],
        "totals": [
            _totals("Today (UTC)", sums_since(connection, today, now)),
            _totals("This month (UTC)", sums_since(connection, today - timedelta(days=today.day - 1), now)),
        ],
        "failed": failed,
        "failures": [_failure(server, until) for server in failures],
    }


def _failure(server: RecordedServer, now: float) -> Document:
    return {
        "time": seconds(server.stopping) or Life(server, now).end,
        "worker": server.worker,
        "builds": builds_of(server),
        "reason": (server.error or "")[:_LONGEST_REASON],
        "uuid": server.uuid,
    }


def _totals(name: str, sums: Sums) -> Document:
    used = sums.used / HOUR
    return {
        "name": name,
        "servers": sums.servers,
        "builds": sums.builds,
        "hours_paid": sums.hours,
        "hours_used": used,
        "hours_idle": max(0.0, sums.hours - used),
        "hours_unpriced": sums.unpriced,
        "money": [{"currency": currency, "amount": cost / MILLION} for currency, cost in sorted(sums.money.items())],
        "queue": _quantiles(sums.queue),
        "boot": _quantiles(sums.boot),
        "failures": sums.failures,
    }


def _quantiles(found: Quantiles) -> Document:
    return {"median": found.median, "p95": found.p95, "of": found.count}


def server_document(life: Life) -> Document:
    """A server with its phases."""
    record = life.record
    return {
        "key": record.id,
        "uuid": record.uuid,
        "worker": record.worker,
        "zone": record.zone,
        "plan": record.plan,
        "builds": builds_of(record),
        "begin": life.begin,
        "end": life.end,
        "phases": [{"phase": phase, "from": began, "to": ended} for phase, began, ended in life.phases],
        "queue": next((build.queued for build in record.builds if build.queued is not None), None),
        "boot": record.seconds("asked", "started"),
        "attach": record.seconds("asked", "attached"),
        "hours": life.hours,
        "cost": life.cost,
        "currency": record.currency,
        "how": _how(record),
    }


def _how(record: RecordedServer) -> str:
    if record.has_failed:
        return "failed"
    return "up" if record.is_open else "destroyed"
