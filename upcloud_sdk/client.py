"""The client: opens the transport, hangs the namespaces on it, owns the background tasks."""

from __future__ import annotations

import json as jsonlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import anyio
import anyio.lowlevel

from upcloud_sdk._background import Background
from upcloud_sdk._emitter import Emitter
from upcloud_sdk._misuse import (
    CLIENT_ARGUMENTS_MEANT,
    CLIENT_ATTRIBUTES_MEANT,
    NamesWhatWasMeant,
    names_the_argument_meant,
)
from upcloud_sdk._namespaces import Namespaces
from upcloud_sdk._retry import RetryPolicy
from upcloud_sdk._transport import Transport
from upcloud_sdk._transport.base_url import base_url as checked_base_url
from upcloud_sdk._transport.sender import Sender, own_sender, sender_through
from upcloud_sdk._version import __version__
from upcloud_sdk.credentials import Credentials, find_credentials
from upcloud_sdk.errors import CleanupFailed, ConfigError, UnexpectedAnswer
from upcloud_sdk.fleet.idempotent_create import Creator
from upcloud_sdk.fleet.identity import check_owner
from upcloud_sdk.resources._base import Core
from upcloud_sdk.waiting import WaitPolicy

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    import httpx

    from upcloud_sdk.events import Listener

log = logging.getLogger("upcloud_sdk")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer of `UpCloud.request`."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    document: Any = field(repr=False)
    """The JSON document; None where there is no body. May hold secrets, so no repr shows it."""


