"""A server and its builds as the record has them: made from their changes. What it has cost, day by day. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from upcloud_sdk.billing import HOURS_A_MONTH, hours_billed
from upcloud_sdk.ci.record.changes import BuildChange, Phase, ServerChange, units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from upcloud_sdk.ci.record.changes import Change


_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=400)
"""A clock that was wrong must not make a server of a thousand years."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBuild:
    """A build on a server. For its fields see `BuildChange`."""

    server: str
    build: str
    builder: str = ""
    number: int | None = None
    queued: float | None = None
    began: datetime
    ended: datetime | None = None
    result: str | None = None
    cost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedServer:
    """A server, or a start that failed. For its fields see `ServerChange`; those not listed there are said here."""

    id: str
    phase: Phase
    master: str = ""
    owner: str = ""
    worker: str = ""
    builder: str = ""
    number: int | None = None
    build: str | None = None
    uuid: str | None = None
    """None: it was never made, or its create is not answered yet."""
    zone: str = ""
    plan: str = ""
    image: str = ""
    image_made: datetime | None = None
    disks: tuple[str, ...] = ()
    hourly: int | None = None
    currency: str | None = None
    adopted: bool = False
    asked: datetime
    """When it was claimed, or its create was sent."""
    made: datetime | None = None
    created: datetime | None = None
    """When its first hour began. None if it was not made."""
    started: datetime | None = None
    attached: datetime | None = None
    stopping: datetime | None = None
    gone: datetime | None = None
    error: str | None = None
    seen: datetime
    """The time of its last change."""
    builds: tuple[RecordedBuild, ...] = ()
    """The oldest first."""

    @classmethod
    def of(cls, change: Change) -> RecordedServer:
        """A server of which this is the first change."""
        key = change.id if isinstance(change, ServerChange) else change.server
        return cls(id=key, phase=Phase.ASKED, asked=change.at, seen=change.at).after(change)

    def after(self, change: Change) -> RecordedServer:
        """The server after a change. The same change twice is the same as once."""
        if isinstance(change, BuildChange):
            return replace(self, builds=_with(self.builds, change), seen=max(self.seen, change.at))
        told = {name: value for name in _FACTS if (value := getattr(change, name)) is not None}
        if self.error is not None:
            told.pop("error", None)
        if change.phase is not None and self.phase is not Phase.GONE:
            told["phase"] = change.phase
            if change.phase in _TIMES and getattr(self, change.phase) is None:
                told[change.phase] = change.at
        if change.phase is Phase.ATTACHED and self.started is None:
            # Its guest may attach before the API says that it is started.
            told["started"] = change.at
        if change.uuid is not None and self.made is None:
            told["made"] = change.at
        return replace(self, **told, seen=max(self.seen, change.at))

    @property
    def is_open(self) -> bool:
        """Whether it counts: from its claim until it is gone."""
        return self.gone is None

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong with it."""
        return self.error is not None

    @property
    def price(self) -> Decimal | None:
        """Price per hour, in the main unit of the currency. None if it is not known."""
        return None if self.hourly is None else units(self.hourly)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """Create and end, for the bill. None if it was not made, or is not gone."""
        if self.created is None or self.gone is None:
            return None
        return self.created, max(self.created, self.gone)

    @property
    def hours(self) -> int | None:
        """Hours that were paid for it. None as long as it is not gone."""
        return None if self.gone is None else sum(day.hours for day in paid_days(self, self.gone))

    @property
    def cost(self) -> int | None:
        """What they cost. None as long as it is not gone, or if its price is not known."""
        hours = self.hours
        return 0 if hours == 0 else None if hours is None or self.hourly is None else hours * self.hourly

    def seconds(self, first: str, second: str) -> float | None:
        """Seconds between two of its times, such as `seconds("asked", "attached")`. None if one is not known."""
        began, ended = getattr(self, first), getattr(self, second)
        return None if began is None or ended is None else max(0.0, (ended - began).total_seconds())

    @property
    def running(self) -> RecordedBuild | None:
        """The newest build that runs on it or waits for it."""
        return next((build for build in reversed(self.builds) if build.ended is None), None)


_FACTS = tuple(
    sorted(
        {each.name for each in fields(ServerChange)} & {each.name for each in fields(RecordedServer)} - {"id", "phase"}
    )
)
_TIMES = frozenset({Phase.MADE, Phase.STARTED, Phase.ATTACHED, Phase.STOPPING, Phase.GONE})
"""The phases that have a time of their own: when the server first entered them."""
_BUILD_FACTS = ("builder", "number", "queued", "began", "ended", "result", "cost")


def _with(builds: tuple[RecordedBuild, ...], change: BuildChange) -> tuple[RecordedBuild, ...]:
    told: dict[str, Any] = {name: value for name in _BUILD_FACTS if (value := getattr(change, name)) is not None}
    for position, build in enumerate(builds):
        if build.build == change.build:
            return (*builds[:position], replace(build, **told), *builds[position + 1 :])
    told.setdefault("began", change.at)
    new = RecordedBuild(server=change.server, build=change.build, **told)
    return tuple(sorted((*builds, new), key=lambda build: build.began))


# --- what it has cost ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PaidDay:
    """One server on one day, in UTC."""

    day: int
    """Such as 20261201."""
    hours: int
    """The paid hours that begin on this day, at most 672 in its month."""
    cost: int | None
    """What they cost, in millionths. None if the price is not known."""
    used: int
    """The seconds in which builds held it."""


def day_of(moment: datetime) -> int:
    """The day of a time, such as 20261201, in UTC."""
    at = moment.astimezone(UTC)
    return at.year * 10000 + at.month * 100 + at.day


def month_of(moment: datetime) -> tuple[int, int]:
    """The year and the month of a time, in UTC."""
    at = moment.astimezone(UTC)
    return at.year, at.month


def following(month: tuple[int, int]) -> tuple[int, int]:
    """The month after a month."""
    year, number = month
    return (year, number + 1) if number < 12 else (year + 1, 1)


def days_of_month(month: tuple[int, int]) -> tuple[int, int]:
    """The first day of a month, and the first of the next one."""
    first, after = (year * 10000 + number * 100 + 1 for year, number in (month, following(month)))
    return first, after


def paid_days(server: RecordedServer, until: datetime) -> list[PaidDay]:
    """What a server has cost until its end, or until a time if it has none, the first day first."""
    if server.created is None:
        return []
    ended = max(server.created, server.gone or until)
    began = max(server.created, ended - _LONGEST)
    hours, months = dict[int, int](), dict[tuple[int, int], int]()
    for number in range(hours_billed(began, ended)):
        begins = began + number * _HOUR
        month = month_of(begins)
        day, before = day_of(begins), months.get(month, 0)
        months[month] = min(HOURS_A_MONTH, before + 1)
        hours[day] = hours.get(day, 0) + months[month] - before
    used = dict[int, timedelta]()
    for span in held_spans(server, until):
        for day, lasted in _by_day(span):
            used[day] = used.get(day, timedelta()) + lasted
            hours.setdefault(day, 0)
    return [
        PaidDay(
            day=day,
            hours=count,
            cost=None if server.hourly is None else count * server.hourly,
            used=round(used.get(day, timedelta()).total_seconds()),
        )
        for day, count in sorted(hours.items())
    ]


def held_spans(server: RecordedServer, until: datetime, since: datetime | None = None) -> list[Span]:
    """When builds ran on it or waited for it, until its end or until a time. Builds at the same time are one span."""
    found: list[Span] = []
    first = since or server.asked
    end = server.gone or until
    last = min(end, server.stopping or end)
    for build in sorted(server.builds, key=lambda build: build.began):
        began = min(last, max(first, build.began))
        ended = min(last, max(began, build.ended or last))
        if found and began <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        elif ended > began:
            found.append((began, ended))
    return found


def _by_day(span: Span) -> Iterable[tuple[int, timedelta]]:
    began, ended = span
    began = max(began, ended - _LONGEST)
    while began < ended:
        midnight = began.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        until = min(midnight, ended)
        yield day_of(began), until - began
        began = until
