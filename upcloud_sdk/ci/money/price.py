"""What the next server of an adapter costs at most, and what counts against its budget besides the record."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.ci.record.changes import MILLION, millionths
from upcloud_sdk.ci.record.claims import Limits
from upcloud_sdk.ci.record.recorded import month_of
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.ci.account.cache import AccountCache
    from upcloud_sdk.placement import Budget

NO_CURRENCY = "the price list has no currency, and the account does not tell it"
_LIST_WITHIN = 30.0
"""How old a list of servers may be that a claim counts, in seconds."""
_LIST_FOR = 60.0
"""Seconds for which a list of servers may keep builds waiting."""


class Spent(NamedTuple):
    """What the API says of an owner's servers. Money is in millionths."""

    billed: int
    """What they have cost this month by the bill."""
    listed: Mapping[str, int | None]
    """See `Limits.listed`."""
    asked: float
    """When the API was asked, by the monotonic clock."""
    at: datetime
    """The same by the API's clock."""

    @classmethod
    async def read(
        cls,
        cache: AccountCache,
        *,
        with_bill: bool,
        with_prices: bool = True,
        recorded: Collection[str] = (),
        within: float = _LIST_WITHIN,
    ) -> Spent:
        """Ask the API. For the arguments see `price_of`; `within`: seconds for which an earlier list will do.

        `with_prices`: whether to ask for the prices of the listed servers, which only a budget needs.

        Raises:
            UpCloudError: The owner's servers or the bill cannot be read.
        """
        at, asked = await cache.cloud.leases.now(), time.monotonic()
        billed = millionths(await cache.billed()) if with_bill else 0
        listed = await cache.of_other_runs(recorded, within=within, with_prices=with_prices)
        prices = {uuid: None if hourly is None else millionths(hourly) for uuid, hourly in listed.items()}
        return cls(billed, prices, asked, at)

    def now(self) -> datetime:
        """The present, by the API's clock."""
        return self.at + timedelta(seconds=time.monotonic() - self.asked)


class Quote(NamedTuple):
    """What the next server costs at most, and what counts against its limits besides the record."""

    hourly: int | None
    """In millionths. None: there is no budget, so it was not asked for."""
    currency: str | None
    spent: Spent

    @classmethod
    async def not_asked_for(cls, cache: AccountCache, *, recorded: Collection[str] = ()) -> Quote:
        """What counts against `max_servers` without a budget: a list of servers. See `price_of`."""
        return cls(None, None, await Spent.read(cache, with_bill=False, with_prices=False, recorded=recorded))

    def problem(self, budget: Budget) -> str | None:
        """Why a budget never allows this price. None if it does."""
        return budget.problem(currency=self.currency or "", hourly=Decimal(self.hourly or 0) / MILLION)

    def limits(self, max_servers: int | None, budget: Budget | None, at: datetime) -> Limits:
        """The limits for a claim at a time: a bill only grows within its month, but a list is soon too old."""
        is_fresh = time.monotonic() - self.spent.asked < _LIST_FOR
        return limits_of(
            max_servers,
            budget,
            billed=self.spent.billed if month_of(self.spent.at) == month_of(at) else 0,
            listed=self.spent.listed if is_fresh else {},
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


async def price_of(
    cache: AccountCache, specs: Sequence[ServerSpec], *, with_bill: bool, recorded: Collection[str] = ()
) -> Quote:
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
        raise UpCloudError(NO_CURRENCY)
    spent = await Spent.read(cache, with_bill=with_bill, recorded=recorded)
    return Quote(millionths(max(each.hourly for each in estimates)), currency, spent)
