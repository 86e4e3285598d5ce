"""What Buildbot does not tell of the connections of its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._types import Connection


def is_lost(conn: Connection) -> bool:
    """Whether a connection by Buildbot's own protocol is closed; one by websocket tells in time itself."""
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    return bool(getattr(broker, "disconnected", False))
