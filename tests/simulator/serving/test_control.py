"""`/_simulator/`: control by tests in other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import created, refusal, server_request
from upcloud_sdk.simulator import RealClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def control(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    base_url = "http://127.0.0.1/_simulator"
    async with httpx.AsyncClient(transport=sim.transport(), base_url=base_url, auth=("a", "b")) as client:
        yield client


async def test_faults_are_added_shown_and_cleared(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    fault = {"pattern": "GET /zone", "status": 502, "body": "<p>down</p>", "headers": {"Retry-After": "3"}, "times": 2}
    assert (await control.post("/faults", json=fault)).status_code == 204
    answer = await api.get("/zone")
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (502, "<p>down</p>", "3")
    (shown,) = (await control.get("/faults")).json()
    assert (shown["pattern"], shown["times"], shown["body"]) == ("GET /zone", 1, "<p>down</p>")
    await control.delete("/faults")
    assert (await api.get("/zone")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({}, "PATTERN_MISSING"),
        ({"pattern": "GET /zone"}, "INVALID_REQUEST"),
        ({"pattern": "zone", "drop": True}, "INVALID_REQUEST"),
        ({"pattern": "*", "drop": "yes"}, "DROP_INVALID"),
        ({"pattern": "*", "delay": -1}, "DELAY_INVALID"),
        ({"pattern": "*", "status": "bad"}, "STATUS_INVALID"),
        ({"pattern": "*", "drop": True, "often": True}, "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_an_invalid_fault_is_refused(control: httpx.AsyncClient, fault: dict[str, Any], code: str) -> None:
    assert refusal(await control.post("/faults", json=fault)) == (400, code)


async def test_the_log_contains_only_requests_to_the_api(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await api.get("/zone")
    await control.get("/clock")
    assert (await control.get("/requests")).json() == [{"method": "GET", "path": "/zone", "status": 200}]
    await control.delete("/requests")
    assert (await control.get("/requests")).json() == []


async def test_a_manual_clock_can_be_moved(api: httpx.AsyncClient, control: httpx.AsyncClient, sim: Simulator) -> None:
    server = await created(api)
    before = (await control.get("/clock")).json()
    after = (await control.post("/clock", json={"advance": 2.5})).json()
    assert (after["now"] - before["now"], after["manual"]) == (2.5, True)
    assert sim.servers[server["uuid"]].state == "started"


async def test_a_real_clock_cannot_be_moved() -> None:
    sim = Simulator(clock=RealClock())
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="http://sim/_simulator", auth=("a", "b")
    ) as client:
        assert (await client.post("/clock", json={"advance": 1})).status_code == 409


async def test_the_state_can_be_read_restored_and_emptied(
    api: httpx.AsyncClient, control: httpx.AsyncClient, sim: Simulator
) -> None:
    server = await created(api)
    state = (await control.get("/state")).content
    await control.post("/reset")
    assert sim.servers == {}
    assert (await control.put("/state", content=state)).status_code == 204
    assert list(sim.servers) == [server["uuid"]]
    assert refusal(await control.put("/state", content=b"{]")) == (400, "INVALID_REQUEST")


async def test_sold_out_plans_and_hidden_resources_can_be_set(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    await control.post("/sold-out", json={"zone": "fi-hel1"})
    assert refusal(await api.post("/server", json=server_request())) == (409, "SERVER_RESOURCES_UNAVAILABLE")
    await control.delete("/sold-out")
    await control.post("/hide-from-lists", json={"seconds": 60})
    await created(api)
    assert (await api.get("/server")).json() == {"servers": {"server": []}}


async def test_the_content_of_a_download_can_be_set(
    api: httpx.AsyncClient, control: httpx.AsyncClient, sim: Simulator
) -> None:
    for body in ({"text": "data"}, {"base64": "ZGF0YQ=="}):
        assert (await control.put("/downloads", json={"address": "https://a/b", **body})).status_code == 204
        assert sim.downloads["https://a/b"] == b"data"
    assert (await control.put("/downloads", json={"address": "https://a/b"})).status_code == 204
    assert sim.downloads["https://a/b"] is None
    answer = await control.put("/downloads", json={"address": "https://a/b", "base64": "no"})
    assert refusal(answer) == (400, "BASE64_INVALID")


async def test_the_next_boots_can_be_set(api: httpx.AsyncClient, control: httpx.AsyncClient, sim: Simulator) -> None:
    boots: list[dict[str, Any]] = [{"seconds": 60}, {"polls": 1}, {}, {"state": "error", "seconds": 0}]
    assert (await control.post("/boots", json={"boots": boots})).status_code == 204
    servers = [(await created(api))["uuid"] for _ in boots]
    await api.get("/server")
    await api.get("/zone")
    assert [sim.servers[uuid].state for uuid in servers] == ["maintenance", "started", "maintenance", "error"]


@pytest.mark.parametrize("boots", ["fast", [3], [{"colour": "red"}], [{"state": "stopped"}]])
async def test_a_bad_boot_is_refused(control: httpx.AsyncClient, boots: object) -> None:
    assert (await control.post("/boots", json={"boots": boots})).status_code == 400


async def test_a_server_can_be_put_into_error(
    api: httpx.AsyncClient, control: httpx.AsyncClient, sim: Simulator
) -> None:
    server = await created(api)
    assert (await control.post(f"/servers/{server['uuid']}/error")).status_code == 204
    assert sim.servers[server["uuid"]].state == "error"


async def test_a_server_without_a_guest_has_no_console(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    server = await created(api)
    assert refusal(await control.get(f"/servers/{server['uuid']}/console")) == (404, "NOT_FOUND")
