"""What happens inside a client, for those who want to watch it: `UpCloud(on_event=...)`.

The callable gets one of these for each request, repetition, wait, server and lease. It is called on the event loop,
between two steps of the client: it must not block. What it raises is logged and changes nothing. No event carries a
secret or a body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    at: float
    """When, in seconds of the clock that the client waits by: the event loop's, or that of its `WaitPolicy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent(Event):
    """One attempt of a call is over."""

    method: str
    path: str
    """Without the query."""
    status: int | None
    """Of the answer; None if there was none."""
    seconds: float
    problem: str | None = None
    """Why there was no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Event):
    """A call will be sent again: told before its pause."""

    call: str
    """Method and path."""
    attempt: int
    """The number of the attempt that failed, from 1."""
    reason: str
    pause: float
    """Seconds until the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent(Event):
    """A wait for a server is over."""

    uuid: str
    what: str
    seconds: float
    """How long it took."""
    outcome: str
    """`reached`, or the name of the error that it ended in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent(Event):
    """A server came, changed, or went."""

    uuid: str
    happened: Literal["created", "adopted", "seen", "stopping", "destroyed", "left"]
    """`adopted`: found after its create's answer was lost. `seen`: in a state in which it was not seen before.
    `stopping`: told to stop, to be destroyed. `left`: could not be destroyed in time."""
    state: str | None = None
    """The state that it was seen in."""
    title: str | None = None
    seconds: float | None = None
    """Of `created` and `adopted`: how long its create took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEvent(Event):
    """A lease was taken, renewed, lost, given up, or ended by the reaper."""

    uuid: str
    happened: Literal["taken", "renewed", "not renewed", "lost", "kept", "reaped"]
    ends: datetime | None = None
    """When it ends now, by the API's clock."""


Listener = Callable[[Event], None]
