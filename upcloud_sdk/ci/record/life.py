"""The life of a server from its record: phases, paid hours and cost. Pure. Times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.recorded import held_spans, paid_days

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.ci.record.recorded import PaidDay, RecordedServer

Spans = list[tuple[float, float]]


def seconds(moment: datetime | None) -> float | None:
    """Since 1970."""
    return None if moment is None else moment.timestamp()


@dataclass(frozen=True)
class Life:
    """The times of a server, from its record."""

    record: RecordedServer
    now: float

    @cached_property
    def begin(self) -> float:
        """When it was requested."""
        return self.record.asked.timestamp()

    @cached_property
    def end(self) -> float:
        """When it was gone. Now, if it is not."""
        return max(self.begin, seconds(self.record.gone) or self.now)

    @cached_property
    def days(self) -> list[PaidDay]:
        """What it has cost so far, day by day."""
        return paid_days(self.record, datetime.fromtimestamp(self.end, UTC))

    @cached_property
    def hours(self) -> int:
        """Hours that are paid."""
        return sum(day.hours for day in self.days)

    @property
    def cost(self) -> float | None:
        """What they cost. None if the price is not known."""
        if self.record.hourly is None:
            return None if self.hours else 0.0
        return self.hours * self.record.hourly / MILLION

    @property
    def held(self) -> Spans:
        """When builds ran on it."""
        return self._builds(self.record.asked)

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
            for began, ended in self._builds(record.attached):
                yield "building", began
                yield "idle", ended
        stopping = seconds(record.stopping)
        if record.error is not None:
            yield "failed", self.end if stopping is None else stopping
        elif stopping is not None:
            yield "stopping", stopping

    def _builds(self, since: datetime) -> Spans:
        """When builds ran on it or waited for it, since then. Builds at the same time are one span."""
        until = datetime.fromtimestamp(self.end, UTC)
        return [(began.timestamp(), ended.timestamp()) for began, ended in held_spans(self.record, until, since)]
