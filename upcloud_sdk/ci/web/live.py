"""The rows of running servers for a web page. Pure functions. Times are seconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.ci.record.life import seconds
from upcloud_sdk.ci.web.history import build_document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from upcloud_sdk.ci.record.live import LeftDisk, LiveServer, LiveView
    from upcloud_sdk.ci.web.history import Document

PHASES = {
    "asked": ("booting", "requested"),
    "booting": ("booting", "booting"),
    "attaching": ("installing", "installing its worker"),
    "building": ("building", "building"),
    "idle": ("idle", "idle"),
    "stopping": ("stopping", "stopping"),
    "left": ("failed", "could not be destroyed"),
    "gone": ("stopping", "gone"),
    # Servers of other masters have the API's states.
    "maintenance": ("booting", "maintenance"),
    "started": ("other", "started"),
    "stopped": ("stopping", "stopped"),
    "error": ("failed", "error"),
}
"""For each state: the phase (the colour of the row), and the text."""


def now_document(view: LiveView) -> Document:
    """Servers that somebody holds, their cost per hour by currency, and what nobody holds."""
    held = [row for row in view.servers if row.held_by != "nobody"]
    return {
        "time": view.at.timestamp(),
        "servers": [_held(row, view.at) for row in held],
        "hourly": _hourly(held),
        "unpriced": sum(row.hourly is None and row.uuid is not None for row in held),
        "left": left_document(view),
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
    phase, state = PHASES.get(row.state, ("other", row.state))
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
        "cost": None if row.cost is None else float(row.cost),
        "currency": row.currency,
    }


def _left(kind: str, row: LiveServer | LeftDisk, state: str) -> Document:
    return {
        "kind": kind,
        "uuid": row.uuid,
        "worker": row.worker or row.title,
        "state": state,
        "owner": row.master or row.owner,
        "ends": seconds(row.lease_ends),
        # Another owner may have a reaper with another pace, or none.
        "reaped_by": seconds(row.reaped_by) if row.master else None,
    }
