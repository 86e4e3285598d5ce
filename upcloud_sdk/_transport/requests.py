"""Builds requests: URL, headers, credentials."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import anyio
import httpx

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.credentials import ask
from upcloud_sdk.errors import ConnectTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.credentials import Basic, Credentials, Token

CONNECT_TIMEOUT = 10.0
"""Limit for connecting, in seconds. The rest of a call's timeout is for its answer."""


def path_segment(value: Uuid, what: str) -> str:
    """Quote a value for one part of a path. It must not be empty: `DELETE /server/` has another meaning."""
    value = uuid_of(value, what)
    if not value or value in {".", ".."}:
        raise ValueError(f"the {what} is empty: nothing was sent")
    return quote(value, safe=":")


class RequestBuilder:
    """Builds the requests of one client."""

    def __init__(self, base_url: str, credentials: Credentials, user_agent: str) -> None:
        self.base_url, self.user_agent = base_url, user_agent
        self._credentials = credentials
        self._headers = [("accept", "application/json"), ("user-agent", user_agent)]

    def url(self, path: str, params: Sequence[tuple[str, str]] = ()) -> str:
        """The URL of an endpoint."""
        return self.base_url + path + (f"?{urlencode(params, quote_via=quote)}" if params else "")

    async def build(
        self, call: str, method: str, url: str, json: Mapping[str, Any] | None = None, *, limit: float
    ) -> httpx.Request:
        """Build a request with the current credentials.

        Raises:
            ConnectTimeout: The callable for credentials took longer than `limit` seconds.
            ValueError: The path cannot be part of a URL.
        """
        credentials = self._credentials
        if callable(credentials):
            credentials = await _asked(credentials, call, limit)
        # Before the headers: if it fails, a traceback may show the variables of this function.
        content = None if json is None else jsonlib.dumps(json).encode()
        headers = [*self._headers, ("authorization", credentials.authorization())]
        if content is not None:
            headers.append(("content-type", "application/json"))
        timeout = {"connect": min(limit, CONNECT_TIMEOUT), "read": limit, "write": limit, "pool": limit}
        try:
            return httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": timeout})
        except httpx.InvalidURL as error:
            problem = str(error)
        # A traceback may show the variables of this function.
        del headers, content
        raise ValueError(f"{call}: the path cannot be part of a URL: {problem}")


async def _asked(credentials: Callable[[], Awaitable[Token | Basic]], call: str, limit: float) -> Token | Basic:
    with anyio.move_on_after(limit):
        return await ask(credentials)
    raise ConnectTimeout(call, f"the credentials' callable returned nothing within {limit:g} s")
