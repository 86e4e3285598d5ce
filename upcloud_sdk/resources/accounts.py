"""Main and sub-accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.accounts import AccountDetails, AccountSummary
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.accounts import SubAccountChanges, SubAccountSpec

_DETAILS = one(AccountDetails, "account")
_ACCOUNTS = many(AccountSummary, "accounts", "account")


class Accounts(Namespace):
    """`cloud.accounts`. Chapter "Accounts" of the API, <https://developers.upcloud.com/1.3/3-accounts/>."""

    @endpoint("GET", "/account/details/{username}")
    async def get(self, username: str) -> AccountDetails:
        """An account with all its fields."""
        return await self._transport.call("GET", f"/account/details/{path_segment(username, 'username')}", _DETAILS)

    @endpoint("POST", "/account/sub")
    async def create_sub(self, spec: SubAccountSpec) -> None:
        """Create a sub-account. The API returns nothing: `get` shows it."""
        await self._transport.send("POST", "/account/sub", json={"sub_account": body_of(spec)})

    @endpoint("PUT", "/account/sub/{username}")
    async def modify_sub(self, username: str, changes: SubAccountChanges) -> None:
        """Change a sub-account. The API returns nothing: `get` shows it.

        Args:
            username: Name of the account.
            changes: What to change. Fields that are not given stay as they are.
        """
        await self._transport.send("PUT", _path(username), json={"account": body_of(changes)})

    @endpoint("DELETE", "/account/sub/{username}")
    async def delete_sub(self, username: str) -> None:
        """Delete a sub-account."""
        await self._transport.send("DELETE", _path(username))

    @endpoint("GET", "/account/list")
    async def list(self) -> tuple[AccountSummary, ...]:
        """The main account and its sub-accounts."""
        return await self._list("/account/list", _ACCOUNTS)


def _path(username: str) -> str:
    return f"/account/sub/{path_segment(username, 'username')}"
