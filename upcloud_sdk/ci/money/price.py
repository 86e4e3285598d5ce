"""What the next server of an adapter costs at most, and what counts against its budget besides the record."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.claims import Limits
from upcloud_sdk.ci.record.recorded import month_of
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.ci.account.cache import AccountCache
    from upcloud_sdk.placement import Budget

_LIST_FOR = 60.0
"""Seconds for which a list of servers may keep builds waiting."""


class Price(NamedTuple):
    """What the next server costs at most, and what the API says of its owner's servers. Money is in millionths."""

    hourly: int
    currency: str
    billed: int
    """What the owner's servers have cost this month by the bill."""
    month: tuple[int, int]
    """The month of that bill."""
    listed: Mapping[str, int | None]
    """See `Limits.listed`."""
    asked: float
    """When the API was asked, by the monotonic clock."""

    def limits(self, max_servers: int | None, budget: Budget | None, at: datetime) -> Limits:
        """The limits for a claim at a time: a bill only grows within its month, but a list is soon too old."""
        is_fresh = time.monotonic() - self.asked < _LIST_FOR
        return limits_of(
            max_servers,
            budget,
            billed=self.billed if self.month == month_of(at) else 0,
            listed=self.listed if is_fresh else {},
        )

    def read_again(self, billed: Decimal, listed: Mapping[str, Decimal | None]) -> Price:
        """The same, with what the API says now."""
        return self._replace(
            billed=millionths(billed),
            month=month_of(datetime.now(UTC)),
            listed=_in_millionths(listed),
            asked=time.monotonic(),
        )


def limits_of(
    max_servers: int | None, budget: Budget | None, *, billed: int = 0, listed: Mapping[str, int | None] | None = None
) -> Limits:
    """The limits of a record's claims, in millionths."""
    hour, month = (None, None) if budget is None else (budget.per_hour, budget.per_month)
    return Limits(
        max_servers=max_servers,
        per_hour=None if hour is None else millionths(Decimal(hour)),
        per_month=None if month is None else millionths(Decimal(month)),
        billed=billed,
        listed=listed or {},
    )


def millionths(amount: Decimal) -> int:
    """An amount of the main unit of a currency, in millionths."""
    return round(amount * MILLION)


def _in_millionths(listed: Mapping[str, Decimal | None]) -> dict[str, int | None]:
    return {uuid: None if hourly is None else millionths(hourly) for uuid, hourly in listed.items()}


async def price_of(
    cache: AccountCache, specs: Sequence[ServerSpec], *, with_bill: bool, recorded: Collection[str] = ()
) -> Price:
    """What a server of one of these specs costs at most.

    Args:
        cache: Of the account.
        specs: The possible servers.
        with_bill: Whether to read this month's bill of the owner, too.
        recorded: Uuids of servers that a record has.

    Raises:
        UpCloudError: A price, the currency, the owner's servers or the bill cannot be read.
    """
    estimates = await cache.estimates(specs)
    currency = next((each.currency for each in estimates if each.currency), None)
    if currency is None:
        raise UpCloudError("the price list has no currency, and the account does not tell it")
    billed, month = await cache.billed() if with_bill else Decimal(0), month_of(datetime.now(UTC))
    listed = await cache.of_other_runs(recorded)
    return Price(
        hourly=millionths(max(each.hourly for each in estimates)),
        currency=currency,
        billed=millionths(billed),
        month=month,
        listed=_in_millionths(listed),
        asked=time.monotonic(),
    )
