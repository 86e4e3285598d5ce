"""What happens to servers and to the builds on them: each change is told once, to listeners. Pure.

Money is in whole millionths of the unit of the account's currency. Times are aware; by the API's clock, where it is
known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

MILLION = 1_000_000
"""Millionths of a currency's unit."""


def units(amount: int) -> Decimal:
    """Millionths in the main unit of the currency."""
    return Decimal(amount) / MILLION


def millionths(amount: Decimal) -> int:
    """An amount in the main unit of the currency, in millionths."""
    return round(amount * MILLION)


class Phase(StrEnum):
    """Where a server is in its life."""

    ASKED = "asked"
    """It is claimed. Its create is not answered yet."""
    MADE = "made"
    """The API has answered its create."""
    STARTED = "started"
    """The API says that it is started. Its guest has not attached yet."""
    ATTACHED = "attached"
    """Its guest has attached, and has no build yet."""
    BUILDING = "building"
    IDLE = "idle"
    PARKED = "parked"
    """Switched off between two builds, each of which gets a fresh disk."""
    STOPPING = "stopping"
    """Its destroy has begun."""
    NOT_DESTROYED = "not destroyed"
    """Its destroy failed. It may be up and cost money, until the reaper or somebody destroys it."""
    GONE = "gone"
    """Destroyed, taken by somebody, or never made."""


_ENDS = frozenset({Phase.STOPPING, Phase.GONE})

ARROWS: dict[Phase, frozenset[Phase]] = {
    # A guest may attach before the create is answered, and before the API says "started".
    Phase.ASKED: _ENDS | {Phase.MADE, Phase.ATTACHED},
    Phase.MADE: _ENDS | {Phase.STARTED, Phase.ATTACHED},
    Phase.STARTED: _ENDS | {Phase.ATTACHED, Phase.BUILDING},
    Phase.ATTACHED: _ENDS | {Phase.BUILDING, Phase.IDLE, Phase.PARKED},
    Phase.BUILDING: _ENDS | {Phase.IDLE, Phase.PARKED},
    Phase.IDLE: _ENDS | {Phase.BUILDING, Phase.PARKED},
    # The next build may hold it before it is started again.
    Phase.PARKED: _ENDS | {Phase.STARTED, Phase.ATTACHED},
    Phase.STOPPING: frozenset({Phase.GONE, Phase.NOT_DESTROYED}),
    Phase.NOT_DESTROYED: _ENDS,
    Phase.GONE: frozenset(),
}
"""The phases that may follow each phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChange:
    """A step of a server's life, or facts about it. A fact that is None is not told here, and stays as it was."""

    id: str
    """The id of its claim: one for each server, and for each start that failed."""
    at: datetime
    phase: Phase | None = None
    """The phase that it enters. None: facts only."""
    master: str | None = None
    owner: str | None = None
    """Its owner label."""
    worker: str | None = None
    builder: str | None = None
    """Builder of the build that it was made for."""
    number: int | None = None
    """Number of that build at its builder."""
    build: str | None = None
    """Id of that build."""
    uuid: str | None = None
    zone: str | None = None
    plan: str | None = None
    image: str | None = None
    image_made: datetime | None = None
    """When the image of its recipe was made."""
    disks: tuple[str, ...] | None = None
    """Uuids of its disks."""
    hourly: int | None = None
    """Price per hour."""
    currency: str | None = None
    adopted: bool | None = None
    """Whether the answer of its create was lost, and the server was found by its label."""
    asked: datetime | None = None
    """When its create was sent, once the API's clock is known."""
    created: datetime | None = None
    """When its first hour began."""
    error: str | None = None
    """Why its start failed, it was given up, or it could not be destroyed. Of several, the first is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildChange:
    """A build takes a server, or leaves it. A fact that is None is not told here, and stays as it was."""

    server: str
    """`ServerChange.id`."""
    build: str
    """Id of the build in the CI system."""
    at: datetime
    builder: str | None = None
    number: int | None = None
    queued: float | None = None
    """Seconds from its request until it took the server, or until the server was requested for it."""
    began: datetime | None = None
    """When it took the server. For the build that the server was made for: when the server was requested."""
    ended: datetime | None = None
    result: str | None = None
    """Such as `success`."""
    cost: int | None = None
    """Its part of the server's price."""


Change = ServerChange | BuildChange
Listener = Callable[[Change], object]
"""Called with each change, in its order, on the thread on which it happens. It must not block."""
