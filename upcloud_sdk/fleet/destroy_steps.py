"""The next step of a destroy, by what was seen: a pure function, whose table of cases is its test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.resources.policies import StoragePolicy

GONE = "gone"
"""The state of a server that the API says does not exist."""
UNSEEN = "unseen"
"""The state of a server that was not looked at yet."""
UNKNOWN = "unknown"
"""The state of a server whose last look failed."""

UNREADABLE = "unreadable"
"""The state of a server that says none: it is told to stop, and then deleted if that is possible."""

MOVING = frozenset({"started", "maintenance"})
"""States that a server leaves by itself, or once it was told to stop."""


class Spared(Exception):
    """The server is not to be destroyed after all: somebody kept, renewed or took its lease."""


class Step(StrEnum):
    """What a destroy does next."""

    LOOK = "look at the server"
    STOP = "stop the server"
    WAIT = "wait until its state changes"
    PAUSE = "try again after a pause"
    FIND_DISKS = "ask which disks were made with it"
    RELEASE_DISKS = "take the lease off the disks that stay"
    DELETE_ALL = "delete the server with all its disks"
    DELETE_SERVER = "delete the server alone"
    DELETE_DISKS = "delete the disks that were made with it"
    START_AGAIN = "start the server again, which is not to be destroyed after all"
    SPARE = "leave the server alone"
    DONE = "nothing is left to do"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a server and its disks."""

    state: str
    is_ours: bool = True
    """Whether it is still to be destroyed: nobody kept, took or renewed it."""
    attached: Mapping[str, bool] | None = None
    """The attached disks, and whether each was made with the server; None if they were not looked at."""
    made: frozenset[str] | None = None
    """The disks that the create made, attached or not; None if that is not known."""
    leased: frozenset[str] = frozenset()
    """Those of them that have a lease."""
    deleted: frozenset[str] = frozenset()
    """The disks that this destroy has seen gone."""
    has_attempt: bool = True
    """Whether the create that made it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a server is to be destroyed."""

    storages: StoragePolicy = "created"
    is_guarded: bool = False
    """Whether it must be looked at before anything is done to it."""
    stop_sent: bool = False
    """Whether this destroy has told it to stop."""
    stop_is_due: bool = True
    """Whether it may be told to stop now, once more perhaps."""


def decide(seen: Seen, wanted: Wanted) -> Step:  # noqa: PLR0911 - one line a case
    """What to do next."""
    if seen.state == UNSEEN:
        # Most are started: it costs no look to say so.
        return Step.LOOK if wanted.is_guarded or wanted.stop_sent else Step.STOP
    if seen.state == UNKNOWN:
        return Step.PAUSE
    if seen.state == GONE:
        return _after_the_server(seen, wanted)
    if not seen.is_ours:
        if not wanted.stop_sent:
            return Step.SPARE
        # It was switched off by us: its new holder gets it back as it was.
        return Step.WAIT if seen.state in MOVING else Step.START_AGAIN
    if seen.state in {"started", UNREADABLE} and wanted.stop_is_due:
        return Step.STOP
    if seen.state in MOVING:
        return Step.WAIT
    # "stopped"; "error", where it may work; and states of tomorrow.
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
