"""Faults of calls in the same process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.simulator.documents import created, refusal, server_request
from upcloud_sdk.simulator import ManualClock, RealClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def realtime() -> AsyncIterator[tuple[Simulator, httpx.AsyncClient]]:
    """A simulator on a real clock, for held answers. No test waits for their end."""
    sim = Simulator(clock=RealClock(), boot_seconds=0)
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="http://sim/1.3", auth=("a", "b"), timeout=0.05
    ) as client:
        yield sim, client


async def test_a_fault_without_a_code_answers_with_a_proxys_page(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", status=502)
    answer = await api.get("/zone")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert "502" in answer.text


async def test_a_fault_with_a_code_answers_with_an_error_of_the_api(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", status=409, code="SERVER_STATE_ILLEGAL", headers={"retry-after": "7"})
    answer = await api.get("/zone")
    assert refusal(answer) == (409, "SERVER_STATE_ILLEGAL")
    assert answer.headers["retry-after"] == "7"


async def test_a_fault_is_used_once_by_default(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", status=500, times=2)
    assert [(await api.get("/zone")).status_code for _ in range(3)] == [500, 500, 200]


async def test_a_fault_can_hit_all_calls(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("*", status=503, times=None)
    assert {(await api.get(path)).status_code for path in ("/zone", "/plan", "/server")} == {503}
    sim.faults.clear()
    assert (await api.get("/zone")).status_code == 200


async def test_a_fault_can_skip_the_first_calls(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", status=500, skip=2)
    assert [(await api.get("/zone")).status_code for _ in range(4)] == [200, 200, 500, 200]


async def test_random_faults_are_the_same_for_the_same_seed() -> None:
    async def statuses() -> list[int]:
        sim = Simulator(clock=ManualClock(), seed=3)
        sim.fail("*", status=500, rate=0.3, times=None)
        async with httpx.AsyncClient(transport=sim.transport(), base_url="http://sim/1.3", auth=("a", "b")) as client:
            return [(await client.get("/zone")).status_code for _ in range(200)]

    first = await statuses()
    assert await statuses() == first
    assert 30 < first.count(500) < 90


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("POST /server/{uuid}/stop", False),
        ("GET /server/{uuid}", True),
        ("GET /server/*", True),
        ("* /server/{any}", True),
        ("/server/{any}", True),
        ("GET /server", False),
        ("GET /server/{uuid}/start", False),
        ("get /server/{uuid}", True),
    ],
)
async def test_a_pattern_has_a_method_and_a_path(
    sim: Simulator, api: httpx.AsyncClient, pattern: str, hit: bool
) -> None:
    server = await created(api)
    sim.fail(pattern, status=500)
    status = (await api.get(f"/server/{server['uuid']}/?x=1")).status_code
    assert status == (500 if hit else 200)


async def test_a_dropped_call_has_no_effect(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("POST /server", drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await api.post("/server", json=server_request())
    assert sim.servers == {}


async def test_a_fault_can_lose_only_the_answer(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("POST /server", drop=True, after_effect=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await api.post("/server", json=server_request())
    assert [server.title for server in sim.servers.values()] == ["build-1"]


async def test_a_502_can_come_after_the_effect(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("POST /server", status=502, after_effect=True)
    assert (await api.post("/server", json=server_request())).status_code == 502
    assert len(sim.servers) == 1


async def test_a_body_can_be_cut(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", truncate=10)
    with pytest.raises(httpx.RemoteProtocolError):
        await api.get("/zone")


async def test_a_fault_can_answer_with_any_body(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /zone", status=200, body="{}", headers={"content-type": "application/json"})
    assert (await api.get("/zone")).json() == {}


async def test_an_answer_that_never_comes_is_a_read_timeout(
    realtime: tuple[Simulator, httpx.AsyncClient],
) -> None:
    sim, client = realtime
    sim.fail("POST /server", timeout=True, after_effect=True)
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/server", json=server_request())
    assert len(sim.servers) == 1


async def test_a_delay_is_before_the_effect_by_default(
    realtime: tuple[Simulator, httpx.AsyncClient],
) -> None:
    sim, client = realtime
    sim.fail("POST /server", delay=3600)
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/server", json=server_request())
    assert sim.servers == {}


async def test_a_delay_on_a_manual_clock_ends_when_it_is_moved(
    sim: Simulator, api: httpx.AsyncClient, clock: ManualClock
) -> None:
    sim.fail("GET /zone", delay=3600)
    answers: list[int] = []

    async def ask() -> None:
        answers.append((await api.get("/zone")).status_code)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert answers == []
        clock.advance(3600)
    assert answers == [200]


async def test_requests_are_logged_with_their_status(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("GET /plan", drop=True)
    await api.get("/zone/", params={"label": "a=b"})
    with pytest.raises(httpx.RemoteProtocolError):
        await api.get("/plan")
    assert sim.requests == [("GET", "/zone?label=a%3Db", 200), ("GET", "/plan", 0)]
    assert (sim.count("GET /zone"), sim.count("*"), sim.count("POST /zone")) == (1, 2, 0)


@pytest.mark.parametrize(
    ("pattern", "fault", "sentence"),
    [
        ("POST server", {"status": 500}, "a pattern is a method and a path"),
        ("POST /server", {}, "give at least one of status"),
        ("POST /server", {"code": "X"}, "an error code needs a status"),
        ("POST /server", {"drop": True, "rate": 2.0}, "rate is a number from 0 to 1"),
    ],
)
def test_an_invalid_fault_is_refused(sim: Simulator, pattern: str, fault: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        sim.fail(pattern, **fault)  # type: ignore[arg-type]  # that is the test


def test_a_fault_for_an_endpoint_that_does_not_exist_is_refused() -> None:
    sim = Simulator(clock=ManualClock())
    with pytest.raises(ValueError, match=r"no endpoint matches 'POST /servers': .* did you mean 'POST /server'"):
        sim.fail("POST /servers", status=500)
    with pytest.raises(ValueError, match="no endpoint matches 'GET /load-balancer'"):
        sim.fail("GET /load-balancer", status=500)
    sim.fail("GET /load-balancer", status=200, body="[]")  # replaces the missing endpoint
    for pattern in ("*", "GET *", "GET /server*", "POST /server/00aa/stop", "DELETE /server/{uuid}", "/server/*/stop"):
        sim.fail(pattern, status=500)
