"""Writes the record of servers. For its format see `upcloud_sdk.ci.record.record`."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from upcloud_sdk._json_lines import JsonLines
from upcloud_sdk.billing import hours_started
from upcloud_sdk.ci.record.record import VERSION, BuildRecord, ServerRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

log = logging.getLogger("upcloud_sdk")

Listener = Callable[["ServerRecord", str], None]
"""Called with a server's record, the event and the changed fields at each event. See `ServerEntry.note`."""


class ServerLog:
    """Records the servers of this process. Use it in one thread only. A second thread writes the file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.up: dict[str, ServerRecord] = {}
        """Servers that are not gone, by record id."""
        self.listeners: list[Listener] = []
        self._lines, self._clock = JsonLines(path), clock

    def begin(self, at: float | None = None, **values: object) -> ServerEntry:
        """Record a server's request, now or at a time of the clock. `values`: fields of `ServerRecord`."""
        entry = ServerEntry(self, ServerRecord(id=secrets.token_hex(6)), self._clock)
        entry.note("asked", asked=entry.moment(at), **values)
        return entry

    def reaped(self, uuids: Collection[str], earlier: Iterable[ServerRecord]) -> None:
        """Record the end of servers of an earlier process."""
        now = datetime.now(UTC)
        for record in earlier:
            if record.uuid in uuids and record.gone is None:
                ended = max([now, *filter(None, (record.created, record.seen))])
                gone = replace(_paid(replace(record, gone=ended)), state="gone", seen=ended)
                self.tell(gone, "reaped", _document(gone))

    def tell(self, record: ServerRecord, event: str, changed: Mapping[str, object]) -> None:
        """Write a line and call the listeners."""
        if record.gone is None:
            self.up[record.id] = record
        else:
            self.up.pop(record.id, None)
        at = None if record.seen is None else _written(record.seen)
        self._lines.append({"v": VERSION, "id": record.id, "at": at, "event": event, **changed})
        for listener in self.listeners:
            try:
                listener(record, event)
            except Exception:
                log.exception("a listener of the record failed")

    def flush(self, timeout: float) -> bool:
        """Wait until all lines are written, at most `timeout` seconds. Returns whether they are."""
        return self._lines.flush(timeout)

    def close(self, timeout: float) -> bool:
        """Flush and stop the writer, at the end of the process. Blocks on the disk."""
        return self._lines.close(timeout)


class ServerEntry:
    """The record of one server of this process. Call its methods in the thread of its log."""

    def __init__(self, servers: ServerLog, record: ServerRecord, clock: Callable[[], float]) -> None:
        self.record = record
        self._log, self._clock = servers, clock
        self._anchor = (time.time(), clock())

    def moment(self, at: float | None = None) -> datetime:
        """Convert a time of the monotonic clock to the record's time. None: now."""
        wall, began = self._anchor
        moment = wall + (self._clock() if at is None else at) - began
        # Same precision as in the file.
        return datetime.fromtimestamp(round(moment, 3), UTC)

    def note(self, event: str, **values: object) -> None:
        """Record an event and the changed fields in `values`.

        Events are `asked`, `made`, `priced`, `started`, `attached`, `build began`, `build ended`, `idle`, `failed`,
        `stopping`, `left`, `gone` and `reaped`.
        """
        self._change(event, values, self.record.builds)

    def _change(
        self, event: str, values: Mapping[str, object], builds: tuple[BuildRecord, ...], *changed: BuildRecord
    ) -> None:
        if self.record.gone is not None:
            return
        self.record = replace(self.record, **cast("dict[str, Any]", values), builds=builds, seen=self.moment())
        line = {name: _written(value) for name, value in values.items()}
        for build in changed:
            line["build"] = _document(build)
        self._log.tell(self.record, event, line)

    def note_made(self, created: float, at: float, **values: object) -> None:
        """Record the answer to the create. From now on, times are by the API's clock.

        Args:
            created: When the first hour began by the API's clock, in seconds since 1970.
            at: The same moment by the monotonic clock.
            values: Other changed fields.
        """
        asked = self.record.asked or self.moment(at)
        waited = self.moment(at) - asked
        self._anchor = (created, at)
        began = self.moment(at)
        times = {"asked": began - waited, "created": began, "made": self.moment()}
        # The build that it was created for waits since then.
        builds = tuple(replace(build, began=began - waited) for build in self.record.builds)
        self._change("made", {"state": "booting", **times, **values}, builds, *builds[-1:])

    def build_began(self, build: BuildRecord) -> None:
        """Record that a build took the server."""
        record = self.record
        if any(build.id == each.id for each in record.builds):
            return
        state = record.state if record.attached is None else "building"
        values = {"build_count": record.build_count + 1, "idle": None, "state": state}
        self._change("build began", values, (*record.builds, build), build)

    def build_ended(self, build: int, *, result: str | None, cost: Decimal | None) -> None:
        """Record the end of a build on this server."""
        began = [each for each in self.record.builds if each.id == build]
        for each in began:
            ended = replace(each, ended=self.moment(), result=result, cost=cost)
            builds = tuple(ended if other is each else other for other in self.record.builds)
            self._change("build ended", {}, builds, ended)

    def finish(self, **values: object) -> None:
        """Record that the server is gone, or was never created."""
        if self.record.gone is not None:
            return
        now = self.moment()
        gone = replace(self.record, **cast("dict[str, Any]", {"state": "gone", "gone": now, **values}), seen=now)
        self.record = _paid(gone)
        self._log.tell(self.record, "gone", _document(self.record))


def _paid(record: ServerRecord) -> ServerRecord:
    """Add paid hours and cost."""
    if record.span is None:
        return replace(record, hours=0, cost=Decimal(0))
    began, ended = record.span
    hours = hours_started(began.timestamp(), ended.timestamp())
    return replace(record, hours=hours, cost=None if record.hourly is None else hours * record.hourly)


def _document(record: ServerRecord | BuildRecord) -> dict[str, object]:
    """All fields but the builds, as JSON values."""
    values = {each.name: getattr(record, each.name) for each in fields(record) if each.name not in {"builds", "seen"}}
    return {name: _written(value) for name, value in values.items()}


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{value:f}" if isinstance(value, Decimal) else value
