"""Waiting calls when a client is closed, and the state of a client that is opened again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.sdk import documents
from tests.sdk.endpoints import SPEC
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import NotOpen, RateLimited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.sdk.clock import AutojumpClock

UUID = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"

WAITS: dict[str, Callable[[UpCloud], Awaitable[object]]] = {
    "for a server": lambda cloud: cloud.servers.wait_for_state(UUID, "started", timeout=3600),
    "for a disk": lambda cloud: cloud.storages.wait_for_state(UUID, "online", timeout=3600),
    "for an answer": lambda cloud: cloud.request("GET", "/hanging"),
    "for its turn": lambda cloud: cloud.request("GET", "/hanging"),
    "to be repeated": lambda cloud: cloud.request("GET", "/failing"),
    "for a stream": lambda cloud: cloud.audit_logs.export().read(),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
async def test_a_wait_in_another_task_ends_immediately_when_the_client_closes(
    wait: Callable[[UpCloud], Awaitable[object]],
) -> None:
    ended: list[str] = []
    began = anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/1.3")
        began.set()
        if path in {"/hanging", "/audit-logs/export"}:
            await anyio.sleep_forever()
        if path == "/failing":
            return documents.refused(429, headers={"Retry-After": "50"})
        kind = "server" if path.startswith("/server") else "storage"
        made = {"uuid": UUID, "title": "a", "state": "maintenance", "type": "normal", "size": 10, "hostname": "a"}
        return httpx.Response(200, json={kind: {**documents.server()["server"], **made}})

    async with anyio.create_task_group() as group:

        async def waiting(cloud: UpCloud) -> None:
            with pytest.raises(NotOpen, match="the client was closed meanwhile"):
                await wait(cloud)
            ended.append("at once")

        transport = httpx.MockTransport(answer)
        with anyio.fail_after(20):
            async with UpCloud(Token("ucat_x"), transport=transport, max_concurrency=1) as cloud:
                group.start_soon(waiting, cloud)
                await began.wait()
            while not ended:
                await anyio.lowlevel.checkpoint()


async def test_a_cancellation_of_the_caller_is_not_reported_as_a_closed_client() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError("never")

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(hang)) as cloud:
        with anyio.move_on_after(0.05) as scope:
            await cloud.request("GET", "/thing")
        assert scope.cancelled_caught


async def test_a_reopened_client_does_not_obey_an_earlier_retry_after(clock: AutojumpClock) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/told"):
            return documents.refused(429, headers={"Retry-After": "50"})
        return httpx.Response(200)

    waits = WaitPolicy(clock=clock)
    cloud = UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=waits)
    async with cloud:
        with anyio.move_on_after(10) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_told, cloud)
                await clock.sleep(1.0)
                group.cancel_scope.cancel()
        assert not scope.cancelled_caught
    async with cloud:
        await cloud.request("GET", "/thing")
    assert clock.now() == 1.0


async def test_a_reopened_client_does_not_remember_earlier_refusals(clock: AutojumpClock) -> None:
    refused: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        zone = json.loads(request.content)["server"]["zone"]
        if zone == "fi-hel1":
            refused.append(zone)
            return documents.refused(409, "SERVER_RESOURCES_UNAVAILABLE")
        return httpx.Response(202, json=documents.server())

    specs = SPEC.variants(zones=["fi-hel1", "fi-hel2"])
    waits = WaitPolicy(clock=clock)
    cloud = UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=waits)
    servers = cloud.servers
    for _ in range(2):
        async with cloud:
            await servers.create(specs)
            await servers.create(specs)
    assert refused == ["fi-hel1", "fi-hel1"]


async def _told(cloud: UpCloud) -> None:
    with pytest.raises(RateLimited):
        await cloud.request("GET", "/told")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("also", [None, RuntimeError("of the body")])
async def test_a_cancellation_that_meets_an_error_of_the_body_keeps_it(also: Exception | None) -> None:
    """A native cancellation of asyncio. anyio would repeat its own at the next await."""
    closing, finish = anyio.Event(), anyio.Event()

    async def work(_: object) -> None:
        closing.set()
        await finish.wait()

    async def main() -> None:
        async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(lambda _: httpx.Response(200))) as cloud:
            cloud._background.start_owned(work, "work")  # pyright: ignore[reportPrivateUsage]  # any work will do
            if also is not None:
                raise also

    task = asyncio.create_task(main())
    await closing.wait()
    task.cancel("stop")
    await anyio.lowlevel.checkpoint()
    finish.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.__cause__ is also
    assert task.cancelled()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_body_ends_as_cancelled_whatever_happens_during_close() -> None:
    closing, finish = anyio.Event(), anyio.Event()

    async def work(_: object) -> None:
        await finish.wait()

    async def main() -> None:
        async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(lambda _: httpx.Response(200))) as cloud:
            cloud._background.start_owned(work, "work")  # pyright: ignore[reportPrivateUsage]  # any work will do
            closing.set()
            await anyio.sleep_forever()

    task = asyncio.create_task(main())
    await closing.wait()
    for message in ("first", "second"):
        task.cancel(message)
        await anyio.sleep(0.01)
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task
