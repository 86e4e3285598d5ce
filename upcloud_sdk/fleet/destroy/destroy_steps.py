"""Chooses the next step of a destroy. A pure function, tested by a table of cases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from upcloud_sdk.fleet.records.observed import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.resources.policies import StoragePolicy

GONE = "gone"
"""The state of a server that the API says does not exist."""
UNSEEN = "unseen"
"""The state of a server that was not read yet."""
UNKNOWN = "unknown"
"""The state of a server whose last read failed."""

MOVING = frozenset({"started", "maintenance"})
"""States that end by themselves, or after a stop."""


class Spared(Exception):
    """The server must not be destroyed: somebody kept, renewed or took its lease."""


class Step(StrEnum):
    """The next step of a destroy."""

    READ = "read the server"
    STOP = "stop the server"
    WAIT = "wait until its state changes"
    PAUSE = "try again after a pause"
    FIND_DISKS = "read which disks were created with it"
    RELEASE_DISKS = "remove the leases of the disks to keep"
    DELETE_ALL = "delete the server with all its disks"
    DELETE_SERVER = "delete only the server"
    DELETE_DISKS = "delete the disks that were created with it"
    START_AGAIN = "start the server again, because it must not be destroyed"
    SPARE = "leave the server alone"
    DONE = "nothing left to do"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The known facts about a server and its disks."""

    state: str
    is_ours: bool = True
    """Whether it may still be destroyed: nobody kept, took or renewed it."""
    attached: Mapping[str, bool] | None = None
    """The attached disks, and whether each was created with the server. None if they were not read."""
    made: frozenset[str] | None = None
    """The disks that were created with it, attached or not. None if unknown."""
    leased: frozenset[str] = frozenset()
    """The created disks that have a lease."""
    deleted: frozenset[str] = frozenset()
    """The deleted disks."""
    has_attempt: bool = True
    """Whether its attempt id is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to destroy a server."""

    storages: StoragePolicy = "created"
    reads_first: bool = False
    """Whether the state must be read before the first stop."""
    stop_sent: bool = False
    """Whether this destroy has sent a stop."""
    stop_is_over: bool = False
    """Whether the stop was sent so long ago that a server in state "started" is not stopping."""
    stop_is_due: bool = True
    """Whether a stop may be sent now, also again."""


def decide(seen: Seen, wanted: Wanted) -> Step:  # noqa: PLR0911 - one line per case
    """Choose the next step."""
    if seen.state == UNSEEN:
        # Most servers are started, so the first stop needs no read.
        return Step.READ if wanted.reads_first or wanted.stop_sent else Step.STOP
    if seen.state == UNKNOWN:
        return Step.PAUSE
    if seen.state == GONE:
        return _after_the_server(seen, wanted)
    if not seen.is_ours:
        if not wanted.stop_sent or (seen.state == "started" and wanted.stop_is_over):
            return Step.SPARE
        # This destroy has stopped it, so start it again for its new holder.
        return Step.WAIT if seen.state in MOVING else Step.START_AGAIN
    if seen.state in {"started", UNREADABLE} and wanted.stop_is_due:
        return Step.STOP
    if seen.state in MOVING:
        return Step.WAIT
    # "stopped", "error" (it may work there), and unknown states.
    return _delete(seen, wanted)


def _delete(seen: Seen, wanted: Wanted) -> Step:
    if wanted.storages == "all":
        return Step.DELETE_ALL
    if wanted.storages == "none":
        if seen.has_attempt and seen.made is None:
            return Step.FIND_DISKS
        return Step.RELEASE_DISKS if seen.leased else Step.DELETE_SERVER
    attached = seen.attached or {}
    return Step.DELETE_ALL if attached and all(attached.values()) else Step.DELETE_SERVER


def _after_the_server(seen: Seen, wanted: Wanted) -> Step:
    if seen.has_attempt and seen.made is None:
        return Step.FIND_DISKS
    if wanted.storages == "none":
        return Step.RELEASE_DISKS if seen.leased else Step.DONE
    return Step.DELETE_DISKS if (seen.made or frozenset()) - seen.deleted else Step.DONE
