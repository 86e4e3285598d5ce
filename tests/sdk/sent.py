"""The requests that respx received."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import httpx
    import respx


def requests(of: respx.Route | respx.MockRouter) -> list[httpx.Request]:
    """All requests to a route or to the whole API."""
    calls = cast("list[respx.models.Call]", list(of.calls))
    return [call.request for call in calls]


def lines(of: respx.Route | respx.MockRouter) -> list[str]:
    """The requests as lines such as "GET /server/00aa?x=y", with the path below /1.3 as sent."""
    return [f"{each.method} {each.url.raw_path.decode().removeprefix('/1.3')}" for each in requests(of)]


def body(request: httpx.Request) -> Any:  # noqa: ANN401 - any JSON document
    """The document of a request. None if there was none."""
    return json.loads(request.content) if request.content else None
