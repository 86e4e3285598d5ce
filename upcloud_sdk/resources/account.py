"""The account that the credentials belong to."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Envelope, many, one
from upcloud_sdk.models.account import Account
from upcloud_sdk.resources._base import Namespace, endpoint, written
from upcloud_sdk.resources.policies import check_word

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk.models.billing import BillingSummary, ResourceBilling
    from upcloud_sdk.models.network_usage import CurrentNetworkUsage, NetworkUsage, ResourceNetworkUsage

Accumulate = Literal["hour", "day"]

_ACCOUNT = one(Account, "account")
_USAGE: Envelope[dict[str, int]] = Envelope(dict[str, int])
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class AccountCalls(Namespace):
    """`cloud.account`. Chapter "Accounts" of the API, <https://developers.upcloud.com/1.3/3-accounts/>."""

    @endpoint("GET", "/account")
    async def get(self) -> Account:
        """User name, credits and limits. The cheapest way to check credentials."""
        return await self._transport.call("GET", "/account", _ACCOUNT)

    @endpoint("GET", "/account/billing/summary/{month}")
    async def billing(
        self, month: str | date, *, resource_id: str | None = None, username: str | None = None
    ) -> BillingSummary:
        """What a month cost: `2026-11`, or any date in it. The running month so far.

        `resource_id`: of one resource only. `username`: of a partner's customer.
        """
        from upcloud_sdk.models.billing import BillingSummary  # noqa: PLC0415 - few ask for it

        wishes = {"resource_id": resource_id, "username": username}
        params = [(key, value) for key, value in wishes.items() if value is not None]
        path = f"/account/billing/summary/{_month(month)}"
        return await self._transport.call("GET", path, Envelope(BillingSummary), params=params)

    @endpoint("GET", "/account/billing_summary/{month}")
    async def billing_total(self, month: str | date) -> BillingSummary:
        """What a month cost, from an endpoint that UpCloud calls deprecated: `billing` says more."""
        from upcloud_sdk.models.billing import BillingSummary  # noqa: PLC0415 - few ask for it

        path = f"/account/billing_summary/{_month(month)}"
        return await self._transport.call("GET", path, one(BillingSummary, "billing"))

    @endpoint("GET", "/account/resource_billing_summary/{resource}/{month}")
    async def resource_billing(self, resource_id: str, month: str | date) -> ResourceBilling:
        """What one resource cost in a month, day by day."""
        from upcloud_sdk.models.billing import ResourceBilling  # noqa: PLC0415 - few ask for it

        path = f"/account/resource_billing_summary/{segment(resource_id, 'id of the resource')}/{_month(month)}"
        return await self._transport.call("GET", path, one(ResourceBilling, "billing"))

    @endpoint("GET", "/account/resource-usage")
    async def resource_usage(self) -> dict[str, int]:
        """How much the account has of each thing, by the names of `get().resource_limits`."""
        return await self._transport.call("GET", "/account/resource-usage", _USAGE)

    @endpoint("GET", "/account/current_network_usage")
    async def current_network_usage(self) -> CurrentNetworkUsage:
        """The traffic of the running month, and how much of it the plans bring."""
        from upcloud_sdk.models.network_usage import CurrentNetworkUsage  # noqa: PLC0415 - few ask for it

        read = Envelope(CurrentNetworkUsage, "stats", "current_network_usage")
        return await self._transport.call("GET", "/account/current_network_usage", read)

    @endpoint("GET", "/account/network_usage")
    async def network_usage(
        self, start: datetime, end: datetime, *, accumulate: Accumulate | None = None
    ) -> tuple[NetworkUsage, ...]:
        """The traffic of the account between two times, 31 days apart at most, by the hour or `accumulate="day"`.

        Raises:
            ValueError: a time has no zone, or `end` is not after `start`.
        """
        from upcloud_sdk.models.network_usage import NetworkUsage  # noqa: PLC0415 - few ask for it

        params = _span(start, end, accumulate=accumulate)
        read = many(NetworkUsage, "stats", "stat")
        return await self._transport.call("GET", "/account/network_usage", read, params=params)

    @endpoint("GET", "/account/network_top_usage")
    async def network_top_usage(
        self,
        start: datetime,
        end: datetime,
        *,
        service: str | None = None,
        zone: str | None = None,
        accumulate: Accumulate | None = None,
    ) -> tuple[ResourceNetworkUsage, ...]:
        """The resources that sent most between two times. `service`: such as `server_public`.

        Raises:
            ValueError: a time has no zone, or `end` is not after `start`.
        """
        params = _span(start, end, service=service, zone=zone, accumulate=accumulate)
        return await self._traffic("/account/network_top_usage", params)

    @endpoint("GET", "/account/resource_network_usage")
    async def resource_network_usage(
        self,
        start: datetime,
        end: datetime,
        *,
        resource_id: str | None = None,
        service: str | None = None,
        zone: str | None = None,
        accumulate: Accumulate | None = None,
    ) -> tuple[ResourceNetworkUsage, ...]:
        """What each resource sent between two times. `service`: such as `server_public`.

        Raises:
            ValueError: a time has no zone, or `end` is not after `start`.
        """
        params = _span(start, end, service=service, resource_id=resource_id, zone=zone, accumulate=accumulate)
        return await self._traffic("/account/resource_network_usage", params)

    async def _traffic(self, path: str, params: list[tuple[str, str]]) -> tuple[ResourceNetworkUsage, ...]:
        from upcloud_sdk.models.network_usage import ResourceNetworkUsage  # noqa: PLC0415 - few ask for it

        return await self._transport.call("GET", path, many(ResourceNetworkUsage, "stats", "stat"), params=params)


def _month(month: str | date) -> str:
    name = month.strftime("%Y-%m") if isinstance(month, date) else month
    if _MONTH.fullmatch(name) is None:
        raise ValueError(f"month is {name!r}: write it as 2026-11, or give a date")
    return name


def _span(
    start: datetime, end: datetime, *, accumulate: Accumulate | None, **more: str | None
) -> list[tuple[str, str]]:
    if accumulate is not None:
        check_word(accumulate, Accumulate, "accumulate")
    wishes = {"from": written("start", start), "to": written("end", end), **more, "accumulate": accumulate}
    if not start < end:
        raise ValueError("end is not after start")
    return [(name, value) for name, value in wishes.items() if value is not None]
