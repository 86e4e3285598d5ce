"""The past servers for a web page: phases, costs, starts, failures. Times are seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk.billing import HOUR
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.life import Life, seconds
from upcloud_sdk.ci.record.queries import Wanted, servers_between
from upcloud_sdk.ci.record.queries_costs import (
    Amount,
    costs_by_builder,
    costs_by_worker,
    hours_by_day,
    open_days,
    periods_at,
    sums_of,
)
from upcloud_sdk.ci.record.queries_health import failures_since, starts_by, times_since

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from upcloud_sdk.ci.record.queries_costs import Period, Sums
    from upcloud_sdk.ci.record.queries_health import Failures, Quantiles, Starts
    from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer

Document = dict[str, Any]
"""A JSON object."""
Part = Literal["servers", "costs", "health"]

MOST_REASONS = 50
MOST_NAMES = 100
"""How many workers or builders have a row of their own in the costs: those that cost most this month."""
MOST_STEPS = 31
"""How many times of boots there are at most."""
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
    connection: sa.Connection, part: Part, *, since: datetime, now: datetime, wanted: Wanted | None = None
) -> Document:
    """A part of the record.

    Args:
        connection: Of the record.
        part: `servers`: those that were up since then. `costs`: today, this month and the last one. `health`: starts
            and failures since then.
        since: The begin.
        now: The end.
        wanted: Which of the servers. `count` says how many there are, `offset` which one is the first.
    """
    match part:
        case "servers":
            document = _servers(connection, since, now, wanted or Wanted())
        case "costs":
            document = _costs(connection, now)
        case "health":
            document = _health(connection, since, now)
    return {"since": since.timestamp(), **document}


# --- servers ----------------------------------------------------------------------------------------------------------


def _servers(connection: sa.Connection, since: datetime, now: datetime, wanted: Wanted) -> Document:
    found = servers_between(connection, since, now, wanted)
    return {
        "count": found.count,
        "offset": wanted.offset,
        "most": wanted.most,
        "states": found.states,
        "choices": found.choices,
        "servers": [server_document(Life(server, now.timestamp())) for server in found.servers],
    }


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


# --- costs ------------------------------------------------------------------------------------------------------------


def _costs(connection: sa.Connection, now: datetime) -> Document:
    periods, up = periods_at(now), open_days(connection, now)
    totals = [sums_of(connection, period, up) for period in periods]
    by_builder = costs_by_builder(connection, periods)
    rest = [_rest(total.cost, number, by_builder) for number, total in enumerate(totals)]
    month = periods[1]
    return {
        "totals": [_totals(period, sums) for period, sums in zip(periods, totals, strict=True)],
        "days": [
            {"day": f"{day // 10000}-{day // 100 % 100:02}-{day % 100:02}", "paid": hours, "used": used / HOUR}
            for day, (hours, used) in hours_by_day(connection, month, up).items()
        ],
        "builders": _rows(by_builder),
        "no_build": [_amount(each) for each in rest],
        "workers": _rows(costs_by_worker(connection, periods, up)),
    }


def _rest(total: Amount, period: int, by_builder: Mapping[str, Sequence[Amount]]) -> Amount:
    """What no build has: the rest of paid hours, and starts without a build."""
    rest = total.money.copy()
    for amounts in by_builder.values():
        rest.subtract(amounts[period].money)
    return Amount(money=+rest)


def _rows(costs: Mapping[str, list[Amount]]) -> list[Document]:
    """The most expensive of the months first. The last row has the sum of those beyond the limit."""
    names = sorted(costs, key=lambda name: (*(-sum(each.money.values()) for each in costs[name][1:]), name))
    rows: list[Document] = [
        {"name": name, "costs": [_amount(each) for each in costs[name]]} for name in names[:MOST_NAMES]
    ]
    if len(names) > MOST_NAMES:
        others = [Amount() for _ in costs[names[0]]]
        for name in names[MOST_NAMES:]:
            for other, each in zip(others, costs[name], strict=True):
                other.money.update(each.money)
                other.unknown += each.unknown
        rows.append({"others": len(names) - MOST_NAMES, "costs": [_amount(each) for each in others]})
    return rows


def _amount(amount: Amount) -> Document:
    money = [{"currency": currency, "amount": cost / MILLION} for currency, cost in sorted(amount.money.items())]
    return {"money": money, "unknown": amount.unknown}


def _totals(period: Period, sums: Sums) -> Document:
    used = sums.used / HOUR
    return {
        "name": period.name,
        "servers": sums.servers,
        "builds": sums.builds,
        "hours_paid": sums.hours,
        "hours_used": used,
        "hours_idle": max(0.0, sums.hours - used),
        **_amount(sums.cost),
        "queue": _quantiles(sums.queue),
        "boot": _quantiles(sums.boot),
        "failures": sums.failures,
    }


def _quantiles(found: Quantiles) -> Document:
    return {"median": found.median, "p95": found.p95, "of": found.count}


# --- health -----------------------------------------------------------------------------------------------------------


def _health(connection: sa.Connection, since: datetime, now: datetime) -> Document:
    failures, failed = failures_since(connection, since, most=MOST_REASONS)
    step = _step(now - since)
    begin = datetime.fromtimestamp(since.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
    return {
        "starts": {
            column: [_starts(each) for each in starts_by(connection, column, since)]
            for column in ("plan", "zone", "image")
        },
        "step": step.total_seconds(),
        "times": [
            {"time": at.timestamp(), "boot": _quantiles(boot), "attach": _quantiles(attach)}
            for at, boot, attach in times_since(connection, begin, step)
        ],
        "failed": failed,
        "failures": [_failure(each, now.timestamp()) for each in failures],
    }


def _step(span: timedelta) -> timedelta:
    for minutes in (5, 15, 60, 6 * 60):
        step = timedelta(minutes=minutes)
        if span <= MOST_STEPS * step:
            return step
    return timedelta(days=1)


def _starts(starts: Starts) -> Document:
    return {
        "name": starts.name,
        "attached": starts.attached,
        "failed": starts.failed,
        "boot": _quantiles(starts.boot),
        "attach": _quantiles(starts.attach),
    }


def _failure(failures: Failures, now: float) -> Document:
    server = failures.newest
    return {
        "count": failures.count,
        "time": seconds(server.stopping) or Life(server, now).end,
        "worker": server.worker,
        "builds": builds_of(server),
        "reason": (server.error or "")[:_LONGEST_REASON],
        "uuid": server.uuid,
    }
