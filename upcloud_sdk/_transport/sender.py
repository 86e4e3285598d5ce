"""How requests are sent: by which transport, through which proxy, with which certificates."""

from __future__ import annotations

import functools
import urllib.request
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx

from upcloud_sdk._transport.pool import KEEP_IDLE, ConnectionStack
from upcloud_sdk.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from upcloud_sdk._transport.streams import Send


async def _nothing() -> None:
    """What is not ours is not closed."""


class Sender(NamedTuple):
    """What sends the requests of a client."""

    send: Send
    """Reads the whole answer."""
    stream: Send
    """Leaves the body to be read."""
    close: Callable[[], Awaitable[None]] = _nothing


def through(client: httpx.AsyncClient) -> Sender:
    """Sends through a client of the user's, and leaves it open."""

    async def send(request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        # No auth of the client's: ours is in the request. No redirect: it would carry the credentials elsewhere.
        return await client.send(request, auth=None, follow_redirects=False, stream=stream)

    return Sender(send, functools.partial(send, stream=True))


def own(
    http: Literal["httpx", "aiohttp"],
    base_url: str,
    proxy: str | httpx.Proxy | None,
    ssl_context: ssl.SSLContext | None,
) -> Sender:
    """Sends by a transport of our own.

    Raises:
        ConfigError: it cannot be had here, or the proxy is none that can be used.
    """

    @functools.cache
    def tls() -> ssl.SSLContext:
        # One for all connections: making it takes as long as some hundred requests.
        return ssl_context or httpx.create_ssl_context()

    def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
        found = proxy or _proxy_of_environment(url)
        return httpx.Proxy(found) if isinstance(found, str) else found

    try:
        used = proxy_for(httpx.URL(base_url))
        if used is not None:
            # What is wrong with a proxy is found here, and not by the first call.
            httpx.AsyncHTTPTransport(verify=tls(), proxy=used)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(f"the proxy cannot be used: {error}") from None
    if http == "aiohttp":
        aiohttp = _aiohttp(tls(), used)
        return Sender(aiohttp.handle_async_request, aiohttp.handle_async_request, aiohttp.aclose)
    stack = ConnectionStack(tls, proxy_for)
    return Sender(stack.handle_async_request, stack.stream, stack.aclose)


def _aiohttp(ssl_context: ssl.SSLContext, proxy: httpx.Proxy | None) -> httpx.AsyncBaseTransport:
    # An extra: imported only by those who ask for it.
    try:
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError("http='aiohttp' needs the extra: pip install 'upcloud-sdk[aiohttp]'") from error
    import asyncio  # noqa: PLC0415 - trio goes without it

    try:
        asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigError("http='aiohttp' works on asyncio only: leave it out") from error
    # No limit of its own (0): the client bounds its calls, and would count one that waits here as one in flight.
    limits = httpx.Limits(max_connections=0, keepalive_expiry=KEEP_IDLE)
    return AiohttpTransport(verify=ssl_context, proxy=proxy, limits=limits)


def _proxy_of_environment(url: httpx.URL) -> str | None:
    # httpx does this in its client, which both transports go without.
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
