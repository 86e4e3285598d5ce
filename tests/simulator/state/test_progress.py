"""Boots of servers, clocks, and seeds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import created, refusal, running, server_request
from upcloud_sdk.simulator import (
    ManualClock,
    Progress,
    RealClock,
    ScaledClock,
    Simulator,
    after_polls,
    after_seconds,
    never,
    to_error,
)

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.anyio


async def state(api: httpx.AsyncClient, server: dict[str, str]) -> str:
    found: str = (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"]
    return found


async def test_a_server_can_start_after_a_number_of_reads(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.boot = after_polls(3)
    server = await created(api)
    seen = [await state(api, server) for _ in range(4)]
    assert seen == ["maintenance", "maintenance", "maintenance", "started"]


async def test_a_list_counts_as_a_read_of_its_servers(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.boot = after_polls(2)
    server = await created(api)
    for _ in range(2):
        assert (await api.get("/server")).json()["servers"]["server"][0]["state"] == "maintenance"
    assert await state(api, server) == "started"


async def test_a_server_can_stay_in_maintenance_forever(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    sim.boot_next(never())
    server = await created(api)
    clock.advance(1e9)
    assert await state(api, server) == "maintenance"


async def test_a_server_can_go_into_error_and_leave_it_after_a_time(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    sim.boot_next(to_error(5, leaves_after=60))
    server = await created(api)
    clock.advance(5)
    assert await state(api, server) == "error"
    assert refusal(await api.delete(f"/server/{server['uuid']}")) == (409, "SERVER_STATE_ILLEGAL")
    clock.advance(60)
    assert await state(api, server) == "stopped"
    assert (await api.delete(f"/server/{server['uuid']}")).status_code == 204


async def test_a_running_server_can_be_put_into_error(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    server = await running(api, clock)
    sim.break_server(server["uuid"], leaves_after=10)
    assert await state(api, server) == "error"
    clock.advance(10)
    assert await state(api, server) == "stopped"


async def test_each_of_the_next_boots_can_be_set(api: httpx.AsyncClient, sim: Simulator, clock: ManualClock) -> None:
    sim.boot_next(never(), after_seconds(30))
    servers = [await created(api) for _ in range(3)]
    clock.advance(2)
    assert [await state(api, server) for server in servers] == ["maintenance", "maintenance", "started"]
    clock.advance(28)
    assert [await state(api, server) for server in servers] == ["maintenance", "started", "started"]


async def test_the_boot_can_depend_on_the_server(clock: ManualClock) -> None:
    def boot(server: Server) -> Progress:
        return never() if server.title == "stuck" else after_seconds(1)

    sim = Simulator(clock=clock, boot=boot)
    async with httpx.AsyncClient(transport=sim.transport(), base_url="http://sim/1.3", auth=("a", "b")) as api:
        stuck, well = await created(api, title="stuck"), await created(api)
        clock.advance(1)
        assert (await state(api, stuck), await state(api, well)) == ("maintenance", "started")


async def test_a_scaled_clock_runs_faster_for_calls_that_block() -> None:
    """Otherwise, the answer to a start that takes a day would not come within this test."""
    sim = Simulator(clock=ScaledClock(86_400 * 50), boot_seconds=86_400, stop_seconds=0)
    async with httpx.AsyncClient(transport=sim.transport(), base_url="http://sim/1.3", auth=("a", "b")) as api:
        server = await created(api)
        while await state(api, server) != "started":
            pass
        await api.post(f"/server/{server['uuid']}/stop")
        while await state(api, server) != "stopped":
            pass
        answer = await api.post(f"/server/{server['uuid']}/start")
        assert answer.json()["server"]["state"] == "started"


def test_a_real_clock_has_the_time_of_the_machine() -> None:
    before = time.time()
    assert before <= RealClock().now() <= time.time()


@pytest.mark.parametrize("factor", [0, -1])
def test_a_clock_cannot_stand_still_or_run_backwards(factor: float) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        ScaledClock(factor)
    with pytest.raises(ValueError, match="go back"):
        ManualClock().advance(-1)


def test_boot_and_boot_seconds_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        Simulator(boot=never(), boot_seconds=1)


async def test_the_same_seed_gives_the_same_answers() -> None:
    async def answer(seed: int) -> bytes:
        sim = Simulator(clock=ManualClock(), seed=seed)
        async with httpx.AsyncClient(transport=sim.transport(), base_url="http://sim/1.3", auth=("a", "b")) as api:
            return (await api.post("/server", json=server_request())).content

    assert await answer(5) == await answer(5)
    assert await answer(5) != await answer(6)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"username": "me"}, "username and password together"),
        ({"password": "secret"}, "username and password together"),
        ({"guests": "ghosts"}, 'guests must be "none", "process" or "vm", not "ghosts"'),
    ],
)
def test_the_error_for_a_bad_argument_is_one_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Simulator(**given)  # type: ignore[arg-type]  # that is the test
