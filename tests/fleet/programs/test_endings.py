"""The end of a program, with any number of interruptions: it takes bounded time, and work is finished or named.

Tests marked `full` run in `make sigkill`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
import trio

from tests.moved_time import server_spec
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk._background import name_unfinished
from upcloud_sdk._tasks import LoopClock
from upcloud_sdk.models.ownership import LEASE
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractContextManager

    from upcloud_sdk import Server

    Script = Callable[[Simulator], Awaitable[None]]

PACE = WaitPolicy(
    first_read_after=0.02, pause=0.02, longest_pause=0.1, search_pauses=(0.02, 0.05, 0.1, 0.2), search_timeout=0.5
)


def client(sim: Simulator, waits: WaitPolicy = PACE) -> UpCloud:
    retry = RetryPolicy(first_pause=0.02, longest_pause=0.1)
    return UpCloud(Token("ucat_x"), transport=sim.transport(), owner="tests", waits=waits, retry=retry)


@pytest.fixture
def sim() -> Simulator:
    return Simulator(boot_seconds=0.5, stop_seconds=0.5)


BACKENDS = ["asyncio", "trio"]

# At the end of its loop asyncio also cancels tasks that have not begun, so coroutines of anyio's tasks are not awaited.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning")


def run(backend: str, script: Callable[[], Awaitable[None]]) -> BaseException | None:
    """Run a program, and return the error that it ends with. Reaching the end is a part of the test."""
    try:
        if backend == "trio":
            trio.run(script)
        else:
            asyncio.run(script())  # type: ignore[arg-type]  # a coroutine
    except BaseException as error:  # noqa: BLE001 - Ctrl-C and exits too
        return error
    return None


PROGRAM = """
import atexit, json, os, signal, sys, threading, time
import anyio
from tests.fleet.programs.test_endings import client
from tests.moved_time import server_spec
from upcloud_sdk.simulator import Simulator

backend, times, where = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sim = Simulator(boot_seconds=0.5, stop_seconds=0.5)
signal.signal(signal.SIGINT, signal.default_int_handler)


def keys():
    for _ in range(times):
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)


pressing = threading.Thread(target=keys)


@atexit.register  # Before the SDK's own, so that it runs after it.
def tell():
    print(json.dumps([[each.uuid, each.labels] for each in sim.servers.values()]))


async def script():
    async with client(sim) as cloud:
        if where == "while the client closes":
            server = await cloud.servers.create(server_spec(), lease=600)
            with anyio.move_on_after(0):
                await cloud.servers.destroy(server.uuid)
            pressing.start()
            return
        if where == "while it boots":
            pressing.start()
        async with cloud.servers.ephemeral(server_spec()):
            if where != "while it boots":
                pressing.start()
            if where == "in the block":
                await anyio.sleep(60)


# A key that is pressed when the program has ended is not for it: Python would lose its own standard error.
steps = [lambda: anyio.run(script, backend=backend), *[pressing.join] * (times + 1)]
while steps:
    try:
        while steps:
            steps.pop(0)()
    except KeyboardInterrupt:
        pass
