"""What counts against a budget besides the record, and for how long."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from upcloud_sdk.ci.money.price import Quote, Spent

LISTED = {"uuid-of-a-script": 10_000}


def price(*, age: float = 0) -> Quote:
    """What the API said this many seconds ago, in November."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return Quote(10_000, "EUR", Spent(billed=50_000, listed=LISTED, asked=time.monotonic() - age, at=at))


def test_a_bill_counts_in_its_month_only() -> None:
    ends = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert [price().limits(None, None, at).billed for at in ends] == [50_000, 0]


def test_a_list_of_servers_counts_for_a_minute() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert [price(age=age).limits(1, None, at).listed for age in (0, 61)] == [LISTED, {}]
