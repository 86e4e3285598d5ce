"""A stack of connections: the last used connection is used next.

httpx's pool scans all its connections at each request, and closes all idle ones if there are more than 20. A stack of
transports with one connection each costs the same for 1 and for 200 concurrent requests.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
import httpx

from upcloud_sdk._transport.answers import CLOSE_TIMEOUT

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

KEEP_IDLE = 60.0
"""How long to keep an idle connection, in seconds. Longer than any pause between reads of a wait."""

_LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_IDLE)


class ConnectionStack(httpx.AsyncBaseTransport):
    """Takes a connection for each request, reads the whole answer, and puts the connection back on the stack.

    All requests go to one host. The caller limits the number of connections.
    """

    def __init__(
        self,
        ssl_context: Callable[[], ssl.SSLContext],
        proxy_for: Callable[[httpx.URL], httpx.Proxy | None],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ssl_context, self._proxy_for, self._now = ssl_context, proxy_for, now
        self._idle: deque[tuple[httpx.AsyncHTTPTransport, float]] = deque()
        self._closed = False

    def _new(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        # Plain http needs no certificates, which take long to load.
        verify = self._ssl_context() if url.scheme == "https" else False
        return httpx.AsyncHTTPTransport(verify=verify, limits=_LIMITS, proxy=self._proxy_for(url))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. The body of the answer is already read."""
        # Before the request is sent, so that closing others cannot interrupt its answer.
        await self._close_old()
        connection = self._idle.pop()[0] if self._idle else self._new(request.url)
        try:
            response = await connection.handle_async_request(request)
            await response.aread()
        except BaseException:
            # A connection in an unknown state must not be used again.
            await _close(connection)
            raise
        if self._closed:
            await _close(connection)
        else:
            self._idle.append((connection, self._now()))
        return response

    async def stream(self, request: httpx.Request) -> httpx.Response:
        """Send a request to any host, on a new connection that closes with the answer. The body is not read yet."""
        connection = self._new(request.url)
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await _close(connection)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _WithConnection(response.stream, connection)
        return response

    async def _close_old(self) -> None:
        oldest = self._now() - KEEP_IDLE
        while self._idle and self._idle[0][1] < oldest:
            await _close(self._idle.popleft()[0])

    async def aclose(self) -> None:
        """Close idle connections. Connections in use are closed after their answer."""
        self._closed = True
        while self._idle:
            await _close(self._idle.pop()[0])


class _WithConnection(httpx.AsyncByteStream):
    """A body that closes its connection with itself."""

    def __init__(self, body: httpx.AsyncByteStream, connection: httpx.AsyncHTTPTransport) -> None:
        self._body, self._connection = body, connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            await _close(self._connection)


async def _close(connection: httpx.AsyncHTTPTransport) -> None:
    # The socket is closed before this can be interrupted. Only the TLS shutdown may be skipped.
    with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
        await connection.aclose()
