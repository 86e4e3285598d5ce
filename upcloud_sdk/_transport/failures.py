"""Turns errors of the HTTP library into `NotSent` or `OutcomeUnknown`, with a reason in words."""

from __future__ import annotations

import re
import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from upcloud_sdk._transport.base_url import is_loopback
from upcloud_sdk._transport.words import secrets_of
from upcloud_sdk.errors import AnswerTimeout, ConnectTimeout, NotSent, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# With HTTP/2, httpx raises LocalProtocolError also for errors of the peer. So it proves nothing.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

_LIBRARIES = frozenset(
    {"upcloud_sdk", "httpx", "httpx_aiohttp", "httpcore", "h11", "h2", "aiohttp", "anyio", "asyncio", "trio", "ssl"}
)

_AIOHTTP_NEVER_LEFT = frozenset({"ClientConnectorError", "ClientHttpProxyError", "ConnectionTimeoutError"})


def failure_of(
    call: str, error: Exception, request: httpx.Request, proxy: str | None
) -> NotSent | OutcomeUnknown | None:
    """The SDK's error for an error of the HTTP library, which is its cause. None if it is a bug in the program.

    `proxy`: host and port of the proxy on the way, if there is one.
    """
    direct, from_aiohttp = _direct(error)
    never_left = isinstance(error, _NEVER_LEFT)
    if from_aiohttp:
        # httpx-aiohttp raises ConnectTimeout for every lost connection, even in the middle of an answer.
        never_left = never_left and any(kind.__name__ in _AIOHTTP_NEVER_LEFT for kind in type(direct).__mro__)
    if not never_left:
        return broken_answer(call, error, request)
    failure = _not_connected(call, error, request.url, proxy)
    failure.__cause__ = _shown(error, request)
    return failure


def broken_answer(call: str, error: Exception, request: httpx.Request) -> OutcomeUnknown | None:
    """The SDK's error for an error after the request was sent, which is its cause. None if it is a program's bug."""
    direct, from_aiohttp = _direct(error)
    if not (from_aiohttp or isinstance(error, httpx.HTTPError | httpx.StreamError | OSError)):
        return None
    kind = AnswerTimeout if _timed_out(error) else OutcomeUnknown
    failure = kind(call, f"no usable answer came ({type(direct if from_aiohttp else error).__name__})")
    failure.__cause__ = _shown(error, request)
    return failure


def _shown(error: Exception, request: httpx.Request) -> Exception | None:
    """The error as a cause. None if it quotes the credentials of the request.

    Its traceback is removed: functions of the libraries have headers and bodies in variables, which some tools show.
    """
    secrets = secrets_of(request)
    for each in filter(_is_of_a_library, _chain(error)):
        if any(secret in text for text in (str(each), repr(each)) for secret in secrets):
            return None
        each.__traceback__ = None
    return error


def _is_of_a_library(error: BaseException) -> bool:
    """Whether an error comes from below the SDK. The program may be handling an error of its own meanwhile."""
    trace = error.__traceback__
    return trace is None or str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES


def _chain(error: BaseException) -> list[BaseException]:
    """An error and all errors that its traceback shows."""
    chain: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is not None and not any(each is other for other in chain):
            chain.append(each)
            left += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return chain


def _direct(error: Exception) -> tuple[BaseException | None, bool]:
    """The cause of an httpx error, and whether it is from aiohttp."""
    direct = error.__cause__ if isinstance(error, httpx.HTTPError) else error
    return direct, type(direct).__module__.partition(".")[0] == "aiohttp"


def _timed_out(error: Exception) -> bool:
    direct, from_aiohttp = _direct(error)
    return isinstance(direct, TimeoutError) or (isinstance(error, httpx.TimeoutException) and not from_aiohttp)


def _not_connected(call: str, error: Exception, url: httpx.URL, proxy: str | None) -> NotSent:
    status = _status_of_proxy(error)
    if status is not None:
        way = f"the proxy {proxy}" if proxy else "the proxy"
        refused = status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        advice = "; write its user name and password as http://user:password@host:port" if refused else ""
        problem = f"could not connect to {url.host}: {way} answered {_words(status)}{advice}"
        return NotSent(call, problem, may_pass=not refused)
    causes = list(_causes(error))
    untrusted = [cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)]
    if untrusted:
        # The last one is from `ssl`, with a reason. aiohttp's error has none.
        reason = getattr(untrusted[-1], "verify_message", "") or str(untrusted[-1])
        advice = "for a private certificate authority, set SSL_CERT_FILE or give ssl_context="
        problem = f"could not connect to {url.host}: its certificate is not trusted: {reason}; {advice}"
        return NotSent(call, problem, may_pass=False)
    port = url.port or (443 if url.scheme == "https" else 80)
    place = f"the proxy {proxy}" if proxy else f"{url.host}, port {port}"
    if _timed_out(error):
        held = isinstance(error, httpx.PoolTimeout)
        reason = "all connections of the http_client are in use" if held else "no connection in time"
        return ConnectTimeout(call, f"could not connect to {place}: {reason}")
    reason = _reason(causes, simulated=not proxy and is_loopback(url.host)) or type(error).__name__
    return NotSent(call, f"could not connect to {place}: {reason}")


def _reason(causes: Sequence[BaseException], *, simulated: bool) -> str | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return f"the TLS handshake failed ({cause.reason or cause})"
        if isinstance(cause, socket.gaierror):
            return f"the name does not resolve ({cause.strerror})"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there; is the simulator running?" if simulated else "nothing listens there"
    return next((cause.strerror for cause in reversed(causes) if isinstance(cause, OSError) and cause.strerror), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, including the members of groups."""
    yield error
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for member in members:
        yield from _causes(member)
    # httpcore's pool removes the cause of its errors ("from None"), so use the context. The context of other errors may
    # be an unrelated error of the program.
    from_httpcore = type(error).__module__.partition(".")[0] == "httpcore"
    cause = error.__cause__ or (error.__context__ if from_httpcore else None)
    if cause is not None:
        yield from _causes(cause)


def _status_of_proxy(error: Exception) -> int | None:
    """The HTTP status of a proxy that refused to connect."""
    if not isinstance(error, httpx.ProxyError):
        return None
    # Both httpcore's and aiohttp's messages begin with it.
    found = re.match(r"\d{3}\b", str(error))
    return int(found.group()) if found else None


def _words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
