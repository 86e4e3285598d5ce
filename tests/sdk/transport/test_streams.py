"""Answers as streams."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import anyio
import httpx
import pytest

from upcloud_sdk import RetryPolicy, Token, UpCloud
from upcloud_sdk.errors import Forbidden, ForeignAnswer, NotOpen, NotSent, OutcomeUnknown
from upcloud_sdk.models import StorageSpec
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    import respx

ONCE = RetryPolicy(attempts=1)
PIECES = [b"time,action\n", b"2026-11-24,create\n", b"2026-11-24,delete\n"]


class _Body(httpx.AsyncByteStream):
    """A body that records whether it was closed. It may break or stop sending."""

    def __init__(self, then: Callable[[], object] | None = None, *, stuck: bool = False) -> None:
        self._then, self._stuck = then, stuck
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece
        if self._then is not None:
            self._then()
        if self._stuck:
            await anyio.sleep_forever()

    async def aclose(self) -> None:
        self.closed += 1


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, body: _Body, status: int = 200) -> None:
        self.body, self.status = body, status
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, stream=self.body, request=request)


@asynccontextmanager
async def _client(body: _Body, *, timeout: float = 30) -> AsyncGenerator[UpCloud]:
    async with UpCloud(Token("ucat_x"), transport=_Transport(body), timeout=timeout) as cloud:
        yield cloud


async def test_a_stream_is_read_piece_by_piece_and_closed_at_its_end() -> None:
    body = _Body()
    async with _client(body) as cloud:
        assert [piece async for piece in cloud.audit_logs.export("csv")] == PIECES
    assert body.closed == 1


async def test_a_stream_is_closed_with_its_block() -> None:
    body = _Body()
    async with _client(body) as cloud, cloud.audit_logs.export("csv") as stream:
        assert await anext(stream) == PIECES[0]
    assert body.closed >= 1
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_stream_can_be_read_at_once() -> None:
    async with _client(_Body()) as cloud:
        assert await cloud.audit_logs.export("json").read() == b"".join(PIECES)


async def test_a_stream_can_be_read_only_once() -> None:
    async with _client(_Body()) as cloud:
        stream = cloud.audit_logs.export()
        await stream.read()
        assert await stream.read() == b""


async def test_a_refusal_raises_an_api_error(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/audit-logs/export").respond(
        403, json={"error": {"error_code": "ACTION_FORBIDDEN", "error_message": "The requested action is forbidden."}}
    )

    with pytest.raises(Forbidden, match="ACTION_FORBIDDEN"):
        await cloud.audit_logs.export().read()


async def test_a_page_of_a_proxy_raises_foreign_answer(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/audit-logs/export").respond(200, html="<html>blocked</html>")

    with pytest.raises(ForeignAnswer, match="HTTP 200, text/html"):
        await cloud.audit_logs.export("csv").read()


async def test_a_broken_connection_raises_an_error_of_the_sdk() -> None:
    def breaks() -> None:
        raise httpx.ReadError("broken")

    body = _Body(breaks)
    async with _client(body) as cloud:
        with pytest.raises(OutcomeUnknown, match="GET /audit-logs/export"):
            await cloud.audit_logs.export().read()
    assert body.closed >= 1


async def test_a_bug_in_the_program_is_raised_unchanged() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    async with _client(_Body(fails)) as cloud:
        with pytest.raises(ZeroDivisionError):
            await cloud.audit_logs.export().read()


async def test_a_stream_without_data_ends_in_a_timeout() -> None:
    body = _Body(stuck=True)
    async with _client(body, timeout=1) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"the next piece did not come within 1 s"):
            await cloud.audit_logs.export().read()
    assert body.closed >= 1


async def test_a_stream_without_an_answer_ends_in_a_timeout() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError("it never comes here")

    transport = httpx.MockTransport(never)
    async with UpCloud(Token("ucat_x"), transport=transport, timeout=0.05, retry=ONCE) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.05 s"):
            await cloud.audit_logs.export().read()


async def test_a_refusal_without_an_end_ends_in_a_timeout() -> None:
    body = _Body(stuck=True)
    async with UpCloud(Token("ucat_x"), transport=_Transport(body, status=403), timeout=1, retry=ONCE) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"no complete answer within 1 s"):
            await cloud.audit_logs.export().read()
    assert body.closed >= 1


@pytest.mark.parametrize(("error", "kind"), [(httpx.ReadError, OutcomeUnknown), (ZeroDivisionError, ZeroDivisionError)])
async def test_a_refusal_whose_connection_breaks_raises_the_error_of_the_connection(
    error: type[Exception], kind: type[Exception]
) -> None:
    def breaks() -> None:
        raise error("broken")

    async with UpCloud(Token("ucat_x"), transport=_Transport(_Body(breaks), status=403), retry=ONCE) as cloud:
        with pytest.raises(kind):
            await cloud.audit_logs.export().read()


async def test_a_stream_without_a_connection_raises_not_sent() -> None:
    async with UpCloud(Token("ucat_x"), base_url="http://127.0.0.1:1", retry=ONCE) as cloud:
        with pytest.raises(NotSent):
            await cloud.audit_logs.export().read()


async def test_a_client_that_is_not_open_refuses_a_stream() -> None:
    with pytest.raises(NotOpen):
        await UpCloud(Token("ucat_x")).audit_logs.export().read()


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with Simulator(storage_seconds=0).serve() as url:
        yield url


@pytest.mark.parametrize(("anyio_backend", "http"), [("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")])
async def test_a_stream_is_read_over_a_real_connection(served: str, http: Literal["httpx", "aiohttp"]) -> None:
    async with UpCloud(Token("ucat_x"), base_url=served, http=http) as cloud:
        await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=1))
        whole = await cloud.audit_logs.export("csv").read()
        async with cloud.audit_logs.export("csv") as stream:
            first = await anext(stream)
    assert whole.count(b"\n") >= 2
    assert whole.startswith(first)


@pytest.mark.parametrize("first", [httpx.Response(503), httpx.ReadError("lost"), httpx.ConnectError("refused")])
async def test_a_stream_is_opened_again_if_that_is_safe(
    api: respx.MockRouter, cloud: UpCloud, first: httpx.Response | httpx.TransportError
) -> None:
    route = api.get("/audit-logs/export").mock(side_effect=[first, httpx.Response(200, content=b"all")])
    assert await cloud.audit_logs.export().read() == b"all"
    assert route.call_count == 2


async def test_a_stream_that_breaks_while_it_is_read_is_not_opened_again() -> None:
    def breaks() -> None:
        raise httpx.ReadError("broken")

    transport = _Transport(_Body(breaks))
    async with UpCloud(Token("ucat_x"), transport=transport) as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.audit_logs.export().read()
    assert len(transport.requests) == 1


async def test_an_upload_without_an_answer_ends_in_a_timeout_after_the_last_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit includes the wait for the headers. The sending itself has no total limit."""
    monkeypatch.setattr("upcloud_sdk._transport.streams.ANSWER_TIMEOUT", 0.05)
    taken: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await anyio.sleep(0.2)
        yield b"last"

    async def never(request: httpx.Request) -> httpx.Response:
        taken.extend([piece async for piece in request.stream])  # type: ignore[union-attr]  # it is an async one
        await anyio.sleep_forever()
        raise AssertionError("it never comes here")

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(never)) as cloud:
        transport = cloud._transport  # pyright: ignore[reportPrivateUsage]  # without the import that goes before
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.05 s after all was sent"):
            await transport.upload("PUT of a file", "https://upload.example/x", pieces(), {}, limit=30)
    assert b"".join(taken) == b"firstlast"
