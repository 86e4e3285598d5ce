"""API tokens."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, cast

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Envelope
from upcloud_sdk.models.tokens import ApiToken
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.tokens import ApiTokenSpec

_TOKEN = Envelope(ApiToken)
# A type made from a value: no annotation can say that.
_TOKENS = Envelope(cast("type[tuple[ApiToken, ...]]", types.GenericAlias(tuple, (ApiToken, ...))))


class Tokens(Namespace):
    """`cloud.tokens`. Chapter "Tokens" of the API, <https://developers.upcloud.com/1.3/24-api-tokens/>."""

    @endpoint("GET", "/account/tokens/{id}")
    async def get(self, id: str) -> ApiToken:
        """What is known of a token; never the secret."""
        return await self._transport.call("GET", f"/account/tokens/{segment(id, 'id')}", _TOKEN)

    @endpoint("POST", "/account/tokens")
    async def create(self, spec: ApiTokenSpec) -> ApiToken:
        """A new token. Its secret, `token`, is in this answer only."""
        return await self._transport.call("POST", "/account/tokens", _TOKEN, json=body_of(spec))

    @endpoint("DELETE", "/account/tokens/{id}")
    async def delete(self, id: str) -> None:
        """Delete a token: it stops to work at once."""
        await self._transport.send("DELETE", f"/account/tokens/{segment(id, 'id')}")

    @endpoint("GET", "/account/tokens")
    async def list(self) -> tuple[ApiToken, ...]:
        """All tokens of the account."""
        return await self._list("/account/tokens", _TOKENS)
