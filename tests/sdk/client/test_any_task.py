"""A client may be entered in one task and left in another, as fixtures and notebook cells do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.sdk import documents
from tests.sdk.endpoints import SPEC
from upcloud_sdk import Token, UpCloud, WaitPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.sdk.clock import AutojumpClock

UUID = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"


def client(clock: AutojumpClock, seen: list[str]) -> UpCloud:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        if request.url.path.endswith("/account"):
            return httpx.Response(200, json={"account": {"username": "a-user", "credits": 1}})
        # The first two reads find it in maintenance.
        state = "started" if len(seen) > 2 else "maintenance"
        return httpx.Response(200, json={"server": {**documents.server()["server"], "uuid": UUID, "state": state}})

    return UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=WaitPolicy(clock=clock))


async def in_a_task(work: Callable[..., Awaitable[Any]], *arguments: object) -> None:
    """Run work in a new task, whose scope is cancelled afterwards."""
    async with anyio.create_task_group() as group:
        done = anyio.Event()

        async def run() -> None:
            await work(*arguments)
            done.set()

        group.start_soon(run)
        await done.wait()
        group.cancel_scope.cancel()


async def test_a_client_is_entered_in_one_task_used_in_others_and_left_in_another(clock: AutojumpClock) -> None:
    seen: list[str] = []
    cloud = client(clock, seen)
    with anyio.fail_after(20):
        await in_a_task(cloud.__aenter__)
        await in_a_task(cloud.account.get)
        await in_a_task(lambda: cloud.servers.wait_for_state(UUID, "started", timeout=60))
        await in_a_task(cloud.__aexit__, None, None, None)
    assert seen == ["GET"] * len(seen)
    assert len(seen) > 2
    assert "not open" in repr(cloud)


async def test_the_task_that_leaves_the_client_waits_for_work_of_other_tasks(clock: AutojumpClock) -> None:
    seen: list[str] = []
    created = anyio.Event()
    cloud = client(clock, seen)
    with anyio.fail_after(20):
        await in_a_task(cloud.__aenter__)

        async def create() -> None:
            await cloud.servers.create(SPEC)
            created.set()

        await in_a_task(create)
        await in_a_task(cloud.__aexit__, None, None, None)
    assert created.is_set()
    assert "POST" in seen


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_client_works_in_a_fixture_whose_halves_run_in_two_tasks(clock: AutojumpClock) -> None:
    """The same as in pytest-asyncio."""

    async def fixture() -> AsyncIterator[UpCloud]:
        async with client(clock, []) as cloud:
            yield cloud

    halves = fixture()

    async def half() -> UpCloud:
        return await anext(halves)

    cloud = await asyncio.create_task(half())
    assert (await cloud.account.get()).username == "a-user"
    with pytest.raises(StopAsyncIteration):
        await asyncio.create_task(half())
    assert "not open" in repr(cloud)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_native_cancellation_of_one_task_does_not_close_the_client(clock: AutojumpClock) -> None:
    cloud = client(clock, [])
    entered = asyncio.Event()

    async def enter() -> None:
        await cloud.__aenter__()
        entered.set()
        await anyio.sleep_forever()

    task = asyncio.create_task(enter())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await cloud.account.get()).username == "a-user"
    await cloud.__aexit__(None, None, None)


def test_leaving_a_client_in_another_event_loop_is_refused(clock: AutojumpClock) -> None:
    cloud = client(clock, [])
    anyio.run(cloud.__aenter__)
    with pytest.raises(RuntimeError, match="entered in another event loop: enter and leave it in the same one"):
        anyio.run(cloud.__aexit__, None, None, None)


def test_a_client_can_be_entered_again_in_another_event_loop() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        return httpx.Response(200, json={"account": {"username": "a-user", "credits": 1}})

    cloud = UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), max_concurrency=1)

    async def calls() -> list[str | None]:
        found: list[str | None] = []

        async def call() -> None:
            found.append((await cloud.account.get()).username)

        async with cloud, anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(call)
        return found

    for backend in ("asyncio", "trio", "asyncio"):
        assert anyio.run(calls, backend=backend) == ["a-user"] * 3
