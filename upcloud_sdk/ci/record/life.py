"""The life of a server from its record: phases, paid hours and cost. Pure. Times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from upcloud_sdk.billing import hours_started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from upcloud_sdk.ci.record.record import ServerRecord

Spans = list[tuple[float, float]]


def seconds(moment: datetime | None) -> float | None:
    """Since 1970."""
    return None if moment is None else moment.timestamp()


@dataclass(frozen=True)
class Life:
    """The times of a server, from its record."""

    record: ServerRecord
    now: float
    is_up: bool
    """Whether this process holds it. If nobody holds a server without an end, its master was killed."""

    @cached_property
    def begin(self) -> float:
        """When it was requested."""
        record = self.record
        return seconds(record.asked or record.created or record.seen) or 0.0

    @cached_property
    def end(self) -> float:
        """When it was gone. Now, if it is up. Otherwise the time of its last line."""
        last = self.now if self.is_up else seconds(self.record.gone or self.record.seen)
        return max(self.begin, last or self.begin)

    @cached_property
    def created(self) -> float:
        """When its first hour began."""
        return seconds(self.record.created) or self.begin

    @cached_property
    def hours(self) -> int:
        """Hours that are paid."""
        if self.record.uuid is None:
            return 0
        return self.record.hours or hours_started(self.created, max(self.created, self.end))

    @property
    def cost(self) -> float | None:
        """What they cost. None if the price is not known."""
        if self.record.hourly is None:
            return None if self.hours else 0.0
        return float(self.hours * self.record.hourly)

    @property
    def held(self) -> Spans:
        """When builds ran on it."""
        return self._builds(self.begin)

    @property
    def phases(self) -> list[tuple[str, float, float]]:
        """Its phases, with begin and end. If a clock jumped, a phase is short, but never negative."""
        found, latest = list[tuple[str, float, float]](), self.begin
        marks = [("booting", self.begin), *self._marks()]
        for index, (phase, moment) in enumerate(marks):
            latest = min(self.end, max(latest, moment))
            following = marks[index + 1][1] if index + 1 < len(marks) else self.end
            until = min(self.end, max(latest, following))
            if until > latest or phase == "failed":
                found.append((phase, latest, until))
        return found

    def _marks(self) -> Iterator[tuple[str, float]]:
        """When its other phases began."""
        record = self.record
        if record.started is not None:
            yield "installing", record.started.timestamp()
        if record.attached is not None:
            yield "idle", record.attached.timestamp()
            for began, ended in self._builds(record.attached.timestamp()):
                yield "building", began
                yield "idle", ended
        stopping = seconds(record.stopping)
        if record.error is not None:
            yield "failed", self.end if stopping is None else stopping
        elif stopping is not None:
            yield "stopping", stopping

    def _builds(self, since: float) -> Spans:
        """When builds ran on it or waited for it, since then. Builds at the same time are one span."""
        found: Spans = []
        last = min(self.end, seconds(self.record.stopping) or self.end)
        for build in sorted(self.record.builds, key=lambda build: seconds(build.began) or self.begin):
            began = min(last, max(since, seconds(build.began) or self.begin))
            ended = min(last, max(began, seconds(build.ended) or last))
            if found and began <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], ended))
            elif ended > began:
                found.append((began, ended))
        return found
