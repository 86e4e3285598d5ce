"""What the next server of an adapter costs at most."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.ci.account.cache import AccountCache

_FRESH_FOR = 60.0
"""Seconds for which an answer of the bill may keep builds waiting."""


class Price(NamedTuple):
    """What the next server costs at most, and what its owner's servers have cost this month by the bill."""

    hourly: Decimal
    """In the main unit of the currency."""
    currency: str
    billed: Decimal
    others: Decimal = Decimal(0)
    """What the running servers of other processes of the same owner cost per hour."""
    asked: float = -math.inf
    """When the API was asked, by the monotonic clock."""

    def known(self) -> Price:
        """The same, but without amounts that are too old to keep builds waiting."""
        is_fresh = time.monotonic() - self.asked < _FRESH_FOR
        return self if is_fresh else self._replace(billed=Decimal(0), others=Decimal(0))


async def price_of(cache: AccountCache, specs: Sequence[ServerSpec], *, with_bill: bool) -> Price | None:
    """What a server of one of these specs costs at most. None if the API does not tell.

    Args:
        cache: Of the account.
        specs: The possible servers.
        with_bill: Whether to read this month's bill of the owner, too.

    Raises:
        UpCloudError: The bill cannot be read.
    """
    prices = [await cache.price(spec) for spec in specs]
    known = [price for price in prices if price is not None]
    currency = await cache.currency()
    if len(known) < len(prices) or currency is None:
        return None
    billed = await cache.billed() if with_bill else Decimal(0)
    try:
        others = await cache.hourly_of_other_runs()
    except UpCloudError:
        return None
    return Price(max(known) / 100, currency, billed, others / 100, time.monotonic())
