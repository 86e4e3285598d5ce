"""The shared watcher of a client: the cost of all waits together, and faults."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import errors
from upcloud_sdk.simulator import after_seconds, never

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk import UpCloud
    from upcloud_sdk.simulator.records.progress import Progress
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.anyio

UUID = "00000000-0000-4000-8000-000000000000"
LIST = r"GET /server\?label=upcloud_sdk_run%3D.*"
GET = r"GET /server/[0-9a-f-]{36}"


async def several(cloud: UpCloud, number: int) -> list[str]:
    """The uuids of some booting servers."""
    return [(await cloud.servers.create(server_spec(f"build-{each}"))).uuid for each in range(number)]


# --- cost -------------------------------------------------------------------------------------------------------------


async def test_a_hundred_waits_send_few_requests_and_end_soon_after_the_boot() -> None:
    """Recorded boot times: minimum, median and maximum of 25 servers."""
    boots = [23 + 10 * number / 50 if number < 50 else 33 + 33 * (number - 50) / 49 for number in range(100)]
    noticed: list[float] = []

    def boot_of(server: Server) -> Progress:
        return after_seconds(boots[int(server.title.partition("-")[2])])

    async with MovedCloud.open(boot=boot_of) as moved:
        began = moved.hand.now()
        async with moved.client() as cloud, anyio.create_task_group() as group:

            async def boot(number: int) -> None:
                server = await cloud.servers.create(server_spec(f"build-{number}"))
                await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)
                noticed.append(moved.hand.now() - began - boots[number])

            for number in range(100):
                group.start_soon(boot, number)
        makespan = moved.hand.now() - began
        assert makespan <= 1.03 * max(boots)
        assert len(moved.requests()) <= 1.7 * 100
        assert statistics.quantiles(noticed, n=20)[-1] <= 1.2


async def test_a_new_server_is_not_read_before_it_can_have_started(moved: MovedCloud) -> None:
    async with moved.client() as cloud, anyio.create_task_group() as group:
        (uuid,) = await several(cloud, 1)
        before = len(moved.requests())
        for state in ("started", "stopped"):
            group.start_soon(partial(cloud.servers.wait_for_state, uuid, state, timeout=200))
        await moved.later(4.5)
        assert len(moved.requests()) == before
        await moved.later(1)
        assert len(moved.requests()) == before + 1
        group.cancel_scope.cancel()


async def test_without_waits_nothing_is_sent(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        await several(cloud, 3)
        before = len(moved.requests())
        await moved.later(3600)
        assert len(moved.requests()) == before


async def test_nothing_is_sent_after_the_end_of_the_last_wait(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        async with anyio.create_task_group() as group:
            for uuid in await several(cloud, 3):
                group.start_soon(wait, cloud, uuid)
        before = len(moved.requests())
        await moved.later(3600)
        assert len(moved.requests()) == before


async def wait(cloud: UpCloud, uuid: str, timeout: float = 200) -> None:
    await cloud.servers.wait_for_state(uuid, "started", timeout=timeout)


async def test_a_server_of_somebody_else_is_read_alone_and_every_list_is_filtered(moved: MovedCloud) -> None:
    async with moved.client("somebody-else") as other, moved.client() as cloud:
        foreign = await other.servers.create(server_spec("theirs"))
        own = await several(cloud, 2)
        async with anyio.create_task_group() as group:
            for uuid in (foreign.uuid, *own):
                group.start_soon(wait, cloud, uuid)
    assert moved.count(LIST) > 0
    assert moved.count(GET) == moved.count(rf"GET /server/{foreign.uuid}")
    assert moved.count(r"GET /server/?(\?(?!label=).*)?") == 0


async def test_a_server_that_is_missing_in_the_list_is_read_at_most_every_five_seconds(moved: MovedCloud) -> None:
    moved.sim.hide_from_lists(10_000)
    async with moved.client() as cloud, anyio.create_task_group() as group:
        for uuid in await several(cloud, 10):
            group.start_soon(wait, cloud, uuid)
    assert 10 <= moved.count(GET) <= 10 * math.ceil(33 / 5)
    assert moved.count(LIST) <= 33 + 5


async def test_a_long_wait_is_checked_less_and_less_often(moved: MovedCloud) -> None:
    moved.sim.boot_next(never())
    async with moved.client() as cloud:
        (uuid,) = await several(cloud, 1)
        with pytest.raises(errors.WaitTimeout):
            await wait(cloud, uuid, 3660)
    # One read per second for a minute, then growing pauses, then one read every 10 s.
    assert 60 + 340 <= moved.count(GET) <= 60 + 360 + 20


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_waits_continue_after_failed_lists(moved: MovedCloud) -> None:
    async with moved.client() as cloud, anyio.create_task_group() as group:
        uuids = await several(cloud, 3)
        moved.sim.fail("GET /server", status=503, times=3 * 5, skip=2)
        for uuid in uuids:
            group.start_soon(wait, cloud, uuid)
    assert moved.count(LIST) > 15


async def test_a_lasting_failure_ends_all_waits_with_its_error(moved: MovedCloud) -> None:
    ended: list[type[Exception]] = []

    async def fail(cloud: UpCloud, uuid: str) -> None:
        with pytest.raises(errors.ServerFault) as caught:
            await wait(cloud, uuid)
        ended.append(caught.type)

    async with moved.client() as cloud:
        uuids = await several(cloud, 3)
        moved.sim.fail("GET /server*", status=503, code="SERVICE_ERROR", times=None)
        async with anyio.create_task_group() as group:
            for uuid in uuids:
                group.start_soon(fail, cloud, uuid)
    assert len(ended) == 3


async def test_an_unreadable_answer_does_not_end_a_wait(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        (uuid,) = await several(cloud, 1)
        moved.sim.fail("GET /server/*", status=200, body="<html>", times=3)
        await wait(cloud, uuid)


async def test_a_retry_after_that_is_too_long_for_a_call_delays_the_next_read(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        (uuid,) = await several(cloud, 1)
        moved.sim.fail("GET /server/*", status=429, code="TOO_MANY_REQUESTS", headers={"retry-after": "120"})
        began = moved.hand.now()
        await wait(cloud, uuid)
        assert moved.hand.now() - began == pytest.approx(5 + 120)
        assert moved.count(GET) == 2


async def test_only_a_404_from_the_api_ends_a_wait(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        (uuid,) = await several(cloud, 1)
        moved.sim.fail("GET /server/*", status=404, body="<html>")
        await wait(cloud, uuid)
        with pytest.raises(errors.NotFound):
            await wait(cloud, UUID)


async def test_a_failure_for_one_waiter_does_not_affect_others(moved: MovedCloud) -> None:
    """Failures: a server in error, and a server that is gone."""
    async with moved.client() as cloud, anyio.create_task_group() as group:
        first, second, third = await several(cloud, 3)

        async def fail(uuid: str, error: type[Exception]) -> None:
            with pytest.raises(error):
                await wait(cloud, uuid)

        group.start_soon(wait, cloud, first)
        group.start_soon(fail, second, errors.ResourceFailed)
        group.start_soon(fail, third, errors.NotFound)
        await moved.later(10)
        moved.sim.break_server(second)
        del moved.sim.servers[third]


class SlowFor(MovedTransport):
    """Delays the answers about one server."""

    uuid = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.uuid and request.url.path.endswith(self.uuid):
            await self._clock.sleep(25)
        return await super().handle_async_request(request)


async def test_a_slow_read_for_one_waiter_delays_no_other(moved: MovedCloud) -> None:
    transport = SlowFor(moved.sim, moved.clock)
    done: dict[str, float] = {}
    async with moved.client("somebody-else") as other, moved.client(transport=transport) as cloud:
        foreign = (await other.servers.create(server_spec("theirs"))).uuid
        transport.uuid = foreign
        began = moved.hand.now()

        async def note(uuid: str) -> None:
            await wait(cloud, uuid)
            done[uuid] = moved.hand.now() - began

        own = await several(cloud, 2)
        async with anyio.create_task_group() as group:
            for uuid in (foreign, *own):
                group.start_soon(note, uuid)
    assert [done[uuid] for uuid in own] == pytest.approx([33, 33], abs=1)


async def test_a_cancelled_waiter_delays_no_other(moved: MovedCloud) -> None:
    """Cancels a waiter between two reads, and a waiter during a read."""
    transport = SlowFor(moved.sim, moved.clock)
    async with moved.client(transport=transport) as cloud:
        uuids = await several(cloud, 3)
        transport.uuid = uuids[0]
        began = moved.hand.now()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(wait, cloud, uuids[0])
                await moved.later(3)
                scope.cancel()
        async with anyio.create_task_group() as group:
            for uuid in uuids[1:]:
                group.start_soon(wait, cloud, uuid)
        assert moved.hand.now() - began == pytest.approx(33, abs=1)


async def test_a_wait_of_a_client_that_is_not_open_is_refused(moved: MovedCloud) -> None:
    client = moved.client()
    with pytest.raises(errors.NotOpen):
        await client.servers.wait_for_state(UUID, "started", timeout=10)
    async with client as cloud:
        (uuid,) = await several(cloud, 1)
        await wait(cloud, uuid)


async def test_without_pauses_all_waits_still_end(moved: MovedCloud) -> None:
    waits = replace(moved.waits, first_read_after=0, pause=0, longest_pause=0)
    async with moved.client(waits=waits) as cloud, anyio.create_task_group() as group:
        for uuid in await several(cloud, 3):
            group.start_soon(wait, cloud, uuid)
        # Without pauses nobody sleeps, so the test must move the clock.
        for _ in range(40):
            await anyio.lowlevel.checkpoint()
            moved.hand.advance(1)
            moved.sim.settle()
