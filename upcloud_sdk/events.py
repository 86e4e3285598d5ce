"""Events of a client, for `UpCloud(on_event=...)`.

The function is called with an event for each request, retry, wait, server and lease. It runs in the event loop and must
not block. If it raises, the error is logged and has no other effect. No event contains a secret or a body.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from logging.handlers import QueueListener, RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from io import TextIOWrapper

log = logging.getLogger("upcloud_sdk")


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
    progress. `stopping`: its stop was requested, before it is deleted. `not destroyed`: not in time."""
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

_MOST_WAITING = 10_000
"""Limit of events in memory while the disk cannot be written. Further ones are lost and counted."""
_RETRY_AFTER = 5.0
_AT_EXIT = 2.0
"""Limit for the wait for the disk at the end of the process, in seconds."""


class EventLog:
    """A listener that writes each event to a file, as a line of JSON: `UpCloud(on_event=EventLog(path))`.

    A line has `v` (1), `time` (of this host, in UTC), `event` (such as `server` or `request`) and the event's fields.
    A thread writes the lines, so that no call waits for the disk. If the disk is full, the thread logs a warning and
    tries again. A file of `max_bytes` is renamed to `NAME.1`, the old `NAME.1` to `NAME.2`, and so on. At most
    `older_files` are kept. Use a different file in each process.

    Raises:
        ValueError: `max_bytes` is below 1, or `older_files` below 0.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = 8 * 1024 * 1024, older_files: int = 7) -> None:
        if max_bytes < 1 or older_files < 0:
            raise ValueError(f"max_bytes={max_bytes} must be at least 1, older_files={older_files} at least 0")
        self._path, self._limits = path, (max_bytes, older_files)
        self._writer = self._start()

    def _start(self) -> _Writer:
        writer = _Writer(_File(self._path, "a", *self._limits, encoding="utf-8", errors="replace", delay=True))
        writer.start()
        weakref.finalize(self, writer.end)  # Also at the end of the process.
        return writer

    def __call__(self, event: Event) -> None:
        """Add an event. The thread writes it soon."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = type(event).__name__.removesuffix("Event").lower()
        values = {each.name: getattr(event, each.name) for each in fields(event)}
        document = {"v": 1, "time": now, "event": name, **values}
        if self._writer.pid != os.getpid():
            self._writer = self._start()  # A forked child has no thread, and the parent writes the parent's lines.
        self._writer.append(json.dumps(document, default=str, ensure_ascii=False, separators=(",", ":")))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all events are written, at most `timeout` seconds. Returns whether they are.

        The end of the process does this too.
        """
        return self._writer.flush(timeout)


class _Writer(QueueListener):
    """The thread that writes the lines of an `EventLog`."""

    def __init__(self, file: _File) -> None:
        self.pid, self._file = os.getpid(), file
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(_MOST_WAITING)
        self._problem: BaseException | None = None
        self._lost = 0
        super().__init__(self._lines, file)

    def append(self, line: str) -> None:
        try:
            self._lines.put_nowait(logging.makeLogRecord({"msg": line}))
        except queue.Full:
            with self._lines.mutex:
                self._lost += 1

    def handle(self, record: logging.LogRecord) -> None:
        """Write a line, as soon as the disk takes it."""
        file, changed = self._file, self._lines.all_tasks_done
        while (problem := file.write(record)) is not None:
            if self._problem is None:
                log.warning("%s cannot be written; retrying, nothing else is affected: %s", file.baseFilename, problem)
            with changed:
                self._problem = problem
                changed.notify_all()
                changed.wait(_RETRY_AFTER)
        if self._problem is not None:
            with changed:
                lost, self._lost, self._problem = self._lost, 0, None
            log.warning("%s can be written again; %d lines are lost", file.baseFilename, lost)
        if self._lines.empty():
            file.close()

    def flush(self, timeout: float) -> bool:
        if self.pid != os.getpid():
            return True
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(
                lambda: not self._lines.unfinished_tasks or self._problem is not None, timeout
            )
            return not self._lines.unfinished_tasks

    def end(self) -> None:
        """Write what waits. The thread then ends."""
        if self.flush(_AT_EXIT) and self.pid == os.getpid():
            self.enqueue_sentinel()


class _File(RotatingFileHandler):
    """A file that is limited in size, and open only while lines are written."""

    _problem: BaseException | None = None

    def write(self, record: logging.LogRecord) -> BaseException | None:
        """Write a line. Returns the error if it is not written."""
        self._problem = None
        self.emit(record)
        return self._problem

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name of the standard library
        self._problem = sys.exception()
        with contextlib.suppress(OSError):
            self.close()

    def doRollover(self) -> None:  # noqa: N802 - the name of the standard library
        super().doRollover()
        if not self.backupCount:
            # Otherwise the file would grow.
            Path(self.baseFilename).unlink()

    def _open(self) -> TextIOWrapper:
        file = super()._open()
        if file.tell():
            # After a crash or on a full disk, the last line may be incomplete.
            with Path(self.baseFilename).open("rb") as written:
                written.seek(-1, os.SEEK_END)
                file.write("" if written.read() == b"\n" else "\n")
        return file
