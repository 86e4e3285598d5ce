"""The stack of connections: reuse, closing, and no connection left open."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.sdk.raw_server import DROP, OK, TRUNCATED, RawServer, raw_server
from upcloud_sdk._transport.pool import KEEP_IDLE, ConnectionStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio

PARTIAL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{}"


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as server:
        yield server


def no_proxy(_: httpx.URL) -> None:
    return None


def stack(now: Callable[[], float] = time.monotonic) -> ConnectionStack:
    return ConnectionStack(ssl.create_default_context, no_proxy, now=now)


def request(server: RawServer, method: str = "GET") -> httpx.Request:
    return httpx.Request(method, f"{server.url}/thing")


async def at_once(pool: ConnectionStack, server: RawServer, number: int) -> None:
    """Send this many requests at the same time."""
    server.answering = anyio.Event()
    before = len(server.requests)
    async with anyio.create_task_group() as group:
        for _ in range(number):
            group.start_soon(pool.handle_async_request, request(server))
        await server.until(lambda: len(server.requests) == before + number)
        server.answering.set()


async def test_an_idle_connection_is_used_before_a_new_one_is_opened(server: RawServer) -> None:
    async with stack() as pool:
        for _ in range(3):
            await at_once(pool, server, 30)
        assert server.connections == 30
    await server.until(lambda: server.open == 0)


async def test_the_last_connection_used_is_used_next(server: RawServer) -> None:
    async with stack() as pool:
        await at_once(pool, server, 3)
        for _ in range(3):
            await pool.handle_async_request(request(server))
        assert len(set(server.used[3:])) == 1


async def test_a_connection_that_was_idle_too_long_is_closed(server: RawServer) -> None:
    now = 0.0
    async with stack(lambda: now) as pool:
        await at_once(pool, server, 5)
        now = KEEP_IDLE - 1
        await pool.handle_async_request(request(server))
        now = KEEP_IDLE + 1
        await pool.handle_async_request(request(server))
        await server.until(lambda: server.open == 1)
        assert server.connections == 5


async def test_a_connection_that_the_server_closed_while_idle_is_not_used(server: RawServer) -> None:
    server.script = [OK.replace(b"{}", b"[]")]
    async with stack() as pool:
        await pool.handle_async_request(request(server))
        await server.until(lambda: server.open == 0)
        answer = await pool.handle_async_request(request(server, "POST"))
        assert answer.status_code == 200
    assert server.requests == ["GET /thing", "POST /thing"]


@pytest.mark.parametrize("broken", [DROP, TRUNCATED, b"no HTTP\r\n\r\n"])
async def test_a_connection_that_failed_is_closed(server: RawServer, broken: bytes) -> None:
    async with stack() as pool:
        server.script = [broken] * 5
        for _ in range(5):
            with pytest.raises(httpx.RemoteProtocolError):
                await pool.handle_async_request(request(server))
        await server.until(lambda: server.open == 0)
        assert server.connections == 5


@pytest.mark.parametrize("answer", [None, PARTIAL], ids=["before the answer", "within the answer"])
async def test_a_request_that_is_cancelled_closes_its_connection(server: RawServer, answer: bytes | None) -> None:
    async with stack() as pool:
        server.script = [answer] * 5
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(pool.handle_async_request, request(server))
            await server.until(lambda: len(server.requests) == 5)
            group.cancel_scope.cancel()
        await server.until(lambda: server.open == 0)
        await pool.handle_async_request(request(server))
        assert server.connections == 6


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_native_cancellation_closes_the_connection_too(server: RawServer, times: int) -> None:
    async with stack() as pool:
        server.script = [None]
        task = asyncio.create_task(pool.handle_async_request(request(server)))
        await server.until(lambda: len(server.requests) == 1)
        for _ in range(times):
            task.cancel()
            await asyncio.wait([task], timeout=0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)


async def test_a_request_that_is_cancelled_while_it_connects_leaves_nothing_open(server: RawServer) -> None:
    async with stack() as pool:
        for _ in range(20):
            async with anyio.create_task_group() as group:
                group.start_soon(pool.handle_async_request, request(server))
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        answer = await pool.handle_async_request(request(server))
        assert answer.status_code == 200
        await server.until(lambda: server.open == 1)


async def test_a_running_answer_is_completed_when_the_pool_closes_and_its_connection_is_closed_then(
    server: RawServer,
) -> None:
    server.answering = anyio.Event()
    answers: list[httpx.Response] = []

    async def ask(pool: ConnectionStack) -> None:
        answers.append(await pool.handle_async_request(request(server)))

    async with anyio.create_task_group() as group:
        async with stack() as pool:
            group.start_soon(ask, pool)
            await server.until(lambda: len(server.requests) == 1)
        assert server.open == 1
        server.answering.set()
    assert [answer.content for answer in answers] == [b"{}"]
    await server.until(lambda: server.open == 0)


async def test_a_stream_has_a_connection_of_its_own_that_ends_with_it(server: RawServer) -> None:
    async with stack() as pool:
        await pool.handle_async_request(request(server))
        response = await pool.stream(request(server))
        assert await response.aread() == b"{}"
        await response.aclose()
        await server.until(lambda: server.open == 1)
        assert server.connections == 2
