"""After any interruption of a task, no server is left running, and creates and destroys are completed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.moved_time import MovedCloud, server_spec
from tests.sdk.interrupting import WAYS, settle
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import CleanupFailed
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdk.interrupting import Way

each_way = pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)


class Gate(httpx.AsyncBaseTransport):
    """Holds the answers to one kind of request until it is opened. The requests have had their effect."""

    def __init__(self, inner: httpx.AsyncBaseTransport, method: str, suffix: str) -> None:
        self._inner, self._method, self._suffix = inner, method, suffix
        self.reached, self.opened = anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method == self._method and request.url.path.endswith(self._suffix):
            self.reached.set()
            await self.opened.wait()
        return answer


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


def client(moved: MovedCloud, gate: Gate, close_timeout: float = 90.0) -> UpCloud:
    return UpCloud(Token("ucat_test"), transport=gate, waits=moved.waits, owner="tests", close_timeout=close_timeout)


# --- create -----------------------------------------------------------------------------------------------------------


@each_way
async def test_the_server_of_a_create_that_was_interrupted_is_destroyed(moved: MovedCloud, interrupted: Way) -> None:
    gate = Gate(moved.sim.transport(), "POST", "/server")
    async with client(moved, gate) as cloud:
        await interrupted(lambda: cloud.servers.create(server_spec()), gate.reached.wait)
        assert len(moved.sim.servers) == 1
        gate.opened.set()
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}
    assert moved.count("POST /server") == 1


@each_way
async def test_a_lost_create_that_was_interrupted_is_found_and_destroyed(moved: MovedCloud, interrupted: Way) -> None:
    gate = Gate(moved.sim.transport(), "GET", "/server")
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    async with client(moved, gate) as cloud:
        await interrupted(lambda: cloud.servers.create(server_spec()), gate.reached.wait)
        assert len(moved.sim.servers) == 1
        gate.opened.set()
    assert moved.sim.servers == {}


@each_way
async def test_a_server_that_appears_late_is_destroyed_after_its_caller_and_the_block_have_ended(
    moved: MovedCloud, interrupted: Way
) -> None:
    gate = Gate(moved.sim.transport(), "GET", "/server")
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=40)
    async with client(moved, gate) as cloud:
        await interrupted(lambda: cloud.servers.create(server_spec()), gate.reached.wait)
        gate.opened.set()
    assert moved.sim.servers == {}


# --- destroy ----------------------------------------------------------------------------------------------------------


@each_way
async def test_an_interrupted_destroy_continues(moved: MovedCloud, interrupted: Way) -> None:
    gate = Gate(moved.sim.transport(), "POST", "/stop")
    async with client(moved, gate) as cloud:
        server = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        await interrupted(lambda: cloud.servers.destroy(server.uuid), gate.reached.wait)
        assert list(moved.sim.servers) == [server.uuid]
        gate.opened.set()
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


# --- ephemeral --------------------------------------------------------------------------------------------------------


@each_way
async def test_the_server_of_a_block_that_was_interrupted_is_gone_when_the_block_ends(
    moved: MovedCloud, interrupted: Way
) -> None:
    running = anyio.Event()
    left: list[int] = []

    async def live() -> None:
        try:
            async with cloud.servers.ephemeral(server_spec()):
                running.set()
                await anyio.sleep_forever()
        finally:
            left.append(len(moved.sim.servers))

    async with moved.client() as cloud:
        await interrupted(live, running.wait)
    assert left == [0]
    assert moved.sim.storages == {}


@each_way
async def test_the_server_of_a_block_that_was_interrupted_while_it_boots_is_gone(
    moved: MovedCloud, interrupted: Way
) -> None:
    async def live() -> None:
        async with cloud.servers.ephemeral(server_spec()):
            raise AssertionError("it does not boot that fast")

    gate = Gate(moved.sim.transport(), "POST", "/server")
    async with client(moved, gate) as cloud:

        async def moment() -> None:
            await gate.reached.wait()
            gate.opened.set()
            await settle()

        await interrupted(live, moment)
    assert moved.sim.servers == {}


@each_way
async def test_an_interrupted_cleanup_is_completed_first(moved: MovedCloud, interrupted: Way) -> None:
    gate = Gate(moved.sim.transport(), "POST", "/stop")
    left: list[int] = []

    async def live() -> None:
        try:
            async with cloud.servers.ephemeral(server_spec()):
                pass
        finally:
            left.append(len(moved.sim.servers))
        await anyio.sleep_forever()

    async with client(moved, gate) as cloud, anyio.create_task_group() as group:

        async def open_later() -> None:
            await gate.reached.wait()
            for _ in range(5):
                await settle()
            gate.opened.set()

        group.start_soon(open_later)
        await interrupted(live, gate.reached.wait)
    assert left == [0]


async def test_the_error_of_the_block_is_raised_unwrapped_with_a_failed_cleanup_as_its_note(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    error = RuntimeError("mine")
    moved.sim.fail("DELETE /server/*", status=500, times=None)

    async def live() -> None:
        async with cloud.servers.ephemeral(server_spec(), cleanup_timeout=30):
            raise error

    with caplog.at_level(logging.ERROR, logger="upcloud_sdk"):
        async with moved.client() as cloud:
            with pytest.raises(RuntimeError) as caught:
                await live()
    assert caught.value is error
    (note,) = error.__notes__
    (uuid,) = moved.sim.servers
    assert note.startswith(f"server {uuid} could not be destroyed within 30 s and may still cost money")
    assert note in caplog.text


async def test_a_failed_cleanup_after_a_block_without_an_error_is_raised(moved: MovedCloud) -> None:
    moved.sim.fail("DELETE /server/*", status=500, times=None)
    async with moved.client() as cloud:
        with pytest.raises(CleanupFailed) as caught:
            async with cloud.servers.ephemeral(server_spec(), cleanup_timeout=30):
                pass
    assert [caught.value.uuid] == list(moved.sim.servers)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_time_limit_of_asyncio_around_a_block_raises_timeout_error_after_the_cleanup(moved: MovedCloud) -> None:
    async def live() -> None:
        async with asyncio.timeout(None) as limit, cloud.servers.ephemeral(server_spec()):
            limit.reschedule(asyncio.get_running_loop().time())
            await anyio.sleep_forever()

    async with moved.client() as cloud:
        with pytest.raises(TimeoutError):
            await live()
        assert moved.sim.servers == {}
        # The task is not cancelled any more.
        await anyio.lowlevel.checkpoint()


# --- leaving the client -----------------------------------------------------------------------------------------------


@each_way
async def test_closing_a_client_waits_for_unfinished_work_even_if_interrupted(
    moved: MovedCloud, interrupted: Way
) -> None:
    gate = Gate(moved.sim.transport(), "POST", "/stop")
    closing = anyio.Event()
    left: list[int] = []

    async def live() -> None:
        try:
            async with client(moved, gate) as cloud:
                server = await cloud.servers.create(server_spec())
                await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
                async with anyio.create_task_group() as group:
                    group.start_soon(cloud.servers.destroy, server.uuid)
                    await gate.reached.wait()
                    group.cancel_scope.cancel()
                closing.set()
        finally:
            left.append(len(moved.sim.servers))
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:

        async def open_later() -> None:
            await closing.wait()
            for _ in range(10):
                await settle()
            gate.opened.set()

        group.start_soon(open_later)
        await interrupted(live, closing.wait)
    assert left == [0]


# --- time limits, in real time: on an automatic clock the destroy itself would end first ------------------------------


def real_client(gate: Gate, close_timeout: float) -> UpCloud:
    waits = WaitPolicy(first_read_after=0.0, pause=0.01)
    return UpCloud(Token("ucat_test"), transport=gate, waits=waits, close_timeout=close_timeout)


async def _give_up_a_destroy(cloud: UpCloud, gate: Gate) -> str:
    server = await cloud.servers.create(server_spec())
    async with anyio.create_task_group() as group:
        group.start_soon(cloud.servers.destroy, server.uuid)
        await gate.reached.wait()
        group.cancel_scope.cancel()
    return server.uuid


async def test_closing_a_client_gives_up_after_its_timeout_and_names_what_may_be_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate(Simulator().transport(), "POST", "/stop")
    uuid = ""
    with pytest.raises(CleanupFailed, match="given up because the client was closed") as caught:
        async with real_client(gate, close_timeout=0.01) as cloud:
            uuid = await _give_up_a_destroy(cloud, gate)
    assert caught.value.uuid == uuid
    assert uuid in str(caught.value)
    assert str(caught.value) in caplog.text


async def test_an_error_of_the_body_gets_a_note_about_what_may_be_left() -> None:
    gate = Gate(Simulator().transport(), "POST", "/stop")
    error = RuntimeError("mine")

    async def live() -> None:
        async with real_client(gate, close_timeout=0.01) as cloud:
            given_up.append(await _give_up_a_destroy(cloud, gate))
            raise error

    given_up: list[str] = []
    with pytest.raises(RuntimeError) as caught:
        await live()
    assert caught.value is error
    (note,) = error.__notes__
    assert given_up[0] in note


async def test_an_abandoned_create_that_cannot_be_destroyed_in_time_is_named_by_its_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sim = Simulator()
    stopped = Gate(sim.transport(), "POST", "/stop")
    created = Gate(stopped, "POST", "/server")

    async def live() -> None:
        async with real_client(created, close_timeout=0.01) as cloud:
            async with anyio.create_task_group() as group:
                group.start_soon(cloud.servers.create, server_spec())
                await created.reached.wait()
                group.cancel_scope.cancel()
            created.opened.set()
            await stopped.reached.wait()

    with pytest.raises(CleanupFailed) as caught:
        await live()
    (uuid,) = sim.servers
    assert caught.value.uuid == uuid
    assert uuid in caplog.text


async def test_the_limit_of_a_block_covers_the_create() -> None:
    sim = Simulator(boot_seconds=0.0, stop_seconds=0.0)
    gate = Gate(sim.transport(), "POST", "/server")
    async with real_client(gate, close_timeout=60) as cloud:
        with pytest.raises(TimeoutError, match=r"not created within 0\.05 s; if it appears, it is destroyed"):
            async with cloud.servers.ephemeral(server_spec(), timeout=0.05):
                raise AssertionError("it is not created that fast")
        await gate.reached.wait()
        assert len(sim.servers) == 1
        gate.opened.set()
    assert sim.servers == {}