"""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.full), 2, pytest.param(3, marks=pytest.mark.full)])
@pytest.mark.parametrize(
    "where",
    [
        "in the block",
        "while the client closes",
        pytest.param("while it boots", marks=pytest.mark.full),
        pytest.param("while it is destroyed", marks=pytest.mark.full),
    ],
)
def test_ctrl_c_pressed_several_times_ends_a_program_in_bounded_time(backend: str, times: int, where: str) -> None:
    command = [sys.executable, "-c", PROGRAM, backend, str(times), where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    left = json.loads(done.stdout.splitlines()[-1])
    for uuid, labels in left:
        assert uuid in done.stderr or labels["upcloud_sdk_attempt"] in done.stderr
        assert LEASE in labels
    if times == 1:
        assert left == []


def is_empty_or_named(sim: Simulator, caplog: pytest.LogCaptureFixture, *, leased: bool) -> None:
    """Check that nothing is left, or that the log names the rest and its lease ends."""
    name_unfinished()  # As at the end of a process.
    for server in sim.servers.values():
        assert server.uuid in caplog.text or server.labels["upcloud_sdk_attempt"] in caplog.text
        assert (LEASE in server.labels) is leased


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_exit_in_a_sibling_task_leaves_nothing_or_names_it(
    sim: Simulator, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script() -> None:
        async def leave() -> None:
            await anyio.sleep(0.1)
            raise SystemExit(3)

        async with anyio.create_task_group() as group, client(sim) as cloud:
            server = await cloud.servers.create(server_spec(), lease=600)
            with anyio.move_on_after(0):
                await cloud.servers.destroy(server.uuid)
            group.start_soon(leave)

    assert run(backend, script) is not None
    is_empty_or_named(sim, caplog, leased=True)


class PressedInClose(LoopClock):
    """Raises Ctrl-C in the task that closes the client. asyncio raises it in the task that is running."""

    def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
        current = asyncio.current_task()
        if current is not None and current.get_name() == "close":
            raise KeyboardInterrupt
        return super().limit(seconds)


def test_unfinished_work_is_named_after_ctrl_c_in_the_task_that_closes_the_client(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    async def script() -> None:
        async with client(sim, waits=replace(PACE, clock=PressedInClose())) as cloud:
            server = await cloud.servers.create(server_spec(), lease=600)
            with anyio.move_on_after(0):
                await cloud.servers.destroy(server.uuid)

    assert isinstance(run("asyncio", script), KeyboardInterrupt)
    is_empty_or_named(sim, caplog, leased=True)


def test_a_create_leaves_no_server_if_all_tasks_are_cancelled(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """asyncio cancels all tasks at the end of its loop. Some frameworks do it too, more than once."""
    sim.fail("POST /server", delay=0.2, after_effect=True)

    async def script() -> None:
        async with client(sim) as cloud:
            create = asyncio.create_task(cloud.servers.create(server_spec()))
            await asyncio.sleep(0.1)  # noqa: TID251 - the request is under way
            for _ in range(3):
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()
                await asyncio.sleep(0.01)  # noqa: TID251 - as above
            with pytest.raises(asyncio.CancelledError):
                await create

    assert run("asyncio", script) is None
    assert sim.servers == {}
    assert sim.storages == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_of_an_unfinished_async_generator_is_destroyed_or_named(
    sim: Simulator, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The event loop ends the generator. The client may be closed before or after that."""

    async def servers(cloud: UpCloud) -> AsyncGenerator[Server]:
        async with cloud.servers.ephemeral(server_spec()) as server:
            yield server

    async def script() -> None:
        async with client(sim) as cloud:
            generator = servers(cloud)
            await anext(generator)
            kept.append(generator)

    kept: list[object] = []
    run(backend, script)
    is_empty_or_named(sim, caplog, leased=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_of_an_unfinished_async_generator_with_a_client_is_destroyed_or_has_a_lease(
    sim: Simulator, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def servers() -> AsyncGenerator[Server]:
        async with client(sim) as cloud, cloud.servers.ephemeral(server_spec()) as server:
            yield server

    async def script() -> None:
        generator = servers()
        await anext(generator)
        kept.append(generator)

    kept: list[object] = []
    run(backend, script)
    if backend == "asyncio":
        assert sim.servers == {}
    for server in sim.servers.values():
        assert LEASE in server.labels


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_can_be_entered_in_one_task_and_left_in_another(sim: Simulator, backend: str) -> None:
    async def script() -> None:
        cloud = client(sim)
        entered, leave = anyio.Event(), anyio.Event()

        async def enter() -> None:
            await cloud.__aenter__()
            entered.set()

        async def end() -> None:
            await leave.wait()
            await cloud.__aexit__(None, None, None)

        async with anyio.create_task_group() as group:
            group.start_soon(enter)
            group.start_soon(end)
            await entered.wait()
            server = await cloud.servers.create(server_spec())
            with anyio.move_on_after(0):
                await cloud.servers.destroy(server.uuid)
            leave.set()

    error = run(backend, script)
    assert error is None
    assert sim.servers == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_in_a_cancelled_block_completes_its_work(sim: Simulator, backend: str) -> None:
    async def script() -> None:
        with anyio.move_on_after(1):
            async with client(sim) as cloud, cloud.servers.ephemeral(server_spec()):
                await anyio.sleep(60)

    assert run(backend, script) is None
    assert sim.servers == {}


@pytest.mark.parametrize("deed", ["take", "keep"])
def test_a_take_or_keep_leaves_no_unrenewed_lease_if_all_tasks_are_cancelled(sim: Simulator, deed: str) -> None:
    async def script() -> None:
        async with client(sim) as cloud:
            server = await cloud.servers.create(server_spec(), lease=600 if deed == "keep" else None)
            await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
            sim.fail("PUT /storage/*", delay=0.2)
            leases = cloud.leases
            task: asyncio.Task[object] = asyncio.create_task(
                leases.take(server.uuid, 600) if deed == "take" else leases.keep(server.uuid)
            )
            await asyncio.sleep(0.1)  # noqa: TID251 - the request is under way
            for other in asyncio.all_tasks() - {asyncio.current_task()}:
                other.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    assert run("asyncio", script) is None
    assert all(LEASE not in server.labels for server in sim.servers.values())
    assert all(LEASE not in disk.labels for disk in sim.storages.values())
