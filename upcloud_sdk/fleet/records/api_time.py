"""The time by the API's clock. This host's clock may be wrong, so it must not decide which servers are reaped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.resources._base import Core

OLD = 600.0
"""Seconds after which the time of an answer is too old: the host may have slept."""


async def api_now(core: Core) -> datetime:
    """The current time by the API's clock. If the last answer is too old, this sends a request."""
    await core.transport.ask_time(older_than=OLD)
    return api_time(core)


def api_time(core: Core) -> datetime:
    """The current time by the API's clock, after at least one answer."""
    now = core.transport.api_time()
    # Without a Date header, use the clock of this host.
    return datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
