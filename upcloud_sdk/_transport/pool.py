"""Connections as a stack: the last one used is the next one used.

httpx's own pool scans all its connections at each request, and closes every idle one as soon as there are more than 20.
A stack of transports with one connection each costs the same for 1 request in flight and for 200.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

KEEP_IDLE = 60.0
"""Seconds that an idle connection is kept: longer than the pace at which anything is polled."""

_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_IDLE)


class ConnectionStack(httpx.AsyncBaseTransport):
    """Sends each request on a connection of its own, reads the whole answer, and puts the connection back on top."""

    def __init__(self, ssl_context: Callable[[], ssl.SSLContext]) -> None:
        self._ssl_context = ssl_context
        self._idle: deque[tuple[httpx.AsyncHTTPTransport, float]] = deque()

    def _new(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._ssl_context(), limits=_LIMITS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, with its body read."""
        connection = self._idle.pop()[0] if self._idle else self._new()
        try:
            response = await connection.handle_async_request(request)
            await response.aread()
        except BaseException:
            # A connection in an unknown state must not serve another request.
            with anyio.CancelScope(shield=True):
                await connection.aclose()
            raise
        now = time.monotonic()
        self._idle.append((connection, now))
        while now - self._idle[0][1] > KEEP_IDLE:
            await self._idle.popleft()[0].aclose()
        return response

    async def stream(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body still to be read, on a connection that is closed with it."""
        connection = self._new()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await connection.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _WithConnection(response.stream, connection)
        return response

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed by who uses them."""
        while self._idle:
            await self._idle.pop()[0].aclose()


class _WithConnection(httpx.AsyncByteStream):
    """A body that closes its connection when it is closed."""

    def __init__(self, body: httpx.AsyncByteStream, connection: httpx.AsyncHTTPTransport) -> None:
        self._body, self._connection = body, connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            await self._connection.aclose()
