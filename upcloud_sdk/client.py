"""The client: opens the transport, has the namespaces, and owns the background tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import anyio
import anyio.lowlevel

from upcloud_sdk._background import Background
from upcloud_sdk._emitter import Emitter
from upcloud_sdk._identity import check_owner
from upcloud_sdk._namespaces import Namespaces
from upcloud_sdk._retry import RetryPolicy
from upcloud_sdk._transport import Transport
from upcloud_sdk._transport.base_url import base_url as checked_base_url
from upcloud_sdk._transport.sender import Sender, sdk_sender, sender_through
from upcloud_sdk._version import __version__
from upcloud_sdk._wire import Document
from upcloud_sdk._wire.json_text import parse_json
from upcloud_sdk.credentials import Credentials, find_credentials
from upcloud_sdk.errors import CleanupFailed, ConfigError, UnexpectedAnswer
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
    """Headers by lower-case name."""
    document: Any = field(repr=False)
    """The JSON document. None without a body. It may contain secrets, so `repr` does not show it."""


class UpCloud(Namespaces):
    """A client of UpCloud's API 1.3, for use in `async with`.

    Tasks can share it. It can be entered in one task and left in another task of the same event loop.

    Args:
        credentials: A `Token`, a `Basic`, or an async callable that returns one and is called before each request.
            None: from the environment (UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD), or else from the
            system's keyring.
        base_url: The API's URL, with or without `/1.3`. None: UPCLOUD_DEBUG_API_BASE_URL, or else UpCloud's API.
        owner: The owner label of everything this client creates. None: UPCLOUD_SDK_OWNER, or else `user@host`.
        timeout: Limit for one attempt of a call, in seconds. Does not include the wait for a free connection and
            retries. Calls that the API answers slowly have longer limits.
        retry: When and how often calls are repeated.
        waits: How often to check while waiting for a state.
        max_concurrency: Maximum number of concurrent calls. Further calls wait. A fifth is reserved for short calls.
        http: "httpx", or "aiohttp" for the faster transport (extra `aiohttp`, asyncio only).
        transport: An httpx transport to send requests with. The client does not close it.
        http_client: An httpx client to send requests with. The client does not close it. Its hooks may call
            `raise_for_status`.
        proxy: URL of a proxy, as in httpx. None: HTTPS_PROXY and NO_PROXY are used.
        ssl_context: Certificates to trust, as in httpx. None: SSL_CERT_FILE or SSL_CERT_DIR is used.
        allow_http: Allow unencrypted http to other machines. Others on the network can then read the credentials.
        user_agent: The User-Agent header. None: name and version of this SDK.
        close_timeout: How long leaving the block waits for unfinished creates and destroys, in seconds.
        strict: Raise `UnexpectedAnswer` for any field that cannot be read. By default such a field is logged and is
            None, unless the SDK needs it (uuid, id, name, address, state). For tests.
        on_event: Called for each request, retry, wait, server and lease. See `upcloud_sdk.events`.

    Raises:
        ConfigError: No credentials or contradictory ones, a base URL that would send them unencrypted, an owner that
            is no valid label.
    """

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
        _check_policies(retry, waits)
        if http not in {"httpx", "aiohttp"}:
            raise ConfigError(f"http={http!r}: write 'httpx' or 'aiohttp'")
        if user_agent is not None and not (user_agent.isascii() and user_agent.isprintable()):
            raise ConfigError("user_agent must be printable ASCII text")
        if max_concurrency < 1 or timeout <= 0 or close_timeout < 0:
            raise ConfigError("max_concurrency must be at least 1, timeout above 0 s, close_timeout at least 0 s")
        self._http: Literal["httpx", "aiohttp"] = http
        self._given, self._http_client = transport, http_client
        self._proxy, self._ssl_context = proxy, ssl_context
        self.close_timeout = close_timeout
        """How long leaving the block waits for unfinished creates and destroys, in seconds. Can be changed before."""
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
            open_state=self._background.open_state,
            clock=waits.clock,
            emit=emit,
            strict=strict,
        )
        self._core = Core(
            transport=self._transport, background=self._background, waits=waits, owner=check_owner(owner), emit=emit
        )

    def __repr__(self) -> str:
        state = "open" if self._background.open_state.is_open else "not open"
        return f"<UpCloud {self.base_url} owner={self._core.owner!r} {state}>"

    @property
    def owner(self) -> str:
        """The owner label of everything this client creates."""
        return self._core.owner

    @property
    def base_url(self) -> str:
        """The URL of the API that this client calls, with `/1.3`."""
        return self._transport.base_url

    # --- open and close -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await anyio.lowlevel.checkpoint()
        if self._background.open_state.is_open:
            raise RuntimeError("the client is already open: enter it once, and share it between tasks")
        self._sender = self._make_sender()
        self._loop = anyio.lowlevel.current_token()
        self._transport.open(self._sender)
        self._background.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop != anyio.lowlevel.current_token():
            raise RuntimeError("the client was entered in another event loop: enter and leave it in the same one")
        interruption: BaseException | None = None
        failures: list[CleanupFailed] = []
        try:
            failures, interruption = await self._background.close(self.close_timeout)
        finally:
            self._background.open_state.close()
            self._forget_fleet()
            if self._sender is not None:
                with anyio.CancelScope(shield=True):
                    await self._sender.close()
        for failure in failures:
            log.error("%s", failure)
        leaving = error
        if interruption is not None and (error is None or isinstance(error, Exception)):
            # Keep both errors: the body's error becomes the cause of the error that interrupted the close.
            leaving = interruption
        if leaving is None and failures:
            leaving = failures.pop(0)
        if leaving is None:
            return
        for failure in failures:
            leaving.add_note(str(failure))
        if leaving is not error:
            raise leaving from error

    def _make_sender(self) -> Sender:
        if self._given is not None:
            return Sender(self._given.handle_async_request, self._given.handle_async_request)
        if self._http_client is not None:
            return sender_through(self._http_client)
        return sdk_sender(self._http, self._transport.base_url, self._proxy, self._ssl_context)

    # --- other endpoints --------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    ) -> RawAnswer:
        """Call an endpoint without a method in this SDK, with the same credentials, retries and errors.

        Args:
            method: The HTTP method, such as `GET`.
            path: The path without `/1.3`, such as `/load-balancer`.
            json: The body, sent as JSON.
            params: The query parameters.

        Raises:
            ForeignAnswer: The answer is not from the API.
            UnexpectedAnswer: A successful answer has a body that is not complete JSON.
        """
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError("path must start with `/`, is relative to /1.3, and has no query: use params")
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params or ())
        json = None if json is None else Document(json)
        answer = await self._transport.send(method.upper(), path, params=pairs, json=json)
        try:
            document = parse_json(answer.content) if answer.content else None
        except ValueError:
            # `from None`, since the original error shows the document.
            raise UnexpectedAnswer(f"{method} {path}", "JSON", "", "it is not a JSON document") from None
        # After what can raise, since tracebacks show variables, and a gateway may quote the token in a header.
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in answer.raw_headers}
        return RawAnswer(answer.status, headers, document)


def _check_policies(retry: object, waits: object) -> None:
    if not isinstance(retry, RetryPolicy):
        raise ConfigError("retry is a RetryPolicy: leave it out for the default, or give RetryPolicy(attempts=1)")
    if not isinstance(waits, WaitPolicy):
        raise ConfigError("waits is a WaitPolicy: leave it out for the default")


def _check_ways(*, transport: object, http_client: object, proxy: object, ssl_context: object) -> None:
    if sum(given is not None for given in (transport, http_client, proxy)) > 1:
        raise ConfigError("give only one of transport, http_client and proxy: each defines how requests are sent")
    if sum(given is not None for given in (transport, http_client, ssl_context)) > 1:
        raise ConfigError("ssl_context has no effect with transport or http_client: give it to them")
