"""The past servers for a web page: phases, totals, failures. Pure functions. Times are seconds since 1970."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from upcloud_sdk.billing import HOUR
from upcloud_sdk.ci.record.life import Life, seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from upcloud_sdk.ci.record.record import BuildRecord, ServerRecord

Document = dict[str, Any]
"""A JSON object."""


def builds_of(record: ServerRecord) -> list[Document]:
    """Its builds. If its start failed before a server was requested: the build that needed one."""
    if not record.builds and record.buildid is not None:
        return [{"builder": record.builder, "number": record.number, "id": record.buildid, "result": None}]
    return [build_document(build) for build in record.builds]


def build_document(build: BuildRecord) -> Document:
    """A build, with what a link to it needs."""
    return {"builder": build.builder, "number": build.number, "id": build.id, "result": build.result}


def quantiles(values: Iterable[float]) -> Document:
    """The median, the 95th percentile and the number of values."""
    known = sorted(values)
    if not known:
        return {"median": None, "p95": None, "of": 0}

    def rank(part: float) -> float:
        return known[max(0, math.ceil(part * len(known)) - 1)]

    return {"median": rank(0.5), "p95": rank(0.95), "of": len(known)}


def begin_of_day(now: float) -> float:
    """Midnight, in UTC."""
    return datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def begin_of_month(now: float) -> float:
    """Midnight of the month's first day, in UTC."""
    return datetime.fromtimestamp(begin_of_day(now), UTC).replace(day=1).timestamp()


def totals(name: str, lives: Sequence[Life], begin: float, now: float) -> Document:
    """Sums since `begin`. Hours, servers and builds count if they begin after that."""
    hours, unpriced, used, money = 0, 0, 0.0, dict[str, float]()
    for life in lives:
        before = max(0, math.ceil((begin - life.created) / HOUR))
        paid = max(0, life.hours - before)
        hours += paid
        used += sum(max(0.0, ended - max(began, begin)) for began, ended in life.held if life.hours) / HOUR
        if life.record.hourly is None:
            unpriced += paid
        elif paid:
            currency = life.record.currency or ""
            money[currency] = money.get(currency, 0.0) + float(paid * life.record.hourly)
    recent = [life for life in lives if begin <= life.begin <= now]
    builds = [build for life in lives for build in life.record.builds if (seconds(build.began) or life.begin) >= begin]
    return {
        "name": name,
        "servers": sum(life.record.uuid is not None for life in recent),
        "builds": len({build.id for build in builds}),
        "hours_paid": hours,
        "hours_used": used,
        "hours_idle": max(0.0, hours - used),
        "hours_unpriced": unpriced,
        "money": [{"currency": currency, "amount": amount} for currency, amount in sorted(money.items())],
        "queue": quantiles(build.queued for build in builds if build.queued is not None),
        "boot": quantiles(_between(life.record, "asked", "started") for life in recent if life.record.started),
        "failures": sum(life.record.has_failed for life in recent),
    }


def history(records: Iterable[ServerRecord], *, up: Collection[str], since: float, now: float) -> Document:
    """The servers that were up since then (the newest first), the totals of today and of this month, and failures.

    `up`: the ids of the records of servers that this process holds.
    """
    lives = [Life(record, now, record.id in up) for record in records]
    shown = sorted((life for life in lives if life.end >= since), key=lambda life: life.begin, reverse=True)
    return {
        "since": since,
        "servers": [_server(life) for life in shown],
        "totals": [
            totals("Today (UTC)", lives, begin_of_day(now), now),
            totals("This month (UTC)", lives, begin_of_month(now), now),
        ],
        "failures": [
            {
                "time": seconds(life.record.stopping) or life.end,
                "worker": life.record.worker,
                "builds": builds_of(life.record),
                "reason": life.record.error,
                "uuid": life.record.uuid,
            }
            for life in shown
            if life.record.has_failed
        ],
    }


def _server(life: Life) -> Document:
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
        "boot": _between(record, "asked", "started") if record.started else None,
        "attach": _between(record, "asked", "attached") if record.attached else None,
        "hours": life.hours,
        "cost": life.cost,
        "currency": record.currency,
        "how": _how(life),
    }


def _between(record: ServerRecord, first: str, second: str) -> float:
    return max(0.0, record.seconds(first, second) or 0.0)


def _how(life: Life) -> str:
    if life.record.has_failed:
        return "failed"
    if life.is_up:
        return "up"
    return "destroyed" if life.record.gone is not None else "not known: its master ended before it"
