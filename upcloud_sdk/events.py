"""Events of a client, for `UpCloud(on_event=...)`.

The function is called with an event for each request, retry, wait, server and lease. It runs in the event loop and must
not block. If it raises, the error is logged and has no other effect. No event contains a secret or a body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._json_lines import MAX_BYTES, OLDER_FILES, JsonLines

if TYPE_CHECKING:
    import os


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base class of all events."""

    at: float
    """The time in seconds, by the event loop's clock or the clock of the client's `WaitPolicy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent(Event):
    """One attempt of a call has ended."""

    method: str
    path: str
    """Path without the query."""
    status: int | None
    """HTTP status of the answer. None if there was none."""
    seconds: float
    problem: str | None = None
    """Why there was no usable answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Event):
    """A call will be sent again. Emitted before the pause."""

    call: str
    """Method and path."""
    attempt: int
    """Number of the failed attempt, from 1."""
    reason: str
    pause: float
    """Seconds until the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent(Event):
    """A wait for a server has ended."""

    uuid: str
    what: str
    seconds: float
    """Duration of the wait."""
    outcome: str
    """`reached`, or the name of the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent(Event):
    """A server was created, changed or deleted."""

    uuid: str
    happened: Literal["created", "adopted", "seen", "progress", "stopping", "destroyed", "not destroyed"]
    """`adopted`: found after the answer to its create was lost. `seen`: has a new state. `progress`: same state, new
    progress. `stopping`: its stop was requested, before it is deleted. `left`: it could not be destroyed in time."""
    state: str | None = None
    """Its state."""
    progress: int | None = None
    """Progress in percent, if known."""
    title: str | None = None
    seconds: float | None = None
    """For `created` and `adopted`: duration of the create."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalEvent(Event):
    """A create was refused for lack of capacity or by a limit. Another spec is tried, or the same one later."""

    zone: str
    plan: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEvent(Event):
    """A lease was taken, renewed, lost, given up, or ended by the reaper."""

    uuid: str
    happened: Literal["taken", "renewed", "not renewed", "lost", "kept", "reaped"]
    ends: datetime | None = None
    """The new end of the lease, by the API's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeEvent(Event):
    """A bake has reached a new step."""

    happened: Literal["waiting", "server", "commands", "cleaning", "copying", "made", "failed"]
    """`waiting`: waiting for another bake of the same recipe. `server`: its server is created. `commands`: the server
    runs the commands. `cleaning`: the commands have ended, and the server cleans itself. `copying`: its disk becomes a
    template. `made`: the image of one zone is complete. `failed`: the bake failed, and is cleaned up."""
    title: str
    """Title of the image."""
    digest: str
    zone: str
    uuid: str | None = None
    """Uuid of the server, of the copied disk, or of the image."""


Listener = Callable[[Event], None]


class EventLog:
    """A listener that writes each event to a file, as a line of JSON: `UpCloud(on_event=EventLog(path))`.

    A line has `v` (1), `time` (of this host, in UTC), `event` (such as `server` or `request`) and the event's fields.
    A thread writes the lines, so that no call waits for the disk. If the disk is full, the thread logs a warning and
    tries again. A file of `max_bytes` is renamed to `NAME.1`, the old `NAME.1` to `NAME.2`, and so on. At most
    `older_files` are kept. Use a different file in each process.

    Raises:
        ValueError: `max_bytes` is below 1, or `older_files` below 0.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES, older_files: int = OLDER_FILES
    ) -> None:
        if max_bytes < 1 or older_files < 0:
            raise ValueError(f"max_bytes={max_bytes} must be at least 1, older_files={older_files} at least 0")
        self._lines = JsonLines(Path(path), max_bytes=max_bytes, older_files=older_files)

    def __call__(self, event: Event) -> None:
        """Add an event. The thread writes it soon."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = type(event).__name__.removesuffix("Event").lower()
        values = {each.name: getattr(event, each.name) for each in fields(event)}
        self._lines.append({"v": 1, "time": now, "event": name, **values})

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all events are written, at most `timeout` seconds. Returns whether they are.

        The end of the process does this too.
        """
        return self._lines.flush(timeout)
