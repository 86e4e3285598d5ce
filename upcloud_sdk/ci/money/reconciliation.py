"""Compares a record of servers with the bill of a month. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.billing import hours_by_month, next_hour_begins
from upcloud_sdk.ci.record.recorded import following, held_spans, month_of
from upcloud_sdk.models.ownership import OWNER
from upcloud_sdk.placement import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from upcloud_sdk.billing import Anchor
    from upcloud_sdk.ci.record.recorded import RecordedServer
    from upcloud_sdk.models import BilledResource, BillingSummary

_NONE = Decimal(0)
_NOT_RECORDED = "not in this record: it made an image, or another master of the owner has it, or a line is lost"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One server of the record or of the bill, in one month."""

    uuid: str
    worker: str
    recorded_hours: int | None
    """None if its end is not recorded."""
    is_billed: bool
    """Whether it is on the bill."""
    billed_hours: Decimal | None
    """None if it is not on the bill, or if they cannot be read."""
    recorded: Decimal | None
    """What it cost by the record, with its disks and addresses. None if not known."""
    billed: Decimal | None
    """What it cost by the bill, with its disks. None if an amount cannot be read."""
    builds: Decimal
    """The builds' part of the cost of this month, by the record."""
    is_recorded: bool = True
    """False for a server of the master's owner that is on the bill only."""

    @property
    def difference(self) -> str:
        """How record and bill differ. Empty if they agree."""
        if not (self.is_recorded and self.is_billed):
            return "not on the bill" if self.is_recorded else _NOT_RECORDED
        if self.billed_hours is None or self.billed is None:
            return "its hours or an amount on the bill cannot be read"
        if self.recorded_hours is None:
            return "its end is not recorded: it is up, or its master was killed"
        if self.recorded_hours != self.billed_hours:
            return f"{self.billed_hours - self.recorded_hours:+} hours on the bill"
        if self.recorded is None:
            return "its price was not known"
        more = self.billed - self.recorded
        is_more = abs(more) >= Decimal("0.00005") * max(1, self.recorded_hours)
        return f"{more:+.5f} on the bill: addresses, traffic, backups or another price" if is_more else ""


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """A month of the record, compared with the bill."""

    currency: str
    lines: tuple[Line, ...]
    others: Decimal | None
    """The rest of the bill: servers that are not in the record, other resources. None if an amount cannot be read."""

    @property
    def differs(self) -> bool:
        """Whether a server of the record is billed otherwise than recorded."""
        return any(line.difference and line.is_recorded for line in self.lines)

    @property
    def billed(self) -> Decimal | None:
        """What these servers cost by the bill. None if an amount cannot be read."""
        return _sum(line.billed for line in self.lines)

    @property
    def builds(self) -> Decimal:
        """The builds' part of the cost."""
        return sum((line.builds for line in self.lines), _NONE)

    def __str__(self) -> str:
        idle = None if self.billed is None else self.billed - self.builds
        return (
            f"{len(self.lines)} servers: {_amount(self.billed)} {self.currency} billed, {_amount(self.builds)} of it "
            f"for builds, {_amount(idle)} idle; {_amount(self.others)} for others on the same bill."
        )


def reconcile_bills(
    record: Mapping[str, RecordedServer],
    bills: Sequence[BillingSummary],
    month: tuple[int, int],
    *,
    anchor: Anchor = "create",
) -> Iterator[Reconciliation]:
    """Compare a record with the bills of the accounts that it has servers in.

    A server that is on no bill is compared with the first one.

    Args:
        record: The servers, by uuid.
        bills: One per account, at least one.
        month: The year and the month of the bills, in UTC.
        anchor: Where a billed hour begins: at the create of a server, or at the full hour.
    """
    left = dict(record)
    shares = [{uuid: left.pop(uuid) for uuid in _resources(bill, "servers") if uuid in left} for bill in bills]
    shares[0] |= left
    for bill, share in zip(bills, shares, strict=True):
        servers = {uuid: server for uuid, server in record.items() if uuid in share}
        yield reconcile(servers, bill, month, anchor=anchor)


def reconcile(
    record: Mapping[str, RecordedServer], bill: BillingSummary, month: tuple[int, int], *, anchor: Anchor = "create"
) -> Reconciliation:
    """Compare a record with the bill of one account, one line per server. See `reconcile_bills`."""
    servers, storages = _resources(bill, "servers"), _resources(bill, "storages")
    lines: list[Line] = []
    for uuid, server in record.items():
        hours = None if server.span is None else hours_by_month([server.span], anchor=anchor).get(month, 0)
        billed = servers.get(uuid)
        is_of_month = bool(hours) or (
            hours is None and server.created is not None and month_of(server.created) == month
        )
        if billed is None and not is_of_month:
            continue
        hourly = server.price
        disks = [storages[uuid] for uuid in server.disks if uuid in storages]
        lines.append(
            Line(
                uuid=uuid,
                worker=server.worker,
                recorded_hours=hours,
                is_billed=billed is not None,
                billed_hours=None if billed is None else billed.hours,
                recorded=None if hourly is None or hours is None else hours * hourly,
                billed=_sum(each.amount for each in (billed, *disks) if each is not None),
                builds=_builds_part(server, month, anchor),
            )
        )
    lines += _lines_of_others(record, servers)
    ours = _sum(line.billed for line in lines)
    others = None if ours is None or bill.total_amount is None else bill.total_amount - ours
    return Reconciliation(currency=bill.currency or "", lines=tuple(lines), others=others)


def _builds_part(server: RecordedServer, month: tuple[int, int], anchor: Anchor) -> Decimal:
    """The builds' part of a server's cost in a month. As on the bill, an hour counts where it begins."""
    if server.price is None or server.created is None:
        return _NONE
    first, last = (_first_hour(server.created, each, anchor) for each in (month, following(month)))
    # The build that it was made for holds it from the request on.
    first = server.asked if first == server.created else first
    spans = held_spans(server, datetime.now(UTC))
    seconds = sum(max(0.0, (min(ended, last) - max(began, first)).total_seconds()) for began, ended in spans)
    return cost_of(seconds, server.price)


def _first_hour(began: datetime, month: tuple[int, int], anchor: Anchor) -> datetime:
    """When the first hour that is billed to this month begins, for a server created at `began`."""
    before = datetime(*month, 1, tzinfo=UTC) - timedelta(microseconds=1)
    return began if before < began else next_hour_begins(began, before, anchor=anchor)


def _lines_of_others(record: Mapping[str, RecordedServer], servers: Mapping[str, BilledResource]) -> Iterator[Line]:
    """The servers on the bill that have the owner of this record, and are not in it."""
    owners = {server.owner for server in record.values() if server.owner}
    for uuid, billed in servers.items():
        if uuid not in record and owners & {detail.labels.get(OWNER) for detail in billed.details}:
            yield Line(
                uuid=uuid,
                worker="",
                is_recorded=False,
                recorded_hours=None,
                is_billed=True,
                billed_hours=billed.hours,
                recorded=None,
                billed=billed.amount,
                builds=_NONE,
            )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum. None if one of the amounts is None."""
    total = _NONE
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _resources(bill: BillingSummary, category: str) -> dict[str, BilledResource]:
    if category not in bill.categories:
        return {}
    kinds = bill.categories[category].kinds.values()
    return {resource.resource_id: resource for kind in kinds for resource in kind.resources if resource.resource_id}


def _amount(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:.5f}"
