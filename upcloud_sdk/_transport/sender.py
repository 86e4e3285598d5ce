"""Sends requests: chooses transport, proxy and certificates."""

from __future__ import annotations

import base64
import copy
import functools
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx

from upcloud_sdk._transport.pool import KEEP_IDLE, ConnectionStack
from upcloud_sdk._transport.proxies import place_of, proxy_for
from upcloud_sdk._transport.tls import tls_of_environment
from upcloud_sdk.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def _close_nothing() -> None:
    """Do not close the user's client or transport."""


def _unknown_proxy(_: httpx.URL) -> None:
    """The proxy of a user's transport is not known."""


class Sender(NamedTuple):
    """Sends the requests of a client."""

    send: Send
    """Sends a request and reads the whole answer."""
    stream: Send
    """Sends a request and leaves the body unread."""
    close: Callable[[], Awaitable[None]] = _close_nothing
    proxy: Callable[[httpx.URL], str | None] = _unknown_proxy
    """Host and port of the proxy for a URL, for error messages. None if unknown."""


def sender_through(client: httpx.AsyncClient) -> Sender:
    """Send with the user's client, and do not close it."""

    async def send(request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        sending = _reading_errors_first(client) if client.event_hooks["response"] else client
        try:
            # Not the client's auth: the request has ours. No redirects: they would send the credentials elsewhere.
            return await sending.send(request, auth=None, follow_redirects=False, stream=stream)
        except httpx.HTTPStatusError as error:
            # A hook with `raise_for_status`.
            return error.response

    return Sender(send, functools.partial(send, stream=True))


def _reading_errors_first(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client, whose hooks get error answers with their body. httpx closes an answer when a hook raises."""
    own, hooks = copy.copy(client), client.event_hooks
    own.event_hooks = {**hooks, "response": [_read_error, *hooks["response"]]}
    return own


async def _read_error(response: httpx.Response) -> None:
    if not response.is_success:
        await response.aread()


def sdk_sender(
    http: Literal["httpx", "aiohttp"],
    base_url: str,
    proxy: str | httpx.Proxy | None,
    ssl_context: ssl.SSLContext | None,
) -> Sender:
    """Send with the SDK's transport.

    Raises:
        ConfigError: The transport is not available, or the proxy or the certificates of the environment cannot be used.
    """

    @functools.cache
    def tls() -> ssl.SSLContext:
        # One for all connections, since making it takes as long as several hundred requests.
        return ssl_context or tls_of_environment()

    @functools.cache
    def proxy_to(origin: str) -> httpx.Proxy | None:
        return proxy_for(httpx.URL(origin), proxy)

    def proxy_of(url: httpx.URL) -> httpx.Proxy | None:
        return proxy_to(f"{url.scheme}://{url.netloc.decode('ascii')}")

    # What is invalid in the environment fails here, not in the first call.
    api = httpx.URL(base_url)
    if api.scheme == "https":
        tls()
    used = proxy_of(api)
    if used is not None:
        try:
            httpx.AsyncHTTPTransport(verify=False, proxy=used)
        except ImportError:
            raise ConfigError("the proxy cannot be used: SOCKS needs pip install 'httpx[socks]'") from None

    def place(url: httpx.URL) -> str | None:
        return place_of(proxy_of(url))

    if http == "aiohttp":
        aiohttp = _aiohttp(tls, proxy_of)
        return Sender(aiohttp.handle_async_request, aiohttp.handle_async_request, aiohttp.aclose, place)
    stack = ConnectionStack(tls, proxy_of)
    return Sender(stack.handle_async_request, stack.stream, stack.aclose, place)


def _aiohttp(
    ssl_context: Callable[[], ssl.SSLContext], proxy_of: Callable[[httpx.URL], httpx.Proxy | None]
) -> httpx.AsyncBaseTransport:
    # An extra, so it is imported only if it is used.
    try:
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError("http='aiohttp' needs the extra: pip install 'upcloud-sdk[aiohttp]'") from error
    import asyncio  # noqa: PLC0415 - not needed on trio

    try:
        asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigError("http='aiohttp' works only on asyncio: leave it out") from error
    # No limit here (0), since the client limits its calls, and a call that waits here would count as running.
    limits = httpx.Limits(max_connections=0, keepalive_expiry=KEEP_IDLE)

    def make(proxy: httpx.Proxy | None, scheme: str) -> httpx.AsyncBaseTransport:
        if proxy is not None and proxy.url.scheme not in {"http", "https"}:
            raise ConfigError("the proxy cannot be used: http='aiohttp' does not support SOCKS: leave http out")
        verify = ssl_context() if scheme == "https" else False
        return AiohttpTransport(verify=verify, proxy=_with_header(proxy, scheme), limits=limits)

    return _PerProxy(make, proxy_of)


def _with_header(proxy: httpx.Proxy | None, scheme: str) -> httpx.Proxy | None:
    """A proxy with its password in a header. aiohttp warns about the other way, which only plain http needs."""
    if proxy is None or proxy.raw_auth is None or scheme != "https":
        return proxy
    pair = base64.b64encode(b":".join(proxy.raw_auth)).decode("ascii")
    headers = [*proxy.headers.items(), ("proxy-authorization", f"Basic {pair}")]
    return httpx.Proxy(proxy.url, ssl_context=proxy.ssl_context, headers=headers)


class _PerProxy(httpx.AsyncBaseTransport):
    """One transport per proxy: upload hosts may need another proxy than the API."""

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
