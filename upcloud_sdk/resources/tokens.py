"""API tokens."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, cast

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope
from upcloud_sdk.models.tokens import ApiToken
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.tokens import ApiTokenSpec

_TOKEN = Envelope(ApiToken)
# This type is made from a value, which type checkers cannot follow.
_TOKENS = Envelope(cast("type[tuple[ApiToken, ...]]", types.GenericAlias(tuple, (ApiToken, ...))))


class Tokens(Namespace):
    """`cloud.tokens`. Chapter "Tokens" of the API, <https://developers.upcloud.com/1.3/24-api-tokens/>."""

    @endpoint("GET", "/account/tokens/{id}")
    async def get(self, id: str) -> ApiToken:
        """A token without its secret."""
        return await self._transport.call("GET", f"/account/tokens/{path_segment(id, 'id')}", _TOKEN)

    @endpoint("POST", "/account/tokens")
    async def create(self, spec: ApiTokenSpec) -> ApiToken:
        """Create a token. Only this answer contains its secret, `token`."""
        return await self._transport.call("POST", "/account/tokens", _TOKEN, json=body_of(spec))

    @endpoint("DELETE", "/account/tokens/{id}")
    async def delete(self, id: str) -> None:
        """Delete a token. It stops working immediately."""
        await self._transport.send("DELETE", f"/account/tokens/{path_segment(id, 'id')}")

    @endpoint("GET", "/account/tokens")
    async def list(self) -> tuple[ApiToken, ...]:
        """All tokens of the account."""
        return await self._list("/account/tokens", _TOKENS)