class UpCloud(Namespaces, NamesWhatWasMeant):
    """A client of UpCloud's API 1.3, for use in `async with`.

    It is shared between tasks, and may be entered in one task and left in another of the same event loop.

    `credentials`: a `Token`, a `Basic`, or an async callable that returns one and is asked before each call; None: the
    environment's (UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD), else the system keyring's.
    `base_url`: where the API is, with or without `/1.3`; None: UPCLOUD_DEBUG_API_BASE_URL, else UpCloud's own.
    `owner`: a short name for whoever is answerable for what this client makes; `user@host` if None.
    `timeout`: seconds that one attempt of a call may take, from its turn to be sent until its whole answer is there.
    Waiting for a turn and repetitions (`retry`) come on top. Calls that the API answers late have larger limits.
    `retry`, `waits`: when calls are repeated, and the pace of waiting.
    `max_concurrency`: calls in flight at once; more wait their turn. A fifth is kept free of calls that take long.
    `http`: "httpx", or "aiohttp" for the faster transport (extra `aiohttp`, asyncio only).
    `transport`, `http_client`: an httpx transport, or a client of your own; neither is closed.
    `proxy`, `ssl_context`: as in httpx; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE are honoured.
    `allow_http`: allows plain http to another machine, where credentials can be read on the way.
    `on_event`: is told of each request, repetition, wait, server and lease (`upcloud_sdk.events`).
    `strict`: makes what cannot be read in an answer an error; else it is named in the log and read as if it were not
    there, unless nothing can be done without it (uuid, id, name, address, state). For tests.
    `close_timeout`: seconds that leaving the block waits for creates and destroys under way.

    Raises:
        ConfigError: no or contradictory credentials, a base URL that would send them in the clear, an owner that
            fits no label.
    """

    often_tried = CLIENT_ATTRIBUTES_MEANT

    @names_the_argument_meant(CLIENT_ARGUMENTS_MEANT)
    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        base_url: str | None = None,
        owner: str | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        waits: WaitPolicy = WaitPolicy(),  # noqa: B008 - frozen
        max_concurrency: int = 20,
        http: Literal["httpx", "aiohttp"] = "httpx",
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
        proxy: str | httpx.Proxy | None = None,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
        user_agent: str | None = None,
        close_timeout: float = 90.0,
        strict: bool = False,
        on_event: Listener | None = None,
    ) -> None:
        _check_ways(transport=transport, http_client=http_client, proxy=proxy, ssl_context=ssl_context)
        if http not in {"httpx", "aiohttp"}:
            raise ConfigError(f"http={http!r}: it is 'httpx' or 'aiohttp'")
        if user_agent is not None and not (user_agent.isascii() and user_agent.isprintable()):
            raise ConfigError("user_agent is printable ASCII text")
        if max_concurrency < 1 or timeout <= 0 or close_timeout < 0:
            raise ConfigError("max_concurrency is at least 1, timeout above 0 s, close_timeout at least 0 s")
        self._http: Literal["httpx", "aiohttp"] = http
        self._given, self._http_client = transport, http_client
        self._proxy, self._ssl_context = proxy, ssl_context
        self.close_timeout = close_timeout
        """Seconds that leaving the block waits for creates and destroys under way; may be changed until then."""
        self._sender: Sender | None = None
        self._loop: object = None
        self._background = Background(waits.clock)
        emit = Emitter(on_event, waits.clock.now)
        self._transport = Transport(
            base_url=checked_base_url(base_url, allow_http=allow_http),
            credentials=find_credentials(credentials),
            retry=retry,
            timeout=timeout,
            max_concurrency=max_concurrency,
            user_agent=user_agent or f"upcloud-sdk/{__version__}",
            clock=waits.clock,
            emit=emit,
            strict=strict,
        )
        owner = check_owner(owner)
        creator = Creator(self._transport, self._background, waits, owner)
        self._core = Core(
            transport=self._transport, background=self._background, waits=waits, owner=owner, emit=emit, creator=creator
        )

    def __repr__(self) -> str:
        state = "open" if self._transport.open_state.is_open else "not open"
        return f"<UpCloud {self._transport.base_url} owner={self._core.owner!r} {state}>"

    @property
    def owner(self) -> str:
        """Whoever is answerable for what this client makes."""
        return self._core.owner

    # --- life ---------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._transport.open_state.is_open:
            raise RuntimeError("the client is open already: enter it once, and share it between tasks")
        self._sender = self._make_sender()
        self._loop = anyio.lowlevel.current_token()
        await self._background.open()
        self._transport.open(self._sender)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop != anyio.lowlevel.current_token():
            raise RuntimeError("the client was entered in another event loop: enter and leave it in one")
        interruption: BaseException | None = None
        failures: list[CleanupFailed] = []
        try:
            failures, interruption = await self._background.close(self.close_timeout)
        finally:
            self._transport.open_state.close()
            self._forget_fleet()
            if self._sender is not None:
                with anyio.CancelScope(shield=True):
                    await self._sender.close()
        for failure in failures:
            log.error("%s", failure)
        leaving = error
        if interruption is not None and (error is None or isinstance(error, Exception)):
            # Neither may be lost: the error of the body is the cause of what interrupted the closing.
            leaving = interruption
        if leaving is None and failures:
            leaving = failures.pop(0)
        if leaving is None:
            return
        for failure in failures:
            leaving.add_note(str(failure))
        if leaving is not error:
            raise leaving from error

    if not TYPE_CHECKING:  # Type checkers refuse `with` as long as there is no such method.

        def __enter__(self) -> None:
            raise TypeError("a client is asynchronous: write `async with UpCloud() as cloud:`")

        def __exit__(self, *_: object) -> None:
            """Only there so that `with` comes to call `__enter__`."""

    def _make_sender(self) -> Sender:
        if self._given is not None:
            return Sender(self._given.handle_async_request, self._given.handle_async_request)
        if self._http_client is not None:
            return sender_through(self._http_client)
        return own_sender(self._http, self._transport.base_url, self._proxy, self._ssl_context)

    # --- the way out --------------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    ) -> RawAnswer:
        """A call that this SDK does not model, with the same credentials, retries and errors.

        `path` is relative to `/1.3`, such as `/load-balancer`.

        Raises:
            ForeignAnswer: what answered is not the API.
            UnexpectedAnswer: a successful answer has a body that is not whole JSON.
        """
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError("path starts with `/`, relative to /1.3, and has no query: use params")
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params or ())
        answer = await self._transport.send(method.upper(), path, params=pairs, json=json)
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in answer.raw_headers}
        try:
            document = jsonlib.loads(answer.content) if answer.content else None
        except (ValueError, RecursionError):
            # `from None`: that error shows the document.
            raise UnexpectedAnswer(f"{method} {path}", "JSON", "", "it is no JSON document") from None
        return RawAnswer(answer.status, headers, document)


def _check_ways(*, transport: object, http_client: object, proxy: object, ssl_context: object) -> None:
    if sum(given is not None for given in (transport, http_client, proxy)) > 1:
        raise ConfigError("give one of transport, http_client and proxy: each says how requests are sent")
    if sum(given is not None for given in (transport, http_client, ssl_context)) > 1:
        raise ConfigError("ssl_context has no effect beside transport or http_client: give it to them")
