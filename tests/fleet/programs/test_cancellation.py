"""After an interruption at any time, the server is destroyed and the interruption is raised."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.moved_time import MovedCloud, MovedTransport, server_spec
from tests.sdk.interrupting import WAYS, by_scope
from upcloud_sdk import errors
from upcloud_sdk.simulator import never

if TYPE_CHECKING:
    import httpx

    from tests.sdk.interrupting import Way
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

each_way = pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)

BOOT, STOP = 8, 3


class Gate(MovedTransport):
    """Reports when the request with a given number, counted from 0, is sent."""

    def __init__(self, moved: MovedCloud, number: int) -> None:
        super().__init__(moved.sim, moved.clock)
        self.passed = anyio.Event()
        self._number = number

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._number == 0:
            self.passed.set()
        self._number -= 1
        return await super().handle_async_request(request)


async def _life(moved: MovedCloud, **options: Any) -> None:  # noqa: ANN401 - UpCloud's own
    async with moved.client(**options) as cloud, cloud.servers.ephemeral(server_spec()):
        pass


async def _requests_of_a_life() -> int:
    async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:
        await _life(moved)
        return len(moved.requests())


@each_way
async def test_an_interruption_at_any_request_leaves_no_server(interrupted: Way) -> None:
    for number in range(await _requests_of_a_life()):
        async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:
            gate = Gate(moved, number)
            await interrupted(partial(_life, moved, transport=gate), gate.passed.wait)
            assert moved.sim.servers == {}
            assert moved.sim.storages == {}
            assert moved.count("POST /server") <= 1


@each_way
async def test_an_interruption_between_two_requests_leaves_no_server(interrupted: Way) -> None:
    """Interruptions during boot, in the block, and during the stop."""
    for moment in (1.5, BOOT + 5.5, BOOT + 10 + 1.5):
        async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:

            async def script(moved: MovedCloud = moved) -> None:
                async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()):
                    await moved.later(10)

            await interrupted(script, partial(moved.later, moment))
            assert moved.sim.servers == {}
            assert moved.sim.storages == {}


@each_way
async def test_an_interruption_while_a_lost_create_is_looked_for_leaves_no_server(interrupted: Way) -> None:
    async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:
        moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=30)
        await interrupted(lambda: _life(moved), lambda: moved.later(10))
        assert moved.sim.servers == {}
        assert moved.sim.storages == {}


@each_way
async def test_creates_that_wait_for_their_turn_are_never_sent(interrupted: Way) -> None:
    async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:
        moved.sim.fail("POST /server", delay=2, times=None)

        async def live(cloud: UpCloud, name: str) -> None:
            async with cloud.servers.ephemeral(server_spec(name)):
                await anyio.sleep_forever()

        async def script() -> None:
            async with moved.client(max_concurrency=3) as cloud, anyio.create_task_group() as group:
                for number in range(30):
                    group.start_soon(live, cloud, f"build-{number}")

        await interrupted(script, lambda: moved.later(3))
        assert 0 < moved.count("POST /server") <= 2 * 3
        assert moved.sim.servers == {}


async def test_a_caller_that_is_already_cancelled_sends_nothing(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await cloud.servers.create(server_spec())
    assert moved.requests() == []


@each_way
async def test_a_failed_cleanup_is_a_note_on_the_interruption_and_is_logged(
    interrupted: Way, caplog: pytest.LogCaptureFixture
) -> None:
    noted: list[str] = []
    async with MovedCloud.open(boot_seconds=BOOT, stop_seconds=STOP) as moved:
        inside = anyio.Event()

        async def script() -> None:
            async with moved.client() as cloud:
                try:
                    async with cloud.servers.ephemeral(server_spec(), cleanup_timeout=30):
                        moved.sim.fail("DELETE /server/*", status=500, times=None)
                        inside.set()
                        await anyio.sleep_forever()
                except BaseException as error:
                    noted.extend(getattr(error, "__notes__", []))
                    raise

        await interrupted(script, inside.wait)
        (uuid,) = moved.sim.servers
    assert any(uuid in note and "may still cost money" in note and "HTTP 500" in note for note in noted)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1
    assert uuid in said[0]


# --- a client that is closed while calls are under way ----------------------------------------------------------------


async def test_close_gives_up_after_its_timeout_and_names_what_may_be_left(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    moved.sim.boot_next(never())
    began = moved.hand.now()

    async def script() -> None:
        async with moved.client(close_timeout=40) as cloud:
            server = await cloud.servers.create(server_spec())
            with anyio.move_on_after(0):
                await cloud.servers.destroy(server.uuid)

    with pytest.raises(errors.CleanupFailed) as caught:
        await script()
    (uuid,) = moved.sim.servers
    assert caught.value.uuid == uuid
    assert moved.hand.now() - began == pytest.approx(40, abs=1)
    assert f"destroy of server {uuid}: given up because the client was closed" in caplog.text


async def test_the_error_for_an_interrupted_create_has_the_label_of_its_server(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    moved.sim.fail("POST /server", timeout=True, after_effect=True)

    async def script() -> None:
        async with moved.client(close_timeout=10) as cloud, anyio.create_task_group() as group:
            group.start_soon(cloud.servers.create, server_spec())
            await moved.later(5)
            group.cancel_scope.cancel()

    with pytest.raises(errors.CleanupFailed, match="create of server with label upcloud_sdk_attempt=") as caught:
        await script()
    (record,) = moved.sim.servers.values()
    assert record.labels["upcloud_sdk_attempt"] in str(caught.value)
    assert str(caught.value) in caplog.text


async def test_calls_in_other_tasks_raise_not_open_when_the_client_closes(moved: MovedCloud) -> None:
    told: list[str] = []

    async def use() -> None:
        try:
            while True:
                await cloud.zones.list()
                await moved.later(1)
        except errors.NotOpen as error:
            told.append(str(error))

    async with anyio.create_task_group() as group, moved.client() as cloud:
        group.start_soon(use)
        await moved.later(3)
    assert len(told) == 1


async def test_a_block_that_ends_after_its_client_names_what_is_left(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[str] = []
    inside, closed = anyio.Event(), anyio.Event()

    async def live() -> None:
        async with cloud.servers.ephemeral(server_spec()) as server:
            left.append(server.uuid)
            inside.set()
            await closed.wait()

    async def outlive() -> None:
        with pytest.raises(errors.CleanupFailed, match="the client was closed first") as caught:
            await live()
        assert caught.value.uuid == left[0]

    async with anyio.create_task_group() as group:
        async with moved.client() as cloud:
            group.start_soon(outlive)
            await inside.wait()
        closed.set()
    assert left == list(moved.sim.servers)
    assert left[0] in caplog.text


async def test_the_cleanup_of_a_client_in_a_cancelled_scope_is_as_quick_as_any(
    moved: MovedCloud,
) -> None:
    """The watcher for the destroy must survive the cancelled scope."""

    async def script() -> None:
        async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()):
            await anyio.sleep_forever()

    began = moved.hand.now()
    await by_scope(script, lambda: moved.later(40))
    assert moved.sim.servers == {}
    assert moved.hand.now() - began == pytest.approx(40 + 16, abs=2)
