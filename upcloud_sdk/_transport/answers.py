"""What comes back, or what becomes of a request where nothing does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from upcloud_sdk.errors import NotSent, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to be made; the rest of a call's limit is for its answer."""

CLOSE_TIMEOUT = 5.0
"""Seconds for an answer that is no longer wanted to be closed."""

NOT_OPEN = "the client is not open; use it inside `async with UpCloud(...) as cloud:`"

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)

_AIOHTTP_NEVER_LEFT = frozenset({"ClientConnectorError", "ClientHttpProxyError"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API, whole."""

    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    content: bytes = field(repr=False)
    at: float = 0.0
    """When it came, by the client's clock."""

    def header(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case."""
        for key, value in self.raw_headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None


def what_became_of(call: str, error: Exception) -> NotSent | OutcomeUnknown | None:
    """What an error of a transport means for its request; None where it is a fault in the program."""
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) else error
    from_aiohttp = type(cause).__module__.partition(".")[0] == "aiohttp"
    if not (from_aiohttp or isinstance(error, httpx.HTTPError | httpx.StreamError | OSError)):
        return None
    # httpx-aiohttp says ConnectTimeout of every connection that is lost, even in the middle of an answer.
    if isinstance(error, _NEVER_LEFT) and (
        not from_aiohttp or any(kind.__name__ in _AIOHTTP_NEVER_LEFT for kind in type(cause).__mro__)
    ):
        return NotSent(call, f"could not connect ({type(error).__name__})")
    kind = type(cause if from_aiohttp else error).__name__
    return OutcomeUnknown(call, f"no usable answer came back ({kind})")
