"""An API with paged lists, in all ways that an API may page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class PagedApi:
    """Sends its items in pages, also if the request does not ask for pages."""

    items: list[str]
    wrap: Callable[[list[str]], Any]
    """Makes the document of a page."""
    default: int = 25
    cut: int = 10_000
    """Maximum number of items per page, also if the limit is larger."""
    tells: bool = False
    """Whether a header has the total."""
    lie: Callable[[int, int], int] | None = None
    """Computes a wrong total for the header, from the number of all items and of those on the page."""
    pages: bool = True
    """Whether it obeys limit and offset."""
    back: int = 0
    """Number of items of the previous page that each page repeats."""
    meanwhile: Callable[[list[str]], None] = lambda items: None
    """Changes the items after each answer."""
    asked: list[tuple[int | None, int]] = field(default_factory=list[tuple[int | None, int]])
    """The limits and offsets of all requests."""

    def transport(self) -> httpx.AsyncBaseTransport:
        """The transport of a client."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        limit = int(query["limit"]) if "limit" in query else None
        offset = int(query.get("offset", "0"))
        self.asked.append((limit, offset))
        length = min(limit or self.default, self.cut)
        first = max(0, offset - self.back)
        shown = self.items[first : first + length] if self.pages else self.items
        total = len(self.items) if self.lie is None else self.lie(len(self.items), len(shown))
        headers = {"Upcloud-Total-Count": str(total)} if self.tells or self.lie else {}
        response = httpx.Response(200, json=self.wrap(list(shown)), headers=headers)
        self.meanwhile(self.items)
        return response


class CutPages(httpx.AsyncBaseTransport):
    """Cuts the lists of an API to 25 items per page, and removes the total."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, most: int = 25) -> None:
        self._inner, self._most = inner, most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.removeprefix("/1.3") in {
            "/server",
            "/storage",
            "/storage/private",
        }:
            limit = min(int(request.url.params.get("limit", "25")), self._most)
            request.url = request.url.copy_set_param("limit", str(limit))
        response = await self._inner.handle_async_request(request)
        headers = [pair for pair in response.headers.multi_items() if pair[0].lower() != "upcloud-total-count"]
        return httpx.Response(response.status_code, headers=headers, content=await response.aread(), request=request)
