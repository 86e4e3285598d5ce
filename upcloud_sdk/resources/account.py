"""The account that the credentials belong to."""

from __future__ import annotations

from upcloud_sdk._wire import one
from upcloud_sdk.models.account import Account
from upcloud_sdk.resources._base import Namespace

_ACCOUNT = one(Account, "account")


class AccountCalls(Namespace):
    """`cloud.account`. Chapter "Accounts" of the API."""

    async def get(self) -> Account:
        """User name, credits and limits. The cheapest way to check credentials."""
        return await self._transport.call("GET", "/account", _ACCOUNT)
