"""Real connections, with each transport of the client."""

from __future__ import annotations

import re
import socket
import ssl
import traceback
from typing import TYPE_CHECKING, Literal

import anyio
import httpx
import pytest
import trustme

from tests.sdk.clock import AutojumpClock
from tests.sdk.raw_server import DROP, TRUNCATED, RawServer, raw_server
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import ConfigError, NotSent, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


Http = Literal["httpx", "aiohttp"]


@pytest.fixture(params=[("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")], ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, Http]:
    """Event loops and transports. aiohttp supports asyncio only."""
    way: tuple[str, Http] = request.param
    return way


@pytest.fixture
def anyio_backend(way: tuple[str, Http]) -> str:
    return way[0]


@pytest.fixture
def http(way: tuple[str, Http]) -> Http:
    return way[1]


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as server:
        yield server


def client(url: str, http: Http, *, clock: AutojumpClock | None = None) -> UpCloud:
    waits = WaitPolicy(clock=clock or AutojumpClock())
    return UpCloud(Token("ucat_x"), base_url=url, http=http, waits=waits, retry=RetryPolicy(jitter=0))


async def test_consecutive_calls_share_a_connection(server: RawServer, http: Http) -> None:
    async with client(server.url, http) as cloud:
        for _ in range(5):
            await cloud.request("GET", "/thing")
    assert server.requests == ["GET /1.3/thing"] * 5
    assert server.connections == 1


async def test_leaving_the_block_closes_the_connections(server: RawServer, http: Http) -> None:
    async with client(server.url, http) as cloud, anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(cloud.request, "GET", "/thing")
    await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("answer", [DROP, TRUNCATED, b"HTTP/1.1 200 OK\r\nContent-Le", b"nonsense\r\n\r\n"])
async def test_a_post_whose_answer_is_lost_is_sent_once(server: RawServer, http: Http, answer: bytes) -> None:
    server.script = [answer]
    async with client(server.url, http) as cloud:
        with pytest.raises(OutcomeUnknown, match="POST /thing: no usable answer came"):
            await cloud.request("POST", "/thing", json={"a": 1})
    assert server.requests == ["POST /1.3/thing"]


async def test_a_post_on_a_reused_connection_is_sent_once_too(server: RawServer, http: Http) -> None:
    """The most frequent loss: an idle connection that the server closes."""
    async with client(server.url, http) as cloud:
        await cloud.request("GET", "/thing")
        server.script = [DROP]
        with pytest.raises(OutcomeUnknown):
            await cloud.request("POST", "/thing", json={"a": 1})
    assert server.requests == ["GET /1.3/thing", "POST /1.3/thing"]


@pytest.mark.parametrize("answer", [DROP, TRUNCATED])
async def test_a_get_whose_answer_is_lost_is_sent_again(server: RawServer, http: Http, answer: bytes) -> None:
    server.script = [answer, answer]
    async with client(server.url, http) as cloud:
        assert (await cloud.request("GET", "/thing")).status == 200
    assert len(server.requests) >= 3


