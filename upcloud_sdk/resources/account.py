"""The account that the credentials belong to."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from upcloud_sdk._wire import Envelope, one
from upcloud_sdk.models.account import Account
from upcloud_sdk.resources._base import Namespace, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.billing import BillingSummary

_ACCOUNT = one(Account, "account")
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

        name = month.strftime("%Y-%m") if isinstance(month, date) else month
        if _MONTH.fullmatch(name) is None:
            raise ValueError(f"month is {name!r}: write it as 2026-11, or give a date")
        wishes = {"resource_id": resource_id, "username": username}
        params = [(key, value) for key, value in wishes.items() if value is not None]
        path = f"/account/billing/summary/{name}"
        return await self._transport.call("GET", path, Envelope(BillingSummary), params=params)
