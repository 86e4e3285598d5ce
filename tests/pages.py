"""An API whose lists come in pages, in the ways that an API may do that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class PagedApi:
    """Sends its items in pages, whatever is asked for."""

    items: list[str]
    wrap: Callable[[list[str]], Any]
    """The document of a page."""
    default: int = 25
    cut: int = 10_000
    """The most items that it sends at a time, whatever the limit."""
    tells: bool = False
    """Whether a header says how many there are."""
    lie: Callable[[int, int], int] | None = None
    """The total that it tells instead, from how many there are and how many are on the page."""
    pages: bool = True
    """Whether it cares for limit and offset."""
    back: int = 0
    """How many items of the page before each page repeats."""
    meanwhile: Callable[[list[str]], None] = lambda items: None
    """Changes the items after each answer."""
    asked: list[tuple[int | None, int]] = field(default_factory=list[tuple[int | None, int]])
    """Limits and offsets."""

    def transport(self) -> httpx.AsyncBaseTransport:
        """The way to it."""
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
    """Lets an API send 25 items of a list at a time, and never say how many there are."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, most: int = 25) -> None:
        self._inner, self._most = inner, most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.removeprefix("/1.3") in {"/server", "/storage"}:
            limit = min(int(request.url.params.get("limit", "25")), self._most)
            request.url = request.url.copy_set_param("limit", str(limit))
        response = await self._inner.handle_async_request(request)
        headers = [pair for pair in response.headers.multi_items() if pair[0].lower() != "upcloud-total-count"]
        return httpx.Response(response.status_code, headers=headers, content=await response.aread(), request=request)
