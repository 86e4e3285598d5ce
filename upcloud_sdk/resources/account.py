"""`cloud.account`: the account of the credentials."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import path_segment
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
        """The bill of a month; of the current month so far.

        Args:
            month: The month, such as `2026-11`, or any date in it.
            resource_id: Only this resource.
            username: For partners: the account of a customer.
        """
        from upcloud_sdk.models.billing import BillingSummary  # noqa: PLC0415 - rarely used

        wishes = {"resource_id": resource_id, "username": username}
        params = [(key, value) for key, value in wishes.items() if value is not None]
        path = f"/account/billing/summary/{_month(month)}"
        return await self._transport.call("GET", path, Envelope(BillingSummary), params=params)

    @endpoint("GET", "/account/billing_summary/{month}")
    async def billing_total(self, month: str | date) -> BillingSummary:
        """The bill of a month, from a deprecated endpoint. `billing` has more details.

        Args:
            month: The month, such as `2026-11`, or any date in it.
        """
        from upcloud_sdk.models.billing import BillingSummary  # noqa: PLC0415 - rarely used

        path = f"/account/billing_summary/{_month(month)}"
        return await self._transport.call("GET", path, one(BillingSummary, "billing"))

    @endpoint("GET", "/account/resource_billing_summary/{resource}/{month}")
    async def resource_billing(self, resource_id: str, month: str | date) -> ResourceBilling:
        """The bill of one resource in a month, day by day.

        Args:
            resource_id: Uuid of the resource.
            month: The month, such as `2026-11`, or any date in it.
        """
        from upcloud_sdk.models.billing import ResourceBilling  # noqa: PLC0415 - rarely used

        path = f"/account/resource_billing_summary/{path_segment(resource_id, 'id of the resource')}/{_month(month)}"
        return await self._transport.call("GET", path, one(ResourceBilling, "billing"))

    @endpoint("GET", "/account/resource-usage")
    async def resource_usage(self) -> dict[str, int]:
        """How much of each resource the account uses, by the names of `get().resource_limits`."""
        return await self._transport.call("GET", "/account/resource-usage", _USAGE)

    @endpoint("GET", "/account/current_network_usage")
    async def current_network_usage(self) -> CurrentNetworkUsage:
        """The traffic of the current month, and how much of it the plans include."""
        from upcloud_sdk.models.network_usage import CurrentNetworkUsage  # noqa: PLC0415 - rarely used

        read = Envelope(CurrentNetworkUsage, "stats", "current_network_usage")
        return await self._transport.call("GET", "/account/current_network_usage", read)

    @endpoint("GET", "/account/network_usage")
    async def network_usage(
        self, start: datetime, end: datetime, *, accumulate: Accumulate | None = None
    ) -> tuple[NetworkUsage, ...]:
        """The traffic of the account in a period.

        Args:
            start: Start of the period, with a time zone.
            end: End of the period, with a time zone; at most 31 days after `start`.
            accumulate: `hour` or `day`: the length of one entry. None: an hour.

        Raises:
            ValueError: A time has no zone, or `end` is not after `start`.
        """
        from upcloud_sdk.models.network_usage import NetworkUsage  # noqa: PLC0415 - rarely used

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
        """The resources with the most traffic in a period.

        Args:
            start: Start of the period, with a time zone.
            end: End of the period, with a time zone; at most 31 days after `start`.
            service: Only this service, such as `server_public`.
            zone: Only this zone, such as `fi-hel1`.
            accumulate: `hour` or `day`: the length of one entry. None: the API's default.

        Raises:
            ValueError: A time has no zone, or `end` is not after `start`.
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
        """The traffic of each resource in a period.

        Args:
            start: Start of the period, with a time zone.
            end: End of the period, with a time zone; at most 31 days after `start`.
            resource_id: Only this resource.
            service: Only this service, such as `server_public`.
            zone: Only this zone, such as `fi-hel1`.
            accumulate: `hour` or `day`: the length of one entry. None: the API's default.

        Raises:
            ValueError: A time has no zone, or `end` is not after `start`.
        """
        params = _span(start, end, service=service, resource_id=resource_id, zone=zone, accumulate=accumulate)
        return await self._traffic("/account/resource_network_usage", params)

    async def _traffic(self, path: str, params: list[tuple[str, str]]) -> tuple[ResourceNetworkUsage, ...]:
        from upcloud_sdk.models.network_usage import ResourceNetworkUsage  # noqa: PLC0415 - rarely used

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