async def test_a_refused_connection_raises_not_sent(http: Http) -> None:
    clock = AutojumpClock()
    # A bound port without a listener refuses connections, and no other process can get it.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        async with client(f"http://127.0.0.1:{silent.getsockname()[1]}", http, clock=clock) as cloud:
            says = r"could not connect to 127\.0\.0\.1, port \d+: nothing listens there; is the simulator running\?"
            with pytest.raises(NotSent, match=says) as caught:
                await cloud.request("POST", "/thing")
    assert isinstance(caught.value.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
    assert clock.slept == [0.5, 1.0, 2.0, 4.0]


async def test_the_error_says_that_a_name_does_not_resolve(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_name_resolves(monkeypatch)
    async with client("https://api.example.invalid", http) as cloud:
        with pytest.raises(NotSent, match=r"api\.example\.invalid, port 443: the name does not resolve \(.+\)"):
            await cloud.request("POST", "/thing")


async def test_an_error_that_the_program_is_handling_is_not_taken_for_the_reason(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_name_resolves(monkeypatch)
    async with client("https://api.example.invalid", http) as cloud:
        try:
            raise ssl.SSLCertVerificationError("certificate of something else")
        except ssl.SSLError:
            with pytest.raises(NotSent, match="the name does not resolve"):
                await cloud.request("POST", "/thing")


def _no_name_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


async def test_the_connection_of_a_cancelled_call_is_not_used_again(server: RawServer, http: Http) -> None:
    server.script = [None]
    async with client(server.url, http) as cloud:
        async with anyio.create_task_group() as group:
            group.start_soon(cloud.request, "GET", "/thing")
            await server.until(lambda: bool(server.requests))
            group.cancel_scope.cancel()
        assert (await cloud.request("GET", "/other")).status == 200
    assert server.requests == ["GET /1.3/thing", "GET /1.3/other"]


async def test_a_redirect_is_not_followed(server: RawServer, http: Http) -> None:
    """It would send the credentials to another host."""
    location = f"{server.url}/elsewhere".encode()
    server.script = [b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 2\r\n\r\n{}"]
    async with client(server.url, http) as cloud:
        with pytest.raises(Exception, match="HTTP 302"):
            await cloud.request("GET", "/thing")
    assert server.requests == ["GET /1.3/thing"]


@pytest.mark.parametrize("way", [("trio", "aiohttp")])
async def test_aiohttp_on_trio_is_refused() -> None:
    cloud = UpCloud(Token("ucat_x"), http="aiohttp")
    with pytest.raises(ConfigError, match="works only on asyncio"):
        await cloud.__aenter__()


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
async def test_the_proxy_of_the_environment_is_used(
    server: RawServer, http: Http, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, server.url)
    server.script = [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}"] * 2
    async with UpCloud(Token("ucat_x"), http=http, retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(NotSent, match=r"api\.upcloud\.com: the proxy 127\.0\.0\.1:\d+ answered 502 Bad Gateway"):
            await cloud.request("POST", "/thing")
    assert server.requests == ["CONNECT api.upcloud.com:443"]


async def test_a_proxy_of_the_environment_needs_no_scheme(
    server: RawServer, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url.removeprefix("http://"))
    server.script = [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}"]
    async with UpCloud(Token("ucat_x"), http=http, retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(NotSent, match="the proxy"):
            await cloud.request("POST", "/thing")
    assert server.requests == ["CONNECT api.upcloud.com:443"]


async def test_a_proxy_that_refuses_the_password_is_tried_once_and_no_error_shows_the_password(
    server: RawServer, http: Http
) -> None:
    server.script = [b"HTTP/1.1 407 MUST_NOT_BE_SHOWN\r\nContent-Length: 2\r\n\r\n{}"]
    proxy = server.url.replace("http://", "http://me:MUST_NOT_BE_SHOWN@")
    async with UpCloud(Token("ucat_x"), http=http, proxy=proxy) as cloud:
        with pytest.raises(NotSent, match=r"answered 407 Proxy Authentication Required; .*user:password@") as caught:
            await cloud.request("GET", "/thing")
    assert len(server.requests) == 1
    assert "MUST_NOT" not in str(caught.value)
    assert "me:MUST_NOT" not in "".join(traceback.format_exception(caught.value))


async def test_the_error_for_an_unreachable_proxy_names_it_without_its_password(http: Http) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        proxy = f"http://me:MUST_NOT_BE_SHOWN@127.0.0.1:{silent.getsockname()[1]}"
        async with UpCloud(Token("ucat_x"), http=http, proxy=proxy, retry=RetryPolicy(attempts=1)) as cloud:
            with pytest.raises(NotSent, match=r"to the proxy 127\.0\.0\.1:\d+: nothing listens there$") as caught:
                await cloud.request("POST", "/thing")
    assert "MUST_NOT" not in "".join(traceback.format_exception(caught.value))


async def test_a_proxy_can_be_given(server: RawServer, http: Http) -> None:
    server.script = [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}"]
    async with UpCloud(Token("ucat_x"), http=http, proxy=server.url, retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(NotSent):
            await cloud.request("POST", "/thing")
    assert server.requests == ["CONNECT api.upcloud.com:443"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_plain_http_to_this_machine_does_not_use_a_proxy_of_the_environment(
    server: RawServer, http: Http, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    async with client(server.url, http) as cloud:
        assert (await cloud.request("GET", "/thing")).status == 200


async def test_a_given_http_client_is_used_and_not_closed(server: RawServer) -> None:
    async with httpx.AsyncClient(headers={"x-own": "1"}, auth=("me", "own"), follow_redirects=True) as own:
        async with UpCloud(
            Token("ucat_x"), base_url=server.url, http_client=own, waits=WaitPolicy(clock=AutojumpClock())
        ) as cloud:
            await cloud.request("GET", "/thing")
        assert not own.is_closed
        assert (await own.get(f"{server.url}/mine")).status_code == 200
    assert server.requests == ["GET /1.3/thing", "GET /mine"]


# --- invalid proxies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "no url"])
async def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(http: Http, proxy: str) -> None:
    with pytest.raises(ConfigError, match="the proxy cannot be used"):
        await UpCloud(Token("x"), http=http, proxy=proxy).__aenter__()


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that signed the certificate of `tls_server`."""
    return trustme.CA()


@pytest.fixture
async def tls_server(authority: trustme.CA) -> AsyncIterator[RawServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with raw_server(context) as server:
        yield server


async def test_an_untrusted_certificate_is_tried_once_and_the_error_has_the_reason(
    tls_server: RawServer, http: Http
) -> None:
    clock = AutojumpClock()
    async with client(tls_server.url, http, clock=clock) as cloud:
        says = r"its certificate is not trusted: unable to get .*issuer certificate; .*SSL_CERT_FILE"
        with pytest.raises(NotSent, match=says):
            await cloud.request("GET", "/thing")
    assert tls_server.requests == []
    assert clock.slept == []


async def test_the_certificate_authorities_of_ssl_cert_file_are_trusted(
    tls_server: RawServer, http: Http, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with client(tls_server.url, http) as cloud:
        assert (await cloud.request("POST", "/thing")).status == 200


UNUSABLE = [
    ("SSL_CERT_FILE", "missing.pem"),
    ("SSL_CERT_FILE", "empty.pem"),
    ("SSL_CERT_FILE", "."),
    ("SSL_CERT_DIR", "missing"),
    ("SSL_CERT_DIR", "empty.pem"),
    ("SSLKEYLOGFILE", "missing/keys"),
]


@pytest.mark.parametrize(("variable", "value"), UNUSABLE)
async def test_certificates_of_the_environment_that_cannot_be_used_are_refused_when_the_block_is_entered(
    http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / value))
    cloud = UpCloud(Token("ucat_x"), http=http)
    with pytest.raises(ConfigError, match=re.escape(f"{variable}={tmp_path / value}")):
        await cloud.__aenter__()


async def test_plain_http_needs_no_certificates(server: RawServer, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    async with client(server.url, http) as cloud:
        assert (await cloud.request("POST", "/thing")).status == 200


async def test_the_certificate_authorities_of_a_given_context_are_trusted(
    tls_server: RawServer, http: Http, authority: trustme.CA
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    waits = WaitPolicy(clock=AutojumpClock())
    async with UpCloud(Token("x"), base_url=tls_server.url, http=http, ssl_context=context, waits=waits) as cloud:
        for _ in range(3):
            assert (await cloud.request("POST", "/thing")).status == 200
    assert tls_server.connections == 1
