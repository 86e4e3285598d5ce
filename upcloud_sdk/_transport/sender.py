"""How requests are sent: by which transport, through which proxy, with which certificates."""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx

from upcloud_sdk._transport.pool import KEEP_IDLE, ConnectionStack
from upcloud_sdk._transport.proxies import place_of, proxy_for
from upcloud_sdk.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def _close_nothing() -> None:
    """What is not ours is not closed."""


def _unknown_proxy(_: httpx.URL) -> None:
    """A transport of the user's does not say through which proxy it sends."""


class Sender(NamedTuple):
    """What sends the requests of a client."""

    send: Send
    """Reads the whole answer."""
    stream: Send
    """Leaves the body to be read."""
    close: Callable[[], Awaitable[None]] = _close_nothing
    proxy: Callable[[httpx.URL], str | None] = _unknown_proxy
    """Host and port of the proxy on the way to a URL, for error messages; None where none is known."""


def sender_through(client: httpx.AsyncClient) -> Sender:
    """Sends through a client of the user's, and leaves it open."""

    async def send(request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        # No auth of the client's: ours is in the request. No redirect: it would carry the credentials elsewhere.
        return await client.send(request, auth=None, follow_redirects=False, stream=stream)

    return Sender(send, functools.partial(send, stream=True))


def own_sender(
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

    @functools.cache
    def proxy_to(origin: str) -> httpx.Proxy | None:
        return proxy_for(httpx.URL(origin), proxy)

    def proxy_of(url: httpx.URL) -> httpx.Proxy | None:
        return proxy_to(f"{url.scheme}://{url.netloc.decode('ascii')}")

    used = proxy_of(httpx.URL(base_url))
    if used is not None:
        try:
            # What is wrong with a proxy is found here, and not by the first call.
            httpx.AsyncHTTPTransport(verify=tls(), proxy=used)
        except ImportError:
            raise ConfigError("the proxy cannot be used: SOCKS needs pip install 'httpx[socks]'") from None

    def place(url: httpx.URL) -> str | None:
        return place_of(proxy_of(url))

    if http == "aiohttp":
        aiohttp = _aiohttp(tls(), proxy_of)
        return Sender(aiohttp.handle_async_request, aiohttp.handle_async_request, aiohttp.aclose, place)
    stack = ConnectionStack(tls, proxy_of)
    return Sender(stack.handle_async_request, stack.stream, stack.aclose, place)


def _aiohttp(
    ssl_context: ssl.SSLContext, proxy_of: Callable[[httpx.URL], httpx.Proxy | None]
) -> httpx.AsyncBaseTransport:
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

    def make(proxy: httpx.Proxy | None, scheme: str) -> httpx.AsyncBaseTransport:
        if proxy is not None and proxy.url.scheme not in {"http", "https"}:
            raise ConfigError("the proxy cannot be used: http='aiohttp' knows no SOCKS: leave it out")
        return AiohttpTransport(verify=ssl_context, proxy=_with_header(proxy, scheme), limits=limits)

    return _PerProxy(make, proxy_of)


def _with_header(proxy: httpx.Proxy | None, scheme: str) -> httpx.Proxy | None:
    """A proxy with its password in a header: aiohttp warns of the other way, which plain http alone needs."""
    if proxy is None or proxy.raw_auth is None or scheme != "https":
        return proxy
    pair = base64.b64encode(b":".join(proxy.raw_auth)).decode("ascii")
    headers = [*proxy.headers.items(), ("proxy-authorization", f"Basic {pair}")]
    return httpx.Proxy(proxy.url, ssl_context=proxy.ssl_context, headers=headers)


class _PerProxy(httpx.AsyncBaseTransport):
    """A transport for each proxy: the hosts of uploads may be reached by another one than the API."""

    def __init__(
        self,
        make: Callable[[httpx.Proxy | None, str], httpx.AsyncBaseTransport],
        proxy_of: Callable[[httpx.URL], httpx.Proxy | None],
    ) -> None:
        self._make, self._proxy_of = make, proxy_of
        self._transports: dict[tuple[str, str], httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = self._proxy_of(request.url)
        key = (request.url.scheme, str(place_of(proxy)))
        if key not in self._transports:
            self._transports[key] = self._make(proxy, request.url.scheme)
        return await self._transports[key].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
