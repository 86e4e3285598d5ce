"""May a server be made? `max_servers` and the budget, over the servers of a record. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.recorded import days_of_month, month_of, paid_days

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from upcloud_sdk.ci.record.changes import ServerChange
    from upcloud_sdk.ci.record.recorded import RecordedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all servers of a record together may be and cost. Money is in millionths."""

    max_servers: int | None = None
    per_hour: int | None = None
    """What the servers that are up may cost an hour."""
    per_month: int | None = None
    """What a month (in UTC) may cost."""
    billed: int = 0
    """This month's bill of the owner, as far as the API shows it."""
    listed: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    """The owner's servers that other processes made, by the API's list: uuid, and price per hour if it is known. Those
    that are in the record are counted once."""

    @property
    def is_none(self) -> bool:
        """Whether nothing is limited."""
        return self.max_servers is None and self.per_hour is None and self.per_month is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The wish to make a server."""

    server: ServerChange
    """Its first change. `hourly` is the price of the dearest server that it may become. None: not known."""
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a server may not be made now. Its text is a sentence."""

    limit: Literal["max_servers", "per_hour", "per_month", "price", "record"]
    """`price`: it is being asked for another server. `record`: it is shared, and cannot be written now."""
    allowed: int = 0
    """Servers, or millionths."""
    spent: int = 0
    """What counts already: servers, the price per hour of those that are up, or the cost of the month."""
    claimed: int = 0
    """The part of `spent` that is claimed or reserved and not made yet."""
    wanted: int = 0
    """What this server would add."""
    currency: str = ""
    again: datetime | None = None
    """When the limit may have room at the latest: a new month. None: when a server is gone."""
    problem: str = ""

    def __str__(self) -> str:
        claimed = f", {self._amount(self.claimed)} of it claimed" if self.claimed else ""
        match self.limit:
            case "max_servers":
                return f"max_servers={self.allowed} has no room: {self.spent} are up or claimed"
            case "per_hour":
                return (
                    f"the budget of {self._amount(self.allowed)} an hour has no room: what is up costs "
                    f"{self._amount(self.spent)}{claimed}, and this server {self._amount(self.wanted)} {self.currency}"
                )
            case "per_month":
                until = "" if self.again is None else f"; a new month begins on {self.again:%Y-%m-%d}"
                return (
                    f"the budget of {self._amount(self.allowed)} a month has no room: {self._amount(self.spent)} are "
                    f"spent{claimed}, and an hour of this server costs {self._amount(self.wanted)} {self.currency}"
                    f"{until}"
                )
            case "price":
                return "the budget waits for the first price, which the start of another server asks for"
            case "record":
                return f"the record that other masters share cannot be written, so nothing new is made: {self.problem}"

    @staticmethod
    def _amount(value: int) -> str:
        """All digits that there are, at least two: figures that are compared must differ where they are shown."""
        whole, part = divmod(value, MILLION)
        return f"{whole}.{f'{part:06}'.rstrip('0').ljust(2, '0')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What counts against the limits of a claim."""

    servers: int
    hourly: int
    month: int
    waiting: int
    """Servers that are claimed and not made yet."""
    waiting_hourly: int

    @classmethod
    def of(
        cls,
        servers: Iterable[RecordedServer],
        paid: int,
        claim: Claim,
        *,
        at: datetime,
        known: Collection[str] = (),
        others: int = 0,
        reserved: Iterable[int | None] = (),
    ) -> Counts:
        """Count for a claim. A server whose price is not known costs what the claimed one costs.

        Args:
            servers: Those that are not gone.
            paid: What those that are gone have cost this month.
            claim: The claim.
            at: Now.
            known: Servers of the list that are in the record.
            others: What the bill of this month has, and the record had not when the bill was read.
            reserved: Prices of servers that are neither claimed nor made yet.
        """
        own = claim.server
        price, month = own.hourly or 0, month_of(at)
        first, after = days_of_month(month)
        open_ones = [server for server in servers if server.id != own.id]
        uuids = {server.uuid for server in open_ones} | set(known)
        asked = [server for server in open_ones if server.uuid is None]
        # A server may be on the list before the answer to its create has come.
        unanswered = sum(server.owner == own.owner for server in asked)
        listed = [hourly for uuid, hourly in claim.limits.listed.items() if uuid not in uuids][unanswered:]
        waits = [price if each is None else each for each in reserved]
        hourly = [price if server.hourly is None else server.hourly for server in open_ones]
        hourly += [*(price if each is None else each for each in listed), *waits]
        cost = paid + others + sum(waits)
        for server, each in zip(open_ones, hourly, strict=False):
            days = paid_days(_as_made(server), max(at, server.asked))
            cost += each * sum(day.hours for day in days if first <= day.day < after)
        return cls(
            servers=len(hourly),
            hourly=sum(hourly),
            month=cost,
            waiting=len(asked) + len(waits),
            waiting_hourly=sum(price if server.hourly is None else server.hourly for server in asked) + sum(waits),
        )


def _as_made(server: RecordedServer) -> RecordedServer:
    """A claim costs an hour from its begin on."""
    return server if server.created is not None else replace(server, created=server.asked)


def standings(claim: Claim, counts: Counts, *, at: datetime) -> list[Refused]:
    """How each limit of a claim stands, as it would be told if it had no room."""
    limits, price, currency = claim.limits, claim.server.hourly or 0, claim.server.currency or ""
    waiting = counts.waiting_hourly
    found = [
        (limits.max_servers, Refused(limit="max_servers", spent=counts.servers, claimed=counts.waiting, wanted=1)),
        (
            limits.per_hour,
            Refused(limit="per_hour", spent=counts.hourly, claimed=waiting, wanted=price, currency=currency),
        ),
        (
            limits.per_month,
            Refused(
                limit="per_month",
                spent=counts.month,
                claimed=waiting,
                wanted=price,
                currency=currency,
                again=_next_month(at),
            ),
        ),
    ]
    return [replace(each, allowed=allowed) for allowed, each in found if allowed is not None]


def refusal(claim: Claim, counts: Counts, *, at: datetime) -> Refused | None:
    """Why a claim is refused. None if the server may be made."""
    return next((each for each in standings(claim, counts, at=at) if each.spent + each.wanted > each.allowed), None)


def _next_month(at: datetime) -> datetime:
    year, month = month_of(at)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
