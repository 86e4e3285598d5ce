"""The rows of running servers for a web page. Pure functions. Times are seconds since 1970."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from upcloud_sdk.ci.record.changes import MILLION, Phase
from upcloud_sdk.ci.record.life import seconds
from upcloud_sdk.ci.record.live import LiveServer
from upcloud_sdk.ci.record.queries import Wanted
from upcloud_sdk.ci.web.history import build_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from decimal import Decimal
    from typing import Any

    from upcloud_sdk.ci.record.claims import Refused
    from upcloud_sdk.ci.record.live import LeftDisk, LiveView
    from upcloud_sdk.ci.web.history import Document

PHASES = {
    Phase.ASKED: ("booting", "requested"),
    Phase.MADE: ("booting", "booting"),
    Phase.STARTED: ("installing", "installing its worker"),
    Phase.ATTACHED: ("installing", "attached"),
    Phase.BUILDING: ("building", "building"),
    Phase.IDLE: ("idle", "idle"),
    Phase.PARKED: ("idle", "switched off until the next build"),
    Phase.STOPPING: ("stopping", "stopping"),
    Phase.NOT_DESTROYED: ("failed", "could not be destroyed"),
    Phase.GONE: ("stopping", "gone"),
}
"""For each phase: the phase on the page (the colour of the row), and the text."""
API_STATES = {"maintenance": "booting", "stopped": "stopping", "error": "failed"}
"""For a server that is not in the record: the phase on the page, by the API's state."""


MOST_LEFT = 100
COLUMNS: dict[str, Callable[[Document], Any]] = {
    "worker": lambda row: row["worker"] or row["title"],
    "builder": lambda row: row["builds"][0]["builder"] if row["builds"] else None,
    "zone": lambda row: row["zone"],
    "plan": lambda row: row["plan"],
    "state": lambda row: row["phase"],
    "age": lambda row: row["age"],
    "paid": lambda row: row["paid_until"],
    "cost": lambda row: row["cost"],
    "master": lambda row: row["master"] or row["owner"],
    "uuid": lambda row: row["uuid"],
}
"""What servers can be sorted by."""


def now_document(view: LiveView, wanted: Wanted | None = None) -> Document:
    """Servers that somebody holds, the cost per hour of all by currency, and what nobody holds.

    Of many servers a document has a part: `count` says how many are wanted, `offset` which one is the first.
    """
    wanted = wanted or Wanted()
    rows = [_held(row, view.at) for row in view.servers if row.held_by != "nobody"]
    found = [row for row in rows if _is_wanted(row, wanted)]
    states = Counter(row["phase"] for row in found)
    found = _sorted([row for row in found if wanted.state in {"", row["phase"]}], wanted.sort)
    left = left_document(view)
    return {
        "time": view.at.timestamp(),
        "servers": found[wanted.offset : wanted.offset + wanted.most],
        "count": len(found),
        "offset": wanted.offset,
        "most": wanted.most,
        "all": len(rows),
        "masters": len({COLUMNS["master"](row) for row in rows}),
        "states": dict(states),
        "choices": {
            name: sorted({COLUMNS[name](row) for row in rows} - {"", None})
            for name in ("worker", "builder", "zone", "plan")
        },
        "hourly": _hourly(view.servers),
        "unpriced": sum(row.hourly is None and row.uuid is not None for row in view.servers),
        "left": left[:MOST_LEFT],
        "left_count": len(left),
    }


def _is_wanted(row: Document, wanted: Wanted) -> bool:
    exact = (("builder", wanted.builder), ("zone", wanted.zone), ("plan", wanted.plan))
    name = COLUMNS["worker"](row).casefold()
    return wanted.worker.casefold() in name and all(value in {"", COLUMNS[column](row)} for column, value in exact)


def _sorted(rows: list[Document], sort: str) -> list[Document]:
    """By a column. What there is not is last. An unknown column leaves the order."""
    value = COLUMNS.get(sort.removeprefix("-"))
    if value is None:
        return rows
    known = sorted((row for row in rows if value(row) is not None), key=value, reverse=sort.startswith("-"))
    return known + [row for row in rows if value(row) is None]


def limit_document(limit: Refused) -> Document:
    """How a limit stands: servers, or money in the main unit of the currency."""
    unit = 1 if limit.limit == "max_servers" else MILLION
    return {
        "limit": limit.limit,
        "allowed": limit.allowed / unit,
        "spent": (limit.spent - limit.claimed) / unit,
        "claimed": limit.claimed / unit,
        "left": max(0, limit.allowed - limit.spent) / unit,
        "wanted": limit.wanted / unit,
        "currency": limit.currency,
        "again": seconds(limit.again),
    }


def left_document(view: LiveView) -> list[Document]:
    """Servers and disks that nobody holds."""
    servers = [_left("server", row, row.api_state or row.state) for row in view.servers if row.held_by == "nobody"]
    return servers + [_left("disk", row, row.state) for row in view.disks]


def _hourly(rows: Iterable[LiveServer]) -> list[Document]:
    sums: dict[str, float] = {}
    for row in rows:
        if row.hourly is not None and row.uuid is not None:
            sums[row.currency or ""] = sums.get(row.currency or "", 0.0) + float(row.hourly)
    return [{"currency": currency, "amount": amount} for currency, amount in sorted(sums.items())]


def _held(row: LiveServer, now: datetime) -> Document:
    phase, state = PHASES[row.phase] if row.phase is not None else (API_STATES.get(row.state, "other"), row.state)
    made = None if row.record is None else row.record.image_made
    return {
        "key": row.uuid or (row.title if row.record is None else row.record.id),
        "uuid": row.uuid,
        "worker": row.worker,
        "title": row.title,
        "master": row.master,
        "owner": row.owner,
        "builds": [] if row.build is None else [build_document(row.build)],
        "zone": row.zone,
        "plan": row.plan,
        "image": "" if row.record is None else row.record.image,
        "image_age": None if made is None else max(0.0, (now - made).total_seconds()),
        "phase": phase,
        "state": state,
        "api_state": row.api_state,
        "progress": row.progress,
        "age": row.age,
        "paid_until": seconds(row.paid_until),
        "cost": _float(row.cost),
        "currency": row.currency,
    }


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _left(kind: str, row: LiveServer | LeftDisk, state: str) -> Document:
    return {
        "kind": kind,
        "uuid": row.uuid,
        "worker": row.worker or row.title,
        "state": state,
        "owner": row.master or row.owner,
        "ends": seconds(row.lease_ends),
        "age": row.age if isinstance(row, LiveServer) else None,
        "hourly": _float(row.hourly) if isinstance(row, LiveServer) else None,
        "cost": _float(row.cost) if isinstance(row, LiveServer) else None,
        "currency": row.currency if isinstance(row, LiveServer) else None,
        # Another owner may have a reaper with another pace, or none.
        "reaped_by": seconds(row.reaped_by) if row.master else None,
    }
