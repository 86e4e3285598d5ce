"""Now, by the API's clock: that of this host counts for nothing where somebody's server could be killed by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.resources._base import Core

OLD = 600.0
"""Seconds after which an answer is too old to tell the time by: the host may have slept since."""


async def api_now(core: Core) -> datetime:
    """Now, by the API's clock; a client whose last answer is old, or that has none, asks once."""
    await core.transport.ask_time(older_than=OLD)
    return api_time(core)


def api_time(core: Core) -> datetime:
    """Now, by the clock of an API that has been heard from."""
    now = core.transport.api_time()
    # An API without a Date header has no clock to go by but ours.
    return datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
